//! Everything in the page cache.

use std::fs::{self, File};
use std::io;

use anyhow::{Context as _, Result};

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
        read_archives(launch)?;
        Ok(Applied::with(launch, &[]))
    }
}

/// Brings the layer's archives into the page cache. Most else a start brings in itself; but a cold one of a process image reads a copy
/// of what it needs, and would leave the rest cold for good.
///
/// # Errors
/// When one cannot be read.
pub fn read_archives(launch: &Launch) -> Result<()> {
    let folders = launch.layer.iter().flat_map(|layer| fs::read_dir(layer.join("glowplug")));
    for path in folders.flatten().flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "glow") {
            let mut file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
            io::copy(&mut file, &mut io::sink())
                .with_context(|| format!("cannot read {}", path.display()))?;
        }
    }
    Ok(())
}
