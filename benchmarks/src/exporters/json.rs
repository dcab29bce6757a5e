//! `results.json`: everything, raw samples included.

use anyhow::Result;

use super::Exporter;
use crate::results::Results;

/// JSON.
pub struct Json;

impl Exporter for Json {
    fn file(&self) -> &'static str {
        "results.json"
    }

    fn export(&self, results: &Results) -> Result<String> {
        results.to_json()
    }
}
