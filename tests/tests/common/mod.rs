//! Two or more endpoints on a virtual clock, joined by a network that each test controls.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tickwire_core::{
    Access, Address, ChannelId, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event,
    Instant, Secrets,
};

/// The application id of the nodes, unless a test configures a different id.
pub const APPLICATION: u64 = 0x7465_7374;

/// A node of the network: an endpoint, and the events that it reported.
pub struct Node {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub events: Vec<Event>,
    pub is_up: bool,
    /// `true` if the node's application polls the endpoint's events.
    pub is_listening: bool,
    /// The source address of the node's datagrams, if it differs from `address`.
    pub claims: Option<SocketAddr>,
    /// The time by which the node's clock is behind the network's clock.
    pub behind: Duration,
    /// The interval at which the driver reads its socket and its timers. With zero, the driver reads a
    /// datagram when it arrives, and a timer when it is due.
    pub polls_every: Duration,
    /// The time of the driver's first poll. With zero in `polls_every`, this time has no effect.
    pub polls_from: Duration,
    /// The datagrams that wait in the socket until the driver polls it.
    waiting: Vec<(SocketAddr, Vec<u8>)>,
}

impl Node {
    pub fn new(config: Config, secrets: Secrets, seed: u8, address: &str, now: Instant) -> Self {
        Self {
            endpoint: Endpoint::new(config, secrets, [seed; 32], now).unwrap(),
            address: address.parse().unwrap(),
            events: Vec::new(),
            is_up: true,
            is_listening: true,
            claims: None,
            behind: Duration::ZERO,
            polls_every: Duration::ZERO,
            polls_from: Duration::ZERO,
            waiting: Vec::new(),
        }
    }

    /// Returns the time on the node's clock when the network's clock shows `now`.
    pub fn local(&self, now: Instant) -> Instant {
        now - self.behind
    }

    /// Returns the time at which the driver polls next, if work is due at `due`. Both times are on the network's clock.
    fn next_poll(&self, now: Instant, due: Instant) -> Instant {
        let period = u64::try_from(self.polls_every.as_micros()).unwrap();
        if period == 0 {
            return due;
        }
        let from = u64::try_from(self.polls_from.as_micros()).unwrap();
        let periods = now.as_micros().checked_sub(from).map_or(0, |passed| passed / period + 1);
        Instant::saturating_from_micros(from + periods * period)
    }

    /// Returns whether the node's driver polls at `now`.
    fn polls_at(&self, now: Instant) -> bool {
        let since = now.as_micros().checked_sub(self.polls_from.as_micros() as u64);
        self.polls_every.is_zero()
            || since.is_some_and(|since| since.is_multiple_of(self.polls_every.as_micros() as u64))
    }

    pub fn messages(&self) -> Vec<(ChannelId, Vec<u8>)> {
        let message = |event: &Event| match event {
            Event::Message { channel, data, .. } => Some((*channel, data.to_vec())),
            _ => None,
        };
        self.events.iter().filter_map(message).collect()
    }

    pub fn connected(&self) -> Option<ConnectionId> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        })
    }

    pub fn has(&self, matches: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(matches)
    }
}

/// A datagram in transit.
struct Flying {
    at: Instant,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// Decides the fate of a datagram. The arguments are the time, the index of the sending node, and the bytes, which the
/// filter may change.
pub type Filter = Box<dyn FnMut(Instant, usize, &mut Vec<u8>) -> Pass>;

pub enum Pass {
    Deliver,
    Drop,
    Twice,
    Late(Duration),
}

/// Nodes on a network with one delay for all paths.
pub struct Net {
    pub now: Instant,
    pub nodes: Vec<Node>,
    pub delay: Duration,
    pub filter: Filter,
    pub datagrams: u64,
    /// The number of bytes sent, by source and destination.
    pub bytes: BTreeMap<(SocketAddr, SocketAddr), usize>,
    flying: Vec<Flying>,
}

impl Net {
    pub fn new(nodes: Vec<Node>, delay: Duration) -> Self {
        Self {
            now: Instant::ZERO,
            nodes,
            delay,
            filter: Box::new(|_, _, _| Pass::Deliver),
            datagrams: 0,
            bytes: BTreeMap::new(),
            flying: Vec::new(),
        }
    }

    /// Creates a server in open access (node 0) and a client (node 1).
    pub fn pair(change: impl Fn(&mut Config)) -> Self {
        let mut server = Config::new(APPLICATION);
        change(&mut server);
        let mut client = server.clone();
        server.access = Access::Open;
        client.access = Access::Closed;
        let nodes = vec![
            Node::new(server, Secrets::new([1; 32]), 1, "10.0.0.1:7777", Instant::ZERO),
            Node::new(client, Secrets::new([2; 32]), 2, "10.0.0.2:4000", Instant::ZERO),
        ];
        Self::new(nodes, Duration::from_millis(50))
    }

    /// Creates two peers; node 0 has the lower static key.
    pub fn peers() -> Self {
        let mut config = Config::new(APPLICATION);
        config.access = Access::Peers;
        let mut nodes: Vec<Node> = [1u8, 2]
            .map(|number| {
                let address = format!("10.0.0.{number}:7777");
                Node::new(config.clone(), Secrets::new([number; 32]), number, &address, Instant::ZERO)
            })
            .into();
        nodes.sort_by_key(|node| node.endpoint.public_key());
        Self::new(nodes, Duration::from_millis(50))
    }

    pub fn connect(&mut self) -> ConnectionId {
        let options = ConnectOptions::new(self.nodes[0].endpoint.public_key());
        self.connect_with(options)
    }

    /// Makes node 1 dial node 0, and returns the id of node 1's connection.
    pub fn connect_with(&mut self, options: ConnectOptions) -> ConnectionId {
        let to = self.nodes[0].address;
        let now = self.nodes[1].local(self.now);
        self.nodes[1].endpoint.connect(now, to, options).unwrap()
    }

    pub fn send(&mut self, node: usize, connection: ConnectionId, channel: u8, message: Vec<u8>) {
        let now = self.nodes[node].local(self.now);
        self.nodes[node].endpoint.send(now, connection, ChannelId(channel), message).unwrap();
    }

    /// Runs the network until `until` returns `true`. Panics if `until` still returns `false` after `most` of virtual time.
    pub fn run_until(&mut self, most: Duration, until: impl Fn(&Self) -> bool) {
        let end = self.now + most;
        while !until(self) {
            assert!(self.now < end, "nothing after {most:?}; events {:#?}", self.tail());
            self.step(end);
        }
    }

    /// Runs the network for `time`.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    /// Clears the recorded events, and releases the unused memory of the queue of datagrams in transit.
    pub fn forget(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.events = Vec::new());
        self.flying.shrink_to_fit();
    }

    fn tail(&self) -> Vec<&[Event]> {
        self.nodes.iter().map(|node| &node.events[node.events.len().saturating_sub(5)..]).collect()
    }

    fn step(&mut self, end: Instant) {
        for index in 0..self.nodes.len() {
            // What the test itself called since the last step.
            self.drain(index);
        }
        let mut next = end;
        for node in self.nodes.iter().filter(|node| node.is_up) {
            // What waits for an application that does not listen is always due.
            let due =
                if node.is_listening { node.endpoint.poll_timeout().0 } else { node.endpoint.next_timer() };
            next = next.min(node.next_poll(self.now, due + node.behind));
        }
        for flying in &self.flying {
            next = next.min(flying.at);
        }
        self.now = self.now.max(next);
        let now = self.now;
        self.flying.sort_by_key(|flying| flying.at);
        let due = self.flying.partition_point(|flying| flying.at <= now);
        for mut flying in self.flying.drain(..due) {
            if let Some(node) = self.nodes.iter_mut().find(|node| node.address == flying.to && node.is_up) {
                if node.polls_every.is_zero() {
                    let at = node.local(now);
                    node.endpoint.handle_datagram(at, flying.from, Ecn::NotCapable, &mut flying.bytes);
                } else {
                    node.waiting.push((flying.from, flying.bytes));
                }
            }
        }
        for node in self.nodes.iter_mut().filter(|node| node.is_up && node.polls_at(now)) {
            let at = node.local(now);
            for (from, mut bytes) in node.waiting.drain(..) {
                node.endpoint.handle_datagram(at, from, Ecn::NotCapable, &mut bytes);
            }
            node.endpoint.handle_timeout(at);
        }
        for index in 0..self.nodes.len() {
            self.drain(index);
        }
    }

    fn drain(&mut self, index: usize) {
        let mut buffer = [0; 4096];
        let now = self.now;
        let node = &mut self.nodes[index];
        if !node.is_up || !node.polls_at(now) {
            return;
        }
        let local = node.local(now);
        while let Some(transmit) = node.endpoint.poll_transmit(local, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                self.datagrams += 1;
                let mut bytes = datagram.to_vec();
                let Address::Udp(to) = transmit.path.remote else { continue };
                let from = node.claims.unwrap_or(node.address);
                *self.bytes.entry((from, to)).or_insert(0) += bytes.len();
                let mut fly = |bytes: Vec<u8>, extra: Duration| {
                    self.flying.push(Flying { at: now + self.delay + extra, from, to, bytes });
                };
                match (self.filter)(now, index, &mut bytes) {
                    Pass::Drop => {}
                    Pass::Deliver => fly(bytes, Duration::ZERO),
                    Pass::Late(extra) => fly(bytes, extra),
                    Pass::Twice => {
                        fly(bytes.clone(), Duration::from_millis(3));
                        fly(bytes, Duration::ZERO);
                    }
                }
            }
        }
        while let Some(event) = node.is_listening.then(|| node.endpoint.poll_event()).flatten() {
            node.events.push(event);
        }
    }
}
