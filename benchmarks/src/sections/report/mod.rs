//! What a person reads on stdout: a table for each section, and at the end the bars.

use std::fmt::Write as _;

use crate::sections::Section;
use crate::sections::restore::{CRIU, FORK, IMAGE};
use crate::sections::results::{Bar, Bound, Results, Series};
use crate::sections::variants::{CODE_DATA_SHARE, GLOWPLUG_CODE, PLAIN};
use crate::statistics::{self, Estimate};

mod table;

use table::Table;

/// Ratios that a table shows where both variants have samples: numerator, denominator, heading.
const RATIOS: [(&str, &str, &str); 6] = [
    (PLAIN, GLOWPLUG_CODE, "plain / glowplug"),
    (CODE_DATA_SHARE, GLOWPLUG_CODE, "cds / glowplug"),
    (PLAIN, CODE_DATA_SHARE, "plain / cds"),
    (PLAIN, IMAGE, "plain / image"),
    (FORK, IMAGE, "fork / image"),
    (CRIU, IMAGE, "criu / image"),
];

/// Measures that are in the results but not in the tables.
const NOT_SHOWN: [&str; 4] = ["user [ms]", "system [ms]", "minor faults", "major faults"];

/// The tables of one section on one interpreter.
pub fn section(results: &Results, section: Section, python: &str) -> String {
    let here = |s: &&Series| s.section == section && s.python == python;
    let series: Vec<&Series> = results.series.iter().filter(here).collect();
    let mut text = format!("\nPython {python}: {}\n", section.title());
    for measure in distinct(series.iter().map(|s| s.measure.as_str())) {
        if !NOT_SHOWN.contains(&measure) {
            let of_measure: Vec<&Series> = series.iter().copied().filter(|s| s.measure == measure).collect();
            text.push_str(&table_of(measure, &of_measure, results.seed));
        }
    }
    for void in results.void.iter().filter(|v| v.section == section && v.python == python) {
        let _ = writeln!(text, "void: {} {}: {}", void.package, void.variant, void.why);
    }
    for note in results.notes.iter().filter(|n| n.section == section && n.python == python) {
        let _ = writeln!(text, "note: {}", note.text);
    }
    text
}

/// What was measured on, and the bars.
pub fn closing(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "\n{}; {} x {} ({}), {} MiB, Linux {}; seed {}\n",
        results.began,
        machine.processors,
        machine.processor,
        machine.architecture,
        machine.memory,
        machine.kernel,
        results.seed
    );
    #[allow(clippy::cast_precision_loss)]
    let half_busy = machine.processors as f64 / 2.0;
    if machine.load > half_busy {
        let _ =
            writeln!(text, "warning: the machine was busy (load {}), the intervals are wide", machine.load);
    }
    if results.bars.is_empty() {
        return text;
    }
    let mut table = Table::new(&["Python", "bar", "figure", "bound", ""]);
    for Bar { python, figure, estimate, bound, met, .. } in &results.bars {
        let bound = match bound {
            Bound::AtLeast(bound) => format!("at least {bound}"),
            Bound::AtMost(bound) => format!("at most {bound}"),
        };
        let verdict = if *met { "met" } else { "MISSED" };
        table.row(vec![python.clone(), figure.clone(), with_interval(estimate), bound, verdict.to_owned()]);
    }
    let missed = results.bars.iter().filter(|bar| !bar.met).count();
    let _ = writeln!(text, "\n{table}{} bars met, {missed} missed", results.bars.len() - missed);
    text
}

/// One row for each package, a column for each variant, then the ratios.
fn table_of(measure: &str, series: &[&Series], seed: u64) -> String {
    let packages = distinct(series.iter().map(|s| s.package.as_str()));
    let variants = distinct(series.iter().map(|s| s.variant.as_str()));
    let samples = |package: &str, variant: &str| {
        let wanted = series.iter().find(|s| s.package == package && s.variant == variant);
        wanted.map(|s| s.samples.as_slice())
    };
    let ratios: Vec<_> =
        RATIOS.iter().filter(|(n, d, _)| variants.contains(n) && variants.contains(d)).collect();

    let mut headings = vec![measure];
    headings.extend(&variants);
    headings.extend(ratios.iter().map(|(_, _, heading)| heading));
    let mut table = Table::new(&headings);
    for package in &packages {
        let mut row = vec![(*package).to_owned()];
        row.extend(variants.iter().map(|variant| samples(package, variant).map_or_else(String::new, median)));
        row.extend(ratios.iter().map(|(n, d, _)| {
            let pair = samples(package, n).zip(samples(package, d));
            pair.map_or_else(String::new, |pair| mean_ratio(&[pair], seed))
        }));
        table.row(row);
    }
    if packages.len() > 1 && !ratios.is_empty() {
        let mut row = vec!["geometric mean".to_owned()];
        row.extend(variants.iter().map(|_| String::new()));
        row.extend(ratios.iter().map(|(n, d, _)| {
            let pair = |package: &&str| samples(package, n).zip(samples(package, d));
            let pairs: Vec<_> = packages.iter().filter_map(pair).collect();
            if pairs.is_empty() { String::new() } else { mean_ratio(&pairs, seed) }
        }));
        table.row(row);
    }
    format!("{table}\n")
}

fn mean_ratio(pairs: &[(&[f64], &[f64])], seed: u64) -> String {
    use rand::SeedableRng as _;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    with_interval(&statistics::mean_ratio(pairs, &mut random))
}

/// The median, and the 90th percentile beside it where there are several samples.
fn median(samples: &[f64]) -> String {
    let median = statistics::median(samples);
    if samples.len() == 1 {
        return figure(median);
    }
    format!("{} (p90 {})", figure(median), figure(statistics::quantile(samples, 0.9)))
}

fn with_interval(Estimate { value, low, high }: &Estimate) -> String {
    if (high - low).abs() < f64::EPSILON {
        return figure(*value);
    }
    format!("{} [{}, {}]", figure(*value), figure(*low), figure(*high))
}

/// Three significant digits or more.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    }
}

/// Each value once, in the order of its first appearance.
fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(variant: &str, samples: &[f64]) -> Series {
        Series {
            section: Section::Start,
            python: "3.12".into(),
            package: "boto3".into(),
            variant: variant.into(),
            measure: "wall [ms]".into(),
            samples: samples.to_vec(),
        }
    }

    #[test]
    fn figures_have_three_digits_at_least() {
        assert_eq!([0.1234, 1.234, 12.34, 123.4].map(figure), ["0.123", "1.23", "12.3", "123.4"]);
    }

    #[test]
    fn a_table_has_medians_and_the_ratios_there_are_samples_for() {
        let (plain, glowplug) = (series(PLAIN, &[30.0, 30.0]), series(GLOWPLUG_CODE, &[20.0, 20.0]));
        let text = table_of("wall [ms]", &[&plain, &glowplug], 1);
        assert!(text.contains("30.0 (p90 30.0)") && text.contains("1.50"), "{text}");
        assert!(!text.contains("cds"), "{text}");
    }

    #[test]
    fn values_keep_the_order_of_their_first_appearance() {
        assert_eq!(distinct(["b", "a", "b"].into_iter()), ["b", "a"]);
    }
}
