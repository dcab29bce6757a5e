//! The files that a start reads taken out of the page cache before it.

use anyhow::Result;

use super::{Applied, Condition};
use crate::suite::invocation::Launch;
use crate::suite::workplace::Workplace;

/// A cold page cache.
pub struct Cold;

impl Condition for Cold {
    fn name(&self) -> &'static str {
        "cold"
    }

    fn title(&self) -> String {
        "page cache cold: what the start reads was evicted before; the machine's storage as it is".to_owned()
    }

    fn reads_storage(&self) -> bool {
        true
    }

    fn apply(&self, _: &Workplace, launch: &Launch) -> Result<Applied> {
        Ok(Applied::with(launch, &["--cold"]))
    }
}
