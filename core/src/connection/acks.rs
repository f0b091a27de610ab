//! The times at which a receiver must acknowledge: at every third packet, after the ACK delay, and at once if a packet is
//! missing or the delay is zero. Packets that contain only acknowledgements are not acknowledged. The receiver does not
//! acknowledge a third packet at once if it will probably send a packet soon, which can carry the ACK frame.

use crate::limits;
use crate::time::{Instant, Span};
use crate::wire::AckRanges;

/// The number of ack-eliciting packets after which a receiver sends an ACK at once.
const EVERY: u8 = 3;
/// The number of ack-eliciting packets after which a receiver sends an ACK at once, if it will probably send a packet soon,
/// which can carry the ACK.
const EVERY_PATIENT: u8 = 2 * EVERY;
/// The smallest number of later packets, and the shortest time, for which ACK frames report a received packet. A peer that
/// has no data to send never confirms a report. Reports must end nevertheless, or ACK frames would grow with every loss.
const REPEATED_PACKETS: u64 = 63;
const REPEATED_FOR: Span = Span::from_secs(1);
/// The smallest number of ACK frames that report a packet, regardless of their ranges, because any ACK frame can be lost.
const TOLD: usize = 8;
/// The number of ranges that an idle receiver reports. No further packets arrive that would make it drop these ranges.
const RANGES_AT_REST: usize = 4;

/// The received packets, and the acknowledgement that the receiver owes for them.
#[derive(Debug, Default)]
pub(crate) struct AckTracker {
    ranges: AckRanges,
    largest_at: Instant,
    owed: u8,
    at_once: bool,
    due: Option<Instant>,
    /// A packet number, and the time at which this number was the largest. Once the time is long ago, ACK frames have
    /// reported the lower packets often enough.
    milestone: (u64, Instant),
    /// For each of the latest ACK frames, newest first: the packet number below which the frame reported all received
    /// packets.
    told: [u64; TOLD],
}

impl AckTracker {
    /// Records an accepted packet that requests no acknowledgement.
    pub(crate) fn on_silent(&mut self, now: Instant, number: u64) {
        self.insert(now, number);
    }

    /// Records an accepted packet that requests an acknowledgement within `delay`. `is_patient` is `true` if this end will
    /// probably send a packet soon.
    pub(crate) fn on_eliciting(
        &mut self,
        now: Instant,
        number: u64,
        delay: Span,
        is_patient: impl FnOnce() -> bool,
    ) {
        let is_next = self.insert(now, number);
        self.owed = self.owed.saturating_add(1);
        let is_enough = self.owed >= EVERY && (self.owed >= EVERY_PATIENT || !is_patient());
        if is_enough || !is_next || delay.is_zero() {
            self.at_once = true;
        } else if self.due.is_none() {
            self.due = Some(now + delay);
        }
    }

    /// Records `number`. Returns `true` if `number` directly follows the largest number so far.
    fn insert(&mut self, now: Instant, number: u64) -> bool {
        let expected = self.ranges.largest().map_or(0, |largest| largest.saturating_add(1));
        self.ranges.insert(number);
        if number >= expected {
            self.largest_at = now;
            self.forget_old(now, number);
        } else {
            // No acknowledgement told of this one.
            self.told = self.told.map(|told| told.min(number));
        }
        if self.ranges.len() > limits::ACK_RANGES {
            self.thin_out();
        }
        number == expected
    }

    fn forget_old(&mut self, now: Instant, largest: u64) {
        let (number, since) = self.milestone;
        if largest.saturating_sub(number) >= REPEATED_PACKETS && now.since(since) >= REPEATED_FOR {
            if self.told_below() <= number {
                // Acknowledgements wait, for the credit of a link perhaps.
                return;
            }
            self.ranges.remove_below(number);
            self.milestone = (largest, now);
        }
    }

    /// Returns the packet number below which the latest ACK frame reported all received packets.
    const fn told_below(&self) -> u64 {
        let [latest, ..] = self.told;
        latest
    }

    /// Drops the oldest ranges beyond [`limits::ACK_RANGES`] if ACK frames have reported these ranges often enough.
    fn thin_out(&mut self) {
        let [.., often] = self.told;
        self.ranges.thin_out(often, limits::ACK_RANGES);
    }

    /// Releases unused memory. The peer has sent nothing but heartbeats for seconds, so it needs no report of earlier
    /// packets any more: it was told of them, or it has resent their content.
    pub(crate) fn rest(&mut self) {
        self.ranges.thin_out(u64::MAX, RANGES_AT_REST);
        self.ranges.shrink();
    }

    /// Returns `true` if an ACK must be sent now, if necessary in a packet of its own.
    pub(crate) const fn is_due(&self) -> bool {
        self.at_once
    }

    /// Returns `true` if a packet that leaves now should carry an ACK, although another packet will probably leave at
    /// `next`. The packet carries the ACK if enough packets have arrived, or if the ACK is due before `next` and would
    /// need a packet of its own. Otherwise the ACK waits and covers more packets, because the peer spends more time on
    /// an ACK than on a message.
    pub(crate) fn rides(&self, next: impl FnOnce() -> Instant) -> bool {
        self.at_once || self.owed >= EVERY || self.due.is_some_and(|due| due <= next())
    }

    /// Returns the time at which a delayed ACK must be sent.
    pub(crate) const fn due(&self) -> Option<Instant> {
        if self.at_once { None } else { self.due }
    }

    /// Makes a delayed ACK due, because its delay has ended.
    pub(crate) const fn on_timeout(&mut self) {
        if self.owed > 0 {
            self.at_once = true;
        }
    }

    /// Returns the ranges to report, and the arrival time of the largest packet.
    pub(crate) const fn report(&self) -> (&AckRanges, Instant) {
        (&self.ranges, self.largest_at)
    }

    /// Records that this end sent an ACK that reports the packets received from `lowest` on.
    pub(crate) fn on_sent(&mut self, lowest: u64) {
        self.owed = 0;
        self.at_once = false;
        self.due = None;
        if self.ranges.lowest().is_some_and(|kept| kept < lowest)
            && self.ranges.largest_below(lowest).is_some_and(|left_out| left_out >= self.told_below())
        {
            // There was no room for all of what is new.
            return;
        }
        self.told.rotate_right(1);
        let [latest, ..] = &mut self.told;
        *latest = self.ranges.largest().map_or(0, |largest| largest.saturating_add(1));
        if self.ranges.len() > limits::ACK_RANGES {
            self.thin_out();
        }
    }

    /// Records that the peer received our ACK up to packet `number`. Later ACKs need not repeat the packets below `number`,
    /// except packets that arrived after that ACK.
    pub(crate) fn on_heard(&mut self, number: u64) {
        if self.ranges.largest().is_some_and(|largest| largest > number) {
            self.ranges.remove_below(number.saturating_add(1).min(self.told_below()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unacknowledged_ack_ranges_are_dropped_only_after_a_second_and_63_packets() {
        let mut acks = AckTracker::default();
        let mut now = Instant::ZERO;
        for number in (0..10_000u64).filter(|number| number % 10 != 0) {
            now += Span::from_millis(5);
            acks.on_eliciting(now, number, Span::from_millis(50), || false);
            acks.on_sent(0);
            // 200 packets a second: what is 200 numbers old is a second old.
            let recent = (number.saturating_sub(200)..=number).filter(|number| number % 10 != 0);
            assert!(recent.into_iter().all(|number| acks.ranges.contains(number)), "{number}");
            assert!(acks.ranges.iter().all(|range| *range.end() + 400 > number), "{number}");
        }
    }

    #[test]
    fn ack_ranges_of_a_burst_are_kept_for_at_least_a_second_and_63_more_packets() {
        let mut acks = AckTracker::default();
        let mut now = Instant::ZERO + Span::from_secs(9);
        for number in 0..1000 {
            acks.on_eliciting(now, number, Span::from_millis(50), || false);
            acks.on_sent(0);
        }
        // The milestone was set by the 63rd packet: another second, and 63 more.
        now += Span::from_millis(999);
        for number in 1000..1060 {
            acks.on_eliciting(now, number, Span::from_millis(50), || false);
        }
        assert!((63..1060).all(|number| acks.ranges.contains(number)));
    }

    #[test]
    fn ack_ranges_that_no_ack_has_reported_are_kept_for_ten_seconds() {
        let mut acks = AckTracker::default();
        let mut now = Instant::ZERO;
        for number in 0..1000 {
            now += Span::from_millis(10);
            acks.on_eliciting(now, number, Span::from_millis(50), || false);
        }
        assert!((0..1000).all(|number| acks.ranges.contains(number)));
        acks.on_sent(0);
        for number in 1000..1090 {
            now += Span::from_millis(10);
            acks.on_eliciting(now, number, Span::from_millis(50), || false);
        }
        assert!((63..1090).all(|number| acks.ranges.contains(number)), "it is repeated for a second");
    }
}
