//! Everything in the page cache.

use anyhow::Result;

use super::{Applied, Condition};
use crate::suite::invocation::Launch;
use crate::suite::workplace::Workplace;

/// A warm page cache.
pub struct Warm;

impl Condition for Warm {
    fn name(&self) -> &'static str {
        "warm"
    }

    fn title(&self) -> String {
        "page cache warm, all of the machine's CPUs".to_owned()
    }

    fn apply(&self, _: &Workplace, launch: &Launch) -> Result<Applied> {
        Ok(Applied::with(launch, &[]))
    }
}
