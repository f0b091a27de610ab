//! The interval at which an end sends packets that request an acknowledgement. A game sends such packets at each tick.

use crate::time::{Instant, Span};

/// The time by which a packet may be late and is still expected, as the divisor of the gap before it.
const LATE: u32 = 2;

/// The time at which the latest packet was sent, and the gap to the packet before it. Packets that leave together
/// count as one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rhythm {
    last: Instant,
    gap: Span,
}

impl Rhythm {
    /// Records that a packet is sent.
    pub(crate) fn on_sent(&mut self, now: Instant) {
        if self.last != now {
            self.gap = now.since(self.last);
            self.last = now;
        }
    }

    /// Returns `true` if another packet will probably leave soon, and the gap between packets is at most `most`.
    pub(crate) fn goes_on(&self, now: Instant, most: Span) -> bool {
        self.gap <= most && now < self.last + self.gap + self.gap / LATE
    }

    /// Returns the time at which the packet after a packet that leaves at `now` will probably leave.
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
