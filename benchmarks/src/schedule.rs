//! The order of the runs: interleaved, so that what changes on the machine meanwhile (clock
//! frequency, neighbours, page cache) meets every variant alike; and random within each round, so
//! that no variant always runs after the same other one.

use rand::Rng;
use rand::seq::SliceRandom as _;

/// `runs` rounds; in each, every one of `contestants` runs once.
pub fn interleaved(runs: usize, contestants: usize, random: &mut impl Rng) -> Vec<usize> {
    let mut order = Vec::with_capacity(runs * contestants);
    let mut round: Vec<usize> = (0..contestants).collect();
    for _ in 0..runs {
        round.shuffle(random);
        order.extend_from_slice(&round);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn every_contestant_runs_once_in_each_round() {
        let order = interleaved(50, 3, &mut StdRng::seed_from_u64(1));
        assert_eq!(order.len(), 150);
        for round in order.chunks(3) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2]);
        }
    }

    #[test]
    fn the_seed_decides_the_order() {
        let with = |seed| interleaved(50, 3, &mut StdRng::seed_from_u64(seed));
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }
}
