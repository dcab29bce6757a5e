//! What a sample is summed up to.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Serialize;

use crate::statistics::{self, Estimate};

/// Quantiles of a sample, and the values that lie far out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Number of values.
    pub runs: usize,
    /// The median, with its interval.
    pub median: Estimate,
    /// Quartiles and high quantiles; with few values the last is nearly the largest.
    pub p25: f64,
    /// Third quartile.
    pub p75: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Smallest and largest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Values outside of the fences of J. W. Tukey, *Exploratory Data Analysis* (1977), section 2D: one and a
    /// half interquartile ranges from the quartiles. They are shown, and count like all others.
    pub outliers: Vec<f64>,
}

impl Summary {
    /// Of values, of which there must be some.
    pub fn of(samples: &[f64], seed: u64) -> Option<Self> {
        if samples.is_empty() {
            return None;
        }
        let at = |p| statistics::quantile(samples, p);
        let (p25, p75) = (at(0.25), at(0.75));
        let reach = 1.5 * (p75 - p25);
        let far = |value: &f64| *value < p25 - reach || *value > p75 + reach;
        Some(Self {
            runs: samples.len(),
            median: statistics::median_estimate(samples, &mut StdRng::seed_from_u64(seed)),
            p25,
            p75,
            p90: at(0.9),
            p99: at(0.99),
            min: at(0.0),
            max: at(1.0),
            outliers: samples.iter().copied().filter(far).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_far_out_is_shown_and_still_counts() {
        let summary = Summary::of(&[10.0, 11.0, 12.0, 13.0, 90.0], 1).unwrap();
        assert_eq!(summary.outliers, [90.0]);
        assert_eq!((summary.runs, summary.max), (5, 90.0));
        assert!((summary.median.value - 12.0).abs() < 1e-9);
    }

    #[test]
    fn without_values_there_is_no_summary() {
        assert_eq!(Summary::of(&[], 1), None);
    }
}
