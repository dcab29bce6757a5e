//! Results as reports show them: a group for each function and condition, a row for each variant.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Serialize;

use crate::results::measure::{self, Measure, PHASES};
use crate::results::{Entry, Results, Summary};
use crate::statistics::{self, Estimate};
use crate::suite::REFERENCE;

/// The starts of one function under one condition.
#[derive(Debug, Serialize)]
pub struct Group {
    /// The function.
    pub function: String,
    /// What it is.
    pub function_title: String,
    /// The condition.
    pub condition: String,
    /// What it is.
    pub condition_title: String,
    /// The variants that have samples.
    pub rows: Vec<Row>,
    /// Those that have none: name and reason.
    pub void: Vec<(String, String)>,
}

/// One variant.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub variant: String,
    /// What it is.
    pub title: String,
    /// What its starts used.
    pub rung: Option<String>,
    /// Exec to first response.
    pub start: Summary,
    /// All samples of that.
    pub samples: Vec<f64>,
    /// How many times faster than the reference it is.
    pub ratio: Option<Estimate>,
    /// Whether that may be chance.
    pub unclear: bool,
    /// The second response.
    pub second: Option<Summary>,
    /// How many times faster than the reference that is.
    pub second_ratio: Option<Estimate>,
    /// Medians of the phases, in order.
    pub phases: Vec<f64>,
    /// Medians of other measures, by name.
    pub medians: BTreeMap<String, f64>,
    /// Sizes in bytes, by name.
    pub sizes: BTreeMap<String, u64>,
}

/// All groups, in the order of the results.
pub fn groups(results: &Results) -> Vec<Group> {
    let mut found = Vec::new();
    for function in &results.functions {
        for condition in &results.conditions {
            let entries: Vec<&Entry> = results
                .entries
                .iter()
                .filter(|e| e.function == function.name && e.condition == condition.name)
                .collect();
            if entries.is_empty() {
                continue;
            }
            let reference = entries.iter().copied().find(|entry| entry.variant == REFERENCE);
            let in_order =
                results.variants.iter().flat_map(|v| entries.iter().copied().filter(|e| e.variant == v.name));
            let (mut rows, mut void) = (Vec::new(), Vec::new());
            for entry in in_order {
                match row(results, entry, reference) {
                    Some(row) => rows.push(row),
                    None => {
                        let why = entry.void.clone().unwrap_or_else(|| "no samples".to_owned());
                        void.push((entry.variant.clone(), why));
                    }
                }
            }
            found.push(Group {
                function: function.name.clone(),
                function_title: function.title.clone(),
                condition: condition.name.clone(),
                condition_title: condition.title.clone(),
                rows,
                void,
            });
        }
    }
    found
}

fn row(results: &Results, entry: &Entry, reference: Option<&Entry>) -> Option<Row> {
    let samples = entry.samples(measure::START.name)?;
    let summary = |measure: Measure| Summary::of(entry.samples(measure.name)?, results.seed);
    let ratio = |measure: Measure| {
        let reference = reference.filter(|other| other.variant != entry.variant)?;
        let mut random = StdRng::seed_from_u64(results.seed);
        Some(statistics::ratio(reference.samples(measure.name)?, entry.samples(measure.name)?, &mut random))
    };
    let median = |measure: &Measure| entry.samples(measure.name).map(statistics::median);
    let others = measure::RESOURCES.iter().chain(&measure::CLOUD);
    let ratio_of_start = ratio(measure::START);
    Some(Row {
        variant: entry.variant.clone(),
        title: results
            .variants
            .iter()
            .find(|v| v.name == entry.variant)
            .map_or_else(String::new, |v| v.title.clone()),
        rung: entry.rung.clone(),
        start: summary(measure::START)?,
        samples: samples.to_vec(),
        unclear: ratio_of_start.is_some_and(|ratio| ratio.low <= 1.0 && ratio.high >= 1.0),
        ratio: ratio_of_start,
        second: summary(measure::SECOND),
        second_ratio: ratio(measure::SECOND),
        phases: PHASES.iter().map_while(median).collect(),
        medians: others.filter_map(|m| Some((m.name.to_owned(), median(m)?))).collect(),
        sizes: entry.sizes.clone(),
    })
}

/// The geometric mean, over the functions that have both, of how many times faster than the reference each
/// variant is under a condition; with the number of functions.
pub fn means(results: &Results, condition: &str) -> Vec<(String, Estimate, usize)> {
    let mut found = Vec::new();
    for variant in results.variants.iter().filter(|v| v.name != REFERENCE) {
        let pair = |function: &crate::results::Function| {
            let samples = |variant: &str| {
                results.entry(&function.name, variant, condition)?.samples(measure::START.name)
            };
            Some((samples(REFERENCE)?, samples(&variant.name)?))
        };
        let pairs: Vec<_> = results.functions.iter().filter_map(pair).collect();
        if !pairs.is_empty() {
            let mean = statistics::mean_ratio(&pairs, &mut StdRng::seed_from_u64(results.seed));
            found.push((variant.name.clone(), mean, pairs.len()));
        }
    }
    found
}

/// Three significant digits or more.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A ratio with its interval.
pub fn ratio(estimate: &Estimate) -> String {
    format!("{:.2} ({:.2} to {:.2})", estimate.value, estimate.low, estimate.high)
}

/// Bytes as megabytes.
#[allow(clippy::cast_precision_loss)]
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", figure(bytes as f64 / 1e6))
}

/// What was measured on, in a line.
pub fn machine(results: &Results) -> Option<String> {
    let machine = results.machine.as_ref()?;
    Some(format!(
        "{} x {} ({}), {} MiB, Linux {}",
        machine.processors, machine.processor, machine.architecture, machine.memory, machine.kernel
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples;

    #[test]
    fn a_row_has_its_ratio_to_the_reference_and_says_whether_that_may_be_chance() {
        let groups = groups(&samples::results(&[20.0, 20.0, 20.0], &[10.0, 10.0, 10.0]));
        let [plain, code] = &groups[0].rows[..] else { panic!("{groups:?}") };
        assert!(plain.ratio.is_none());
        assert!((code.ratio.unwrap().value - 2.0).abs() < 1e-9 && !code.unclear);
        let same = samples::results(&[10.0, 20.0, 30.0], &[11.0, 19.0, 31.0]);
        assert!(super::groups(&same)[0].rows[1].unclear);
    }

    #[test]
    fn a_void_variant_has_its_reason_and_no_row() {
        let mut results = samples::results(&[1.0], &[1.0]);
        results.entries[1].series.clear();
        results.entries[1].void = Some("wrong answer".to_owned());
        let groups = groups(&results);
        assert_eq!((groups[0].rows.len(), &groups[0].void[0].1[..]), (1, "wrong answer"));
        assert_eq!(means(&results, "warm").len(), 0);
    }

    #[test]
    fn figures_have_three_digits_at_least() {
        assert_eq!([0.1234, 1.234, 12.34, 1234.5].map(figure), ["0.123", "1.23", "12.3", "1234"]);
    }
}
