//! A server and its clients, joined by paths that only delay.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration as Elapsed, Instant as Clock};

use tickwire_core::snapshot::{Viewer, WorldId, WorldSchema};
use tickwire_core::{
    Access, Address, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, Delivery, Duration, Ecn,
    Endpoint, Event, Instant, Secrets, SnapshotConfig,
};
use tickwire_sim::provider::NullProvider;

use super::TICKS_PER_SECOND;
use super::scenery::Scenery;

const FIRST_PORT: u16 = 1000;
const CHAT: ChannelId = ChannelId(0);
const COMMANDS: ChannelId = ChannelId(1);
/// The number of ticks between two lines of chat of a client.
const CHAT_EVERY: u64 = 200;
/// The interval at which the network is simulated.
const STEP: Duration = Duration::from_millis(1);

/// The round-trip times of the clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paths {
    /// Every client has a round-trip time of 100 ms.
    Equal,
    /// The first client has a round-trip time of 20 ms. Each further client has 20 ms more, up to 320 ms for the 16th
    /// client. The 17th client has 20 ms again.
    Spread,
}

/// The clients of a server.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// The number of clients.
    pub clients: usize,
    /// The round-trip times of the clients.
    pub paths: Paths,
    /// Returns the view of a client. The argument is the number of the client, counted from 0.
    pub view: fn(usize) -> Viewer,
    /// `true` if each client sends a command of 8 bytes in each tick, and a chat line of 40 bytes every ten seconds. The
    /// server sends each chat line to all clients.
    pub is_talking: bool,
}

impl Crowd {
    /// Creates a crowd whose clients see all of world 0, and send no messages.
    #[must_use]
    pub const fn new(clients: usize, paths: Paths) -> Self {
        Self { clients, paths, view: |_| Viewer::new(WorldId(0)), is_talking: false }
    }
}

/// The measured cost of replicating a world for a number of ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// The number of measured ticks.
    pub ticks: u64,
    /// The number of bytes in the snapshot frames to all clients.
    pub frame_bytes: u64,
    /// The number of bytes in all datagrams to all clients.
    pub datagram_bytes: u64,
    /// The number of datagrams to all clients.
    pub datagrams: u64,
    /// The number of units in the snapshot frames to all clients.
    pub units: u64,
    /// The number of units that were coded in full although the client had an earlier version.
    pub restarts: u64,
    /// The processor time of the server for commits and datagrams, including acknowledgements.
    pub server: Elapsed,
    /// The processor time of all clients together.
    pub clients: Elapsed,
    /// The number of snapshot frames that clients rejected as invalid.
    pub refused: u64,
}

struct Client {
    endpoint: Endpoint,
    connection: ConnectionId,
    /// The server's connection to the client.
    viewer: Option<ConnectionId>,
    /// The number of entities that the client shows.
    shown: usize,
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
    scenery: Box<dyn Scenery>,
    crowd: Crowd,
    tick: u64,
    traffic: Traffic,
    /// The number of clients whose view is complete.
    complete: usize,
    buffer: Box<[u8]>,
}

impl Star {
    /// Creates a server that replicates a world to the clients of `crowd`. Runs until every client has received its view.
    ///
    /// # Panics
    /// If the core rejects the configuration, or a client does not receive its view within 20 s of virtual time.
    #[must_use]
    pub fn new(schema: WorldSchema, scenery: Box<dyn Scenery>, crowd: Crowd) -> Self {
        let mut star = Self::unconnected(schema, scenery, crowd);
        star.begin();
        star
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    fn unconnected(schema: WorldSchema, scenery: Box<dyn Scenery>, crowd: Crowd) -> Self {
        let Crowd { clients, paths, .. } = crowd;
        let mut config = Config::new(7);
        config.provider = Arc::new(NullProvider);
        config.max_connections = clients;
        config.max_connections_per_source = Some(clients);
        (config.handshake_rate, config.handshake_burst) = (1_000_000, 1_000_000);
        config.snapshots = Some(SnapshotConfig::new(schema));
        config.channels =
            vec![ChannelConfig::new(Delivery::ReliableOrdered), ChannelConfig::new(Delivery::Sequenced)];
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
            Client {
                endpoint,
                connection,
                viewer: None,
                shown: 0,
                one_way,
                down: VecDeque::new(),
                up: VecDeque::new(),
            }
        };
        let clients = (0..clients).map(dial).collect();
        let buffer = vec![0; 16 << 10].into_boxed_slice();
        let traffic = Traffic::default();
        let (now, tick, complete) = (Instant::ZERO, 0, 0);
        Self { now, server, clients, scenery, crowd, tick, traffic, complete, buffer }
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
        let all = self.clients.len();
        assert!(seen == all, "{seen} of {all} clients have connected after 20 s");
        assert!(self.is_settled(), "not all views are complete after 20 s");
    }

    fn is_settled(&self) -> bool {
        let viewers = self.clients.iter().filter_map(|client| client.viewer);
        viewers
            .map(|viewer| self.server.world_stats(viewer))
            .all(|stats| stats.is_some_and(|stats| stats.is_settled))
    }

    /// Creates a server and its clients like [`Self::new`], but the entities move while the clients receive their views. Returns
    /// the virtual time from the first tick until the views of all clients are complete.
    ///
    /// # Panics
    /// If the core rejects the configuration, or a view is not complete within a minute of virtual time.
    #[must_use]
    pub fn joined_while_moving(schema: WorldSchema, scenery: Box<dyn Scenery>, crowd: Crowd) -> Duration {
        let mut star = Self::unconnected(schema, scenery, crowd);
        star.commit();
        while star.complete < star.clients.len() {
            assert!(star.now < Instant::ZERO + Duration::from_secs(60), "a view is not complete");
            star.play_tick(true);
        }
        star.now - Instant::ZERO
    }

    /// Returns the sum of the number of entities that each client shows. An entity that several clients show counts once
    /// for each of them.
    #[must_use]
    pub fn entities_in_view(&self) -> usize {
        self.clients.iter().map(|client| client.shown).sum()
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
            self.scenery.step(self.tick);
        }
        self.commit();
        if self.crowd.is_talking {
            self.talk();
        }
        while self.now < end {
            self.serve();
            for client in &mut self.clients {
                self.complete += client.run(self.now, &mut self.buffer, &mut self.traffic);
            }
            self.now += STEP;
        }
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot continue has no result to return")]
    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.scenery.writer().finish(self.tick);
        let begun = Clock::now();
        self.server.commit(self.now, WorldId(0), &changes).expect("the changes fit");
        self.traffic.server += begun.elapsed();
        self.scenery.writer().reuse(changes);
    }

    /// Each client sends its command, and its line of chat if it is time.
    fn talk(&mut self) {
        for (number, client) in (0..).zip(&mut self.clients) {
            let command = (self.tick << 8).to_le_bytes().to_vec();
            drop(client.endpoint.send(self.now, client.connection, COMMANDS, command));
            if (self.tick + number).is_multiple_of(CHAT_EVERY) {
                drop(client.endpoint.send(self.now, client.connection, CHAT, vec![b'x'; 40]));
            }
        }
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
            if let Event::Message { channel: CHAT, data, .. } = &event {
                for client in self.clients.iter().filter_map(|client| client.viewer) {
                    drop(self.server.send(now, client, CHAT, data.to_vec()));
                }
            }
            if let Event::Connected { connection, address: Address::Udp(from), .. } = event {
                let index = usize::from(from.port() - FIRST_PORT);
                let seen = self.server.set_viewer(now, connection, Some((self.crowd.view)(index)));
                let client = self.clients.get_mut(index);
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
                self.traffic.datagrams += 1;
                client.down.push_back((now + client.one_way, datagram.to_vec()));
            }
        }
        self.traffic.server += elapsed;
    }
}

impl Client {
    fn run(&mut self, now: Instant, buffer: &mut [u8], traffic: &mut Traffic) -> usize {
        let begun = Clock::now();
        let mut complete = 0;
        while self.down.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, mut bytes)) = self.down.pop_front()
        {
            self.endpoint.handle_datagram(now, server_address(), Ecn::NotCapable, &mut bytes);
        }
        if self.endpoint.poll_timeout().0 <= now {
            self.endpoint.handle_timeout(now);
        }
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Snapshot { changes, .. } => {
                    self.shown = self.shown + changes.created().len() - changes.destroyed().len();
                    self.endpoint.recycle(changes);
                }
                Event::ViewComplete { .. } => complete += 1,
                _ => {}
            }
        }
        while let Some(transmit) = self.endpoint.poll_transmit(now, buffer) {
            for datagram in transmit.datagrams(buffer) {
                self.up.push_back((now + self.one_way, datagram.to_vec()));
            }
        }
        traffic.clients += begun.elapsed();
        complete
    }
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(index: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 1), FIRST_PORT + index as u16).into()
}
