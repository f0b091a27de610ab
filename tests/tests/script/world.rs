//! Endpoints whose calls a script chooses, and their outputs.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::Provider;
use tickwire_core::rng::Rng;
use tickwire_core::wire::DataHeader;
use tickwire_core::{
    Access, Address, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, ConnectionState,
    Delivery, Duration, Ecn, Endpoint, Event, Instant, LinkId, LinkProperties, Overflow, Secrets,
    TicketContents, TicketMint, TimeoutCause, server_ticket_key,
};

mod drive;
mod resume_over;

use super::forge;
use super::op::{Fate, How, LinkAct, Op};

/// The application number of all scripts.
pub(crate) const APPLICATION: u64 = 0x0073_6372_6970_7473;
/// The one-way delay of the network in [`Op::Run`].
pub(crate) const DELAY: Duration = Duration::from_millis(5);
const MASTER: [u8; 32] = [77; 32];
/// The wall time at [`Instant::ZERO`], in microseconds since the Unix epoch.
const WALL: u64 = 1_700_000_000_000_000;
const NODES: usize = 3;

/// The behaviour of the drivers while a script runs the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// The driver calls an endpoint only when `poll_timeout` is due, and makes only the call that the cause names.
    CauseOnly,
    /// The driver makes all calls, in one of six orders, when `poll_timeout` is due, and also at intervals of `every`.
    Orderly { every: Option<Duration>, order: u8 },
}

/// The settings of a world.
#[derive(Clone)]
pub(crate) struct Setup {
    pub provider: Arc<dyn Provider>,
    pub manner: Manner,
    /// The behaviour when a script sets the clock back: with `true`, the harness passes the latest time again until the
    /// clock has reached this time; with `false`, it passes the earlier times.
    pub clamps: bool,
    pub seed: u64,
}

impl Setup {
    pub(crate) fn new(provider: Arc<dyn Provider>, seed: u64) -> Self {
        Self { provider, manner: Manner::Orderly { every: None, order: 0 }, clamps: false, seed }
    }
}

/// One output of an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Output {
    Datagram { node: usize, at: Instant, to: Address, length: usize, segment: usize, hash: u64 },
    Event { node: usize, at: Instant, event: u64, text: String },
    Returned { node: usize, what: String },
    Timeout { node: usize, when: Instant, cause: TimeoutCause },
}

/// The number of a clause of the contract, and a description of the violation.
pub(crate) type Fault = (u8, String);

#[derive(Clone, Copy, Default, Debug)]
struct Life {
    connected: bool,
    closed: bool,
}

/// One endpoint, and the state of its caller.
pub(crate) struct Node {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub connections: Vec<ConnectionId>,
    /// The number of bytes in all messages that the endpoint has received.
    pub received: u64,
    /// The latest time that was passed to the endpoint.
    pub latest: Instant,
    /// The header of the latest data packet that arrived.
    pub last_header: Option<DataHeader>,
    incarnation: u64,
    lives: BTreeMap<ConnectionId, Life>,
}

/// A datagram in transit: its receiver, and its source address as the receiver sees it.
#[derive(Clone, Debug)]
struct Flying {
    at: Instant,
    to: usize,
    from: Address,
    bytes: Vec<u8>,
}

/// The endpoints and the network of a script.
pub(crate) struct World {
    pub now: Instant,
    pub nodes: Vec<Node>,
    pub trace: Vec<Output>,
    pub faults: Vec<Fault>,
    setup: Setup,
    flight: Vec<Flying>,
    sent: u64,
}

/// Returns the channels of every script: one of each kind, one whose messages expire, and one with receipts.
pub(crate) fn channels() -> Vec<ChannelConfig> {
    let mut forgetful = ChannelConfig::new(Delivery::ReliableOrdered);
    forgetful.lifetime = Some(Duration::from_millis(100));
    forgetful.queue_messages = 8;
    let mut reporting = ChannelConfig::new(Delivery::ReliableUnordered);
    reporting.receipts = true;
    reporting.compress = true;
    reporting.queue_bytes = 10_000;
    reporting.priority = 6;
    let kinds =
        [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];
    let mut channels = kinds.map(ChannelConfig::new).to_vec();
    // The sequenced one drops what is stale; this one hands messages back.
    channels[3].overflow = Overflow::Queue;
    channels.extend([forgetful, reporting]);
    channels
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut world = Self {
            now: Instant::ZERO + Duration::from_secs(1000),
            nodes: Vec::new(),
            trace: Vec::new(),
            faults: Vec::new(),
            setup,
            flight: Vec::new(),
            sent: 0,
        };
        for index in 0..NODES {
            let node = world.boot(index, 0);
            world.nodes.push(node);
        }
        world
    }

    /// Creates a node. Node 0 accepts every client, node 1 none, and node 2 clients with tickets.
    fn boot(&self, index: usize, incarnation: u64) -> Node {
        let mut config = Config::new(APPLICATION);
        config.dont_fragment = true;
        config.provider = Arc::clone(&self.setup.provider);
        config.access = [Access::Open, Access::Closed, Access::Tickets][index];
        config.wall_offset = WALL;
        config.channels = channels();
        config.max_message = 300_000;
        config.max_connections = 8;
        config.rotate_after = 64;
        let secrets = self.secrets(index);
        let seed = tickwire_sim::rng::seed_bytes(self.setup.seed, (index as u64) << 32 | incarnation);
        Node {
            endpoint: Endpoint::new(config, secrets, seed, self.now).unwrap(),
            address: SocketAddr::from(([10, 0, 0, 1 + index as u8], 7000)),
            connections: Vec::new(),
            received: 0,
            latest: self.now,
            last_header: None,
            incarnation,
            lives: BTreeMap::new(),
        }
    }

    fn secrets(&self, index: usize) -> Secrets {
        let identity = [index as u8 + 1; 32];
        let public = self.setup.provider.handshake().public_key(&identity);
        Secrets::new(identity).ticket_key(server_ticket_key(&*self.setup.provider, &MASTER, &public))
    }

    /// Executes `script`. In most worlds, two connections are established first.
    pub(crate) fn play(&mut self, script: &[Op]) {
        if !self.setup.seed.is_multiple_of(4) {
            self.step(Op::Connect { node: 1, to: 0, how: How::Pinned });
            self.step(Op::Connect { node: 0, to: 2, how: How::Ticket });
            self.step(Op::Run { millis: 300 });
        }
        for op in script {
            self.step(*op);
        }
    }

    /// Executes one operation.
    pub(crate) fn step(&mut self, op: Op) {
        match op {
            Op::Connect { node, to, how } => self.connect(pick(node), pick(to), how),
            Op::Send { node, connection, channel, size } => self.send(pick(node), connection, channel, size),
            Op::Fill { node, connection, channel } => self.fill(pick(node), connection, channel),
            Op::Close { node, connection, gently } => self.close(pick(node), connection, gently),
            Op::Fly { place, fate } => self.fly(place, fate),
            Op::Advance { micros } => {
                let to = self.now.as_micros().saturating_add_signed(micros);
                self.now = Instant::saturating_from_micros(to);
            }
            Op::HandleTimeout { node } => self.handle_timeout(pick(node)),
            Op::PollTransmit { node, buffer } => {
                self.poll_transmit(pick(node), &mut vec![0; buffer.into()]);
            }
            Op::PollEvent { node } => {
                self.poll_event(pick(node));
            }
            Op::Garbage { node, from, first, length, seed } => {
                self.garbage(pick(node), from, first, length, seed);
            }
            Op::Restart { node } => self.restart(pick(node)),
            Op::Move { node } => {
                let address = &mut self.nodes[pick(node)].address;
                address.set_port(address.port() + 1);
            }
            Op::SetWall { node, off } => self.set_wall(pick(node), off),
            Op::Link { node, act } => self.link(pick(node), act),
            Op::ResumeOver { node, connection, to } => self.resume_over(pick(node), connection, to.map(pick)),
            Op::Run { millis } => self.run(Duration::from_millis(millis.into())),
        }
        for index in 0..NODES {
            self.look_at(index);
        }
    }

    /// Checks the rules that must hold after every call.
    fn look_at(&mut self, index: usize) {
        let node = &self.nodes[index];
        let (first, second) = (node.endpoint.poll_timeout(), node.endpoint.poll_timeout());
        let (now, latest) = (node.endpoint.now(), node.latest);
        if now != latest {
            self.fault(1, format!("the time is {now:?}, and the latest given was {latest:?}"));
        }
        if first != second {
            self.fault(5, format!("poll_timeout says {first:?}, then {second:?}"));
        }
        self.trace.push(Output::Timeout { node: index, when: first.0, cause: first.1 });
    }

    fn fault(&mut self, clause: u8, text: String) {
        self.faults.push((clause, text));
    }

    /// Returns the time to pass to a node.
    fn time(&mut self, index: usize) -> Instant {
        let node = &mut self.nodes[index];
        node.latest = node.latest.max(self.now);
        if self.setup.clamps { node.latest } else { self.now }
    }

    pub(crate) fn connect(&mut self, index: usize, to: usize, how: How) {
        let key = self.nodes[to].endpoint.public_key();
        let address = Address::from(self.nodes[to].address);
        let (to, options) = match how {
            How::Pinned => (address, ConnectOptions::new(key)),
            How::AnyKey => (address, ConnectOptions::danger_any_key()),
            How::WrongKey => (address, ConnectOptions::new([9; 32])),
            How::Link => {
                let other = (index + 1) % NODES;
                let key = self.nodes[other].endpoint.public_key();
                (Address::Link(LinkId(index as u64)), ConnectOptions::new(key))
            }
            How::Ticket => (address, ConnectOptions::new(key).ticket(self.ticket(*key))),
        };
        let now = self.time(index);
        let connected = self.nodes[index].endpoint.connect(now, to, options);
        self.trace.push(Output::Returned { node: index, what: format!("{connected:?}") });
        self.nodes[index].connections.extend(connected.ok());
    }

    fn ticket(&mut self, key: [u8; 32]) -> tickwire_core::Ticket {
        self.sent += 1;
        let provider = Arc::clone(&self.setup.provider);
        let mint = TicketMint::new(Arc::clone(&provider), &server_ticket_key(&*provider, &MASTER, &key));
        let mut rng = Rng::from_seed(tickwire_sim::rng::seed_bytes(self.setup.seed, self.sent << 8));
        // Good for an hour: scripts that jump far meet expired ones too.
        let expiry = WALL.saturating_add(self.now.as_micros()).saturating_add(3_600_000_000);
        let contents = TicketContents { identity: [5; 16], expiry, user_data: vec![1; 20] };
        mint.mint(&mut rng, APPLICATION, &key, contents).unwrap()
    }

    pub(crate) fn send(&mut self, index: usize, connection: u8, channel: u8, size: u32) {
        let Some(connection) = choose(&self.nodes[index].connections, connection) else { return };
        self.sent += 1;
        let message = vec![self.sent as u8; size as usize];
        let now = self.time(index);
        let sent = self.nodes[index].endpoint.send(now, connection, ChannelId(channel), message);
        let what = sent.map_or_else(|error| format!("Refused {error}"), |id| format!("Sent {id:?}"));
        self.trace.push(Output::Returned { node: index, what });
    }

    fn fill(&mut self, index: usize, connection: u8, channel: u8) {
        let Some(connection) = choose(&self.nodes[index].connections, connection) else { return };
        let now = self.time(index);
        let endpoint = &mut self.nodes[index].endpoint;
        // A channel whose oldest messages give way is never full: a queue's worth is enough.
        for _ in 0..FILLED {
            if endpoint.send(now, connection, ChannelId(channel), vec![0; 50]).is_err() {
                break;
            }
        }
    }

    fn close(&mut self, index: usize, connection: u8, gently: bool) {
        let Some(connection) = choose(&self.nodes[index].connections, connection) else { return };
        let now = self.time(index);
        let node = &mut self.nodes[index];
        if gently {
            let deadline = node.latest + Duration::from_secs(2);
            node.endpoint.close_after_delivery(now, connection, 7, "enough", deadline);
        } else {
            node.endpoint.close(now, connection, 8, "now");
        }
    }

    fn fly(&mut self, place: u8, fate: Fate) {
        if self.flight.is_empty() {
            return;
        }
        let place = usize::from(place) % self.flight.len();
        let mut flying = match fate {
            Fate::Duplicate => self.flight[place].clone(),
            _ => self.flight.remove(place),
        };
        match fate {
            Fate::Deliver | Fate::Duplicate => {}
            Fate::Drop => return,
            Fate::Flip(bit) => {
                let bit = usize::from(bit) % (flying.bytes.len() * 8).max(1);
                flying.bytes[bit / 8] ^= 1 << (bit % 8);
            }
            Fate::Cut(length) => flying.bytes.truncate(usize::from(length) % (flying.bytes.len() + 1)),
            Fate::Misroute(to) => flying.to = pick(to),
        }
        self.deliver(flying);
    }

    fn deliver(&mut self, mut flying: Flying) {
        let now = self.time(flying.to);
        let node = &mut self.nodes[flying.to];
        if let Ok(header) = DataHeader::read(&flying.bytes) {
            node.last_header = Some(header);
        }
        node.endpoint.handle_datagram(now, flying.from, Ecn::NotCapable, &mut flying.bytes);
    }

    /// Delivers a random datagram, or a forged packet on a known connection, as if the sender had the keys.
    fn garbage(&mut self, index: usize, from: u8, first: u8, length: u16, seed: u16) {
        let from_address = SocketAddr::from(([10, 9, 0, from % 4], 1000));
        let seed = tickwire_sim::rng::mix(self.setup.seed, seed.into());
        let (from, mut bytes) = match self.nodes[index].last_header {
            Some(header) if first >= 8 => (self.nodes[pick(from)].address, forge::packet(&header, seed)),
            _ => (from_address, forge::garbage(first, length.into(), seed)),
        };
        let now = self.time(index);
        self.nodes[index].endpoint.handle_datagram(now, from, Ecn::NotCapable, &mut bytes);
    }

    fn restart(&mut self, index: usize) {
        let incarnation = self.nodes[index].incarnation + 1;
        let address = self.nodes[index].address;
        self.nodes[index] = self.boot(index, incarnation);
        self.nodes[index].address = address;
    }

    /// Sets the wall clock of a node.
    fn set_wall(&mut self, index: usize, off: i64) {
        let (now, offset) = (self.time(index), WALL.saturating_add_signed(off));
        let endpoint = &mut self.nodes[index].endpoint;
        let before = endpoint.wall_offset();
        let set = endpoint.set_wall_offset(now, offset);
        let expected = if set.is_ok() { offset } else { before };
        assert_eq!(endpoint.wall_offset(), expected, "{set:?}");
        self.trace.push(Output::Returned { node: index, what: format!("{set:?}") });
    }

    fn link(&mut self, index: usize, act: LinkAct) {
        let link = LinkId(index as u64);
        match act {
            LinkAct::Open => {
                let reliable = self.setup.seed.is_multiple_of(2);
                let properties = LinkProperties {
                    reliable,
                    ordered: reliable,
                    congestion_controlled: reliable,
                    max_datagram: 1140,
                };
                for node in [index, (index + 1) % NODES] {
                    let now = self.time(node);
                    self.nodes[node].endpoint.open_link(now, link, properties, None).unwrap();
                }
            }
            LinkAct::Credit(bytes) => {
                let now = self.time(index);
                self.nodes[index].endpoint.set_link_credit(now, link, u64::from(bytes) * 8);
            }
            LinkAct::Close => {
                let now = self.time(index);
                self.nodes[index].endpoint.close_link(now, link);
            }
        }
    }

    /// Returns the outputs without those of `poll_timeout`.
    pub(crate) fn outputs(&self) -> Vec<&Output> {
        self.trace.iter().filter(|output| !matches!(output, Output::Timeout { .. })).collect()
    }

    /// Fails at the first output that differs between two worlds.
    pub(crate) fn expect_same(&self, other: &Self, meaning: &str) {
        let (ours, theirs) = (self.outputs(), other.outputs());
        let first = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
        let first = first.unwrap_or_else(|| ours.len().min(theirs.len()));
        let (ours, theirs) = (ours.get(first), theirs.get(first));
        assert_eq!(ours, theirs, "{meaning}: output {first}");
    }

    /// Fails if the clause was violated.
    pub(crate) fn expect_kept(&self, clause: u8) {
        let broken: Vec<&String> =
            self.faults.iter().filter(|fault| fault.0 == clause).map(|fault| &fault.1).collect();
        assert!(broken.is_empty(), "clause {clause}: {broken:#?}");
    }
}

fn pick(node: u8) -> usize {
    usize::from(node) % NODES
}

fn choose(connections: &[ConnectionId], place: u8) -> Option<ConnectionId> {
    connections.get(usize::from(place) % connections.len().max(1)).copied()
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// More messages than the queue of a channel accepts.
const FILLED: usize = 5000;
