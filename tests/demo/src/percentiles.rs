//! Percentiles of durations: the values below which 50 %, 90 % and 99 % of the samples lie.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The percentiles of a set of durations, in microseconds.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Percentiles {
    /// The 50th percentile (the median), in microseconds.
    pub p50: u64,
    /// The 90th percentile, in microseconds.
    pub p90: u64,
    /// The 99th percentile, in microseconds.
    pub p99: u64,
    /// The longest duration in the set, in microseconds.
    pub max: u64,
}

/// A set of measured durations.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<u64>);

impl Samples {
    /// Adds a duration to the set, rounded down to a whole microsecond.
    pub fn add(&mut self, duration: Duration) {
        self.0.push(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Moves all durations of `other` to this set. `other` is then empty.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// Returns the number of durations in the set.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the set contains no duration.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the percentiles of the durations, by the nearest-rank method, or `None` if the set is empty.
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Percentiles { p50: at(50)?, p90: at(90)?, p99: at(99)?, max: at(100)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_computed_by_the_nearest_rank_method() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentiles(), None);
        (1..=200).rev().for_each(|us| samples.add(Duration::from_micros(us)));
        let expected = Percentiles { p50: 100, p90: 180, p99: 198, max: 200 };
        assert_eq!(samples.percentiles(), Some(expected));
    }

    #[test]
    fn all_percentiles_of_a_single_value_are_that_value() {
        let mut samples = Samples::default();
        samples.add(Duration::from_millis(7));
        assert_eq!(samples.percentiles(), Some(Percentiles { p50: 7000, p90: 7000, p99: 7000, max: 7000 }));
    }
}
