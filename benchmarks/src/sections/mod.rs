//! Whole processes and single steps of Python's import, without a sandbox: the bars of the loader.
//!
//! Plain Python, `code-data-share` and Glowplug run the same statements in turns, in random order.
//! The way of one run: the [`workload`]s are made ready by each of the [`variants`]; a section runs
//! them in [`rounds`], each in a process of its own; the raw samples become [`results`], and
//! statistics over those the [`report`]. One file and one line in each list here for each section.

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::process::Outcome;
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::results::Findings;
use crate::sections::rounds::Taken;
use crate::sections::variants::{Contestant, Entry, Launch};

mod bench;
mod cli;
mod cold;
mod find;
mod interpreter;
mod loader;
mod memory;
mod page_cache;
mod progress;
mod report;
mod restore;
mod results;
mod rounds;
mod start;
mod variants;
mod workload;

pub use cli::Arguments;

/// Measures, prints and saves. Returns whether the exit status is to be that of success.
///
/// # Errors
/// When the suite itself cannot go on.
pub fn run(cli: &Arguments) -> Result<bool> {
    let bench = Bench::new(cli)?;
    let mut results = results::Results::begin(&bench)?;
    for interpreter in &bench.interpreters {
        for section in cli.sections() {
            let findings = section.measure(&bench, interpreter)?;
            results.add(findings);
            print!("{}", report::section(&results, section, &interpreter.label));
        }
    }
    print!("{}", report::closing(&results));
    if let Some(file) = &cli.json {
        results.save(file)?;
    }
    Ok(!cli.strict || results.all_bars_met())
}

/// A section of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Whole processes, page cache warm.
    Start,
    /// Whole processes, page cache cold.
    Cold,
    /// Import of the loader alone, beside a minimal C extension.
    Loader,
    /// From find_spec to the module's code object.
    Find,
    /// Peak memory, size of archives, and how much of one an import touches.
    Memory,
    /// Exec to the handler's result, from a process image, a fork, and CRIU.
    Restore,
}

impl Section {
    /// All sections, in the order of the report.
    pub const ALL: [Self; 6] =
        [Self::Start, Self::Cold, Self::Loader, Self::Find, Self::Memory, Self::Restore];

    /// What the report calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Start => "whole process, page cache warm",
            Self::Cold => "whole process, page cache cold",
            Self::Loader => "import of the loader alone",
            Self::Find => "from find_spec to the code object, all modules of a package",
            Self::Memory => "memory",
            Self::Restore => "exec to the handler's result, from an initialised process",
        }
    }

    /// Measures the section on one interpreter.
    ///
    /// # Errors
    /// When the suite itself cannot go on; what fails in a variant is among the findings.
    pub fn measure(self, bench: &Bench, interpreter: &Interpreter) -> Result<Findings> {
        let mut findings = Findings::new(self, bench, interpreter);
        match self {
            Self::Start => start::measure(bench, interpreter, &mut findings),
            Self::Cold => cold::measure(bench, interpreter, &mut findings),
            Self::Loader => loader::measure(bench, interpreter, &mut findings),
            Self::Find => find::measure(bench, interpreter, &mut findings),
            Self::Memory => memory::measure(bench, interpreter, &mut findings),
            Self::Restore => restore::measure(bench, interpreter, &mut findings),
        }?;
        Ok(findings)
    }
}

/// The variants that can run a workload; those that cannot are recorded as void.
fn ready<'a>(
    entry: &'a Entry,
    bench: &Bench,
    interpreter: &Interpreter,
    findings: &mut Findings,
) -> Vec<(&'static str, &'a Launch)> {
    let mut ready = Vec::new();
    for Contestant { name, launch } in entry.contestants(bench, interpreter) {
        match launch {
            Ok(launch) => ready.push((*name, launch)),
            Err(why) => findings.void(entry.workload.name, name, why),
        }
    }
    ready
}

/// A figure of each run: its name with its unit, and how it is taken from a measurement.
struct Measure<T>(&'static str, fn(&T) -> f64);

/// Adds what was taken as one series for each measure, or records why a variant is void.
fn add<T>(findings: &mut Findings, package: &str, taken: &[Taken<T>], measures: &[Measure<T>]) {
    for Taken { variant, measurements } in taken {
        match measurements {
            Ok(measurements) => {
                for Measure(measure, value) in measures {
                    findings.series(package, variant, measure, measurements.iter().map(value).collect());
                }
            }
            Err(why) => findings.void(package, variant, why),
        }
    }
}

/// Names of the packages that are measured.
fn packages(bench: &Bench, interpreter: &Interpreter) -> Vec<&'static str> {
    bench.entries(interpreter).iter().map(|entry| entry.workload.name).collect()
}

/// The one number that a probe printed, in nanoseconds; returned in milliseconds.
#[allow(clippy::cast_precision_loss)]
fn milliseconds(outcome: &Outcome, _: &str) -> Result<f64> {
    Ok(outcome.output.trim().parse::<u64>()? as f64 / 1e6)
}
