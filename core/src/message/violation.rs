//! The limit on the invalid messages of a peer.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::limits;
use crate::time::Instant;

/// The number of invalid messages that one connection may send within a sliding time window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ViolationLimit {
    /// The number of invalid messages that are tolerated within the window. The next invalid message exceeds the limit.
    ///
    /// Default: 8. Range: any.
    pub count: u16,
    /// The time for which each invalid message counts.
    ///
    /// Default: 10 s. Range: any.
    pub window: Duration,
}

impl Default for ViolationLimit {
    fn default() -> Self {
        Self { count: limits::VIOLATIONS, window: limits::VIOLATION_WINDOW }
    }
}

/// The decision on a peer that sent an invalid message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// The number of invalid messages is within the limit, so the connection may continue.
    Tolerate,
    /// The number of invalid messages exceeds the limit, so the caller must close the connection.
    Close,
}

/// A counter of one connection's invalid messages within the window of a [`ViolationLimit`].
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::Instant;
/// use tickwire_core::message::{Verdict, ViolationBudget, ViolationLimit};
///
/// let mut budget = ViolationBudget::new(ViolationLimit { count: 1, window: Duration::from_secs(10) });
/// assert_eq!(budget.record(Instant::ZERO), Verdict::Tolerate);
/// assert_eq!(budget.record(Instant::ZERO), Verdict::Close);
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ViolationBudget {
    limit: ViolationLimit,
    /// The times of the invalid messages in the window, oldest first. The list is never longer than the limit.
    recent: VecDeque<Instant>,
}

impl ViolationBudget {
    /// Creates a counter that starts at 0 invalid messages, with the limit `limit`.
    #[must_use]
    pub const fn new(limit: ViolationLimit) -> Self {
        Self { limit, recent: VecDeque::new() }
    }

    /// Counts an invalid message that arrived at `now`. If this message exceeds the limit, the method does not count the
    /// message, and returns [`Verdict::Close`].
    pub fn record(&mut self, now: Instant) -> Verdict {
        while self.recent.front().is_some_and(|then| now.saturating_since(*then) >= self.limit.window) {
            self.recent.pop_front();
        }
        if self.recent.len() >= usize::from(self.limit.count) {
            return Verdict::Close;
        }
        self.recent.push_back(now);
        Verdict::Tolerate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::saturating_from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_ninth_invalid_message_within_ten_seconds_exceeds_the_limit() {
        let mut budget = ViolationBudget::default();
        for second in 0..8 {
            assert_eq!(budget.record(at(second)), Verdict::Tolerate);
        }
        assert_eq!(budget.record(at(9)), Verdict::Close);
    }

    #[test]
    fn an_invalid_message_counts_towards_the_limit_for_ten_seconds() {
        let mut budget = ViolationBudget::default();
        for second in 0..8 {
            budget.record(at(second));
        }
        assert_eq!(budget.record(at(10)), Verdict::Tolerate);
        assert_eq!(budget.record(at(10)), Verdict::Close);
        assert_eq!(budget.record(at(11)), Verdict::Tolerate);
    }

    #[test]
    fn a_clock_that_runs_backwards_removes_no_invalid_message_from_the_count() {
        let limit = ViolationLimit { count: 1, window: Duration::from_secs(1) };
        let mut budget = ViolationBudget::new(limit);
        assert_eq!(budget.record(at(5)), Verdict::Tolerate);
        assert_eq!(budget.record(at(0)), Verdict::Close);
    }

    #[test]
    fn a_limit_of_zero_is_exceeded_by_the_first_invalid_message() {
        let limit = ViolationLimit { count: 0, window: Duration::from_secs(1) };
        assert_eq!(ViolationBudget::new(limit).record(at(0)), Verdict::Close);
    }
}
