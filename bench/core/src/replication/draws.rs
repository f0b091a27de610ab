//! Random numbers of a seed (SplitMix64).

use tickwire_sim::rng::Draws;

/// A sequence of random numbers.
pub(super) struct UnitDraws(Draws);

impl UnitDraws {
    /// Creates the sequence of a seed.
    #[must_use]
    pub(super) const fn new(seed: u64) -> Self {
        Self(Draws::new(seed))
    }

    /// Returns a number from `low` to `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        unit.mul_add(high - low, low)
    }

    /// Returns an integer below `count`.
    pub(super) fn below(&mut self, count: u64) -> usize {
        self.0.below(count) as usize
    }
}
