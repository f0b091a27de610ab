//! The rule by which a packet is declared lost: three later packets are acknowledged, or 9/8 of an RTT has passed (RFC
//! 9002 section 6.1).

use super::sent::SentPackets;
use crate::time::{Instant, Span};

/// The verdict on one packet that is not acknowledged although a later packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LossVerdict {
    Lost,
    /// The packet is lost at this time, unless it is acknowledged before.
    LostAt(Instant),
}

/// Judges the packet `number`, sent at `sent_at`, if `largest_acked` is the largest acknowledged packet number. The packet
/// is lost if the peer acknowledged a packet that is later by the packet threshold, or if the loss delay has passed since
/// the packet was sent.
pub(crate) fn judge(
    now: Instant,
    number: u64,
    sent_at: Instant,
    largest_acked: u64,
    (threshold, loss_delay): (u64, Span),
) -> LossVerdict {
    let lost_at = sent_at + loss_delay;
    if largest_acked.saturating_sub(number) >= threshold || lost_at <= now {
        LossVerdict::Lost
    } else {
        LossVerdict::LostAt(lost_at)
    }
}

/// Calls `lost` for each packet below `largest_acked` that counts as lost, and returns the time at which the next packet
/// counts as lost.
pub(crate) fn detect(
    now: Instant,
    sent: &mut SentPackets,
    largest_acked: u64,
    thresholds: (u64, Span),
    mut lost: impl FnMut(&mut SentPackets, u64),
) -> Option<Instant> {
    let mut next: Option<Instant> = None;
    for number in sent.unsettled_below(largest_acked) {
        let Some(sent_at) = sent.sent_at(number) else { continue };
        match judge(now, number, sent_at, largest_acked, thresholds) {
            LossVerdict::Lost => lost(sent, number),
            LossVerdict::LostAt(at) => next = Some(next.map_or(at, |earlier| earlier.min(at))),
        }
    }
    next
}

/// The longest wait for the first probe: this time in µs, or the given number of the path's least RTTs if they take longer.
const FIRST_PROBE_MOST_US: u64 = 2_000_000;
const FIRST_PROBE_ROUND_TRIPS: u64 = 4;

/// Returns the first probe timeout in µs: `timeout_us` (RFC 9002 section 6.2.1), but at most two seconds, or four of the
/// path's least RTTs if they take longer. A queue of many seconds would raise the timeout to minutes. For that time the
/// sender would not detect that the path dropped the queue, and a probe that was not needed costs less.
pub(crate) fn first_probe_us(timeout_us: u64, least_rtt_us: Option<u64>) -> u64 {
    let most =
        least_rtt_us.map(|least| least.saturating_mul(FIRST_PROBE_ROUND_TRIPS).max(FIRST_PROBE_MOST_US));
    timeout_us.min(most.unwrap_or(u64::MAX))
}

/// Returns the wait for an acknowledgement before the next probe: `base`, doubled for each unanswered probe.
///
/// While reliable data waits, the back-off is at most max(500 ms, 2 RTT), so that the sender soon detects that the path
/// works again. Otherwise the back-off is at most a third of `patience`, because several probes must fit into the rest of
/// the idle timeout, and at least four times `base`, so that probes of a slow path are not sent at a constant pace. `base`
/// itself is never shortened.
pub(crate) fn probe_interval(
    base: Span,
    probes: u32,
    rtt: Span,
    reliable_waits: bool,
    patience: Span,
) -> Span {
    let backed_off = base.saturating_mul(1u32.checked_shl(probes.min(16)).unwrap_or(u32::MAX));
    let cap = if reliable_waits {
        Span::from_millis(500).max(rtt.saturating_mul(2))
    } else {
        (patience / 3).max(base.saturating_mul(4))
    };
    backed_off.min(cap).max(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Instant {
        Instant::saturating_from_micros(ms * 1000)
    }

    const RTT: Span = Span::from_millis(100);

    #[test]
    fn a_packet_is_declared_lost_at_the_packet_threshold_of_three_or_after_the_time_threshold() {
        assert_eq!(judge(at(10), 0, at(0), 3, (3, RTT)), LossVerdict::Lost);
        assert_eq!(judge(at(10), 1, at(0), 3, (3, RTT)), LossVerdict::LostAt(at(100)));
        assert_eq!(judge(at(100), 1, at(0), 3, (3, RTT)), LossVerdict::Lost);
    }

    #[test]
    fn loss_detection_reports_the_earliest_time_of_a_pending_loss() {
        let mut sent = SentPackets::default();
        for ms in 0..5 {
            sent.record(at(ms), 100, true);
        }
        sent.settle(4);
        let mut lost = alloc::vec::Vec::new();
        let next = detect(at(5), &mut sent, 4, (3, RTT), |sent, number| {
            sent.settle(number);
            lost.push(number);
        });
        assert_eq!((lost.as_slice(), next), ([0, 1].as_slice(), Some(at(102))));
    }

    #[test]
    fn the_first_pto_is_capped_at_two_seconds_or_four_minimum_rtts_whichever_is_longer() {
        let wait = |timeout: u64, least: Option<u64>| {
            first_probe_us(timeout * 1000, least.map(|ms| ms * 1000)) / 1000
        };
        assert_eq!(wait(30_000, Some(40)), 2000);
        assert_eq!(wait(30_000, Some(3000)), 12_000);
        assert_eq!(wait(300, Some(40)), 300);
        assert_eq!(wait(30_000, None), 30_000);
    }

    #[test]
    fn the_pto_backoff_is_capped_at_500_ms_while_reliable_data_waits() {
        let patience = Span::from_secs(6);
        let interval = |base, probes, waits| probe_interval(base, probes, RTT, waits, patience);
        let base = Span::from_millis(150);
        assert_eq!(interval(base, 0, true), base);
        assert_eq!(interval(base, 10, true), Span::from_millis(500));
        assert_eq!(interval(base, 3, false), Span::from_millis(1200));
        assert_eq!(interval(base, 10, false), Span::from_secs(2));
        let slow = Span::from_secs(3);
        assert_eq!(interval(slow, 5, true), slow);
        assert_eq!(
            [0, 1, 2, 3, 9]
                .map(|probes| interval(slow, probes, false) / 3)
                .map(|wait| wait.duration().as_secs()),
            [1, 2, 4, 4, 4]
        );
    }
}
