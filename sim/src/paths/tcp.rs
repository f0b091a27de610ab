//! A TCP sender and receiver that compete with other flows: NewReno (RFC 5681, RFC 6582) with simplified selective
//! acknowledgements. The model counts in segments, has no handshake, and carries no real data.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::address::{Address, Ecn};
use tickwire_core::time::Instant;

use super::flow::Source;
use crate::host::Outgoing;

/// The size of a segment on the wire, in bytes.
const SEGMENT: usize = 1200;
const INITIAL_WINDOW: u64 = 10;
const LEAST_TIMEOUT: Duration = Duration::from_millis(200);
const DUPLICATES: u64 = 3;

/// The sending end of a TCP flow.
#[derive(Debug)]
pub(super) struct TcpSender {
    to: SocketAddr,
    active: bool,
    /// The number of segments in one transfer, and the pause after it. `None` for an endless transfer.
    transfer: Option<(u64, Duration)>,
    /// The number of segments that may be sent so far, in all transfers together.
    limit: u64,
    /// The time at which the next transfer begins.
    resumes_at: Option<Instant>,
    /// The lowest number of a segment that is not acknowledged.
    acked: u64,
    next: u64,
    /// The segments above `acked` that arrived.
    sacked: BTreeSet<u64>,
    lost: BTreeSet<u64>,
    /// The resent segments. Each has the number of the first segment that was newly sent after it.
    resent: BTreeMap<u64, u64>,
    /// The congestion window, in thousandths of a segment.
    window: u64,
    threshold: u64,
    /// The end of the latest loss event. Losses below this segment do not reduce the window again.
    recover: u64,
    smoothed_us: u64,
    timed: Option<(u64, Instant)>,
    timeout: Option<Instant>,
    back_off: u32,
}

impl TcpSender {
    pub(super) fn new(to: SocketAddr, source: Source) -> Self {
        let transfer = match source {
            Source::ShortTcp { bytes, pause } => Some((bytes.div_ceil(SEGMENT as u64), pause)),
            _ => None,
        };
        Self {
            to,
            active: false,
            transfer,
            limit: transfer.map_or(u64::MAX, |(segments, _)| segments),
            resumes_at: None,
            acked: 0,
            next: 0,
            sacked: BTreeSet::new(),
            lost: BTreeSet::new(),
            resent: BTreeMap::new(),
            window: INITIAL_WINDOW * 1000,
            threshold: u64::MAX,
            recover: 0,
            smoothed_us: 0,
            timed: None,
            timeout: None,
            back_off: 0,
        }
    }

    pub(super) const fn set_active(&mut self, active: bool) {
        self.active = active;
    }

    /// Returns the number of bytes that may be in flight.
    pub(super) const fn window(&self) -> u64 {
        self.window * SEGMENT as u64 / 1000
    }

    /// Returns the smoothed round-trip time, which is zero before the first measurement.
    pub(super) const fn rtt(&self) -> Duration {
        Duration::from_micros(self.smoothed_us)
    }

    fn in_flight(&self) -> u64 {
        (self.next - self.acked) - self.sacked.len() as u64 - self.lost.len() as u64
    }

    fn retransmission_timeout(&self) -> Duration {
        let base = Duration::from_micros(self.smoothed_us * 2).max(LEAST_TIMEOUT);
        base * 2u32.pow(self.back_off.min(6))
    }

    pub(super) fn on_ack(&mut self, now: Instant, bytes: &[u8]) {
        let (Some(cumulative), Some(latest)) = (number(bytes, 0), number(bytes, 8)) else { return };
        if let Some((_, sent_at)) = self.timed.filter(|(segment, _)| latest >= *segment) {
            let sample = (now - sent_at).as_micros() as u64;
            let is_first = self.smoothed_us == 0;
            self.smoothed_us = if is_first { sample } else { (self.smoothed_us * 7 + sample) / 8 };
            self.timed = None;
        }
        let before = self.in_flight();
        if latest >= self.acked && latest < self.next {
            self.sacked.insert(latest);
            self.lost.remove(&latest);
        }
        if cumulative > self.acked {
            self.acked = cumulative;
            self.sacked = self.sacked.split_off(&cumulative);
            self.lost = self.lost.split_off(&cumulative);
            self.resent = self.resent.split_off(&cumulative);
            self.back_off = 0;
            self.timeout = (self.next > self.acked).then(|| now + self.retransmission_timeout());
        }
        self.find_losses(latest);
        let newly = before.saturating_sub(self.in_flight());
        if self.acked >= self.recover && newly > 0 {
            let window = self.window;
            self.window += if window < self.threshold { 1000 * newly } else { 1_000_000 * newly / window };
        }
        if self.acked == self.limit && self.resumes_at.is_none() {
            self.resumes_at = self.transfer.map(|(_, pause)| now + pause);
        }
    }

    /// Declares a segment lost if three segments that were sent after it have arrived.
    fn find_losses(&mut self, latest: u64) {
        let above = self.sacked.iter().rev().nth(DUPLICATES as usize - 1).copied();
        let Some(above) = above.filter(|_| latest >= self.acked) else { return };
        // Each with what had been sent when it left last.
        let holes: Vec<(u64, u64)> = (self.acked..above)
            .filter(|segment| !self.sacked.contains(segment) && !self.lost.contains(segment))
            .map(|segment| (segment, self.resent.get(&segment).copied().unwrap_or(segment)))
            .filter(|(_, left_at)| *left_at <= above)
            .collect();
        self.lost.extend(holes.iter().map(|(segment, _)| segment));
        if holes.iter().any(|(_, left_at)| *left_at >= self.recover) {
            self.recover = self.next;
            self.threshold = (self.window / 2).max(2000);
            self.window = self.threshold;
        }
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.resumes_at.is_some_and(|at| at <= now) {
            self.resumes_at = None;
            let (segments, _) = self.transfer.unwrap_or_default();
            self.limit += segments;
            (self.window, self.threshold) = (INITIAL_WINDOW * 1000, u64::MAX);
        }
        if self.timeout.is_some_and(|at| at <= now) {
            self.threshold = (self.window / 2).max(2000);
            self.window = 1000;
            self.lost = (self.acked..self.next).filter(|segment| !self.sacked.contains(segment)).collect();
            self.recover = self.next;
            self.timed = None;
            self.back_off += 1;
            self.timeout = Some(now + self.retransmission_timeout());
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing> {
        if self.in_flight() * 1000 >= self.window {
            return None;
        }
        let segment = match self.lost.pop_first() {
            Some(segment) => {
                self.resent.insert(segment, self.next);
                segment
            }
            None if self.active && self.next < self.limit => {
                self.next += 1;
                self.timed.get_or_insert((self.next - 1, now));
                self.next - 1
            }
            None => return None,
        };
        let timeout = now + self.retransmission_timeout();
        self.timeout.get_or_insert(timeout);
        let datagram = buffer.get_mut(..SEGMENT)?;
        datagram.fill(0);
        datagram[..8].copy_from_slice(&segment.to_be_bytes());
        Some(Outgoing {
            to: Address::Udp(self.to),
            size: SEGMENT,
            segment_size: SEGMENT,
            ecn: Ecn::NotCapable,
        })
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.timeout.into_iter().chain(self.resumes_at).min().unwrap_or(Instant::MAX)
    }
}

/// The receiving end, which acknowledges every segment.
#[derive(Debug, Default)]
pub(super) struct TcpReceiver {
    next: u64,
    early: BTreeSet<u64>,
    owed: Option<(SocketAddr, u64)>,
    delivered: u64,
}

impl TcpReceiver {
    pub(super) fn on_segment(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Some(segment) = number(bytes, 0) else { return };
        if segment >= self.next {
            self.early.insert(segment);
        }
        while self.early.remove(&self.next) {
            self.next += 1;
            self.delivered += SEGMENT as u64;
        }
        self.owed = Some((from, segment));
    }

    pub(super) fn take_delivered(&mut self) -> Option<u64> {
        let delivered = core::mem::take(&mut self.delivered);
        (delivered > 0).then_some(delivered)
    }

    pub(super) fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<Outgoing> {
        let (to, latest) = self.owed.take()?;
        let datagram = buffer.get_mut(..40)?;
        datagram.fill(0);
        datagram[..8].copy_from_slice(&self.next.to_be_bytes());
        datagram[8..16].copy_from_slice(&latest.to_be_bytes());
        Some(Outgoing { to: Address::Udp(to), size: 40, segment_size: 40, ecn: Ecn::NotCapable })
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use crate::paths::rfc8867::kilobits;
    use crate::paths::{Flow, Scenario, Source};

    /// Regression test: after a loss below `recover`, the sender never resent the segment, and kept its window unchanged
    /// for the rest of the run.
    #[test]
    fn the_tcp_model_uses_more_than_half_of_the_link_in_each_quarter_minute_and_fills_the_queue() {
        for loss in [0, 5000] {
            let scenario = Scenario::new("tcp", kilobits(&[(0, 1000)]), Duration::from_secs(60));
            let scenario = scenario.flows(vec![Flow::of(Source::Tcp)]).loss(loss);
            for seed in 0..3 {
                let outcome = scenario.play(seed).unwrap();
                let flow = &outcome.flows[0];
                // Each quarter of a minute, over half of what the link carries.
                for quarter in flow.by_second.chunks(15) {
                    assert!(quarter.iter().sum::<u64>() > 15 * 125_000 / 2, "{loss} ppm, {seed}: {flow:?}");
                }
                if loss == 0 {
                    assert!(outcome.dropped > 10 && outcome.queue_max_us > 280_000, "{outcome:?}");
                }
            }
        }
    }
}
