//! Whole processes with the page cache warm: `python -c` of each workload.

use anyhow::{Context as _, Result, ensure};

use super::{Measure, add, packages, ready};
use crate::process::{Outcome, Sample};
use crate::sections::bench::Bench;
use crate::sections::interpreter::Interpreter;
use crate::sections::results::{Bound, Findings};
use crate::sections::rounds::{self, Job, Taken};
use crate::sections::variants::{CODE_DATA_SHARE, Entry, GLOWPLUG_CODE, Launch};
use crate::sections::workload::Workload;

/// One start.
pub(super) struct Start {
    /// Milliseconds from before the spawning to when the function is initialised. This is what a cold
    /// start on Lambda waits for: there, the process does not end.
    ready: f64,
    /// Of the whole process, its end included.
    pub(super) process: Sample,
}

/// What is kept of each start.
pub(super) const MEASURES: [Measure<Start>; 8] = [
    Measure(WALL, |s| s.process.wall),
    Measure("ready [ms]", |s| s.ready),
    Measure("user + system [ms]", |s| s.process.user + s.process.system),
    Measure("user [ms]", |s| s.process.user),
    Measure("system [ms]", |s| s.process.system),
    Measure(PEAK_RSS, |s| s.process.peak_rss),
    Measure("minor faults", |s| s.process.minor_faults),
    Measure("major faults", |s| s.process.major_faults),
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
) -> Result<Vec<Taken<Start>>> {
    let Workload { name, expected, .. } = *entry.workload;
    let job = |&(variant, launch): &(&'static str, &Launch)| Job {
        variant,
        command: launch.run(&entry.workload.program(), &[]),
        read: checked,
        expected: expected.to_owned(),
    };
    let jobs: Vec<_> = contestants.iter().map(job).collect();
    rounds::run(bench, &format!("{} {name}", interpreter.label), &jobs, warm_ups, before)
}

/// Takes the measurements, if the process printed what it must.
#[allow(clippy::cast_precision_loss)]
fn checked(outcome: &Outcome, expected: &str) -> Result<Start> {
    let (printed, time) = outcome.output.trim_end().rsplit_once('\n').context("two lines were expected")?;
    ensure!(printed == expected, "printed {printed:?} where {expected:?} is right");
    let elapsed = time.parse::<u64>()?.checked_sub(outcome.began).context("ready before it began")?;
    Ok(Start { ready: elapsed as f64 / 1e6, process: outcome.sample })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Command;
    use std::path::Path;

    fn printing(text: &str) -> Outcome {
        let mut command = Command::new(Path::new("/bin/echo"), Path::new("/"));
        Outcome { began: 5_000_000, ..command.argument(text).run().unwrap() }
    }

    #[test]
    fn a_start_counts_only_if_it_printed_the_right_answer() {
        let start = checked(&printing("S3\n9000000"), "S3").unwrap();
        assert!((start.ready - 4.0).abs() < 1e-9);
        let error = checked(&printing("EC2\n9000000"), "S3").map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, r#"printed "EC2" where "S3" is right"#);
        assert!(checked(&printing("S3"), "S3").is_err());
    }
}
