//! A byte stream like TCP, or a WebSocket on TCP: reliable, ordered, with a congestion control of its own, and with
//! head-of-line blocking: a lost segment delays the segments after it.

use core::time::Duration;

use tickwire_core::address::LinkProperties;
use tickwire_core::time::Instant;

use super::contract::{Carrier, CarrierCounters, CarrierState, Side};
use super::receiver::{PREFIX, Receiver};
use super::segment::{self, Segment, SegmentKind};
use super::sender::Sender;
use crate::clock::micros;

/// The settings of a byte stream. Both ends must have the same settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamCarrierConfig {
    /// The largest datagram that the stream carries, in bytes. A datagram may be larger than a segment.
    ///
    /// Default: 4 KiB.
    pub max_datagram: u16,
    /// The largest segment that the network below carries, in bytes.
    ///
    /// Default: 1,200 bytes.
    pub segment: usize,
    /// The largest number of unacknowledged bytes that the sender holds.
    ///
    /// Default: 64 KiB.
    pub buffer_bytes: usize,
    /// The time after which the stream breaks if the other end answers no segment.
    ///
    /// Default: 20 s.
    pub give_up: Duration,
}

impl Default for StreamCarrierConfig {
    fn default() -> Self {
        Self { max_datagram: 4096, segment: 1200, buffer_bytes: 64 << 10, give_up: Duration::from_secs(20) }
    }
}

/// One end of a byte stream that carries datagrams. The length of each datagram precedes the datagram.
///
/// Loss recovery follows RFC 5681 with NewReno (RFC 6582). Timeouts follow RFC 6298, and timestamps
/// (RFC 7323 section 3) measure RTTs. The receiver acknowledges every segment immediately. There is no receive window:
/// the receiver reads all bytes, and the sender's buffer limits the bytes that arrive out of order.
#[derive(Debug)]
pub struct StreamCarrier {
    config: StreamCarrierConfig,
    connection: u64,
    sender: Sender,
    receiver: Receiver,
    is_broken: bool,
    /// `true` if the stream has ended here and the other end must be informed.
    is_reset_due: bool,
    /// `true` if an acknowledgement is due.
    is_ack_due: bool,
    /// The timestamp to echo (RFC 7323 section 4.3): the sending time, on the other end's clock, of the latest segment
    /// that begins at or before the next expected byte.
    echo: u64,
    held_most: usize,
}

impl Carrier for StreamCarrier {
    type Config = StreamCarrierConfig;

    fn new(config: &StreamCarrierConfig, _side: Side, connection: u64, _now: Instant) -> Self {
        let payload = config.segment.saturating_sub(segment::OVERHEAD + Header::BYTES).max(1);
        Self {
            config: *config,
            connection,
            sender: Sender::new(payload, config.buffer_bytes),
            receiver: Receiver::new(config.buffer_bytes),
            is_broken: false,
            is_reset_due: false,
            is_ack_due: false,
            echo: 0,
            held_most: 0,
        }
    }

    fn properties(&self) -> LinkProperties {
        LinkProperties {
            reliable: true,
            ordered: true,
            congestion_controlled: true,
            max_datagram: self.config.max_datagram,
        }
    }

    fn state(&self) -> CarrierState {
        if self.is_broken {
            CarrierState::Broken
        } else if self.sender.is_open() && self.receiver.next() > 0 {
            CarrierState::Open
        } else {
            CarrierState::Opening
        }
    }

    fn credit(&self) -> Option<u64> {
        Some(self.sender.room().saturating_sub(PREFIXES) as u64)
    }

    fn send(&mut self, datagram: &[u8]) {
        let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
        if self.sender.room() < PREFIX + datagram.len() || length > self.config.max_datagram {
            // A stream cannot leave something out.
            self.give_up();
            return;
        }
        self.sender.push(&length.to_le_bytes());
        self.sender.push(datagram);
        self.held_most = self.held_most.max(self.config.buffer_bytes - self.sender.room());
    }

    fn handle_segment(&mut self, now: Instant, bytes: &[u8]) {
        let Some(segment) = Segment::read(bytes).filter(|segment| segment.connection == self.connection)
        else {
            return;
        };
        if segment.kind == SegmentKind::Reset {
            self.is_broken = true;
            self.is_reset_due = false;
        }
        let Some((header, payload)) = Header::read(segment.body).filter(|_| !self.is_broken) else { return };
        let is_opening = segment.kind == SegmentKind::Open;
        if !is_opening && self.receiver.next() == 0 {
            // An answer to what the far end has not opened for: it opens again, or this end does.
            return;
        }
        if header.first <= self.receiver.next() {
            self.echo = header.stamp;
        }
        if is_opening {
            self.receiver.on_open();
        } else {
            self.receiver.on_bytes(header.first, payload);
        }
        let is_bare = payload.is_empty() && !is_opening;
        self.is_ack_due |= !is_bare;
        let rtt_us = now.as_micros().saturating_sub(header.echo);
        self.sender.on_ack(now, header.ack, is_bare, Duration::from_micros(rtt_us));
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.give_up_at() <= now {
            self.give_up();
        } else {
            self.sender.handle_timeout(now);
        }
    }

    fn poll_segment(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.is_broken {
            let reset = Segment { kind: SegmentKind::Reset, connection: self.connection, body: &[] };
            return core::mem::take(&mut self.is_reset_due).then(|| reset.write());
        }
        let (first, payload) = match self.sender.poll_segment(now) {
            Some(segment) => segment,
            None if self.is_ack_due => (self.sender.next(), Vec::new()),
            None => return None,
        };
        self.is_ack_due = false;
        let header =
            Header { first, ack: self.receiver.next(), stamp: micros(now - Instant::ZERO), echo: self.echo };
        let kind = if first == 0 { SegmentKind::Open } else { SegmentKind::Data };
        let body = header.write(&payload);
        Some(Segment { kind, connection: self.connection, body: &body }.write())
    }

    fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.receiver.poll_datagram()
    }

    fn take_loss(&mut self) -> bool {
        false
    }

    fn poll_timeout(&self) -> Instant {
        if self.is_broken { Instant::MAX } else { self.sender.poll_timeout().min(self.give_up_at()) }
    }

    fn counters(&self) -> CarrierCounters {
        let held_most = self.held_most as u64;
        CarrierCounters { resent: self.sender.resent(), dropped: 0, held_most }
    }
}

impl StreamCarrier {
    fn give_up(&mut self) {
        self.is_broken = true;
        self.is_reset_due = true;
    }

    fn give_up_at(&self) -> Instant {
        self.sender.unanswered_since().map_or(Instant::MAX, |since| since + self.config.give_up)
    }
}

/// The part of a segment's body before the payload.
#[derive(Clone, Copy, Debug)]
struct Header {
    /// The number of the first byte of the payload.
    first: u64,
    /// The number of the byte that the segment's sender expects next. 0 means that the sender has received nothing yet.
    ack: u64,
    /// The time on the sender's clock, in microseconds.
    stamp: u64,
    /// The `stamp` of the segment that this segment answers.
    echo: u64,
}

impl Header {
    const BYTES: usize = 32;

    fn read(body: &[u8]) -> Option<(Self, &[u8])> {
        let (words, payload) = body.split_first_chunk::<{ Self::BYTES }>()?;
        let mut words = words.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or(0);
        Some((Self { first: next(), ack: next(), stamp: next(), echo: next() }, payload))
    }

    fn write(self, payload: &[u8]) -> Vec<u8> {
        let words = [self.first, self.ack, self.stamp, self.echo].map(u64::to_le_bytes);
        [words.as_flattened(), payload].concat()
    }
}

/// The bytes for the lengths of the datagrams that an endpoint writes in one transmit.
const PREFIXES: usize = PREFIX * tickwire_core::limits::DATAGRAMS_PER_TRANSMIT;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Draws;

    /// Two ends of a stream, 50 ms apart, on a network that loses, duplicates and damages segments.
    struct Pair {
        now: Instant,
        ends: [StreamCarrier; 2],
        /// The segments in transit, each with its arrival time and the index of its receiver.
        underway: Vec<(Instant, usize, Vec<u8>)>,
        given: [Vec<Vec<u8>>; 2],
        draws: Draws,
        harm_ppm: u32,
    }

    impl Pair {
        fn new(harm_ppm: u32) -> Self {
            let config = StreamCarrierConfig { give_up: Duration::from_secs(300), ..Default::default() };
            let end = |side| StreamCarrier::new(&config, side, 9, Instant::ZERO);
            Self {
                now: Instant::ZERO,
                ends: [end(Side::Listener), end(Side::Dialler)],
                underway: Vec::new(),
                given: Default::default(),
                draws: Draws::new(1),
                harm_ppm,
            }
        }

        fn exchange(&mut self) {
            for from in 0..2 {
                // A listener exists from the first segment on.
                if from == 0 && self.ends[0].receiver.next() == 0 {
                    continue;
                }
                while let Some(mut segment) = self.ends[from].poll_segment(self.now) {
                    assert!(segment.len() <= 1200);
                    if self.draws.chance(self.harm_ppm) {
                        continue;
                    }
                    for _ in 0..1 + u64::from(self.draws.chance(self.harm_ppm)) {
                        let held = if self.harm_ppm > 0 { self.draws.below(30) } else { 0 };
                        let late = Duration::from_millis(50 + held);
                        self.underway.push((self.now + late, 1 - from, segment.clone()));
                    }
                    if self.draws.chance(self.harm_ppm) {
                        let bit = self.draws.below(segment.len() as u64 * 8) as usize;
                        segment[bit / 8] ^= 1 << (bit % 8);
                        self.underway.push((self.now, 1 - from, segment));
                    }
                }
            }
            self.underway.sort_by_key(|(at, ..)| *at);
        }

        fn run_for(&mut self, time: Duration) {
            let until = self.now + time;
            self.exchange();
            loop {
                let timeout = self.ends[0].poll_timeout().min(self.ends[1].poll_timeout());
                let arrival = self.underway.first().map_or(Instant::MAX, |(at, ..)| *at);
                if timeout.min(arrival) > until {
                    break;
                }
                self.now = self.now.max(timeout.min(arrival));
                if arrival <= timeout {
                    let (_, to, segment) = self.underway.remove(0);
                    self.ends[to].handle_segment(self.now, &segment);
                    while let Some(datagram) = self.ends[to].poll_datagram() {
                        self.given[to].push(datagram);
                    }
                }
                self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
                self.exchange();
            }
            self.now = until;
        }
    }

    #[test]
    fn datagrams_arrive_once_and_in_order_despite_lost_repeated_reordered_and_damaged_segments() {
        let mut pair = Pair::new(100_000);
        let mut sent: [Vec<Vec<u8>>; 2] = Default::default();
        for round in 0..100usize {
            for (end, sent) in sent.iter_mut().enumerate() {
                for size in [1, 30, 1200, round * 40 + 1] {
                    let datagram = vec![(round + end) as u8; size];
                    if pair.ends[end].credit() >= Some(size as u64) {
                        pair.ends[end].send(&datagram);
                        sent.push(datagram);
                    }
                }
            }
            pair.run_for(Duration::from_millis(500));
        }
        pair.run_for(Duration::from_secs(300));
        assert!(sent.iter().all(|sent| sent.len() > 200));
        assert_eq!(pair.given[1], sent[0]);
        assert_eq!(pair.given[0], sent[1]);
        assert!(pair.ends.iter().all(|end| end.counters().resent > 0 && end.state() == CarrierState::Open));
    }

    #[test]
    fn an_ack_alone_does_not_open_a_stream() {
        let mut pair = Pair::new(0);
        let [listener, dialler] = &mut pair.ends;
        let request = dialler.poll_segment(Instant::ZERO).unwrap();
        listener.handle_segment(Instant::ZERO, &request);
        let _lost = listener.poll_segment(Instant::ZERO).unwrap();
        listener.handle_segment(Instant::ZERO, &request);
        let answer = listener.poll_segment(Instant::ZERO).unwrap();
        dialler.handle_segment(Instant::ZERO, &answer);
        assert_eq!(dialler.state(), CarrierState::Opening);
        assert!(dialler.poll_timeout() < Instant::MAX, "it asks again");
    }

    #[test]
    fn no_segment_is_resent_on_a_network_without_faults() {
        let mut pair = Pair::new(0);
        pair.run_for(Duration::from_secs(1));
        for _ in 0..100 {
            pair.ends[0].send(&[0; 4096]);
            pair.run_for(Duration::from_millis(300));
        }
        assert_eq!((pair.given[1].len(), pair.ends[0].counters().resent), (100, 0));
    }

    #[test]
    fn a_datagram_larger_than_the_free_buffer_breaks_the_stream() {
        let mut pair = Pair::new(0);
        pair.run_for(Duration::from_secs(1));
        let credit = pair.ends[0].credit().unwrap();
        for _ in 0..credit / 1000 {
            pair.ends[0].send(&[0; 1000]);
        }
        assert!(pair.ends[0].credit().unwrap() < 1000);
        pair.run_for(Duration::from_secs(5));
        assert_eq!(pair.ends[0].credit(), Some(credit));
        for _ in 0..=credit / 1000 + 1 {
            pair.ends[0].send(&[0; 1000]);
        }
        assert_eq!(pair.ends[0].state(), CarrierState::Broken);
    }

    #[test]
    fn a_stream_that_gets_no_acks_for_five_minutes_breaks_at_both_ends() {
        let mut pair = Pair::new(0);
        pair.run_for(Duration::from_secs(1));
        pair.harm_ppm = 1_000_000;
        pair.ends[1].send(b"anybody there?");
        pair.run_for(Duration::from_secs(299));
        assert_eq!(pair.ends[1].state(), CarrierState::Open);
        pair.harm_ppm = 0;
        // It is through before the next retransmission.
        pair.run_for(Duration::from_secs(2));
        assert!(pair.ends.iter().all(|end| end.state() == CarrierState::Broken));
        assert!(pair.given[0].is_empty());
    }
}
