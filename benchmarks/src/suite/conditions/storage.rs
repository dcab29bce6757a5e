//! A cold page cache, and storage slowed down.

use anyhow::Result;

use super::{Applied, Condition};
use crate::suite::invocation::Launch;
use crate::suite::workplace::Workplace;

/// Megabytes and requests a second.
const SPEED: &str = "100:1000";

/// Slow storage.
pub struct Storage;

impl Condition for Storage {
    fn name(&self) -> &'static str {
        "slow-storage"
    }

    fn title(&self) -> String {
        format!("page cache cold, storage slowed down to {SPEED} (megabytes:requests a second)")
    }

    fn available(&self, place: &Workplace) -> Result<(), String> {
        // What would not work here is known to `glowplug invoke` alone, and it says so before it starts anything.
        let mut trial = place.command(&place.glowplug);
        for word in
            ["invoke", "none.handler", "--no-layer", "--event", "apigw-v2", "--storage", SPEED, "--python"]
        {
            trial.argument(word);
        }
        let outcome = trial.argument(place.runtime()).run().map_err(|error| format!("{error:#}"))?;
        match outcome.errors.lines().find(|line| line.contains("--storage")) {
            Some(line) => Err(line.trim_start_matches("glowplug: ").to_owned()),
            None => Ok(()),
        }
    }

    fn reads_storage(&self) -> bool {
        true
    }

    fn apply(&self, _: &Workplace, launch: &Launch) -> Result<Applied> {
        Ok(Applied::with(launch, &["--cold", "--storage", SPEED]))
    }
}
