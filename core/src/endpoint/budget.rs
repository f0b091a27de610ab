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
        let gained = micros(now - self.at).saturating_mul(self.per_second);
        self.level = self.level.saturating_add(gained).min(self.per_second * 1_000_000);
        self.at = self.at.max(now);
        let has_one = self.level >= 1_000_000;
        if has_one {
            self.level -= 1_000_000;
        }
        has_one
    }
}
