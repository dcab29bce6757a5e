//! Whole processes with the page cache warm: `python -c` of each workload.

use anyhow::Result;

use super::{Measure, add, checked_sample, packages, ready};
use crate::bench::Bench;
use crate::interpreter::Interpreter;
use crate::process::Sample;
use crate::results::{Bound, Findings};
use crate::rounds::{self, Job, Taken};
use crate::variants::{CODE_DATA_SHARE, Entry, GLOWPLUG_CODE, Launch};
use crate::workload::Workload;

/// What is kept of each process.
pub(super) const MEASURES: [Measure<Sample>; 6] = [
    Measure(WALL, |s| s.wall),
    Measure("user [ms]", |s| s.user),
    Measure("system [ms]", |s| s.system),
    Measure(PEAK_RSS, |s| s.peak_rss),
    Measure("minor faults", |s| s.minor_faults),
    Measure("major faults", |s| s.major_faults),
];

/// Elapsed time from before the spawning to the exit.
pub(super) const WALL: &str = "wall [ms]";
/// Peak resident set.
pub(super) const PEAK_RSS: &str = "peak RSS [MiB]";

/// Geometric mean over the packages of `code-data-share` by Glowplug.
const MEAN_BAR: f64 = 1.2;
/// The same for each package.
const PACKAGE_BAR: f64 = 1.05;

/// Measures the section.
pub(super) fn measure(bench: &Bench, interpreter: &Interpreter, findings: &mut Findings) -> Result<()> {
    for entry in bench.entries(interpreter) {
        let contestants = ready(entry, bench, interpreter, findings);
        let taken = processes(bench, interpreter, entry, &contestants, rounds::WARM_UPS, &|| Ok(()))?;
        add(findings, entry.workload.name, &taken, &MEASURES);
    }
    let (packages, pair) = (packages(bench, interpreter), [CODE_DATA_SHARE, GLOWPLUG_CODE]);
    for package in &packages {
        if let Some(ratio) = findings.ratio(package, WALL, pair) {
            findings.bar(
                &format!("{package}: code-data-share by glowplug"),
                ratio,
                Bound::AtLeast(PACKAGE_BAR),
            );
        }
    }
    if let Some(mean) = findings.mean_ratio(&packages, WALL, pair) {
        findings.bar("geometric mean: code-data-share by glowplug", mean, Bound::AtLeast(MEAN_BAR));
    }
    Ok(())
}

/// Runs the workload in turns, each run after `before`.
pub(super) fn processes(
    bench: &Bench,
    interpreter: &Interpreter,
    entry: &Entry,
    contestants: &[(&'static str, &Launch)],
    warm_ups: usize,
    before: &dyn Fn() -> Result<()>,
) -> Result<Vec<Taken<Sample>>> {
    let Workload { name, expected, .. } = *entry.workload;
    let job = |&(variant, launch): &(&'static str, &Launch)| Job {
        variant,
        command: launch.run(&entry.workload.program(), &[]),
        read: checked_sample,
        expected,
    };
    let jobs: Vec<_> = contestants.iter().map(job).collect();
    rounds::run(bench, &format!("{} {name}", interpreter.label), &jobs, warm_ups, before)
}
