//! A server and many clients on a virtual clock. The tests check that no client delays or locks out another client.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Address, CloseReason, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event,
    Instant, LinkId, Refusal, Secrets, Ticket, TicketContents, TicketMint, server_ticket_key,
};
use tickwire_sim::provider::{CountingProvider, DiffieHellmans, NullProvider};

pub(crate) const APPLICATION: u64 = 0x7374_7261;
pub(crate) const WALL: u64 = 1_700_000_000_000_000;
pub(crate) const SECOND: Duration = Duration::from_secs(1);
const MASTER: [u8; 32] = [0x4d; 32];
const HOUR_US: u64 = 3_600_000_000;
/// The address of the server.
pub(crate) const SERVER: &str = "10.0.0.1:7777";

/// The source address of a client's datagrams.
#[derive(Clone, Copy)]
pub(crate) enum Bears {
    /// The client's own address.
    Truth,
    /// This address for Data packets, and the client's own address for all other packets.
    Data(Address),
}

/// One client.
pub(crate) struct Client {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: Address,
    pub(crate) bears: Bears,
    /// `true` if the client sends no Data packets, so that its handshakes never complete.
    pub(crate) is_mute: bool,
    /// `true` if the network drops all datagrams of the client.
    pub(crate) is_cut: bool,
    /// The latest Hello that the client sent.
    pub(crate) hello: Vec<u8>,
    /// An address from which a copy of each Hello is sent too.
    pub(crate) copies_to: Option<Address>,
    pub(crate) events: Vec<Event>,
    began: Instant,
    /// The time from the latest call of `dial` until the server reported the client as connected.
    pub(crate) arrived: Option<Duration>,
}

impl Client {
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.events.iter().find_map(|event| match event {
            Event::Closed { reason: CloseReason::Refused(refusal), .. } => Some(refusal),
            _ => None,
        })
    }

    pub(crate) fn connected(&self) -> Option<ConnectionId> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        })
    }
}

fn server_address() -> Address {
    SERVER.parse::<SocketAddr>().unwrap().into()
}

/// The bytes that an address sent to the server, and the bytes that it received before it was validated.
#[derive(Clone, Copy, Default)]
struct Account {
    received: usize,
    sent: usize,
    is_validated: bool,
}

struct Flying {
    from: Address,
    to: Address,
    bytes: Vec<u8>,
}

/// The effect of the network on a datagram. It may change the datagram, and returns whether it passes.
pub(crate) type Harm = Box<dyn FnMut(&mut Vec<u8>) -> bool>;

/// The index of the server among the nodes with an address.
const SERVER_INDEX: usize = usize::MAX;

/// A server and its clients.
pub(crate) struct Field {
    pub(crate) now: Instant,
    pub(crate) server: Endpoint,
    pub(crate) secrets: Secrets,
    pub(crate) server_config: Config,
    pub(crate) clients: Vec<Client>,
    /// The events of the server.
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) one_way: Duration,
    /// The effect of the network on datagrams.
    pub(crate) harm: Harm,
    /// The number of first Noise messages that the server has read.
    pub(crate) spent: DiffieHellmans,
    /// The index of the client at each address.
    homes: BTreeMap<Address, usize>,
    accounts: BTreeMap<Address, Account>,
    flying: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    bodies: Vec<Option<Flying>>,
    /// The times at which clients' timers are due, with the index of the client.
    wake: BTreeSet<(Instant, usize)>,
    due: Vec<Instant>,
    serial: u64,
}

impl Field {
    pub(crate) fn new(access: Access, change: impl FnOnce(&mut Config)) -> Self {
        let spent = DiffieHellmans::default();
        let mut config = Config::new(APPLICATION);
        config.access = access;
        config.wall_offset = WALL;
        config.provider = Arc::new(CountingProvider::new(Arc::new(NullProvider), &spent));
        change(&mut config);
        let public = config.provider.handshake().public_key(&[1; 32]);
        let secrets =
            Secrets::new([1; 32]).ticket_key(server_ticket_key(&*config.provider, &MASTER, &public));
        let server = Endpoint::new(config.clone(), secrets.clone(), [1; 32], Instant::ZERO).unwrap();
        Self {
            now: Instant::ZERO,
            server,
            secrets,
            server_config: config,
            clients: Vec::new(),
            events: Vec::new(),
            one_way: Duration::from_millis(50),
            harm: Box::new(|_| true),
            spent,
            homes: BTreeMap::from([(server_address(), SERVER_INDEX)]),
            accounts: BTreeMap::new(),
            flying: BinaryHeap::new(),
            bodies: Vec::new(),
            wake: BTreeSet::new(),
            due: Vec::new(),
            serial: 0,
        }
    }

    /// Restarts the server's process with the same keys.
    pub(crate) fn restart_server(&mut self) {
        let (config, secrets) = (self.server_config.clone(), self.secrets.clone());
        self.server = Endpoint::new(config, secrets, [2; 32], self.now).unwrap();
    }

    /// Returns the number of handshakes on which the server has spent Diffie-Hellman operations.
    pub(crate) fn handshakes(&self) -> u64 {
        self.spent.responses()
    }

    pub(crate) fn ticket(&mut self) -> Ticket {
        self.serial += 1;
        let provider = Arc::new(NullProvider);
        let public = self.server.public_key();
        let key = server_ticket_key(&*provider, &MASTER, &public);
        let mut identity = [0; 16];
        identity[..8].copy_from_slice(&self.serial.to_le_bytes());
        let contents = TicketContents { identity, expiry: WALL + HOUR_US, user_data: Vec::new() };
        let mut seed = [9; 32];
        seed[..8].copy_from_slice(&self.serial.to_le_bytes());
        TicketMint::new(provider, &key)
            .mint(&mut Rng::from_seed(seed), APPLICATION, &public, contents)
            .unwrap()
    }

    /// Adds a client that has not dialled yet.
    pub(crate) fn add(&mut self, address: &str, change: impl FnOnce(&mut Config)) -> usize {
        let address: SocketAddr = address.parse().unwrap();
        self.add_at(address.into(), change)
    }

    pub(crate) fn add_at(&mut self, address: Address, change: impl FnOnce(&mut Config)) -> usize {
        let mut config = Config::new(APPLICATION);
        config.provider = Arc::new(NullProvider);
        config.wall_offset = WALL;
        config.max_connections = 30_000;
        change(&mut config);
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&(self.clients.len() as u64).to_le_bytes());
        self.clients.push(Client {
            endpoint: Endpoint::new(config, Secrets::new([3; 32]), seed, self.now).unwrap(),
            address,
            bears: Bears::Truth,
            is_mute: false,
            is_cut: false,
            hello: Vec::new(),
            copies_to: None,
            events: Vec::new(),
            began: self.now,
            arrived: None,
        });
        self.homes.insert(address, self.clients.len() - 1);
        self.due.push(Instant::MAX);
        self.clients.len() - 1
    }

    /// Makes a client dial the server.
    pub(crate) fn dial(&mut self, client: usize, ticket: Option<Ticket>) -> ConnectionId {
        let mut options = ConnectOptions::new(self.server.public_key());
        if let Some(ticket) = ticket {
            options = options.ticket(ticket);
        }
        self.dial_with(client, options)
    }

    pub(crate) fn dial_with(&mut self, client: usize, options: ConnectOptions) -> ConnectionId {
        let now = self.now;
        let it = &mut self.clients[client];
        it.began = now;
        let to = match it.address {
            Address::Udp(_) => server_address(),
            link @ Address::Link(_) => link,
        };
        let connection = it.endpoint.connect(now, to, options).unwrap();
        self.drain(client);
        connection
    }

    pub(crate) fn with_client<T>(&mut self, client: usize, act: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let now = self.now;
        let result = act(&mut self.clients[client], now);
        self.drain(client);
        result
    }

    /// Opens a link between a client and the server, at both ends.
    pub(crate) fn open_link(&mut self, client: usize, link: LinkId, far_end: Option<IpAddr>) {
        let properties = tickwire_core::LinkProperties {
            reliable: true,
            ordered: true,
            congestion_controlled: true,
            max_datagram: 1200,
        };
        let now = self.now;
        self.server.open_link(now, link, properties, far_end).unwrap();
        let it = &mut self.clients[client];
        it.address = link.into();
        self.homes.insert(link.into(), client);
        it.endpoint.open_link(now, link, properties, None).unwrap();
    }

    /// Returns the number of the server's connections.
    pub(crate) fn places(&self) -> usize {
        self.server.connections().count()
    }

    /// Returns the number of `Connected` events of the server.
    pub(crate) fn connected(&self) -> usize {
        self.events.iter().filter(|(_, event)| matches!(event, Event::Connected { .. })).count()
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    fn step(&mut self, end: Instant) {
        self.drain_server();
        let next = [
            self.flying.peek().map(|Reverse((at, ..))| *at),
            self.wake.first().map(|(at, _)| *at),
            Some(self.server.poll_timeout().0),
        ];
        self.now = self.now.max(next.into_iter().flatten().min().unwrap_or(end).min(end));
        let now = self.now;
        while let Some(Reverse((at, _, body))) = self.flying.peek().copied() {
            if at > now {
                break;
            }
            self.flying.pop();
            if let Some(flying) = self.bodies[body].take() {
                self.deliver(flying);
            }
        }
        if self.flying.is_empty() {
            self.bodies.clear();
        }
        self.server.handle_timeout(now);
        self.drain_server();
        while let Some((at, client)) = self.wake.first().copied() {
            if at > now {
                break;
            }
            self.clients[client].endpoint.handle_timeout(now);
            self.drain(client);
        }
    }

    fn deliver(&mut self, mut flying: Flying) {
        let now = self.now;
        match self.find(flying.to) {
            Some(SERVER_INDEX) => {
                self.accounts.entry(flying.from).or_default().received += flying.bytes.len();
                self.server.handle_datagram(now, flying.from, Ecn::NotCapable, &mut flying.bytes);
                self.drain_server();
            }
            Some(client) => {
                let endpoint = &mut self.clients[client].endpoint;
                endpoint.handle_datagram(now, flying.from, Ecn::NotCapable, &mut flying.bytes);
                self.drain(client);
            }
            None => {}
        }
    }

    fn find(&self, address: Address) -> Option<usize> {
        self.homes.get(&address).copied()
    }

    /// Moves a client to another address.
    pub(crate) fn move_to(&mut self, client: usize, address: &str) {
        let address: SocketAddr = address.parse().unwrap();
        self.clients[client].address = address.into();
        self.homes.insert(address.into(), client);
    }

    /// Sends a datagram with any source address to the server.
    pub(crate) fn forge(&mut self, from: &str, bytes: Vec<u8>) {
        let from: SocketAddr = from.parse().unwrap();
        self.fly(from.into(), server_address(), bytes);
    }

    fn fly(&mut self, from: Address, to: Address, mut bytes: Vec<u8>) {
        if !(self.harm)(&mut bytes) {
            return;
        }
        self.serial += 1;
        self.bodies.push(Some(Flying { from, to, bytes }));
        self.flying.push(Reverse((self.now + self.one_way, self.serial, self.bodies.len() - 1)));
    }

    fn drain_server(&mut self) {
        let mut buffer = [0; 2048];
        while let Some(event) = self.server.poll_event() {
            if let Event::Connected { address, .. } = &event
                && let Some(client) = self.find(*address).filter(|client| *client != SERVER_INDEX)
            {
                let it = &mut self.clients[client];
                it.arrived.get_or_insert(self.now - it.began);
            }
            if let Event::Connected { address, .. }
            | Event::Moved { address, .. }
            | Event::Resumed { address, .. } = &event
            {
                self.accounts.entry(*address).or_default().is_validated = true;
            }
            self.events.push((self.now, event));
        }
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut buffer) {
            let to = transmit.path.remote;
            if matches!(to, Address::Udp(_)) {
                let account = self.accounts.entry(to).or_default();
                account.sent += transmit.size;
                let is_paid = account.is_validated || account.sent <= account.received;
                assert!(is_paid, "{} bytes to {to} for {}", account.sent, account.received);
            }
            for datagram in transmit.datagrams(&buffer) {
                let from = match to {
                    Address::Udp(_) => server_address(),
                    link @ Address::Link(_) => link,
                };
                self.fly(from, to, datagram.to_vec());
            }
        }
    }

    /// Takes all datagrams and events of a client.
    fn drain(&mut self, client: usize) {
        let mut buffer = [0; 2048];
        let now = self.now;
        let mut sent = Vec::new();
        let it = &mut self.clients[client];
        while let Some(transmit) = it.endpoint.poll_transmit(now, &mut buffer) {
            sent.extend(transmit.datagrams(&buffer).map(<[u8]>::to_vec));
        }
        while let Some(event) = it.endpoint.poll_event() {
            it.events.push(event);
        }
        let due = it.endpoint.poll_timeout().0;
        let before = std::mem::replace(&mut self.due[client], due);
        self.wake.remove(&(before, client));
        if due < Instant::MAX {
            self.wake.insert((due, client));
        }
        let (address, bears, copies_to) = (it.address, it.bears, it.copies_to);
        let (is_mute, is_cut) = (it.is_mute, it.is_cut);
        if let Some(hello) = sent.iter().rfind(|bytes| bytes[0] == 4) {
            it.hello = hello.clone();
        }
        for bytes in sent {
            let is_data = bytes[0] >= 8;
            if is_cut || is_data && is_mute {
                continue;
            }
            let from = match bears {
                Bears::Data(forged) if is_data => forged,
                _ => address,
            };
            if let Some(copy) = copies_to.filter(|_| bytes[0] == 4) {
                self.fly(copy, server_address(), bytes.clone());
            }
            self.fly(from, server_address(), bytes);
        }
    }
}
