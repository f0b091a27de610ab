//! A datagram channel like an unreliable WebRTC data channel. A lost datagram is not resent, and no datagram waits for
//! a lost datagram.

use core::time::Duration;
use std::collections::VecDeque;

use tickwire_core::address::LinkProperties;
use tickwire_core::time::Instant;

use super::contract::{Carrier, CarrierCounters, CarrierState, Side};
use super::segment::{Segment, SegmentKind};
use crate::rng::{Draws, mix};

/// The settings of a datagram channel. Both ends must have the same settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelCarrierConfig {
    /// The largest datagram of the channel, in bytes. The network below must carry datagrams that are 13 bytes larger.
    ///
    /// Default: 1,140 bytes.
    pub max_datagram: u16,
    /// `true` if the channel declares that it controls congestion itself.
    ///
    /// Default: yes.
    pub congestion_controlled: bool,
    /// The rate at which the channel sends datagrams, in bytes per second. `None` sends every datagram immediately.
    ///
    /// Default: 250,000 bytes/s.
    pub bytes_per_second: Option<u64>,
    /// The largest number of bytes that may wait in the channel's send buffer.
    ///
    /// Default: 16 KiB.
    pub buffer_bytes: usize,
    /// The share of datagrams that the channel accepts and then drops, in parts per million.
    ///
    /// Default: 0 ppm.
    pub drop_ppm: u32,
    /// `true` if the channel reports the datagrams that it dropped.
    ///
    /// Default: yes.
    pub reports_loss: bool,
}

impl Default for ChannelCarrierConfig {
    fn default() -> Self {
        Self {
            max_datagram: 1140,
            congestion_controlled: true,
            bytes_per_second: Some(250_000),
            buffer_bytes: 16 << 10,
            drop_ppm: 0,
            reports_loss: true,
        }
    }
}

/// One end of a datagram channel. The dialling end is open once the other end has answered, and the listening end is
/// open from the first datagram on. The channel breaks if the other end replies that the channel does not exist, or if
/// a listening end receives no datagram within 20 s of the request to open. The endpoint itself must detect a peer that
/// becomes silent later.
#[derive(Debug)]
pub struct ChannelCarrier {
    config: ChannelCarrierConfig,
    connection: u64,
    side: Side,
    state: CarrierState,
    /// The time at which the next request to open, or the next answer to a request, is sent.
    open_at: Option<Instant>,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// The time at which the next datagram may be sent.
    free_at: Instant,
    /// The time at which a listener that received nothing but the request gives up.
    patience_ends: Instant,
    arrived: VecDeque<Vec<u8>>,
    /// The number of datagrams that were sent or dropped so far. The number of a datagram determines whether the
    /// channel drops it.
    turn: u64,
    has_lost: bool,
    counters: CarrierCounters,
}

impl Carrier for ChannelCarrier {
    type Config = ChannelCarrierConfig;

    fn new(config: &ChannelCarrierConfig, side: Side, connection: u64, now: Instant) -> Self {
        Self {
            config: *config,
            connection,
            side,
            state: CarrierState::Opening,
            open_at: (side == Side::Dialler).then_some(now),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            free_at: now,
            patience_ends: if side == Side::Listener { now + PATIENCE } else { Instant::MAX },
            arrived: VecDeque::new(),
            turn: 0,
            has_lost: false,
            counters: CarrierCounters::default(),
        }
    }

    fn properties(&self) -> LinkProperties {
        LinkProperties {
            reliable: false,
            ordered: false,
            congestion_controlled: self.config.congestion_controlled,
            max_datagram: self.config.max_datagram,
        }
    }

    fn state(&self) -> CarrierState {
        self.state
    }

    fn credit(&self) -> Option<u64> {
        Some(self.config.buffer_bytes.saturating_sub(self.waiting_bytes) as u64)
    }

    fn send(&mut self, datagram: &[u8]) {
        if self.waiting_bytes + datagram.len() > self.config.buffer_bytes {
            self.drop_one();
            return;
        }
        self.waiting_bytes += datagram.len();
        self.counters.held_most = self.counters.held_most.max(self.waiting_bytes as u64);
        self.waiting.push_back(datagram.to_vec());
    }

    fn handle_segment(&mut self, now: Instant, bytes: &[u8]) {
        let Some(segment) = Segment::read(bytes).filter(|segment| segment.connection == self.connection)
        else {
            return;
        };
        match (segment.kind, self.side) {
            (SegmentKind::Reset, _) => self.state = CarrierState::Broken,
            _ if self.state == CarrierState::Broken => {}
            (SegmentKind::Data, _) => {
                self.state = CarrierState::Open;
                self.arrived.push_back(segment.body.to_vec());
            }
            (SegmentKind::Open, Side::Listener) => self.open_at = Some(now),
            (SegmentKind::Open, Side::Dialler) => (self.state, self.open_at) = (CarrierState::Open, None),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.state == CarrierState::Opening && self.patience_ends <= now {
            self.state = CarrierState::Broken;
        }
    }

    fn poll_segment(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.state == CarrierState::Broken {
            return None;
        }
        if self.open_at.is_some_and(|at| at <= now) {
            self.open_at = (self.side == Side::Dialler).then(|| now + OPEN_EVERY);
            return Some(self.segment(SegmentKind::Open, &[]));
        }
        while self.free_at <= now
            && let Some(datagram) = self.waiting.pop_front()
        {
            self.waiting_bytes -= datagram.len();
            self.turn += 1;
            let key = mix(self.connection, self.turn * 2 + u64::from(self.side == Side::Dialler));
            if Draws::new(key).chance(self.config.drop_ppm) {
                self.drop_one();
                continue;
            }
            if let Some(rate) = self.config.bytes_per_second {
                self.free_at = now + Duration::from_micros(datagram.len() as u64 * 1_000_000 / rate.max(1));
            }
            return Some(self.segment(SegmentKind::Data, &datagram));
        }
        None
    }

    fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.arrived.pop_front()
    }

    fn take_loss(&mut self) -> bool {
        core::mem::take(&mut self.has_lost) && self.config.reports_loss
    }

    fn poll_timeout(&self) -> Instant {
        let gives_up_at = if self.state == CarrierState::Opening { self.patience_ends } else { Instant::MAX };
        let opens_at = self.open_at.unwrap_or(Instant::MAX).min(gives_up_at);
        if self.state == CarrierState::Broken {
            Instant::MAX
        } else if self.waiting.is_empty() {
            opens_at
        } else {
            opens_at.min(self.free_at)
        }
    }

    fn counters(&self) -> CarrierCounters {
        self.counters
    }
}

impl ChannelCarrier {
    fn drop_one(&mut self) {
        self.has_lost = true;
        self.counters.dropped += 1;
    }

    fn segment(&self, kind: SegmentKind, body: &[u8]) -> Vec<u8> {
        Segment { kind, connection: self.connection, body }.write()
    }
}

const OPEN_EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn open(config: ChannelCarrierConfig) -> [ChannelCarrier; 2] {
        let mut ends =
            [Side::Listener, Side::Dialler].map(|side| ChannelCarrier::new(&config, side, 3, at(0)));
        let request = ends[1].poll_segment(at(0)).unwrap();
        ends[0].handle_segment(at(0), &request);
        let answer = ends[0].poll_segment(at(0)).unwrap();
        ends[1].handle_segment(at(0), &answer);
        assert_eq!(ends[1].state(), CarrierState::Open);
        let hello = ends[1].segment(SegmentKind::Data, b"hello");
        ends[0].handle_segment(at(0), &hello);
        assert_eq!((ends[0].state(), ends[0].poll_datagram()), (CarrierState::Open, Some(b"hello".to_vec())));
        ends
    }

    #[test]
    fn an_unanswered_open_request_of_a_channel_is_resent_after_one_second() {
        let config = ChannelCarrierConfig::default();
        let mut end = ChannelCarrier::new(&config, Side::Dialler, 3, at(0));
        assert!(end.poll_segment(at(0)).is_some() && end.poll_segment(at(0)).is_none());
        assert_eq!((end.poll_timeout(), end.state()), (at(1000), CarrierState::Opening));
        assert!(end.poll_segment(at(1000)).is_some());
    }

    #[test]
    fn a_channel_sends_datagrams_at_its_configured_rate() {
        let [mut end, mut other] =
            open(ChannelCarrierConfig { bytes_per_second: Some(100_000), ..Default::default() });
        for _ in 0..10 {
            end.send(&[7; 1000]);
        }
        assert_eq!(end.credit(), Some((16 << 10) - 10_000));
        for number in 0..10 {
            assert_eq!(end.poll_timeout(), at(number * 10));
            let segment = end.poll_segment(at(number * 10)).unwrap();
            assert!(end.poll_segment(at(number * 10)).is_none());
            other.handle_segment(at(number * 10), &segment);
            assert_eq!(other.poll_datagram(), Some(vec![7; 1000]));
        }
        assert_eq!((end.poll_timeout(), end.credit()), (Instant::MAX, Some(16 << 10)));
    }

    #[test]
    fn a_channel_that_reports_losses_reports_each_dropped_datagram_once() {
        for reports_loss in [true, false] {
            let config = ChannelCarrierConfig { drop_ppm: 1_000_000, reports_loss, ..Default::default() };
            let [mut end, _] = open(config);
            end.send(b"gone");
            assert!(end.poll_segment(at(1)).is_none());
            assert_eq!((end.take_loss(), end.take_loss(), end.counters().dropped), (reports_loss, false, 1));
        }
    }

    #[test]
    fn datagrams_that_exceed_the_buffer_of_a_channel_are_dropped() {
        let [mut end, _] = open(ChannelCarrierConfig { buffer_bytes: 1500, ..Default::default() });
        end.send(&[0; 1000]);
        end.send(&[0; 1000]);
        assert_eq!((end.counters().dropped, end.credit(), end.take_loss()), (1, Some(500), true));
    }
}
