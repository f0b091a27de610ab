//! A server and its clients, run part by part.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use tickwire_core::snapshot::{Changes, Viewer, WorldId, WorldSchema};
use tickwire_core::{
    Access, Address, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event, Instant, Secrets,
    SnapshotConfig,
};
use tickwire_sim::provider::NullProvider;

use super::super::TICKS_PER_SECOND;
use super::case::{Part, WorldCase};
use super::flock::{COMPONENTS, Flock};
use super::network::Transit;

const FIRST_PORT: u16 = 1000;
const WORLD: WorldId = WorldId(0);
/// The number of times per tick that an endpoint looks whether it may send more.
const POLLS: u32 = 10;
/// The number of ticks in which connections are made, windows open and queues grow to their final size.
const WARM_UP: u32 = 40;
/// The number of ticks without changes after which the server has nothing to send.
const REST: u32 = 140;
/// The number of measured ticks at rest. In so many ticks, commits look at all 500 units (64 in each commit).
const RESTED: u32 = 8;
/// The last ticks of the warm-up, in each of which every unit must reach every client.
const STEADY: u32 = 10;

/// A server and its clients, stopped right before the part that is measured.
pub struct WorldScene {
    case: WorldCase,
    now: Instant,
    tick: u64,
    flock: Flock,
    changes: Changes,
    server: Endpoint,
    clients: Vec<SceneClient>,
    down: Transit,
    up: Transit,
    buffer: Box<[u8]>,
    tally: WorldTally,
}

struct SceneClient {
    endpoint: Endpoint,
    /// The server's connection to the client.
    viewer: Option<ConnectionId>,
}

/// The work of the measured part.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct WorldTally {
    /// The number of components or units, as [`WorldCase::per`] says.
    pub count: u64,
    /// The number of bytes in the datagrams that the part sent.
    pub bytes: u64,
    /// The number of datagrams that the part sent.
    pub datagrams: u64,
}

impl WorldScene {
    /// Creates the world of a case, and runs it up to the part that is measured.
    ///
    /// # Panics
    /// If the core rejects the configuration, or a unit does not reach every client in each tick.
    #[must_use]
    pub fn new(case: WorldCase) -> Self {
        let schema = Flock::schema();
        let flock = Flock::new(&schema, case.entities);
        let (server, clients) = endpoints(schema, case.clients);
        let mut scene = Self {
            case,
            now: Instant::ZERO,
            tick: 0,
            flock,
            changes: Changes::default(),
            server,
            clients,
            down: Transit::default(),
            up: Transit::default(),
            buffer: vec![0; 16 << 10].into(),
            tally: WorldTally::default(),
        };
        let units = (case.entities * case.clients) as u64;
        for tick in 0..WARM_UP {
            let before = scene.units_sent();
            scene.play_tick();
            let sent = scene.units_sent() - before;
            assert!(tick < WARM_UP - STEADY || sent == units, "{sent} of {units} units left in a tick");
        }
        scene.approach();
        scene
    }

    /// Runs the parts of a tick that come before the measured part.
    fn approach(&mut self) {
        if self.case.part != Part::CommitUnchanged {
            self.flock.fly();
        }
        if self.case.part == Part::Set {
            return;
        }
        if self.case.part == Part::Rest {
            for _ in 0..REST {
                self.rest();
                self.receive();
            }
            return;
        }
        self.set();
        let parts = [Part::Acknowledge, Part::CommitChanged, Part::Pack, Part::Receive];
        let until = self.case.part;
        for part in parts.into_iter().take_while(|part| *part != until && until != Part::CommitUnchanged) {
            self.run(part);
        }
    }

    fn run(&mut self, part: Part) {
        match part {
            Part::Set => self.set(),
            Part::CommitUnchanged | Part::CommitChanged => self.commit(),
            Part::Rest => (0..RESTED).for_each(|_| self.rest()),
            Part::Pack => self.pack(),
            Part::Receive => self.receive(),
            Part::Acknowledge => self.acknowledge(),
        }
    }

    /// Runs the measured part, and returns its work.
    pub fn measure(&mut self) -> WorldTally {
        self.tally = WorldTally::default();
        self.run(self.case.part);
        let entities = self.case.entities as u64;
        let count = match self.case.per() {
            "component" => entities * COMPONENTS,
            "tick" => u64::from(RESTED),
            _ => entities * self.case.clients as u64,
        };
        WorldTally { count, ..self.tally }
    }

    fn play_tick(&mut self) {
        self.flock.fly();
        self.set();
        self.acknowledge();
        self.commit();
        self.pack();
        self.receive();
        self.now += Duration::from_secs(1) / TICKS_PER_SECOND;
    }

    fn set(&mut self) {
        self.tick += 1;
        self.flock.set();
        self.changes = self.flock.writer.finish(self.tick);
    }

    /// Runs a tick of the server without changes.
    fn rest(&mut self) {
        self.now += Duration::from_secs(1) / TICKS_PER_SECOND;
        self.tick += 1;
        self.changes = self.flock.writer.finish(self.tick);
        self.acknowledge();
        self.commit();
        self.pack();
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot continue has no result to return")]
    fn commit(&mut self) {
        self.server.commit(self.now, WORLD, &self.changes).expect("the changes fit");
        self.flock.writer.reuse(std::mem::take(&mut self.changes));
    }

    /// Passes the datagrams that the clients sent in the previous tick to the server.
    fn acknowledge(&mut self) {
        let Self { server, up, now, clients, .. } = self;
        up.deliver(|client, datagram| {
            server.handle_datagram(*now, client_address(client), Ecn::NotCapable, datagram);
        });
        server.handle_timeout(*now);
        while let Some(event) = server.poll_event() {
            let Event::Connected { connection, address: Address::Udp(from), .. } = event else { continue };
            let seen = server.set_viewer(*now, connection, Some(Viewer::new(WORLD)));
            assert!(seen.is_ok(), "{seen:?}");
            if let Some(client) = clients.get_mut(usize::from(from.port() - FIRST_PORT)) {
                client.viewer = Some(connection);
            }
        }
    }

    /// Sends what the server may send in this tick.
    fn pack(&mut self) {
        let Self { server, down, now, buffer, tally, .. } = self;
        for now in polls(*now) {
            transmit(server, now, buffer, tally, |to, datagram| {
                if let Address::Udp(to) = to {
                    down.carry(usize::from(to.port() - FIRST_PORT), datagram);
                }
            });
        }
    }

    /// Passes the datagrams of this tick to the clients, half a round trip later, and sends the answers.
    fn receive(&mut self) {
        let Self { down, up, now, clients, buffer, tally, .. } = self;
        let arrival = *now + Duration::from_millis(50);
        down.deliver(|client, datagram| {
            let Some(client) = clients.get_mut(client) else { return };
            client.endpoint.handle_datagram(arrival, server_address(), Ecn::NotCapable, datagram);
        });
        for (number, client) in clients.iter_mut().enumerate() {
            for now in polls(arrival) {
                while let Some(event) = client.endpoint.poll_event() {
                    if let Event::Snapshot { changes, .. } = event {
                        client.endpoint.recycle(changes);
                    }
                }
                transmit(&mut client.endpoint, now, buffer, tally, |_, datagram| up.carry(number, datagram));
            }
        }
    }

    fn units_sent(&self) -> u64 {
        let viewers = self.clients.iter().filter_map(|client| client.viewer);
        viewers.filter_map(|viewer| self.server.world_stats(viewer)).map(|stats| stats.units_sent).sum()
    }
}

/// Returns the times of a tick that begins at `now` at which an endpoint looks whether it may send more.
fn polls(now: Instant) -> impl Iterator<Item = Instant> {
    let interval = Duration::from_secs(1) / TICKS_PER_SECOND / POLLS;
    (0..POLLS).map(move |poll| now + interval * poll)
}

/// Runs the timers that are due, and sends the datagrams that may leave.
fn transmit(
    endpoint: &mut Endpoint,
    now: Instant,
    buffer: &mut [u8],
    tally: &mut WorldTally,
    mut emit: impl FnMut(Address, &[u8]),
) {
    if endpoint.poll_timeout().0 > now {
        return;
    }
    endpoint.handle_timeout(now);
    while let Some(transmit) = endpoint.poll_transmit(now, buffer) {
        for datagram in transmit.datagrams(buffer) {
            tally.datagrams += 1;
            tally.bytes += datagram.len() as u64;
            emit(transmit.path.remote, datagram);
        }
    }
}

#[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
fn endpoints(schema: WorldSchema, clients: usize) -> (Endpoint, Vec<SceneClient>) {
    let mut config = Config::new(7);
    config.provider = Arc::new(NullProvider);
    config.max_connections = clients.max(1);
    config.max_connections_per_source = Some(clients.max(1));
    (config.handshake_rate, config.handshake_burst) = (1_000_000, 1_000_000);
    config.snapshots = Some(SnapshotConfig::new(schema));
    let mut open = config.clone();
    open.access = Access::Open;
    let server = Endpoint::new(open, Secrets::new([1; 32]), [2; 32], Instant::ZERO).expect("a server");
    let dial = |index: usize| {
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
        let secrets = Secrets::new([4; 32]);
        let mut endpoint = Endpoint::new(config.clone(), secrets, seed, Instant::ZERO).expect("a client");
        let options = ConnectOptions::new(server.public_key());
        endpoint.connect(Instant::ZERO, server_address(), options).expect("a dial");
        SceneClient { endpoint, viewer: None }
    };
    let clients = (0..clients).map(dial).collect();
    (server, clients)
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(index: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 1), FIRST_PORT + index as u16).into()
}
