//! Follows the system's wall clock, which decides when tickets expire.

use std::time::Duration;

use tickwire_core::Instant;

/// The time at which the wall clock was last read.
#[derive(Debug)]
pub(crate) struct WallFollower {
    looked_at: Instant,
}

impl WallFollower {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { looked_at: now }
    }

    /// Returns whether at least [`LOOK_EVERY`] has passed since the last reading. The thread does not wake up for a
    /// reading, but takes it at its next wake-up.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.saturating_since(self.looked_at) >= LOOK_EVERY
    }

    /// Returns the offset to use from now on, given the current `offset` and the offset `system` of the system's clocks
    /// at `now`. Offsets are in microseconds from the Unix epoch to [`Instant::ZERO`].
    pub(crate) fn follow(&mut self, now: Instant, offset: u64, system: u64) -> u64 {
        let elapsed = now.saturating_since(self.looked_at);
        self.looked_at = now;
        corrected(offset, system, elapsed)
    }
}

/// Returns the corrected offset, `elapsed` after the last correction. A difference above [`STEP`] is corrected at once,
/// and a smaller difference by at most a hundredth of `elapsed`.
fn corrected(offset: u64, system: u64, elapsed: Duration) -> u64 {
    let difference = Duration::from_micros(offset.abs_diff(system));
    if difference > STEP {
        return system;
    }
    if difference <= NOISE {
        return offset;
    }
    let slewed = u64::try_from(difference.min(elapsed / 100).as_micros()).unwrap_or(u64::MAX);
    if system > offset { offset.saturating_add(slewed) } else { offset.saturating_sub(slewed) }
}

/// The shortest time between two readings of the wall clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The difference above which the offset is corrected at once.
const STEP: Duration = Duration::from_millis(500);
/// The difference that is ignored, because the two clocks cannot be read at the same moment.
const NOISE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000_000;
    const SECOND: u64 = 1_000_000;
    const OFFSET: u64 = 20_000 * DAY;

    fn after_a_second(system: u64) -> u64 {
        corrected(OFFSET, system, Duration::from_secs(1))
    }

    #[test]
    fn a_wall_clock_error_above_half_a_second_is_corrected_in_one_step() {
        for system in [OFFSET + 500_001, OFFSET - 500_001, OFFSET + DAY, OFFSET - DAY, 0, u64::MAX] {
            assert_eq!(after_a_second(system), system);
        }
    }

    #[test]
    fn a_wall_clock_error_up_to_half_a_second_is_corrected_at_one_percent_of_the_elapsed_time() {
        assert_eq!(after_a_second(OFFSET + 500_000), OFFSET + 10_000);
        assert_eq!(after_a_second(OFFSET - 500_000), OFFSET - 10_000);
        assert_eq!(after_a_second(OFFSET + 4000), OFFSET + 4000, "no more than the difference");
        assert_eq!(corrected(OFFSET, OFFSET + 500_000, Duration::from_secs(3600)), OFFSET + 500_000);
        assert_eq!(corrected(OFFSET, OFFSET + 500_000, Duration::ZERO), OFFSET);
    }

    #[test]
    fn a_wall_clock_error_within_the_reading_uncertainty_is_ignored() {
        for system in [OFFSET + 1000, OFFSET - 1000, OFFSET] {
            assert_eq!(after_a_second(system), OFFSET);
        }
    }

    #[test]
    fn a_wall_clock_error_of_half_a_second_is_corrected_within_a_minute() {
        let (mut offset, mut follower, system) =
            (OFFSET, WallFollower::new(Instant::ZERO), OFFSET + SECOND / 2);
        for second in 1..=60 {
            let now = Instant::ZERO + Duration::from_secs(second);
            assert!(follower.is_due(now));
            offset = follower.follow(now, offset, system);
            assert!(!follower.is_due(now + Duration::from_millis(999)));
        }
        assert!(offset.abs_diff(system) <= 1000, "{}", offset.abs_diff(system));
    }
}
