//! The sending half of a byte stream: it keeps bytes until they are acknowledged, and decides when they are sent and
//! resent (RFC 5681, 6298, 6582).

use core::time::Duration;
use std::collections::VecDeque;

use tickwire_core::time::Instant;

use super::rto::Rto;

/// Numbers bytes from 1, and the request to open with 0. The sender keeps each byte until the peer acknowledges it.
#[derive(Debug)]
pub(super) struct Sender {
    /// The largest payload of a segment, in bytes.
    segment: u64,
    capacity: usize,
    /// The bytes that are not acknowledged, both sent and unsent.
    bytes: VecDeque<u8>,
    /// The oldest number that is not acknowledged.
    unacked: u64,
    /// The number of the byte that is sent next. A timeout resets it to `unacked`.
    next: u64,
    /// The number after the highest byte that was ever sent.
    sent: u64,
    window: u64,
    threshold: u64,
    duplicates: u32,
    /// The number of the byte after the last byte of the current loss event. `is_recovering` remains `true` until the
    /// peer acknowledges this byte (RFC 6582).
    recover: u64,
    is_recovering: bool,
    /// `true` if the oldest segment must be resent immediately.
    resend: bool,
    rto: Rto,
    retransmit_at: Option<Instant>,
    /// The time since which the peer has acknowledged nothing new although bytes are unacknowledged.
    unanswered_since: Option<Instant>,
    resent: u64,
}

impl Sender {
    pub(super) fn new(segment: usize, capacity: usize) -> Self {
        let segment = segment as u64;
        Self {
            segment,
            capacity,
            bytes: VecDeque::new(),
            unacked: 0,
            next: 0,
            sent: 0,
            window: segment * INITIAL_SEGMENTS,
            threshold: u64::MAX,
            duplicates: 0,
            recover: 0,
            is_recovering: false,
            resend: false,
            rto: Rto::default(),
            retransmit_at: None,
            unanswered_since: None,
            resent: 0,
        }
    }

    /// Returns the number of bytes that the sender accepts now.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    /// Returns the number of segments that were resent.
    pub(super) const fn resent(&self) -> u64 {
        self.resent
    }

    /// Returns whether the peer has acknowledged the request to open.
    pub(super) const fn is_open(&self) -> bool {
        self.unacked > 0
    }

    /// Returns the number of the byte that is sent next.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Adds bytes to send. The sender keeps them until the peer acknowledges them.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Returns the next segment that may be sent: the number of its first byte, and its bytes. The segment with number
    /// 0 has no bytes.
    pub(super) fn poll_segment(&mut self, now: Instant) -> Option<(u64, Vec<u8>)> {
        let (first, length) = self.choose()?;
        let is_again = first < self.sent;
        if first == self.next {
            self.next = first + length;
        }
        self.sent = self.sent.max(first + length);
        self.resent += u64::from(is_again);
        self.retransmit_at.get_or_insert_with(|| now + self.rto.timeout());
        self.unanswered_since.get_or_insert(now);
        if first == 0 {
            return Some((0, Vec::new()));
        }
        let from = (first - self.base()) as usize;
        Some((first, self.bytes.range(from..from + length as usize).copied().collect()))
    }

    fn choose(&mut self) -> Option<(u64, u64)> {
        if core::mem::take(&mut self.resend) && self.sent > self.unacked {
            return Some((self.unacked, self.segment.min(self.sent - self.unacked)));
        }
        if self.next == 0 {
            return Some((0, 1));
        }
        let waiting = if self.is_open() { self.end().saturating_sub(self.next) } else { 0 };
        let length = waiting.min(self.segment);
        let in_flight = self.next - self.unacked;
        // No small segments because the window is nearly full.
        let fits = in_flight == 0 || in_flight + length <= self.window;
        (length > 0 && fits).then_some((self.next, length))
    }

    /// Handles an acknowledgement: the peer expects byte `ack` next. `is_bare` is `true` if the acknowledging segment carried no
    /// data. `rtt` is the round-trip time of the acknowledged segment.
    pub(super) fn on_ack(&mut self, now: Instant, ack: u64, is_bare: bool, rtt: Duration) {
        if ack > self.sent {
            return;
        }
        if ack > self.unacked {
            self.on_progress(now, ack, rtt);
        } else if ack == self.unacked && is_bare && self.sent > self.unacked {
            self.on_duplicate();
        }
    }

    fn on_progress(&mut self, now: Instant, ack: u64, rtt: Duration) {
        let acked = ack - self.unacked;
        self.bytes.drain(..(ack - self.base()) as usize);
        self.unacked = ack;
        self.next = self.next.max(ack);
        self.duplicates = 0;
        self.rto.on_sample(rtt);
        let awaits = self.sent > self.unacked;
        self.retransmit_at = awaits.then(|| now + self.rto.timeout());
        self.unanswered_since = awaits.then_some(now);
        if self.is_recovering && ack >= self.recover {
            // RFC 6582 3.2, step 3, the less bursty of its options.
            self.is_recovering = false;
            self.window = self.threshold.min((self.sent - ack).max(self.segment) + self.segment);
        } else if self.is_recovering {
            self.resend = true;
            self.window = self.window.saturating_sub(acked).max(self.segment) + self.segment;
        } else if self.window < self.threshold {
            self.window += acked.min(self.segment);
        } else {
            self.window += (self.segment * self.segment / self.window).max(1);
        }
        self.window = self.window.min(self.capacity as u64 * 2).max(self.segment);
    }

    fn on_duplicate(&mut self) {
        self.duplicates += 1;
        if self.is_recovering {
            self.window += self.segment;
        } else if self.duplicates == DUPLICATES && self.unacked >= self.recover {
            self.threshold = self.halved();
            self.window = self.threshold + u64::from(DUPLICATES) * self.segment;
            self.recover = self.sent;
            self.is_recovering = true;
            self.resend = true;
        }
    }

    /// Resends unacknowledged segments, the oldest first, if the timeout is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.retransmit_at.is_none_or(|at| at > now) {
            return;
        }
        self.retransmit_at = None;
        self.rto.back_off();
        self.threshold = self.halved();
        self.window = self.segment;
        self.recover = self.sent;
        self.is_recovering = false;
        self.duplicates = 0;
        self.next = self.unacked;
    }

    /// Returns the time at which [`Sender::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.retransmit_at.unwrap_or(Instant::MAX)
    }

    /// Returns the time since which the peer has acknowledged nothing although bytes are unacknowledged.
    pub(super) const fn unanswered_since(&self) -> Option<Instant> {
        self.unanswered_since
    }

    fn halved(&self) -> u64 {
        ((self.sent - self.unacked) / 2).max(self.segment * 2)
    }

    /// Returns the number of the first byte in the buffer.
    fn base(&self) -> u64 {
        self.unacked.max(1)
    }

    fn end(&self) -> u64 {
        self.base() + self.bytes.len() as u64
    }
}

/// The initial window, in segments (RFC 6928 section 2).
const INITIAL_SEGMENTS: u64 = 10;
const DUPLICATES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    /// Creates an open sender with segments of 100 bytes, and `bytes` bytes to send.
    fn sender(bytes: usize) -> Sender {
        let mut sender = Sender::new(100, 100_000);
        assert_eq!(sender.poll_segment(at(0)), Some((0, Vec::new())));
        sender.on_ack(at(100), 1, true, RTT);
        sender.push(&vec![7; bytes]);
        sender
    }

    fn burst(sender: &mut Sender, now: Instant) -> Vec<u64> {
        core::iter::from_fn(|| sender.poll_segment(now)).map(|(first, _)| first).collect()
    }

    #[test]
    fn a_stream_sends_no_data_before_its_open_request_is_answered() {
        let mut sender = Sender::new(100, 1000);
        sender.push(b"early");
        assert_eq!(burst(&mut sender, at(0)), [0]);
        sender.on_ack(at(100), 1, true, RTT);
        assert_eq!(sender.poll_segment(at(100)), Some((1, b"early".to_vec())));
    }

    #[test]
    fn in_slow_start_the_stream_congestion_window_grows_by_one_segment_per_ack() {
        let mut sender = sender(50_000);
        let first = burst(&mut sender, at(100));
        assert_eq!(first.len(), 10);
        for number in &first {
            sender.on_ack(at(200), number + 100, true, RTT);
        }
        assert_eq!(burst(&mut sender, at(200)).len(), 20);
    }

    #[test]
    fn three_duplicate_acks_resend_the_oldest_segment_once() {
        let mut sender = sender(50_000);
        burst(&mut sender, at(100));
        for _ in 0..3 {
            assert!(burst(&mut sender, at(200)).is_empty());
            sender.on_ack(at(200), 1, true, RTT);
        }
        assert_eq!(burst(&mut sender, at(200)), [1]);
        for _ in 0..7 {
            sender.on_ack(at(200), 1, true, RTT);
        }
        // Seven more have left the network: the window of 500 + 300 bytes is inflated to 1500.
        assert_eq!(burst(&mut sender, at(200)), [1001, 1101, 1201, 1301, 1401]);
        assert_eq!((sender.resent(), sender.threshold), (1, 500));
        sender.on_ack(at(300), sender.recover, true, RTT);
        assert!(!sender.is_recovering && sender.window <= 600);
    }

    #[test]
    fn a_partial_ack_in_recovery_resends_the_next_missing_segment() {
        let mut sender = sender(50_000);
        burst(&mut sender, at(100));
        for _ in 0..3 {
            sender.on_ack(at(200), 1, true, RTT);
        }
        assert_eq!(burst(&mut sender, at(200)), [1]);
        sender.on_ack(at(300), 301, true, RTT);
        assert_eq!(burst(&mut sender, at(300))[0], 301);
    }

    #[test]
    fn a_retransmission_timeout_resends_only_the_oldest_segment_and_doubles_the_timeout() {
        let mut sender = sender(1000);
        assert_eq!(burst(&mut sender, at(100)).len(), 10);
        assert_eq!(sender.poll_timeout(), at(1100));
        sender.handle_timeout(at(1100));
        assert_eq!(burst(&mut sender, at(1100)), [1]);
        assert_eq!(sender.poll_timeout(), at(3100), "backed off");
        // All but the first had come.
        sender.on_ack(at(1200), 1001, true, RTT);
        assert!(burst(&mut sender, at(1200)).is_empty());
        assert_eq!((sender.poll_timeout(), sender.unanswered_since()), (Instant::MAX, None));
        assert_eq!((sender.room(), sender.resent()), (100_000, 1));
    }

    #[test]
    fn an_ack_of_unsent_bytes_is_ignored() {
        let mut sender = sender(500);
        burst(&mut sender, at(100));
        sender.on_ack(at(150), 5000, true, RTT);
        assert_eq!(sender.room(), 100_000 - 500);
    }
}
