//! Whether the machine was quiet enough to tell anything.

use crate::machine::Machine;
use crate::results::{Results, measure};
use crate::statistics;

/// What the warning begins with that goes with every figure.
pub const BUSY: &str = "The machine was busy when the run began";
/// Interquartile range by median above which a sample is called noisy.
const SPREAD: f64 = 0.15;
/// How far the medians of the first and the second half may lie apart.
const DRIFT: f64 = 0.10;
/// Runs below which percentiles and intervals mean little.
const RUNS: usize = 20;

/// What a reader has to be warned of.
pub fn warnings(results: &Results) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(Machine { load, processors, .. }) = &results.machine {
        #[allow(clippy::cast_precision_loss)]
        if *load > *processors as f64 / 2.0 {
            found.push(format!("{BUSY}: load {load} on {processors} processors."));
        }
    }
    let (mut noisy, mut drifted, mut fewest, mut total) = (Vec::new(), Vec::new(), usize::MAX, 0);
    for entry in &results.entries {
        let Some(samples) = entry.samples(measure::START.name) else { continue };
        let name = format!("{} {} {}", entry.function, entry.variant, entry.condition);
        total += 1;
        fewest = fewest.min(samples.len());
        let median = statistics::median(samples);
        let spread = (statistics::quantile(samples, 0.75) - statistics::quantile(samples, 0.25)) / median;
        if spread > SPREAD {
            noisy.push(format!("{name} ({:.0} %)", spread * 100.0));
        }
        let (first, second) = samples.split_at(samples.len() / 2);
        let change = statistics::median(second) / statistics::median(first) - 1.0;
        if samples.len() >= RUNS / 2 && change.abs() > DRIFT {
            drifted.push(format!("{name} ({:+.0} %)", change * 100.0));
        }
    }
    if total > 0 && fewest < RUNS {
        found.push(format!(
            "Only {fewest} runs of each variant: percentiles and intervals mean little below {RUNS}."
        ));
    }
    for (what, which) in [
        ("The middle half of the starts spreads widely, so small differences cannot be told", noisy),
        ("The second half of the runs differs from the first: the machine's speed changed", drifted),
    ] {
        if !which.is_empty() {
            found.push(format!("{what}: {} of {total}: {}.", which.len(), shortened(&which)));
        }
    }
    found
}

fn shortened(names: &[String]) -> String {
    const NAMED: usize = 6;
    let named = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{named} and {} more", names.len() - NAMED) } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples::results;

    #[test]
    fn a_quiet_run_has_no_warnings() {
        let quiet: Vec<f64> = (0..20).map(|n| 100.0 + f64::from(n % 5)).collect();
        assert_eq!(warnings(&results(&quiet, &quiet)), [""; 0]);
    }

    #[test]
    fn spread_drift_and_few_runs_are_told() {
        let wide: Vec<f64> = (0..20).map(|n| 100.0 + 20.0 * f64::from(n % 5)).collect();
        let drifting: Vec<f64> = (0..20).map(|n| if n < 10 { 100.0 } else { 112.0 }).collect();
        let found = warnings(&results(&wide, &drifting));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("boto3 plain warm") && found[1].contains("boto3 code warm (+12 %)"),
            "{found:?}"
        );
        assert!(warnings(&results(&[1.0, 1.0], &[1.0, 1.0]))[0].starts_with("Only 2 runs"));
    }
}
