//! A token bucket: so many per second, so many at once.

use crate::time::{Instant, micros};

/// Tokens that refill with time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    per_second: u64,
    /// Millionths of a token.
    level: u64,
    at: Instant,
}

impl Budget {
    /// A full bucket that holds one second's worth.
    pub(super) const fn new(per_second: u64) -> Self {
        Self { per_second, level: per_second * 1_000_000, at: Instant::ZERO }
    }

    /// Takes one token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.take_many(now, 1)
    }

    /// Takes so many tokens, if there are as many; all there can be, if that is less.
    pub(super) fn take_many(&mut self, now: Instant, tokens: u64) -> bool {
        let gained = micros(now - self.at).saturating_mul(self.per_second);
        self.level = self.level.saturating_add(gained).min(self.per_second * 1_000_000);
        self.at = self.at.max(now);
        let cost = tokens.min(self.per_second) * 1_000_000;
        let is_there = self.level >= cost;
        if is_there {
            self.level -= cost;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn tokens_are_taken_together_and_come_back_with_time() {
        let mut budget = Budget::new(100);
        let mut now = Instant::ZERO;
        assert!(budget.take_many(now, 60) && budget.take_many(now, 40) && !budget.take(now));
        now += Duration::from_millis(500);
        assert!(!budget.take_many(now, 51) && budget.take_many(now, 50) && !budget.take(now));
        now += Duration::from_secs(9);
        // More than there can be costs all there is.
        assert!(budget.take_many(now, 1_000) && !budget.take(now));
    }
}
