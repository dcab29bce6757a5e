//! placeholder
use super::Exporter;
use crate::results::Results;
use anyhow::Result;
/// HTML.
pub struct Html;
impl Exporter for Html {
    fn file(&self) -> &'static str {
        "report.html"
    }
    fn export(&self, _results: &Results) -> Result<String> {
        Ok(String::new())
    }
}
