//! A server and its clients, joined by paths that only delay.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration as Elapsed, Instant as Clock};

use tickwire_core::snapshot::{Viewer, WorldId};
use tickwire_core::{
    Access, Address, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event, Instant, Secrets,
    SnapshotConfig,
};
use tickwire_sim::provider::NullProvider;

use super::{Field, TICKS_PER_SECOND};

const FIRST_PORT: u16 = 1000;
/// The interval at which the network is simulated.
const STEP: Duration = Duration::from_millis(1);

/// The round-trip times of the clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paths {
    /// Every client has a round-trip time of 100 ms.
    Equal,
    /// The first client has a round-trip time of 20 ms, and each further client 20 ms more, up to 320 ms. Every
    /// 16 clients, the times repeat.
    Spread,
}

/// The measured cost of a replicated world in a number of ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// The number of ticks that were played.
    pub ticks: u64,
    /// The number of bytes in the snapshot frames to all clients.
    pub frame_bytes: u64,
    /// The number of bytes in all datagrams to all clients.
    pub datagram_bytes: u64,
    /// The number of units in the snapshot frames to all clients.
    pub units: u64,
    /// The number of units that were coded in full although the client had an earlier version.
    pub restarts: u64,
    /// The processor time of the server for commits and datagrams, including acknowledgements.
    pub server: Elapsed,
    /// The processor time of all clients.
    pub clients: Elapsed,
    /// The number of snapshot frames that clients rejected as invalid.
    pub refused: u64,
}

struct Client {
    endpoint: Endpoint,
    connection: ConnectionId,
    /// The server's connection to the client.
    viewer: Option<ConnectionId>,
    one_way: Duration,
    /// The datagrams in transit to the client, and from the client.
    down: VecDeque<(Instant, Vec<u8>)>,
    up: VecDeque<(Instant, Vec<u8>)>,
}

/// A server that replicates a world, and its clients.
pub struct Star {
    now: Instant,
    server: Endpoint,
    clients: Vec<Client>,
    field: Field,
    tick: u64,
    traffic: Traffic,
    buffer: Box<[u8]>,
}

impl Star {
    /// Creates a server that replicates `entities` entities, of which `moving` move, to `clients` clients. Runs until every
    /// client has received the whole world.
    ///
    /// # Panics
    /// If the core rejects the configuration, or a client does not receive the world within 20 s of virtual time.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has nothing else to say")]
    #[must_use]
    pub fn new(entities: usize, moving: usize, clients: usize, paths: Paths) -> Self {
        let schema = Arc::new(Field::schema());
        let mut config = Config::new(7);
        config.provider = Arc::new(NullProvider);
        config.max_connections = clients;
        config.max_connections_per_source = Some(clients);
        (config.handshake_rate, config.handshake_burst) = (1_000_000, 1_000_000);
        config.snapshots = Some(SnapshotConfig::new(Arc::clone(&schema)));
        let mut open = config.clone();
        open.access = Access::Open;
        let server = Endpoint::new(open, Secrets::new([1; 32]), [2; 32], Instant::ZERO).expect("a server");
        let dial = |index: usize| {
            let mut seed = [3; 32];
            seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
            let secrets = Secrets::new([4; 32]);
            let mut endpoint = Endpoint::new(config.clone(), secrets, seed, Instant::ZERO).expect("a client");
            let options = ConnectOptions::new(server.public_key());
            let connection = endpoint.connect(Instant::ZERO, server_address(), options).expect("a dial");
            let one_way = match paths {
                Paths::Equal => Duration::from_millis(50),
                Paths::Spread => Duration::from_millis(10) * (index as u32 % 16 + 1),
            };
            Client { endpoint, connection, viewer: None, one_way, down: VecDeque::new(), up: VecDeque::new() }
        };
        let clients = (0..clients).map(dial).collect();
        let field = Field::new(&schema, entities, moving);
        let buffer = vec![0; 16 << 10].into_boxed_slice();
        let mut star =
            Self { now: Instant::ZERO, server, clients, field, tick: 0, traffic: Traffic::default(), buffer };
        star.begin();
        star
    }

    /// Connects all clients, and runs until they have received the whole world.
    fn begin(&mut self) {
        self.commit();
        for _ in 0..20 * TICKS_PER_SECOND {
            self.play_tick(false);
            if self.clients.iter().all(|client| client.viewer.is_some()) && self.is_settled() {
                return;
            }
        }
        let seen = self.clients.iter().filter(|client| client.viewer.is_some()).count();
        panic!("only {seen} of {} clients have received the world", self.clients.len());
    }

    fn is_settled(&self) -> bool {
        let viewers = self.clients.iter().filter_map(|client| client.viewer);
        viewers
            .map(|viewer| self.server.world_stats(viewer))
            .all(|stats| stats.is_some_and(|stats| stats.is_settled))
    }

    /// Plays `ticks` ticks, and returns their cost. The entities move only if `is_moving` is `true`.
    pub fn play(&mut self, ticks: u64, is_moving: bool) -> Traffic {
        let (frames, units, restarts, refused) = self.counters();
        self.traffic = Traffic { ticks, ..Traffic::default() };
        for _ in 0..ticks {
            self.play_tick(is_moving);
        }
        let after = self.counters();
        Traffic {
            frame_bytes: after.0 - frames,
            units: after.1 - units,
            restarts: after.2 - restarts,
            refused: after.3 - refused,
            ..self.traffic
        }
    }

    fn counters(&self) -> (u64, u64, u64, u64) {
        let mut sums = (0, 0, 0, 0);
        for client in &self.clients {
            let sent = client.viewer.and_then(|viewer| self.server.world_stats(viewer)).unwrap_or_default();
            let received = client.endpoint.world_stats(client.connection).unwrap_or_default();
            sums.0 += sent.bytes_sent;
            sums.1 += sent.units_sent;
            sums.2 += sent.restarts;
            sums.3 += received.frames_refused;
        }
        sums
    }

    fn play_tick(&mut self, is_moving: bool) {
        let end = self.now + Duration::from_secs(1) / TICKS_PER_SECOND;
        if is_moving {
            self.field.step(self.tick);
        }
        self.commit();
        while self.now < end {
            self.serve();
            self.clients
                .iter_mut()
                .for_each(|client| client.run(self.now, &mut self.buffer, &mut self.traffic));
            self.now += STEP;
        }
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot go on has nothing else to say")]
    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.field.writer().finish(self.tick);
        let begun = Clock::now();
        self.server.commit(self.now, WorldId(0), &changes).expect("the changes fit");
        self.traffic.server += begun.elapsed();
        self.field.writer().reuse(changes);
    }

    /// Passes the arrived datagrams to the server, and sends the datagrams that are due.
    fn serve(&mut self) {
        let now = self.now;
        for (index, client) in self.clients.iter_mut().enumerate() {
            while client.up.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, mut bytes)) = client.up.pop_front()
            {
                let begun = Clock::now();
                self.server.handle_datagram(now, client_address(index), Ecn::NotCapable, &mut bytes);
                self.traffic.server += begun.elapsed();
            }
        }
        let begun = Clock::now();
        if self.server.poll_timeout().0 <= now {
            self.server.handle_timeout(now);
        }
        let mut events = Vec::new();
        while let Some(event) = self.server.poll_event() {
            events.push(event);
        }
        for event in events {
            if let Event::Connected { connection, address: Address::Udp(from), .. } = event {
                let seen = self.server.set_viewer(now, connection, Some(Viewer::new(WorldId(0))));
                let client = self.clients.get_mut(usize::from(from.port() - FIRST_PORT));
                if let (Ok(()), Some(client)) = (seen, client) {
                    client.viewer = Some(connection);
                }
            }
        }
        let mut elapsed = begun.elapsed();
        loop {
            let begun = Clock::now();
            let transmit = self.server.poll_transmit(now, &mut self.buffer);
            elapsed += begun.elapsed();
            let Some(transmit) = transmit else { break };
            let Address::Udp(to) = transmit.path.remote else { continue };
            let Some(client) = self.clients.get_mut(usize::from(to.port() - FIRST_PORT)) else { continue };
            for datagram in transmit.datagrams(&self.buffer) {
                self.traffic.datagram_bytes += datagram.len() as u64;
                client.down.push_back((now + client.one_way, datagram.to_vec()));
            }
        }
        self.traffic.server += elapsed;
    }
}

impl Client {
    fn run(&mut self, now: Instant, buffer: &mut [u8], traffic: &mut Traffic) {
        let begun = Clock::now();
        while self.down.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, mut bytes)) = self.down.pop_front()
        {
            self.endpoint.handle_datagram(now, server_address(), Ecn::NotCapable, &mut bytes);
        }
        if self.endpoint.poll_timeout().0 <= now {
            self.endpoint.handle_timeout(now);
        }
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Snapshot { changes, .. } = event {
                self.endpoint.recycle(changes);
            }
        }
        while let Some(transmit) = self.endpoint.poll_transmit(now, buffer) {
            for datagram in transmit.datagrams(buffer) {
                self.up.push_back((now + self.one_way, datagram.to_vec()));
            }
        }
        traffic.clients += begun.elapsed();
    }
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(index: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 1), FIRST_PORT + index as u16).into()
}
