//! A node's own clock, which may be skewed and may jump while virtual time passes.

use core::time::Duration;

use tickwire_core::time::Instant;

/// Returns the length of `duration` in microseconds, at most `u64::MAX`.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The clock of one node: local time as a function of virtual time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeClock {
    anchor_virtual: u64,
    anchor_local: u64,
    /// The rate error in parts per million. A positive value means that the clock runs fast.
    skew_ppm: i64,
}

impl NodeClock {
    pub(crate) const fn new() -> Self {
        Self { anchor_virtual: 0, anchor_local: 0, skew_ppm: 0 }
    }

    /// Returns the time on the clock at the virtual time `now`.
    pub(crate) const fn local(&self, now: Instant) -> Instant {
        let passed = now.as_micros().saturating_sub(self.anchor_virtual);
        let shown = if self.skew_ppm == 0 { passed } else { (passed as u128 * self.rate() / MILLION) as u64 };
        Instant::saturating_from_micros(self.anchor_local.saturating_add(shown))
    }

    /// Returns the earliest virtual time at which the clock shows `local` or a later time.
    pub(crate) const fn virtual_time(&self, local: Instant) -> Instant {
        let Some(ahead) = local.as_micros().checked_sub(self.anchor_local) else {
            return Instant::saturating_from_micros(self.anchor_virtual);
        };
        let passed = if self.skew_ppm == 0 {
            ahead
        } else {
            // Rounded up: a timer that fires before its time would fire for nothing.
            (ahead as u128 * MILLION).div_ceil(self.rate()) as u64
        };
        Instant::saturating_from_micros(self.anchor_virtual.saturating_add(passed))
    }

    /// Increases the rate error from `now` on by `by` parts per million. A negative value makes the clock slower.
    pub(crate) fn change_skew(&mut self, now: Instant, by: i64) {
        self.anchor(now);
        self.skew_ppm = self.skew_ppm.saturating_add(by).clamp(-SKEW_MOST, SKEW_MOST);
    }

    /// Makes the clock jump by `micros` microseconds at `now`. The clock does not jump below zero.
    pub(crate) fn jump(&mut self, now: Instant, micros: i64) {
        self.anchor(now);
        self.anchor_local = self.anchor_local.saturating_add_signed(micros);
    }

    const fn anchor(&mut self, now: Instant) {
        self.anchor_local = self.local(now).as_micros();
        self.anchor_virtual = now.as_micros();
    }

    const fn rate(&self) -> u128 {
        (MILLION as i64 + self.skew_ppm).cast_unsigned() as u128
    }
}

const MILLION: u128 = 1_000_000;
/// The largest rate error in parts per million: the clock runs at half to one and a half times the speed of virtual
/// time.
const SKEW_MOST: i64 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::saturating_from_micros(micros)
    }

    #[test]
    fn a_node_clock_without_faults_shows_the_virtual_time() {
        let clock = NodeClock::new();
        assert_eq!(clock.local(at(1234)), at(1234));
        assert_eq!(clock.virtual_time(at(1234)), at(1234));
        assert_eq!(clock.virtual_time(Instant::MAX), Instant::MAX);
    }

    #[test]
    fn a_fast_node_clock_gains_the_configured_parts_per_million() {
        let mut clock = NodeClock::new();
        clock.change_skew(at(1_000_000), 500);
        assert_eq!(clock.local(at(11_000_000)), at(11_005_000));
        clock.change_skew(at(11_000_000), -500);
        assert_eq!(clock.local(at(12_000_000)), at(12_005_000));
    }

    #[test]
    fn virtual_time_returns_the_first_instant_at_which_the_node_clock_has_reached_a_deadline() {
        for skew in [-500, -3, 0, 7, 500] {
            let mut clock = NodeClock::new();
            clock.change_skew(at(77), skew);
            for deadline in (100..5_000_000).step_by(9_973) {
                let wake = clock.virtual_time(at(deadline));
                assert!(clock.local(wake) >= at(deadline), "{skew} {deadline}");
                assert!(clock.local(at(wake.as_micros() - 1)) < at(deadline), "{skew} {deadline}");
            }
        }
    }

    #[test]
    fn a_backward_jump_of_a_node_clock_stops_at_zero() {
        let mut clock = NodeClock::new();
        clock.jump(at(1000), 500);
        assert_eq!(clock.local(at(1000)), at(1500));
        clock.jump(at(1000), -5000);
        assert_eq!(clock.local(at(1001)), at(1));
        assert_eq!(clock.virtual_time(at(0)), at(1000));
    }
}
