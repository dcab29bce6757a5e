//! Glowplug's code archive, and a wait that the function makes if it is told to: what `tests/bench/repeats.py` has
//! `glowplug bench compare` find.

use anyhow::Result;

use super::archive::{self, Kind};
use super::{Prepared, Variant};
use crate::suite::package::Package;
use crate::suite::workplace::Workplace;

/// How long the function's init has to keep the processor busy, in microseconds. Functions that do not know it do
/// not wait.
const BUSY: &str = "GLOWPLUG_BENCH_BUSY";

/// The code archive with a wait.
pub struct Injected;

impl Variant for Injected {
    fn name(&self) -> &'static str {
        "injected"
    }

    fn title(&self) -> &'static str {
        "the code archive, and a wait in a function that heeds GLOWPLUG_BENCH_BUSY (on demand, to test `compare`)"
    }

    fn available(&self, _: &Workplace) -> Result<(), String> {
        std::env::var(BUSY).map(drop).map_err(|_| format!("{BUSY} is not set"))
    }

    fn prepare(&self, place: &Workplace, package: &Package) -> Result<Prepared> {
        let mut prepared = archive::prepare(place, package, Kind::Code, false)?;
        prepared.launch.environment.push((BUSY.to_owned(), std::env::var(BUSY)?));
        Ok(prepared)
    }
}
