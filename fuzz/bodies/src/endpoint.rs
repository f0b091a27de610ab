//! Two endpoints, and a network between them that a script controls.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::event::CloseReason;
use tickwire_core::{
    Access, Address, ChannelId, Config, ConnectOptions, ConnectionId, ConnectionState, Delivery, Duration,
    Endpoint, Event, Fate, Instant, MessageId,
};
use tickwire_sim::provider::{NonceLog, NullProvider, RecordingProvider};

use crate::channels::channels;
use crate::watch::Watched;
use crate::{Script, handshake};

const MAX_MESSAGE: usize = 20_000;
const SERVER: usize = 0;
const CLIENT: usize = 1;

/// A datagram in transit.
struct Flight {
    from: Address,
    to: Address,
    bytes: Vec<u8>,
}

struct Node {
    watched: Watched,
    at: SocketAddr,
    /// The connections of the endpoint, in the order in which they were first seen.
    connections: Vec<ConnectionId>,
    over: BTreeSet<ConnectionId>,
    /// The number of queued messages, by connection and channel.
    queued: BTreeMap<(usize, u8), u32>,
}

/// The messages received on one connection's channel.
#[derive(Default)]
struct Received {
    next: u32,
    seen: BTreeSet<u32>,
}

struct Pair {
    now: Instant,
    nodes: [Node; 2],
    flying: Vec<Flight>,
    /// The received messages, by receiving node and by the sender's connection and channel.
    received: BTreeMap<(usize, u16, u8), Received>,
    log: NonceLog,
    /// The options with which each end dials the other end. A server has none, because it does not dial.
    options: [Option<ConnectOptions>; 2],
    /// `true` if heartbeats are disabled, so that no end detects that its peer is gone.
    silent: bool,
}

/// Runs two endpoints as a script says. Asserts that each endpoint obeys the driver contract, that messages arrive
/// as their channels guarantee, and that no key is used twice with the same nonce. Also asserts that all
/// reliable messages on open connections arrive after the network has stopped losing datagrams.
pub fn endpoint(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut pair = Pair::new(script.byte());
    pair.connect(CLIENT);
    for _ in 0..600 {
        if script.is_over() {
            break;
        }
        pair.step(&mut script);
        assert_eq!(pair.log.counts().repeated, 0, "a nonce was used twice");
    }
    pair.heal();
}

impl Node {
    fn new(config: Config, at: [u8; 4]) -> Self {
        let [.., last] = at;
        let mut secrets = handshake::secrets(&*config.provider);
        if last == 2 {
            secrets.identity = [last; 32].into();
        }
        let endpoint = Endpoint::new(config, secrets, [last; 32], Instant::ZERO).unwrap();
        Self {
            watched: Watched::new(endpoint, MAX_MESSAGE),
            at: SocketAddr::from((at, 7777)),
            connections: Vec::new(),
            over: BTreeSet::new(),
            queued: BTreeMap::new(),
        }
    }
}

impl Pair {
    fn new(shape: u8) -> Self {
        let log = NonceLog::default();
        let provider = Arc::new(RecordingProvider::new(Arc::new(NullProvider), log.clone()));
        let access = match shape & 0x11 {
            0 => Access::Open,
            1 => Access::Tickets,
            _ => Access::Peers,
        };
        let mut config = handshake::config(provider.clone(), access);
        config.max_message = MAX_MESSAGE;
        config.channels = channels();
        if shape & 2 != 0 {
            config.channels.iter_mut().for_each(|channel| channel.queue_bytes = 30_000);
        }
        config.rotate_after = 64;
        config.heartbeat = Duration::from_millis(500);
        config.idle_timeout = Duration::from_secs(2);
        if shape & 0x20 != 0 {
            // Nothing but its own timers brings a lost packet back.
            config.heartbeat = Duration::from_secs(3000);
            config.idle_timeout = Duration::from_secs(3600);
        }
        config.resume_window = Duration::from_secs(if shape & 4 == 0 { 20 } else { 0 });
        config.reconnect_for = Duration::from_secs(30);
        let nodes = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|at| {
            let mut config = config.clone();
            if at[3] == 2 && access != Access::Peers {
                config.access = Access::Closed;
            }
            Node::new(config, at)
        });
        let keys = nodes.each_ref().map(|node| node.watched.endpoint.public_key());
        let to_server = match access {
            Access::Tickets => {
                let ticket = handshake::ticket(provider, 1, Duration::from_secs(100_000));
                ConnectOptions::new(keys[SERVER]).ticket(ticket)
            }
            Access::Peers => ConnectOptions::peer([5; 32], keys[SERVER]),
            _ if shape & 8 != 0 => ConnectOptions::danger_any_key(),
            _ => ConnectOptions::new(keys[SERVER]),
        };
        let to_client = ConnectOptions::peer([5; 32], keys[CLIENT]);
        let to_client = (access == Access::Peers).then_some(to_client);
        let (flying, received) = (Vec::new(), BTreeMap::new());
        let options = [to_client, Some(to_server)];
        Self { now: Instant::ZERO, nodes, flying, received, log, options, silent: shape & 0x20 != 0 }
    }

    fn connect(&mut self, node: usize) {
        let (now, to) = (self.now, self.nodes[1 - node].at);
        let Some(options) = self.options[node].clone() else { return };
        let own = &mut self.nodes[node];
        let connection = own.watched.connect(now, to, options);
        own.connections.extend(connection);
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let step = script.byte();
        let node = usize::from(step & 1);
        match step {
            0..0x40 => {
                let length = usize::from(script.short()) % (MAX_MESSAGE + 2);
                self.send(node, step >> 1 & 7, length, script);
            }
            0x40..0x70 => self.settle(node),
            0x70..0x78 => {
                let output = self.nodes[node].watched.settle_slowly(self.now, script.below(8));
                self.spread(node, output.datagrams, output.events);
            }
            0x78..0x80 => (0..=script.byte()).for_each(|_| self.deliver(0)),
            0x80..0xa8 => self.deliver(script.below(self.flying.len())),
            0xa8..0xb4 => drop(self.take(script.below(self.flying.len()))),
            0xb4..0xbc => {
                let place = script.below(self.flying.len());
                self.copy(place, |_| {});
            }
            0xbc..0xc4 => {
                let (place, at, mask) = (script.below(self.flying.len()), script.short(), script.byte() | 1);
                let at = usize::from(at);
                self.copy(place, |bytes| bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= mask));
            }
            0xc4..0xc8 => {
                let (place, length) = (script.below(self.flying.len()), usize::from(script.short()));
                self.copy(place, |bytes| bytes.truncate(length));
            }
            0xc8..0xe0 => self.now += Duration::from_millis(script.number() % 5_000),
            0xe0..0xe8 => {
                let next = self.nodes.each_ref().map(|node| node.watched.endpoint.poll_timeout().0);
                self.now = self.now.max(next[0].min(next[1]).min(self.now + Duration::from_secs(60)));
            }
            0xe8 | 0xe9 => {
                // A clock that runs backwards: the endpoint's own does not.
                let past = Instant::saturating_from_micros(script.number());
                self.nodes[node].watched.endpoint.handle_timeout(past.min(self.now));
            }
            // A client that moves and has nothing to say is found by nobody.
            0xea..0xee if !self.silent => self.nodes[CLIENT].at.set_port(1000 + u16::from(script.byte() % 4)),
            0xee | 0xef => self.close(node, script),
            0xf0 | 0xf1 => self.connect(1 - node),
            0xf2..0xf8 => {
                let (from, bytes) = (self.nodes[1 - node].at, script.sized());
                self.nodes[node].watched.hear(self.now, from, bytes);
            }
            _ => self.ask(node, script),
        }
    }

    fn send(&mut self, node: usize, channel: u8, length: usize, script: &mut Script<'_>) {
        let own = &mut self.nodes[node];
        let index = script.below(own.connections.len());
        let Some(&connection) = own.connections.get(index) else { return };
        let serial = own.queued.entry((index, channel)).or_default();
        let mut message = vec![index as u8, (index >> 8) as u8, channel];
        message.extend_from_slice(&serial.to_le_bytes());
        message.extend((7..length).map(|place| (*serial as usize + place / 16) as u8));
        match own.watched.endpoint.send(self.now, connection, ChannelId(channel), message) {
            Ok(MessageId(id)) => {
                assert_eq!(id, u64::from(*serial));
                *serial += 1;
            }
            Err(error) => assert!(error.into_message().len() >= 7),
        }
    }

    fn settle(&mut self, node: usize) {
        let output = self.nodes[node].watched.settle(self.now);
        self.spread(node, output.datagrams, output.events);
    }

    fn spread(&mut self, node: usize, datagrams: Vec<(Address, Vec<u8>)>, events: Vec<Event>) {
        let from = Address::from(self.nodes[node].at);
        self.flying.extend(datagrams.into_iter().map(|(to, bytes)| Flight { from, to, bytes }));
        // What nobody delivers is lost after all.
        let excess = self.flying.len().saturating_sub(2000);
        self.flying.drain(..excess);
        for event in events {
            self.hear(node, event);
        }
    }

    fn hear(&mut self, node: usize, event: Event) {
        match event {
            Event::Connected { connection, .. } => {
                let known = &mut self.nodes[node].connections;
                if !known.contains(&connection) {
                    known.push(connection);
                }
            }
            Event::Message { channel, data, .. } => self.check(node, channel, &data),
            Event::Closed { connection, reason, .. } => {
                let is_violation = matches!(reason, CloseReason::Violation(_));
                assert!(!is_violation, "the connection of two honest ends was closed: {reason:?}");
                self.nodes[node].over.insert(connection);
            }
            _ => {}
        }
    }

    fn check(&mut self, node: usize, channel: ChannelId, data: &[u8]) {
        let [a, b, on, serial @ ..] =
            *data.first_chunk::<7>().expect("a message was delivered that no endpoint sent");
        let serial = u32::from_le_bytes(serial);
        assert_eq!(on, channel.0, "a message was delivered on a wrong channel");
        let rest = data.iter().enumerate().skip(7);
        assert!(rest.clone().all(|(place, byte)| *byte == (serial as usize + place / 16) as u8));
        let known = self.received.entry((node, u16::from_le_bytes([a, b]), on)).or_default();
        match channels()[usize::from(on)].delivery {
            Delivery::ReliableOrdered => {
                assert_eq!(serial, known.next, "a message was delivered out of order");
            }
            Delivery::Sequenced => {
                assert!(serial >= known.next, "a message older than the newest was delivered");
            }
            Delivery::Unreliable | Delivery::ReliableUnordered => {}
        }
        known.next = serial + 1;
        assert!(known.seen.insert(serial), "message {serial} was delivered twice on {channel:?}");
    }

    fn take(&mut self, place: usize) -> Option<Flight> {
        (place < self.flying.len()).then(|| self.flying.remove(place))
    }

    fn deliver(&mut self, place: usize) {
        let Some(flight) = self.take(place) else { return };
        if let Some(node) = self.nodes.iter_mut().find(|node| Address::from(node.at) == flight.to) {
            let Address::Udp(from) = flight.from else { return };
            node.watched.hear(self.now, from, &flight.bytes);
        }
    }

    /// Delivers a changed copy of a datagram. The original remains in transit.
    fn copy(&mut self, place: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let Some(flight) = self.flying.get(place) else { return };
        let (Address::Udp(from), to, mut bytes) = (flight.from, flight.to, flight.bytes.clone()) else {
            return;
        };
        change(&mut bytes);
        if let Some(node) = self.nodes.iter_mut().find(|node| Address::from(node.at) == to) {
            node.watched.hear(self.now, from, &bytes);
        }
    }

    fn close(&mut self, node: usize, script: &mut Script<'_>) {
        let own = &mut self.nodes[node];
        let index = script.below(own.connections.len());
        let Some(&connection) = own.connections.get(index) else { return };
        if script.byte() & 1 == 0 {
            own.watched.endpoint.close(self.now, connection, script.short() & 0xff, "bye");
        } else {
            let deadline = self.now + Duration::from_millis(script.number() % 10_000);
            own.watched.endpoint.close_after_delivery(self.now, connection, 1, "bye", deadline);
        }
    }

    /// Calls all getters, which must not change the state and must not panic.
    fn ask(&self, node: usize, script: &mut Script<'_>) {
        let endpoint = &self.nodes[node].watched.endpoint;
        let before = endpoint.poll_timeout();
        for connection in &self.nodes[node].connections {
            let (channel, message) = (ChannelId(script.byte()), MessageId(script.number()));
            let _ = (endpoint.fate(*connection, channel, message), endpoint.stats(*connection));
            let _ = (endpoint.channel_stats(*connection, channel), endpoint.peer(*connection));
            let is_over = self.nodes[node].over.contains(connection);
            assert!(!is_over || endpoint.state(*connection) != ConnectionState::Connected);
        }
        assert_eq!(endpoint.poll_timeout(), before);
    }

    /// Runs a network without loss. All reliable messages of open connections must then arrive.
    fn heal(&mut self) {
        let end = self.now + Duration::from_secs(60);
        while self.now < end {
            for node in [SERVER, CLIENT] {
                self.settle(node);
            }
            while !self.flying.is_empty() {
                self.deliver(0);
            }
            let next = self.nodes.each_ref().map(|node| node.watched.endpoint.poll_timeout().0);
            let next = next[0].min(next[1]);
            self.now = next.min(end).max(self.now + Duration::from_millis(1));
        }
        assert_eq!(self.log.counts().repeated, 0, "a nonce was used twice");
        // Where there are no heartbeats, an end may wait for one that is gone.
        let [here, there] = self.nodes.each_ref().map(|node| node.watched.endpoint.connections().count());
        let told = !self.silent || here == there && self.nodes.iter().all(|node| node.over.is_empty());
        for node in &self.nodes {
            node.watched.expect_nothing_left();
            for ((index, channel), count) in &node.queued {
                let connection = node.connections[*index];
                let delivery = channels().get(usize::from(*channel)).map(|config| config.delivery);
                let reliable =
                    matches!(delivery, Some(Delivery::ReliableOrdered | Delivery::ReliableUnordered));
                let endpoint = &node.watched.endpoint;
                if reliable && told && endpoint.state(connection) == ConnectionState::Connected {
                    let fate = |id| endpoint.fate(connection, ChannelId(*channel), MessageId(id));
                    let late = (0..u64::from(*count)).find(|id| fate(*id) != Some(Fate::Delivered));
                    assert_eq!(
                        late,
                        None,
                        "a reliable message on channel {channel} has the fate {:?} instead of Delivered",
                        late.and_then(fate)
                    );
                }
            }
        }
    }
}
