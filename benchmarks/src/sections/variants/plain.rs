//! Python as it is, with good `.pyc` files.

use anyhow::{Result, ensure};

use super::{Launch, Variant};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::workload::Workload;

/// Prints the modules without a good `.pyc`, one a line.
const STALE_PYC: &str = include_str!("../probes/stale_pyc.py");

/// Plain Python, in the environment that Glowplug is installed in: its `.pth` file finds no archive
/// named, and does nothing.
pub struct Plain;

impl Variant for Plain {
    fn name(&self) -> &'static str {
        super::PLAIN
    }

    fn exists_for(&self, _: &Interpreter) -> bool {
        true
    }

    fn prepare(&self, bench: &Bench, interpreter: &Interpreter, workload: &Workload) -> Result<Launch> {
        let launch = Launch { python: bench.command(&interpreter.python), image: None };
        // The first run writes what `.pyc` files are missing.
        launch.run(&workload.program(), &[]).output()?;
        let stale = launch.run(STALE_PYC, &[workload.statement]).output()?;
        ensure!(stale.is_empty(), "modules without a good .pyc: {}", stale.trim_end().replace('\n', ", "));
        Ok(launch)
    }
}
