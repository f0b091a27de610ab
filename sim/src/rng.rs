//! Random numbers that are hashes of a counter, not the successive values of a stream.
//!
//! Every decision is a hash of a seed and of the decision's subject. No decision depends on the number of decisions
//! before it, so removing one fault does not change the effects of the others.

/// Hashes `seed` and `index` with the finaliser of SplitMix64. The result is the same on every target.
#[must_use]
pub const fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32);
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns 32 bytes that depend only on `seed` and `index`, for use as the seed of an endpoint.
#[must_use]
pub fn seed_bytes(seed: u64, index: u64) -> [u8; 32] {
    let mut draws = Draws::new(mix(seed, index));
    let mut out = [0; 32];
    for chunk in out.chunks_exact_mut(8) {
        chunk.copy_from_slice(&draws.next_u64().to_le_bytes());
    }
    out
}

/// A random number generator for one decision: SplitMix64, with integers only.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// Creates a generator with the seed `key`, which is usually a [`mix`] of the run's seed and the subject of the
    /// decision.
    #[must_use]
    pub const fn new(key: u64) -> Self {
        Self(key)
    }

    /// Generates a random number of 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0, 0)
    }

    /// Generates a random number below `bound`, or returns 0 if `bound` is 0. The probability of each
    /// number differs from 1/`bound` by less than 2^-64.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next_u64() as u128 * bound as u128) >> 64) as u64
    }

    /// Generates a random number from `low` to `high`, both included. Returns `low` if `high` is smaller.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Generates a random number from `low` to `high` whose order of magnitude is uniformly distributed: each octave is
    /// equally likely. Raises a `low` of 0 to 1. Returns `low` if `high` is smaller.
    pub const fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let low = if low == 0 { 1 } else { low };
        let octaves = match (high / low).checked_ilog2() {
            Some(octaves) => octaves as u64 + 1,
            None => return low,
        };
        let floor = low << self.below(octaves);
        let ceiling = if floor > high / 2 { high } else { floor * 2 };
        self.between(floor, ceiling)
    }

    /// Returns `true` with a probability of `ppm` in a million.
    pub const fn chance(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < ppm as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_generates_the_same_random_numbers_on_every_target() {
        let mut draws = Draws::new(mix(1, 2));
        assert_eq!(
            [draws.next_u64(), draws.next_u64()],
            [9_929_026_808_427_890_612, 10_072_854_831_647_677_876]
        );
    }

    #[test]
    fn random_numbers_stay_within_their_bounds_and_reach_both_bounds() {
        let mut draws = Draws::new(7);
        let mut seen = [0; 4];
        for _ in 0..1000 {
            seen[draws.between(0, 3) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (200..300).contains(&count)), "{seen:?}");
        assert_eq!(draws.below(0), 0);
        assert_eq!(draws.between(5, 4), 5);
    }

    #[test]
    fn random_magnitudes_stay_in_range_and_reach_every_octave() {
        let mut draws = Draws::new(9);
        let mut octaves = [0; 10];
        for _ in 0..10_000 {
            let value = draws.magnitude(10, 5000);
            assert!((10..=5000).contains(&value));
            octaves[(value / 10).ilog2() as usize] += 1;
        }
        assert!(octaves[..9].iter().all(|&count| count > 500), "{octaves:?}");
        assert_eq!(draws.magnitude(8, 3), 8);
    }

    #[test]
    fn a_chance_of_ten_percent_is_true_in_ten_percent_of_random_decisions() {
        let hits = (0..100_000).filter(|&i| Draws::new(mix(3, i)).chance(100_000)).count();
        assert!((9_700..10_300).contains(&hits), "{hits}");
    }

    #[test]
    fn the_hashes_of_consecutive_indexes_differ_in_8_to_55_bits() {
        for i in 0..1000u64 {
            let changed = (mix(5, i) ^ mix(5, i + 1)).count_ones();
            assert!((8..56).contains(&changed), "{i}: {changed}");
        }
    }
}
