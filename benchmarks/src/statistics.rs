//! Medians, quantiles, and intervals on ratios.
//!
//! Medians, because the times of processes have a long tail to one side only; bootstrap intervals,
//! because the ratio of two medians has no distribution that could be assumed.

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};

/// Resamples for an interval. B. Efron and R. J. Tibshirani, *An Introduction to the Bootstrap*
/// (1993), section 14.6, ask for at least 1,000 to 2,000 for a percentile interval.
pub const RESAMPLES: usize = 5_000;

/// What the intervals cover, in percent.
pub const CONFIDENCE: f64 = 95.0;

/// A figure, and the interval that its true value is in with [`CONFIDENCE`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The `p`-quantile (0 to 1) of `values`, interpolated between neighbours: type 7 of R. J. Hyndman
/// and Y. Fan, "Sample Quantiles in Statistical Packages", *The American Statistician* 50 (1996).
///
/// NaN when there are no values.
pub fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, p)
}

/// The median of `values`; NaN when there are none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The geometric mean of `values`, the one mean for ratios: P. J. Fleming and J. J. Wallace, "How
/// Not to Lie with Statistics", *Communications of the ACM* 29 (1986). NaN when there are none.
#[allow(clippy::cast_precision_loss)]
pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Median of `numerator` by median of `denominator`, with an interval from so many resamples.
pub fn rough_ratio(
    numerator: &[f64],
    denominator: &[f64],
    resamples: usize,
    random: &mut impl Rng,
) -> Estimate {
    bootstrap(&[(numerator, denominator)], resamples, random)
}

/// Median of `numerator` by median of `denominator`.
pub fn ratio(numerator: &[f64], denominator: &[f64], random: &mut impl Rng) -> Estimate {
    mean_ratio(&[(numerator, denominator)], random)
}

/// The median of `values` with its interval.
pub fn median_estimate(values: &[f64], random: &mut impl Rng) -> Estimate {
    ratio(values, &[1.0], random)
}

/// Geometric mean, over several pairs of samples, of the ratio of their medians.
///
/// The interval is the bootstrap percentile interval (Efron and Tibshirani, chapter 13): each
/// sample is drawn again from itself, with replacement, and the figure taken anew.
pub fn mean_ratio(pairs: &[(&[f64], &[f64])], random: &mut impl Rng) -> Estimate {
    bootstrap(pairs, RESAMPLES, random)
}

fn bootstrap(pairs: &[(&[f64], &[f64])], resamples: usize, random: &mut impl Rng) -> Estimate {
    let of = |median_of: &mut dyn FnMut(&[f64]) -> f64| {
        let ratios: Vec<f64> = pairs.iter().map(|(n, d)| median_of(n) / median_of(d)).collect();
        geometric_mean(&ratios)
    };
    let value = of(&mut median);
    let mut drawn = Vec::new();
    let mut figures: Vec<f64> = (0..resamples)
        .map(|_| {
            of(&mut |values| {
                drawn.clear();
                drawn.extend((0..values.len()).map(|_| values[random.random_range(0..values.len())]));
                drawn.sort_unstable_by(f64::total_cmp);
                quantile_of_sorted(&drawn, 0.5)
            })
        })
        .collect();
    figures.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE / 100.0) / 2.0;
    Estimate {
        value,
        low: quantile_of_sorted(&figures, tail),
        high: quantile_of_sorted(&figures, 1.0 - tail),
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = p * last as f64;
    let below = position.floor();
    let left = sorted[below as usize];
    let right = sorted[(below as usize + 1).min(last)];
    (right - left).mul_add(position - below, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert!(close(median(&[5.0, 1.0, 3.0]), 3.0));
        assert!(close(median(&[4.0, 1.0, 3.0, 2.0]), 2.5));
        assert!(close(median(&[7.0]), 7.0));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn quantiles_are_those_of_r_type_7() {
        // R: quantile(c(15, 20, 35, 40, 50), c(0, .05, .3, .4, .9, 1))
        let values = [15.0, 20.0, 35.0, 40.0, 50.0];
        for (p, expected) in [(0.0, 15.0), (0.05, 16.0), (0.3, 23.0), (0.4, 29.0), (0.9, 46.0), (1.0, 50.0)] {
            assert!(close(quantile(&values, p), expected), "{p}");
        }
    }

    #[test]
    fn the_geometric_mean_of_a_ratio_and_its_inverse_is_one() {
        assert!(close(geometric_mean(&[4.0, 0.25]), 1.0));
        assert!(close(geometric_mean(&[1.0, 3.0, 9.0]), 3.0));
    }

    #[test]
    fn a_ratio_without_spread_has_an_interval_without_width() {
        let estimate = ratio(&[3.0; 5], &[2.0; 5], &mut StdRng::seed_from_u64(1));
        assert!(close(estimate.value, 1.5) && close(estimate.low, 1.5) && close(estimate.high, 1.5));
    }

    #[test]
    fn the_interval_of_a_median_is_near_that_of_order_statistics() {
        // For 1, 2 ... 100 the binomial interval of the median is from the 40th to the 61st value.
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let estimate = ratio(&values, &[1.0], &mut StdRng::seed_from_u64(1));
        assert!(close(estimate.value, 50.5));
        assert!((38.0..43.0).contains(&estimate.low), "{estimate:?}");
        assert!((58.0..63.0).contains(&estimate.high), "{estimate:?}");
    }

    #[test]
    fn intervals_cover_the_true_ratio_about_as_often_as_they_say() {
        let mut random = StdRng::seed_from_u64(7);
        let mut covered = 0;
        for _ in 0..100 {
            let mut sample = |centre: f64| -> Vec<f64> {
                (0..20).map(|_| centre * (1.0 + 0.1 * random.random_range(-1.0..1.0))).collect()
            };
            let (slow, fast) = (sample(1.3), sample(1.0));
            let estimate = bootstrap(&[(&slow, &fast)], 500, &mut random);
            covered += u32::from(estimate.low <= 1.3 && 1.3 <= estimate.high);
        }
        assert!((88..=100).contains(&covered), "{covered}");
    }

    #[test]
    fn a_mean_over_packages_weighs_them_alike() {
        let (two, one, nine) = ([2.0; 3], [1.0; 3], [900.0; 3]);
        let pairs: [(&[f64], &[f64]); 2] = [(&two, &one), (&nine, &nine)];
        assert!(close(mean_ratio(&pairs, &mut StdRng::seed_from_u64(1)).value, 2.0_f64.sqrt()));
    }
}
