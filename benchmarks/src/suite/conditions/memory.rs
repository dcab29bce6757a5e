//! A memory size: memory, and the share of CPU that Lambda gives with it.

use anyhow::Result;

use super::cpu::Share;
use super::{Applied, Condition};
use crate::suite::invocation::Launch;
use crate::suite::workplace::Workplace;

/// A memory size.
pub struct Memory {
    /// Its name.
    pub name: &'static str,
    /// MB.
    pub megabytes: u32,
}

impl Condition for Memory {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> String {
        format!(
            "page cache warm, {} MB: two CPUs during Init, {:.2} afterwards",
            self.megabytes,
            Share::of(self.megabytes)
        )
    }

    fn available(&self, place: &Workplace) -> Result<(), String> {
        Share::check(place)
    }

    fn apply(&self, place: &Workplace, launch: &Launch) -> Result<Applied> {
        super::warm::read_archives(launch)?;
        let mut applied = Applied::with(launch, &["--memory", &self.megabytes.to_string()]);
        applied.limit = Some(Share::new(place, self.megabytes, &mut applied.launch)?);
        Ok(applied)
    }
}
