//! An endpoint whose peer holds valid keys and sends arbitrary frames.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::Provider;
use tickwire_core::fuzzing::{Claims, HostilePeer, Proof};
use tickwire_core::wire::writers::{
    AckRanges, Chain, ID_MAX, Writer, write_ack, write_message, write_resume,
};
use tickwire_core::wire::{Frame, FrameReader, MessageFrame, MessagePart};
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Duration, Endpoint, Event, Instant,
    SnapshotConfig, VIOLATION_CODES,
};
use tickwire_sim::provider::NullProvider;

use crate::channels::channels;
use crate::game::schema;
use crate::watch::{Output, Watched};
use crate::{Script, handshake, wire};

/// The largest message that the channels accept, in bytes.
pub const MAX_MESSAGE: usize = 20_000;
/// The largest number of frame bytes in a packet of a hostile peer.
const PACKET: usize = 1500;

/// An endpoint under test, and its hostile peer.
pub struct Arena {
    /// The current time of the simulation.
    pub now: Instant,
    /// The endpoint under test.
    pub tested: Watched,
    /// The hostile peer that is connected to the endpoint.
    pub peer: HostilePeer,
    /// The connection under test.
    pub connection: ConnectionId,
    /// The events that the endpoint has reported so far.
    pub events: Vec<Event>,
    /// The code of the CLOSE frame that the endpoint sent, if it sent a CLOSE frame.
    pub closed_with: Option<u16>,
    /// The newest resume ticket: its sequence number, its expiry in microseconds since the Unix epoch, and its sealed
    /// bytes.
    pub ticket: Option<(u64, u64, Vec<u8>)>,
    /// The packet numbers of the packets that the peer received.
    pub received: AckRanges,
    /// `true` if the peer itself has sent a CLOSE frame, so that the endpoint need not send a CLOSE frame.
    pub has_closed: bool,
    /// `true` if the peer has resumed from an address that the endpoint may not have validated. The endpoint then need
    /// not send a CLOSE frame, because it may send such an address only as many bytes as it received from the address.
    pub is_unproven: bool,
    /// The number of the endpoint's datagrams that the peer decrypted.
    pub heard: usize,
    config: Config,
    numbers: BTreeSet<u64>,
}

/// Returns the address of the peer with the port number 1000 + `port`.
#[must_use]
pub fn peer_at(port: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 66], 1000 + u16::from(port)))
}

/// Returns the configuration of the endpoint under test and of its peer.
#[must_use]
pub fn config() -> Config {
    let provider: Arc<dyn Provider> = Arc::new(NullProvider);
    let mut config = handshake::config(provider, Access::Open);
    config.max_message = MAX_MESSAGE;
    config.channels = channels();
    config.rotate_after = 64;
    config.snapshots = Some(SnapshotConfig::new(schema()));
    config
}

impl Arena {
    /// Creates an arena whose endpoint under test is a server. The hostile client has completed the handshake and sent
    /// its first packet.
    #[must_use]
    pub fn with_client(config: &Config, claims: Option<Claims>) -> Self {
        let now = Instant::ZERO;
        let secrets = handshake::secrets(&*config.provider);
        let mut server = Endpoint::new(config.clone(), secrets, [1; 32], now).unwrap();
        let peer =
            HostilePeer::dial(now, config, claims, Proof::Open, &mut server, peer_at(0), [2; 32]).unwrap();
        let mut arena = Self::new(config, server, peer, ConnectionId::default());
        arena.send(&[1]);
        arena.settle();
        let connected = arena.events.iter().find_map(|event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        });
        arena.connection = connected.unwrap();
        arena
    }

    /// Creates an arena whose endpoint under test is a client, connected to a hostile server.
    #[must_use]
    pub fn with_server(config: &Config, claims: Option<Claims>) -> Self {
        let now = Instant::ZERO;
        let secrets = handshake::secrets(&*config.provider);
        let mut config = config.clone();
        config.reconnect_for = Duration::from_secs(5);
        let mut client = Endpoint::new(config.clone(), secrets.clone(), [1; 32], now).unwrap();
        let options = ConnectOptions::new(client.public_key());
        let connection = client.connect(now, peer_at(0), options).unwrap();
        let peer =
            HostilePeer::accept(now, &config, claims, &secrets, &mut client, peer_at(0), [2; 32]).unwrap();
        let mut arena = Self::new(&config, client, peer, connection);
        arena.settle();
        arena
    }

    fn new(config: &Config, endpoint: Endpoint, peer: HostilePeer, connection: ConnectionId) -> Self {
        let mut tested = Watched::new(endpoint, MAX_MESSAGE);
        // The handshake went by unseen.
        tested.vouch(peer_at(0));
        Self {
            now: Instant::ZERO,
            tested,
            peer,
            connection,
            events: Vec::new(),
            closed_with: None,
            ticket: None,
            received: AckRanges::default(),
            has_closed: false,
            is_unproven: false,
            heard: 0,
            config: config.clone(),
            numbers: BTreeSet::new(),
        }
    }

    /// Sends a packet with `frames` from the peer.
    pub fn send(&mut self, frames: &[u8]) {
        self.send_as(self.peer.next, 4, peer_at(0), frames);
    }

    /// Sends a packet from the peer with the packet number `number` and the source address `from`. The header holds
    /// `number_bytes` bytes of the packet number.
    pub fn send_as(&mut self, number: u64, number_bytes: u8, from: SocketAddr, frames: &[u8]) {
        self.has_closed |=
            FrameReader::new(frames).flatten().any(|frame| matches!(frame, Frame::Close { .. }));
        let packet = self.peer.seal(number, number_bytes, frames);
        self.tested.hear(self.now, from, &packet);
    }

    /// Runs all timers of the endpoint that are due, takes all events, and passes the endpoint's datagrams to the peer.
    pub fn settle(&mut self) {
        let output = self.tested.settle(self.now);
        self.read(output);
    }

    /// Does the same as [`Arena::settle`], except that the application takes at most `most` events.
    pub fn settle_slowly(&mut self, most: usize) {
        let output = self.tested.settle_slowly(self.now, most);
        self.read(output);
    }

    fn read(&mut self, output: Output) {
        for (_, datagram) in output.datagrams {
            let Some((number, frames)) = self.peer.open(self.now, &datagram) else { continue };
            assert!(self.numbers.insert(number), "packet number {number} was used twice");
            self.heard += 1;
            self.received.insert(number);
            wire::frame(&frames);
            for frame in FrameReader::new(&frames) {
                match frame.expect("the endpoint under test sends only valid frames") {
                    Frame::Close { code, .. } => self.closed_with = Some(code),
                    Frame::Ticket { sequence, expiry, sealed } => {
                        self.ticket = Some((sequence, expiry, sealed.to_vec()));
                    }
                    Frame::Ack(ack) => {
                        let largest = ack.ranges(self.peer.next).flatten().next();
                        self.peer.on_acked(largest.map_or(0, |range| *range.end()));
                    }
                    _ => {}
                }
            }
        }
        self.events.extend(output.events);
        if let Some(reason) = self.reason() {
            let is_violation = matches!(reason, CloseReason::Violation(_));
            let told = self.closed_with.is_some_and(|code| code >= VIOLATION_CODES);
            let need_not = self.has_closed || self.is_unproven;
            assert!(!is_violation || told || need_not, "the endpoint sent no CLOSE for a violation");
        }
    }

    /// Returns the reason why the connection under test ended, if it has ended.
    #[must_use]
    pub fn reason(&self) -> Option<&CloseReason> {
        self.events.iter().find_map(|event| match event {
            Event::Closed { connection, reason, .. } if *connection == self.connection => Some(reason),
            _ => None,
        })
    }

    /// Returns an ACK frame for all packets that the peer received.
    #[must_use]
    pub fn honest_ack(&self) -> Vec<u8> {
        written(|writer| write_ack(&self.received, Duration::ZERO, self.now, None, writer).unwrap())
    }

    /// Reconnects the peer from the address `peer_at(seed)` with its resume ticket. Returns `false` if the peer has no
    /// ticket, or if the endpoint rejects the peer.
    pub fn resume(&mut self, seed: u8) -> bool {
        // What waits for the old peer would be lost in the handshake.
        self.settle();
        let Some((sequence, expiry, sealed)) = &self.ticket else { return false };
        let proof = self.peer.resume_proof(*sequence, *expiry, sealed);
        let (config, server) = (&self.config, &mut self.tested.endpoint);
        let dialled = HostilePeer::dial(self.now, config, None, proof, server, peer_at(seed), [seed; 32]);
        let Some(peer) = dialled else { return false };
        self.tested.vouch(peer_at(seed));
        self.is_unproven = true;
        self.peer = peer;
        self.received = AckRanges::default();
        self.numbers.clear();
        self.send(&[1]);
        true
    }
}

/// Returns the bytes that `write` writes.
pub fn written<R>(write: impl FnOnce(&mut Writer<'_>) -> R) -> Vec<u8> {
    let mut buffer = vec![0; 2 * PACKET];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    let length = writer.written();
    buffer.truncate(length);
    buffer
}

/// Returns the bytes of an encoded frame.
#[must_use]
pub fn bytes_of(frame: &Frame<'_>) -> Vec<u8> {
    written(|writer| frame.write(writer, &mut Chain::default()).unwrap())
}

/// Returns the bytes of an encoded MESSAGE frame, which may be invalid.
#[must_use]
pub fn message_bytes(channel: u8, id: Option<u32>, part: MessagePart, data: &[u8]) -> Vec<u8> {
    let frame = MessageFrame { channel: ChannelId(channel), id, part, data };
    written(|writer| write_message(&frame, writer, &mut Chain::default()).unwrap())
}

/// Tests a server against a hostile client whose actions `bytes` determine.
pub fn hostile_client(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let claims = claims(&mut script);
    play(Arena::with_client(&config(), claims), script);
}

/// Tests a client against a hostile server whose actions `bytes` determine.
pub fn hostile_server(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let claims = claims(&mut script);
    play(Arena::with_server(&config(), claims), script);
}

fn claims(script: &mut Script<'_>) -> Option<Claims> {
    (script.byte() & 1 != 0).then(|| Claims {
        credit: script.number() % (1 << 62),
        ack_delay_us: (script.number() % 10_000_000) as u32,
        max_datagram: (script.number() as u16).max(700),
    })
}

fn play(mut arena: Arena, mut script: Script<'_>) {
    let mut frames = Vec::new();
    for _ in 0..400 {
        if script.is_over() {
            break;
        }
        let step = script.byte();
        match step {
            0..0xa0 => frames.extend(draw(&arena, step, &mut script)),
            0xa0..0xc8 => {
                frames.truncate(PACKET);
                transmit(&mut arena, step, &frames, &mut script);
                if step & 1 == 0 {
                    frames.clear();
                }
            }
            0xc8..0xd8 => arena.settle(),
            0xd8..0xe0 => arena.settle_slowly(script.below(10)),
            0xe0..0xf0 => arena.now += Duration::from_millis(script.number() % 30_000),
            0xf0..0xf8 => {
                let length = usize::from(script.short()) % MAX_MESSAGE;
                let (now, connection) = (arena.now, arena.connection);
                let channel = ChannelId(step % 6);
                let _ = arena.tested.endpoint.send(now, connection, channel, vec![step; length]);
            }
            0xf8 => drop(arena.peer.rotate(arena.now)),
            0xf9 => drop(arena.resume(script.byte() | 1)),
            0xfa => arena.tested.endpoint.close(arena.now, arena.connection, script.short(), "enough"),
            _ => frames.extend_from_slice(script.sized()),
        }
    }
    arena.settle();
    for _ in 0..40 {
        arena.now += Duration::from_secs(10);
        arena.settle();
    }
    arena.tested.expect_nothing_left();
}

fn transmit(arena: &mut Arena, step: u8, frames: &[u8], script: &mut Script<'_>) {
    let number = match step & 7 {
        0..=4 => arena.peer.next,
        5 => arena.peer.next.saturating_add(script.number() % (1 << 31)),
        6 => arena.peer.next.saturating_sub(script.number()),
        _ => script.number(),
    };
    let number_bytes = if step & 8 == 0 { 4 } else { script.byte() };
    let port = if step & 16 == 0 { 0 } else { script.byte() };
    arena.send_as(number, number_bytes, peer_at(port), frames);
}

/// Returns one frame, which the step and the script choose.
fn draw(arena: &Arena, step: u8, script: &mut Script<'_>) -> Vec<u8> {
    match step % 16 {
        0 => vec![0; script.below(64)],
        1 => vec![1],
        2 => bytes_of(&Frame::Close { code: script.short(), text: script.sized() }),
        3 => bytes_of(&Frame::Challenge([script.byte(); 8])),
        4 => bytes_of(&Frame::Response([script.byte(); 8])),
        5 => bytes_of(&Frame::Credit(script.number())),
        6 => {
            let (sequence, expiry) = (script.number(), script.number());
            bytes_of(&Frame::Ticket { sequence, expiry, sealed: script.sized() })
        }
        7 => resume_frame(script),
        8 => arena.honest_ack(),
        9 => any_ack(script),
        10 => bytes_of(&Frame::Clock(Instant::saturating_from_micros(script.number()))),
        _ => any_message(step, script),
    }
}

fn resume_frame(script: &mut Script<'_>) -> Vec<u8> {
    let (channel, floor) = (script.byte() % 32, script.number() as u32 & ID_MAX);
    let mut ranges = Vec::new();
    let mut at = 0u32;
    for _ in 0..script.below(40) {
        let start = at.saturating_add(1 + script.number() as u32 % 1000);
        at = start.saturating_add(1 + script.number() as u32 % 1000);
        ranges.push(start..at);
    }
    written(|writer| write_resume(writer, ChannelId(channel), floor, ranges.into_iter()).unwrap())
}

fn any_ack(script: &mut Script<'_>) -> Vec<u8> {
    let further = script.byte() % 34;
    written(|writer| {
        writer.u8(0x20 | further.min(15)).unwrap();
        if further >= 15 {
            writer.varint(u64::from(further - 15)).unwrap();
        }
        writer.u16(script.number() as u16).unwrap();
        writer.varint(script.number()).unwrap();
        writer.u24(script.number() as u32).unwrap();
        for _ in 0..=2 * u32::from(further) {
            writer.varint(script.number()).unwrap();
        }
    })
}

fn any_message(step: u8, script: &mut Script<'_>) -> Vec<u8> {
    let channel = step % 7;
    let id = if step & 0x20 == 0 { script.number() % 64 } else { script.number() } as u32 & ID_MAX;
    let length = usize::from(script.short()) % 1200;
    let data = vec![script.byte(); length];
    match step >> 6 {
        0 => message_bytes(channel, None, MessagePart::Whole, &data),
        1 => message_bytes(channel, Some(id), MessagePart::Whole, &data),
        _ => {
            let total = if step & 0x10 == 0 { script.number() } else { u64::from(script.short()) };
            let offset = if step & 8 == 0 { script.number() } else { u64::from(script.short()) };
            message_bytes(channel, Some(id), MessagePart::Fragment { total, offset }, &data)
        }
    }
}
