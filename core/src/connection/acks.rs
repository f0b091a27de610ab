//! When a receiver owes an acknowledgement: every third packet, after the delay, at once on a gap; never for
//! acknowledgements alone.

use crate::time::{Duration, Instant};
use crate::wire::AckRanges;

/// Packets that ask for an acknowledgement before one is sent at once.
const EVERY: u8 = 3;

/// The packets received, and what is owed for them.
#[derive(Debug, Default)]
pub(crate) struct AckTracker {
    ranges: AckRanges,
    largest_at: Instant,
    owed: u8,
    at_once: bool,
    due: Option<Instant>,
}

impl AckTracker {
    /// Notes an accepted packet. Only one that is `eliciting` makes an acknowledgement due.
    pub(crate) fn on_received(&mut self, now: Instant, number: u64, eliciting: bool, delay: Duration) {
        let expected = self.ranges.largest().map_or(0, |largest| largest.saturating_add(1));
        self.ranges.insert(number);
        if number >= expected {
            self.largest_at = now;
        }
        if !eliciting {
            return;
        }
        self.owed = self.owed.saturating_add(1);
        if self.owed >= EVERY || number != expected {
            self.at_once = true;
        } else if self.due.is_none() {
            self.due = Some(now + delay);
        }
    }

    /// Whether an acknowledgement has to leave now, in a packet of its own if need be.
    pub(crate) const fn is_due(&self) -> bool {
        self.at_once
    }

    /// Whether an acknowledgement should ride along with whatever leaves.
    pub(crate) const fn is_owed(&self) -> bool {
        self.owed > 0
    }

    /// When an acknowledgement that is held back has to leave.
    pub(crate) const fn due(&self) -> Option<Instant> {
        if self.at_once { None } else { self.due }
    }

    /// The time has come.
    pub(crate) const fn on_timeout(&mut self) {
        if self.owed > 0 {
            self.at_once = true;
        }
    }

    /// What to report: the ranges, and when the largest arrived.
    pub(crate) const fn report(&self) -> (&AckRanges, Instant) {
        (&self.ranges, self.largest_at)
    }

    /// An acknowledgement left.
    pub(crate) const fn on_sent(&mut self) {
        self.owed = 0;
        self.at_once = false;
        self.due = None;
    }

    /// The peer heard our acknowledgement up to `number`: no need to repeat what lies below.
    pub(crate) fn on_heard(&mut self, number: u64) {
        if self.ranges.largest().is_some_and(|largest| largest > number) {
            self.ranges.remove_below(number.saturating_add(1));
        }
    }
}
