//! tickwire's core, which the benchmark calls through the public API as a driver does.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use tickwire_core::crypto::{Provider, Ring, RustCrypto};
use tickwire_core::{
    Access, Address, Bytes, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, Delivery, Ecn,
    Endpoint, Event, Instant, Secrets,
};
use tickwire_sim::provider::NullProvider;

use crate::allocations::{self, uncounted};
use crate::scene::{MESSAGE, Stack};

const FIRST_PORT: u16 = 1000;
const BUFFER: usize = 16 << 10;

/// The cryptography provider of the server and the clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crypto {
    /// The simulator's null provider, which computes checksums instead of encrypting.
    Null,
    /// The provider that uses the crate ring.
    Ring,
    /// The provider that uses the pure-Rust RustCrypto crates.
    RustCrypto,
}

/// A server with its clients, implemented with tickwire's core.
pub struct Tickwire {
    server: Endpoint,
    /// The server's connection to each client. `None` until the client is connected.
    connections: Vec<Option<ConnectionId>>,
    clients: Vec<Endpoint>,
    /// The connection of each client to the server.
    dialled: Vec<ConnectionId>,
    /// The number of channels that messages use in turn.
    channels: u8,
    turn: u8,
    /// Whether each client has reported that it is connected.
    told: Vec<bool>,
    buffer: Box<[u8]>,
}

impl Tickwire {
    /// Creates a server and `clients` clients.
    ///
    /// # Panics
    /// If the core rejects the configuration.
    pub fn new(crypto: Crypto, clients: usize) -> Self {
        Self::with_channels(crypto, clients, 1)
    }

    /// Creates a server and `clients` clients. The server's messages use the first `channels` channels in turn. The
    /// clients' messages use channel 0.
    ///
    /// # Panics
    /// If the core rejects the configuration.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    pub fn with_channels(crypto: Crypto, clients: usize, channels: u8) -> Self {
        let mut config = Config::new(7);
        if channels > 1 {
            config.channels = vec![ChannelConfig::new(Delivery::ReliableOrdered); channels.into()];
        }
        // Datagrams pass from one buffer to the other.
        config.dont_fragment = true;
        config.provider = provider(crypto);
        config.max_connections = clients;
        config.max_connections_per_source = Some(clients);
        (config.handshake_rate, config.handshake_burst) = (1_000_000, 1_000_000);
        let mut open = config.clone();
        open.access = Access::Open;
        let server = Endpoint::new(open, Secrets::new([1; 32]), [2; 32], Instant::ZERO).expect("a server");
        let dial = |index: usize| {
            let mut seed = [3; 32];
            seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
            let secrets = Secrets::new([4; 32]);
            let mut client = Endpoint::new(config.clone(), secrets, seed, Instant::ZERO).expect("a client");
            let options = ConnectOptions::new(server.public_key());
            let dialled = client.connect(Instant::ZERO, server_address(), options).expect("a dial");
            (client, dialled)
        };
        let (endpoints, dialled) = (0..clients).map(dial).unzip();
        Self {
            server,
            connections: vec![None; clients],
            clients: endpoints,
            dialled,
            channels,
            turn: 0,
            told: vec![false; clients],
            buffer: vec![0; BUFFER].into(),
        }
    }
}

impl Tickwire {
    /// Drops the server, and returns the number of heap bytes per client that the drop released.
    pub fn server_heap(self) -> f64 {
        let before = allocations::live();
        drop(self.server);
        (before - allocations::live()) as f64 / self.clients.len() as f64
    }
}

fn provider(crypto: Crypto) -> Arc<dyn Provider> {
    match crypto {
        Crypto::Null => Arc::new(NullProvider),
        Crypto::Ring => Arc::new(Ring),
        Crypto::RustCrypto => Arc::new(RustCrypto),
    }
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(client: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), FIRST_PORT + client as u16).into()
}

fn client_at(address: Address) -> usize {
    match address {
        Address::Udp(address) => usize::from(address.port() - FIRST_PORT),
        Address::Link(_) => usize::MAX,
    }
}

fn at(now_us: u64) -> Instant {
    Instant::saturating_from_micros(now_us)
}

/// Runs the timers, and then sends all datagrams, as a driver does before it sleeps.
fn transmit(endpoint: &mut Endpoint, now: Instant, buffer: &mut [u8], mut emit: impl FnMut(Address, &[u8])) {
    endpoint.handle_timeout(now);
    while let Some(transmit) = endpoint.poll_transmit(now, buffer) {
        for datagram in transmit.datagrams(buffer) {
            emit(transmit.path.remote, datagram);
        }
    }
}

impl Stack for Tickwire {
    fn at_server(&mut self, now_us: u64, client: usize, datagram: &mut [u8]) {
        self.server.handle_datagram(at(now_us), client_address(client), Ecn::NotCapable, datagram);
    }

    fn at_client(&mut self, now_us: u64, client: usize, datagram: &mut [u8]) {
        self.clients[client].handle_datagram(at(now_us), server_address(), Ecn::NotCapable, datagram);
    }

    fn send(&mut self, now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        let message = uncounted(|| Bytes::copy_from_slice(message));
        if let Some(connection) = self.connections[client] {
            let sent = self.server.send(at(now_us), connection, ChannelId(self.turn), message);
            assert!(sent.is_ok(), "{sent:?}");
            self.turn = if self.turn + 1 < self.channels { self.turn + 1 } else { 0 };
        }
    }

    fn send_up(&mut self, now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        let message = uncounted(|| Bytes::copy_from_slice(message));
        let sent = self.clients[client].send(at(now_us), self.dialled[client], ChannelId(0), message);
        assert!(sent.is_ok(), "{sent:?}");
    }

    fn server_update(&mut self, _now_us: u64) -> u64 {
        let mut received = 0;
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Message { data, .. } => received += u64::from(data.len() == MESSAGE),
                Event::Connected { connection, address, .. } => {
                    self.connections[client_at(address)] = Some(connection);
                }
                _ => {}
            }
        }
        received
    }

    fn server_transmit(&mut self, now_us: u64, emit: &mut impl FnMut(usize, &[u8])) {
        transmit(&mut self.server, at(now_us), &mut self.buffer, |to, datagram| {
            emit(client_at(to), datagram);
        });
    }

    fn client_turn(&mut self, now_us: u64, client: usize, emit: &mut impl FnMut(&[u8])) -> u64 {
        let endpoint = &mut self.clients[client];
        let mut received = 0;
        while let Some(event) = endpoint.poll_event() {
            match event {
                Event::Message { data, .. } => received += u64::from(data.len() == MESSAGE),
                Event::Connected { .. } => self.told[client] = true,
                _ => {}
            }
        }
        transmit(endpoint, at(now_us), &mut self.buffer, |_, datagram| emit(datagram));
        received
    }

    fn is_connected(&self) -> bool {
        self.told.iter().all(|told| *told) && self.connections.iter().all(Option::is_some)
    }
}
