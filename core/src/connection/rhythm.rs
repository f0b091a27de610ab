//! The interval at which an end sends packets that request an acknowledgement. A game sends such packets at each tick.

use crate::time::{Instant, Span};

/// How late a packet may be and still be waited for, as a part of the gap before it.
const LATE: u32 = 2;

/// When the last packet left, and how long after the one before it. Packets that leave together count as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rhythm {
    last: Instant,
    gap: Span,
}

impl Rhythm {
    /// A packet leaves.
    pub(crate) fn on_sent(&mut self, now: Instant) {
        if self.last != now {
            self.gap = now.since(self.last);
            self.last = now;
        }
    }

    /// Whether another packet is likely to leave soon, with no more than `most` between packets.
    pub(crate) fn goes_on(&self, now: Instant, most: Span) -> bool {
        self.gap <= most && now < self.last + self.gap + self.gap / LATE
    }

    /// When the packet after one that leaves at `now` is likely to leave.
    pub(crate) fn next_after(&self, now: Instant) -> Instant {
        let gap = if self.last < now { now.since(self.last) } else { self.gap };
        now + gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn a_regular_send_interval_counts_as_ended_when_a_packet_is_half_an_interval_late() {
        let mut rhythm = Rhythm::default();
        let most = Span::from_millis(50);
        assert!(!rhythm.goes_on(at(0), most));
        for ms in [0, 0, 16, 16, 32] {
            rhythm.on_sent(at(ms));
        }
        assert!(rhythm.goes_on(at(55), most) && !rhythm.goes_on(at(56), most));
        assert!(!rhythm.goes_on(at(33), Span::from_millis(15)));
        assert_eq!(rhythm.next_after(at(32)), at(48));
        assert_eq!(rhythm.next_after(at(60)), at(88));
    }
}
