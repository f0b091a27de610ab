//! Explicit congestion notification (RFC 3168): the receiver's counts, and the validation of these counts by the sender
//! (RFC 9000 section 13.4.2).

use crate::address::Ecn;
use crate::wire::ack::EcnCounts;

/// The number of packets that are sent with ECT(0) on an unknown path (RFC 9000 appendix A.4).
const TESTING: u64 = 10;
/// The number of packets with ECN bits up to which every acknowledgement reports the counts, because the sender still
/// tests the path.
const FIRST_REPORTS: u64 = 64;
/// The number of acknowledgements that report a CE mark, because each of them can be lost.
const REPEATED: u8 = 8;

/// Counts the received packets by their ECN bits, and decides whether the sender needs a report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MarksSeen {
    counts: EcnCounts,
    /// The number of packets counted when the sender most recently began to test a path.
    before: u64,
    /// The number of acknowledgements that must still report the latest mark.
    news: u8,
}

impl MarksSeen {
    /// Records an authentic packet with these bits. Returns `true` if the path reports congestion.
    pub(crate) const fn on_received(&mut self, ecn: Ecn) -> bool {
        match ecn {
            // Nobody sends ECT(1): it is not counted, and the sender finds the path at fault.
            Ecn::NotCapable | Ecn::Capable1 => false,
            Ecn::Capable0 => {
                self.counts.capable += 1;
                false
            }
            Ecn::CongestionExperienced => {
                self.counts.experienced += 1;
                self.news = REPEATED;
                true
            }
        }
    }

    const fn all(&self) -> u64 {
        self.counts.capable + self.counts.experienced
    }

    /// Records a challenge of the sender, which may be about to migrate to another path and to test that path.
    pub(crate) const fn on_challenge(&mut self) {
        self.before = self.all();
    }

    /// Returns the counts that the next acknowledgement reports, or `None` if no report is needed.
    pub(crate) const fn report(&self) -> Option<EcnCounts> {
        let fresh = self.all() - self.before;
        if fresh != 0 && fresh <= FIRST_REPORTS || self.news > 0 { Some(self.counts) } else { None }
    }

    /// Records that an acknowledgement with the counts was sent.
    pub(crate) const fn on_reported(&mut self) {
        self.news = self.news.saturating_sub(1);
    }
}

/// The state of ECN on a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum EcnState {
    /// Fewer than ten packets were sent on the path. They carry ECT(0).
    Testing,
    /// The first ten packets carried ECT(0). Later packets carry no ECN bits until one of the ten is acknowledged.
    Unknown,
    /// All packets carry ECT(0), and CE marks count as congestion.
    Capable,
    /// The path clears the ECN bits, or the peer or the driver does not support them, so packets carry no ECN bits.
    Failed,
}

/// Decides which packets carry ECT(0), and accepts the peer's counts only if they can be true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marking {
    state: EcnState,
    /// The first packet that carried ECT(0) as a test, and the first packet after the test that did not carry ECT(0).
    tested_from: u64,
    tested_until: u64,
    /// The packet number from which on every packet carries ECT(0).
    marked_from: u64,
    reported: EcnCounts,
    /// The number of packets with ECT(0) that were acknowledged since the latest report of the counts.
    unreported: u64,
    /// The number of lost packets of the test.
    lost: u64,
}

impl Marking {
    /// Creates the state of a path whose first packet is `next`.
    pub(crate) const fn new(next: u64) -> Self {
        Self {
            state: EcnState::Testing,
            tested_from: next,
            tested_until: next,
            marked_from: u64::MAX,
            reported: EcnCounts { capable: 0, experienced: 0 },
            unreported: 0,
            lost: 0,
        }
    }

    /// Creates the state of a link, whose datagrams have no ECN bits.
    pub(crate) const fn none() -> Self {
        let mut none = Self::new(0);
        none.state = EcnState::Failed;
        none
    }

    /// Restarts the test after the peer migrated. Packet `next` and the packets after it test the new path.
    pub(crate) const fn restart(&mut self, next: u64) {
        let reported = self.reported;
        *self = Self::new(next);
        self.reported = reported;
    }

    /// Returns the ECN bits of the next packet.
    pub(crate) const fn next(&self) -> Ecn {
        match self.state {
            EcnState::Testing | EcnState::Capable => Ecn::Capable0,
            EcnState::Unknown | EcnState::Failed => Ecn::NotCapable,
        }
    }

    /// Records that packet `number` is sent, and returns the ECN bits of the packet.
    pub(crate) const fn on_sent(&mut self, number: u64) -> Ecn {
        let bits = self.next();
        if matches!(self.state, EcnState::Testing) {
            self.tested_until = number + 1;
            if self.tested_until - self.tested_from >= TESTING {
                self.state = EcnState::Unknown;
            }
        }
        bits
    }

    const fn is_marked(&self, number: u64) -> bool {
        number >= self.marked_from || number >= self.tested_from && number < self.tested_until
    }

    /// Records the first acknowledgement of packet `number`. [`Marking::on_ack`] follows.
    pub(crate) const fn on_acked(&mut self, number: u64) {
        if self.is_marked(number) {
            self.unreported += 1;
        }
    }

    /// Records that packet `number` was lost.
    pub(crate) const fn on_lost(&mut self, number: u64) {
        if number >= self.tested_from && number < self.tested_until {
            self.lost += 1;
            // A path that swallows such packets swallows all of them.
            if matches!(self.state, EcnState::Unknown) && self.lost >= TESTING {
                self.state = EcnState::Failed;
            }
        }
    }

    /// Processes the `counts` of an ACK frame. The next packet to send is `next`. `is_newest` is `true` if the frame
    /// acknowledges a larger packet number than all earlier frames. Returns `true` if the path marked packets since the
    /// previous report.
    pub(crate) fn on_ack(&mut self, counts: Option<EcnCounts>, is_newest: bool, next: u64) -> bool {
        if self.state == EcnState::Failed {
            return false;
        }
        let Some(counts) = counts else {
            // A receiver that sees the bits reports the first of them without fail.
            if self.state != EcnState::Capable && self.unreported > 0 {
                self.state = EcnState::Failed;
            }
            return false;
        };
        // Reports that overtook each other say less than was known.
        if !is_newest {
            return false;
        }
        let capable = counts.capable.checked_sub(self.reported.capable);
        let experienced = counts.experienced.checked_sub(self.reported.experienced);
        let (Some(capable), Some(experienced)) = (capable, experienced) else {
            self.state = EcnState::Failed;
            return false;
        };
        if capable.saturating_add(experienced) < self.unreported {
            // Bits were cleared, or turned into ECT(1).
            self.state = EcnState::Failed;
            return false;
        }
        if self.unreported > 0 && self.state != EcnState::Capable {
            self.state = EcnState::Capable;
            self.marked_from = next;
        }
        self.reported = counts;
        self.unreported = 0;
        experienced > 0
    }

    /// Returns `true` if CE marks count as congestion.
    pub(crate) const fn is_capable(&self) -> bool {
        matches!(self.state, EcnState::Capable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(capable: u64, experienced: u64) -> Option<EcnCounts> {
        Some(EcnCounts { capable, experienced })
    }

    /// Returns a marking that has sent packets 0 to 9 as a test, of which the first two are acknowledged.
    fn tested() -> Marking {
        let mut marking = Marking::new(0);
        for number in 0..12 {
            let bits = if number < 10 { Ecn::Capable0 } else { Ecn::NotCapable };
            assert_eq!(marking.on_sent(number), bits, "{number}");
        }
        marking.on_acked(0);
        marking.on_acked(1);
        marking
    }

    #[test]
    fn every_packet_carries_ecn_bits_after_ten_test_packets_arrived_with_ecn_bits() {
        let mut marking = tested();
        assert!(!marking.on_ack(counts(2, 0), true, 12));
        assert!(marking.is_capable());
        assert_eq!(marking.on_sent(12), Ecn::Capable0);
        // Packets 10 and 11 carried none: nobody misses them.
        marking.on_acked(10);
        marking.on_acked(12);
        assert!(!marking.on_ack(counts(3, 0), true, 13));
        assert!(marking.is_capable());
    }

    #[test]
    fn each_ecn_mark_is_counted_once_and_only_from_the_newest_acknowledgement() {
        let mut marking = tested();
        assert!(marking.on_ack(counts(1, 1), true, 12));
        marking.on_acked(2);
        assert!(!marking.on_ack(counts(0, 1), false, 12));
        assert!(!marking.on_ack(counts(2, 1), true, 12));
        assert!(marking.is_capable());
    }

    #[test]
    fn a_path_that_clears_the_ecn_bits_fails_the_ecn_validation() {
        for report in [None, counts(1, 0), counts(0, 1)] {
            let mut marking = tested();
            assert!(!marking.on_ack(report, true, 12), "{report:?}");
            assert_eq!((marking.is_capable(), marking.next()), (false, Ecn::NotCapable));
        }
    }

    #[test]
    fn ecn_counts_that_decrease_fail_the_ecn_validation() {
        let mut marking = tested();
        marking.on_ack(counts(2, 1), true, 12);
        assert!(!marking.on_ack(counts(3, 0), true, 13));
        assert!(!marking.is_capable());
    }

    #[test]
    fn a_path_that_drops_ecn_capable_packets_fails_the_ecn_validation() {
        let mut marking = Marking::new(5);
        (5..15).for_each(|number| assert_eq!(marking.on_sent(number), Ecn::Capable0));
        (5..15).for_each(|number| marking.on_lost(number));
        marking.on_sent(15);
        marking.on_acked(15);
        assert!(!marking.on_ack(None, true, 16));
        assert_eq!(marking.next(), Ecn::NotCapable);
        assert_eq!(marking.state, EcnState::Failed);
    }

    #[test]
    fn an_ack_without_ecn_counts_keeps_a_path_ecn_capable() {
        let mut marking = tested();
        marking.on_ack(counts(2, 0), true, 12);
        marking.on_sent(12);
        marking.on_acked(12);
        assert!(!marking.on_ack(None, true, 13));
        assert!(marking.is_capable());
        // Packets acknowledged meanwhile have to show in the next counts, marked or not.
        let mut other = marking;
        assert!(marking.on_ack(counts(2, 1), true, 13));
        assert!(marking.is_capable());
        assert!(!other.on_ack(counts(2, 0), true, 13));
        assert!(!other.is_capable());
    }

    #[test]
    fn ecn_validation_on_a_new_path_continues_from_the_earlier_ecn_counts() {
        let mut marking = tested();
        marking.on_ack(counts(2, 1), true, 12);
        marking.restart(12);
        assert!(!marking.is_capable());
        marking.on_sent(12);
        marking.on_acked(12);
        assert!(!marking.on_ack(counts(3, 1), true, 13));
        assert!(marking.is_capable());
    }

    #[test]
    fn acks_carry_ecn_counts_only_for_the_first_64_packets_and_eight_times_after_a_new_mark() {
        let mut seen = MarksSeen::default();
        assert_eq!(seen.report(), None);
        for number in 1..=FIRST_REPORTS {
            assert!(!seen.on_received(Ecn::Capable0));
            assert_eq!(seen.report(), counts(number, 0));
        }
        seen.on_received(Ecn::Capable0);
        assert_eq!(seen.report(), None);
        assert!(seen.on_received(Ecn::CongestionExperienced));
        for _ in 0..REPEATED {
            assert_eq!(seen.report(), counts(FIRST_REPORTS + 1, 1));
            seen.on_reported();
        }
        assert_eq!(seen.report(), None);
    }

    #[test]
    fn after_a_path_challenge_acks_report_ecn_counts_again() {
        let mut seen = MarksSeen::default();
        (0..200).for_each(|_| assert!(!seen.on_received(Ecn::Capable0)));
        assert_eq!(seen.report(), None);
        seen.on_challenge();
        seen.on_received(Ecn::Capable0);
        assert_eq!(seen.report(), counts(201, 0));
        (0..64).for_each(|_| assert!(!seen.on_received(Ecn::Capable0)));
        assert_eq!(seen.report(), None);
    }

    #[test]
    fn packets_without_ecn_bits_or_with_ect_1_are_not_counted() {
        let mut seen = MarksSeen::default();
        seen.on_received(Ecn::NotCapable);
        seen.on_received(Ecn::Capable1);
        assert_eq!(seen.report(), None);
    }
}
