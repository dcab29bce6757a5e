//! `glowplug bench compare A.json B.json`: what changed from one run to another, by how much, and whether
//! that is more than noise.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::results::{Results, Source};

mod change;
mod report;

use change::{Change, Verdict};

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Changes are those of each variant beside `plain` of the same round, so a machine that was slower in one
of the runs makes no difference. What is called faster or slower is so with 99 % confidence for all
comparisons together (Mann-Whitney tests, Holm's correction).

Exit status: 0 compared, 1 failed, 4 with --threshold when something is slower by more than that.")]
pub struct Arguments {
    /// The results before.
    #[arg(value_name = "A.json")]
    before: PathBuf,
    /// The results after.
    #[arg(value_name = "B.json")]
    after: PathBuf,
    /// Exit with status 4 when a variant is slower by more than this, in percent, and by more than noise.
    #[arg(long, value_name = "PERCENT")]
    threshold: Option<f64>,
    /// What is compared: a measure of the results.
    #[arg(long, value_name = "NAME", default_value = "start")]
    measure: String,
    /// Compare the times themselves, not those beside `plain`: for machines of steady speed.
    #[arg(long)]
    absolute: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// Compares and prints; returns whether nothing is slower than the threshold allows.
///
/// # Errors
/// When a file cannot be read, or the two have nothing in common.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let (before, after) = (Results::read(&arguments.before)?, Results::read(&arguments.after)?);
    let changes = change::changes(&before, &after, &arguments.measure, arguments.absolute);
    if changes.is_empty() {
        bail!(
            "the two files have no function, variant and condition in common with samples of {:?}",
            arguments.measure
        );
    }
    let late: Vec<&Change> = changes.iter().filter(|change| too_slow(change, arguments.threshold)).collect();
    if arguments.json {
        println!("{}", report::json(&changes, &late)?);
    } else {
        print!("{}", report::text(&changes, &late, arguments.threshold, &notes(&before, &after)));
    }
    Ok(late.is_empty())
}

fn too_slow(change: &Change, threshold: Option<f64>) -> bool {
    threshold.is_some_and(|percent| {
        change.verdict == Verdict::Slower && change.ratio.value > 1.0 + percent / 100.0
    })
}

/// What makes the two hard to compare.
fn notes(before: &Results, after: &Results) -> Vec<String> {
    let mut notes = Vec::new();
    let (one, other) = (before.machine.as_ref(), after.machine.as_ref());
    let kind = |m: &crate::machine::Machine| (m.processor.clone(), m.processors, m.kernel.clone());
    if one.map(kind) != other.map(kind) {
        notes.push("the runs were on different machines".to_owned());
    }
    for (name, version) in &before.versions {
        match after.versions.get(name) {
            Some(now) if now != version => notes.push(format!("{name} was {version}, and is {now}")),
            _ => {}
        }
    }
    if before.source != after.source {
        notes.push(format!("one is from {:?}, the other from {:?}", before.source, after.source));
    } else if before.source == Source::Cloud {
        notes.push("starts on Lambda are not interleaved: days and hosts may differ".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples::results;

    #[test]
    fn a_threshold_counts_only_what_is_slower_by_more_than_noise_and_by_more_than_it() {
        let steady: Vec<f64> = (0..30).map(|n| 100.0 + f64::from(n % 7)).collect();
        let slower: Vec<f64> = steady.iter().map(|v| v * 1.08).collect();
        let changes = change::changes(&results(&steady, &steady), &results(&steady, &slower), "start", false);
        let code = changes.iter().find(|change| change.variant == "code").unwrap();
        assert_eq!(code.verdict, Verdict::Slower);
        assert!(too_slow(code, Some(5.0)) && !too_slow(code, Some(10.0)) && !too_slow(code, None));
    }

    #[test]
    fn other_versions_and_machines_are_noted() {
        let mut before = results(&[1.0], &[1.0]);
        let mut after = before.clone();
        before.versions.insert("python".into(), "3.12.1".into());
        after.versions.insert("python".into(), "3.12.2".into());
        assert_eq!(notes(&before, &after), ["python was 3.12.1, and is 3.12.2"]);
    }
}
