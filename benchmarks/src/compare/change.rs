//! The change of each variant from one run to another.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Serialize;
use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

use crate::results::{Entry, Results};
use crate::statistics::{self, Estimate};
use crate::suite::REFERENCE;

/// How often, at most, anything at all is called a change in two runs of the same.
const ERROR: f64 = 0.01;

/// What became of one variant of one function under one condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The function.
    pub function: String,
    /// The variant.
    pub variant: String,
    /// The condition.
    pub condition: String,
    /// Medians of the measure, before and after.
    pub medians: [f64; 2],
    /// After by before: above 1 is slower. Of what is beside the reference, where there is one.
    pub ratio: Estimate,
    /// Whether the ratio is of times beside those of the reference in the same round.
    pub beside_reference: bool,
    /// How likely a difference as large is by chance.
    pub p: f64,
    /// What that comes to.
    pub verdict: Verdict,
}

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Faster, by more than noise.
    Faster,
    /// Slower, by more than noise.
    Slower,
    /// Not more than noise.
    NoDifference,
    /// The reference itself: what changed is the speed of the machine, or of Python.
    Machine,
}

/// All changes, in the order of the results before.
pub fn changes(before: &Results, after: &Results, measure: &str, absolute: bool) -> Vec<Change> {
    estimated(before, after, measure, absolute, statistics::RESAMPLES)
}

fn estimated(
    before: &Results,
    after: &Results,
    measure: &str,
    absolute: bool,
    resamples: usize,
) -> Vec<Change> {
    let mut found = Vec::new();
    for entry in &before.entries {
        let Some(now) = after.entry(&entry.function, &entry.variant, &entry.condition) else { continue };
        let (Some(old), Some(new)) = (entry.samples(measure), now.samples(measure)) else { continue };
        let alone = |results: &Results| {
            let same = |e: &&Entry| e.function == entry.function && e.condition == entry.condition;
            results.entries.iter().filter(same).count() == 1
        };
        let beside = if absolute {
            None
        } else {
            beside(before, entry, measure).zip(self::beside(after, now, measure))
        };
        let (compared, beside_reference) = match beside {
            Some((old, new)) => ([old, new], true),
            None => ([old.to_vec(), new.to_vec()], false),
        };
        let reference = entry.variant == REFERENCE && !absolute && !(alone(before) && alone(after));
        found.push(Change {
            function: entry.function.clone(),
            variant: entry.variant.clone(),
            condition: entry.condition.clone(),
            medians: [statistics::median(old), statistics::median(new)],
            ratio: statistics::rough_ratio(
                &compared[1],
                &compared[0],
                resamples,
                &mut StdRng::seed_from_u64(before.seed),
            ),
            beside_reference,
            p: probability(&compared[0], &compared[1]),
            verdict: if reference { Verdict::Machine } else { Verdict::NoDifference },
        });
    }
    decide(&mut found);
    found
}

/// The samples of an entry by those of the reference in the same rounds, if it has one.
fn beside(results: &Results, entry: &Entry, measure: &str) -> Option<Vec<f64>> {
    if entry.variant == REFERENCE {
        return None;
    }
    let reference = results.entry(&entry.function, REFERENCE, &entry.condition)?.samples(measure)?;
    let own = entry.samples(measure)?;
    (own.len() == reference.len())
        .then(|| own.iter().zip(reference).map(|(own, reference)| own / reference).collect())
}

/// The two-sided probability of H. B. Mann and D. R. Whitney, "On a Test of Whether one of Two Random
/// Variables is Stochastically Larger than the Other", *The Annals of Mathematical Statistics* 18 (1947).
fn probability(one: &[f64], other: &[f64]) -> f64 {
    let tested = mannwhitneyu(
        one,
        other,
        MannWhitneyUMethod::AsymptoticInclContinuityCorrection,
        Alternative::TwoSided,
    );
    // All values equal, or too few.
    tested.map_or(1.0, |(_, p)| if p.is_nan() { 1.0 } else { p })
}

/// S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", *Scandinavian Journal of
/// Statistics* 6 (1979): the smallest probability has to be below the error by the number of
/// comparisons, the next below that by one less, and so on.
#[allow(clippy::cast_precision_loss)]
fn decide(changes: &mut [Change]) {
    let mut open: Vec<&mut Change> = changes.iter_mut().filter(|c| c.verdict != Verdict::Machine).collect();
    open.sort_by(|one, other| one.p.total_cmp(&other.p));
    let count = open.len();
    for (rank, change) in open.into_iter().enumerate() {
        if change.p >= ERROR / (count - rank) as f64 {
            return;
        }
        change.verdict = if change.ratio.value > 1.0 { Verdict::Slower } else { Verdict::Faster };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples::results;
    use rand::RngExt as _;

    /// Starts as they are: a long tail to one side, and a machine whose speed changes during the run.
    fn starts(runs: u32, milliseconds: f64, speed: f64, random: &mut StdRng) -> [Vec<f64>; 2] {
        let mut one = |base: f64, round: u32| {
            let drift = 1.0 + 0.2 * f64::from(round) / f64::from(runs);
            let late = if random.random_range(0.0..1.0) < 0.1 { random.random_range(0.0..0.3) } else { 0.0 };
            base * speed * drift * (1.0 + random.random_range(-0.03..0.03) + late)
        };
        let rounds = (0..runs).map(|round| (one(milliseconds, round), one(milliseconds * 0.6, round)));
        let (plain, code) = rounds.unzip();
        [plain, code]
    }

    fn verdict(before: &[Vec<f64>; 2], after: &[Vec<f64>; 2]) -> Verdict {
        let [old, new] = [before, after].map(|[plain, code]| results(plain, code));
        estimated(&old, &new, "start", false, 50).into_iter().find(|c| c.variant == "code").unwrap().verdict
    }

    #[test]
    fn two_runs_of_the_same_are_no_difference_though_the_machine_became_slower() {
        let mut random = StdRng::seed_from_u64(1);
        let same = (0..200).filter(|_| {
            let (before, after) = (starts(40, 300.0, 1.0, &mut random), starts(40, 300.0, 1.3, &mut random));
            verdict(&before, &after) == Verdict::NoDifference
        });
        assert!(same.count() >= 194);
    }

    #[test]
    fn five_percent_more_in_one_variant_are_found() {
        let mut random = StdRng::seed_from_u64(2);
        let found = (0..100).filter(|_| {
            let (before, mut after) =
                (starts(40, 300.0, 1.0, &mut random), starts(40, 300.0, 1.1, &mut random));
            after[1].iter_mut().for_each(|value| *value *= 1.05);
            verdict(&before, &after) == Verdict::Slower
        });
        assert!(found.count() >= 95);
    }

    /// A run as the machine would have had it: stretches of rounds that were recorded, one after the other, so
    /// that what lasts for more than a round stays together (H. R. Kuensch, "The Jackknife and the Bootstrap for
    /// General Stationary Observations", *The Annals of Statistics* 17, 1989).
    fn recorded(runs: usize, random: &mut StdRng) -> [Vec<f64>; 2] {
        /// Starts of plain Python and from the code archive in the same round, each by its median, on a virtual
        /// machine at rest.
        const ROUNDS: &str = include_str!("recorded.json");
        const STRETCH: usize = 5;
        let rounds: Vec<(f64, f64)> = serde_json::from_str(ROUNDS).unwrap();
        let mut run = Vec::new();
        while run.len() < runs {
            let first = random.random_range(0..rounds.len() - STRETCH);
            run.extend_from_slice(&rounds[first..first + STRETCH]);
        }
        let (plain, code) = run[..runs].iter().map(|(plain, code)| (300.0 * plain, 200.0 * code)).unzip();
        [plain, code]
    }

    #[test]
    fn with_the_noise_of_a_real_machine_two_runs_of_the_same_are_no_difference() {
        let mut random = StdRng::seed_from_u64(3);
        for runs in [20, 60] {
            let same = (0..100).filter(|_| {
                let (before, after) = (recorded(runs, &mut random), recorded(runs, &mut random));
                verdict(&before, &after) == Verdict::NoDifference
            });
            assert!(same.count() >= 95, "{runs}");
        }
    }

    #[test]
    fn with_the_noise_of_a_real_machine_five_percent_are_found_by_enough_runs() {
        let mut random = StdRng::seed_from_u64(4);
        let found = (0..20).filter(|_| {
            let (before, mut after) = (recorded(1200, &mut random), recorded(1200, &mut random));
            after[1].iter_mut().for_each(|value| *value *= 1.05);
            verdict(&before, &after) == Verdict::Slower
        });
        assert!(found.count() >= 19);
    }

    #[test]
    fn the_reference_tells_of_the_machine_unless_it_is_alone() {
        let steady: Vec<f64> = (0..30).map(|n| 100.0 + f64::from(n % 7)).collect();
        let slower: Vec<f64> = steady.iter().map(|v| v * 1.5).collect();
        let (mut before, mut after) = (results(&steady, &steady), results(&slower, &slower));
        let plain = |before: &Results, after: &Results| changes(before, after, "start", false)[0].verdict;
        assert_eq!(plain(&before, &after), Verdict::Machine);
        assert_eq!(changes(&before, &after, "start", true)[1].verdict, Verdict::Slower);
        before.entries.truncate(1);
        after.entries.truncate(1);
        assert_eq!(plain(&before, &after), Verdict::Slower);
    }
}
