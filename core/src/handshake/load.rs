//! A measure of load: handshakes that cost a Diffie-Hellman and failed.
//!
//! An attacker that observed one ticket can send the ticket with random bytes any number of times. Such an attempt leaves no
//! half-open handshake, so this module counts each attempt for the lifetime of a half-open handshake.

use crate::time::{Instant, Span};

/// Counts failures in windows of `life`. Failures in the current and the previous window count as recent.
pub(crate) struct Failures {
    life_us: u64,
    window: u64,
    current: usize,
    previous: usize,
}

impl Failures {
    pub(crate) fn new(life: Span) -> Self {
        Self { life_us: life.as_micros().max(1), window: 0, current: 0, previous: 0 }
    }

    pub(crate) fn add(&mut self, now: Instant) {
        self.turn(now);
        self.current = self.current.saturating_add(1);
    }

    /// Returns the number of failures within the most recent one to two windows.
    pub(crate) fn recent(&mut self, now: Instant) -> usize {
        self.turn(now);
        self.current.saturating_add(self.previous)
    }

    fn turn(&mut self, now: Instant) {
        let window = now.as_micros() / self.life_us;
        if window == self.window {
            return;
        }
        self.previous = if window == self.window.wrapping_add(1) { self.current } else { 0 };
        self.current = 0;
        self.window = window;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_handshake_counts_as_load_for_at_most_two_windows() {
        let mut failures = Failures::new(Span::from_secs(5));
        let at = |seconds| Instant::ZERO + Span::from_secs(seconds);
        failures.add(at(1));
        failures.add(at(4));
        assert_eq!(failures.recent(at(4)), 2);
        failures.add(at(6));
        assert_eq!(failures.recent(at(9)), 3);
        assert_eq!(failures.recent(at(11)), 1);
        assert_eq!(failures.recent(at(60)), 0);
    }
}
