//! Clause 9 for replicated worlds: committing, sending and receiving a world allocates nothing in steady state.

use tickwire_core::snapshot::{
    ComponentId, ComponentSpec, EntitySettings, FieldKind, FieldSpec, NetworkId, Prediction, SnapshotSchema,
    Steps, Viewer, WorldId, WorldSchema, WorldView, WorldWriter,
};
use tickwire_core::{
    Access, Address, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event, Instant, Secrets,
    SnapshotConfig,
};
use tickwire_sim::rng::Draws;
use tickwire_tests::allocation::{self, Allocations};

use crate::script::provider;

const WORLD: WorldId = WorldId(0);
const ENTITIES: u32 = 400;
const CLIENTS: usize = 4;
/// The interval of ticks, of which 60 are about a second.
const TICK: Duration = Duration::from_micros(16_667);
/// The number of ticks that a datagram takes.
const DELAY: u64 = 3;
/// The largest number of datagrams in transit.
const FLIGHT: usize = 1024;
/// The address of the server; clients have the next ports.
const PORT: u16 = 7000;

/// The ids of the components, in the order of their names.
const HEALTH: ComponentId = ComponentId(0);
const POSE: ComponentId = ComponentId(1);
const SPEED: ComponentId = ComponentId(2);

fn schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-1024.0, 1024.0, 0.002).unwrap();
    let speeds = Steps::new(-20.0, 20.0, 0.01).unwrap();
    let at = FieldSpec::new("at", FieldKind::numbers(3, metres)).position();
    let speed = FieldSpec::new("speed", FieldKind::numbers(3, speeds)).velocity();
    let pose = ComponentSpec::new("pose").group("motion").predictor(Prediction::Velocity);
    schema.declare(pose.field(at)).unwrap();
    schema.declare(ComponentSpec::new("speed").group("motion").field(speed)).unwrap();
    let points = FieldSpec::new("points", FieldKind::integer(0, 100));
    schema.declare(ComponentSpec::new("health").field(points)).unwrap();
    schema.ticks_per_second(60);
    schema.group("motion").hz(60);
    schema.finish().unwrap()
}

/// A datagram in transit: the tick of arrival, the indexes of the sender and the receiver, and the length in bytes.
type Flying = (u64, usize, usize, usize);

/// A server, which is the first end, and its clients. The harness itself does not allocate.
struct Playground {
    now: Instant,
    tick: u64,
    ends: Vec<Endpoint>,
    /// The server's connection to each client.
    connections: Vec<ConnectionId>,
    views: Vec<WorldView>,
    writer: WorldWriter,
    ids: Vec<NetworkId>,
    draws: Draws,
    /// The number of datagrams of which one is lost. 0 loses none.
    lost: u64,
    flight: Vec<Option<Flying>>,
    bytes: Vec<[u8; 1200]>,
    datagrams: u64,
    /// The number of events with changes that the clients received.
    snapshots: u64,
}

fn address(end: usize) -> std::net::SocketAddr {
    ([10, 0, 0, 1], PORT + end as u16).into()
}

impl Playground {
    /// Creates a server with a world, and its connected clients. With `is_viewed`, the clients receive the world: the
    /// first half of them all of it, and the other clients by distance.
    fn new(is_viewed: bool, lost: u64, heartbeat: Duration) -> Self {
        let schema = schema();
        let mut config = Config::new(7);
        config.provider = provider::null();
        config.heartbeat = heartbeat;
        config.idle_timeout = heartbeat * 4;
        config.snapshots = Some(SnapshotConfig::new(schema.clone()));
        let end = |index: usize| {
            let (mut config, seed) = (config.clone(), index as u8 + 1);
            config.access = if index == 0 { Access::Open } else { Access::Closed };
            Endpoint::new(config, Secrets::new([seed; 32]), [seed; 32], Instant::ZERO).unwrap()
        };
        let mut playground = Self {
            now: Instant::ZERO,
            tick: 0,
            ends: (0..=CLIENTS).map(end).collect(),
            connections: Vec::with_capacity(CLIENTS),
            views: (0..CLIENTS).map(|_| WorldView::new(&schema)).collect(),
            writer: schema.writer(),
            ids: Vec::new(),
            draws: Draws::new(1),
            lost: 0,
            flight: vec![None; FLIGHT],
            bytes: vec![[0; 1200]; FLIGHT],
            datagrams: 0,
            snapshots: 0,
        };
        for _ in 0..ENTITIES {
            playground.ids.push(playground.writer.create(EntitySettings::new()).unwrap());
        }
        playground.set(ENTITIES);
        playground.commit();
        let key = playground.ends[0].public_key();
        for client in 1..=CLIENTS {
            let options = ConnectOptions::new(key);
            playground.ends[client].connect(playground.now, address(0), options).unwrap();
        }
        (0..60).for_each(|_| playground.carry());
        assert_eq!(playground.connections.len(), CLIENTS);
        let now = playground.now;
        for (index, connection) in playground.connections.iter().enumerate().filter(|_| is_viewed) {
            let all = Viewer::new(WORLD);
            let viewer = if index < CLIENTS / 2 { all } else { all.around(playground.ids[0], 5000.0) };
            playground.ends[0].set_viewer(now, *connection, Some(viewer)).unwrap();
        }
        playground.lost = lost;
        playground
    }

    /// Sets the components of all entities. The first `moving` entities have other values than in the previous tick.
    fn set(&mut self, moving: u32) {
        for (number, id) in (0..).zip(&self.ids) {
            let tick = if number < moving { self.tick as u32 } else { 0 };
            let turn = (number * 7919 + tick) % 60;
            // More than the thresholds in each tick.
            let pose = [400_000 + number * 100 + tick % 1000 * 50, 500_000 + turn, 500_000 + tick % 1000];
            self.writer.set_words(*id, POSE, &pose).unwrap();
            self.writer.set_words(*id, SPEED, &[2000 + turn, 2000 + number % 50, 2001]).unwrap();
            self.writer.set_words(*id, HEALTH, &[(number + tick / 30) % 101]).unwrap();
        }
    }

    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.writer.finish(self.tick);
        self.ends[0].commit(self.now, WORLD, &changes).unwrap();
        self.writer.reuse(changes);
    }

    /// Carries datagrams for one tick, and takes the events of all ends.
    fn carry(&mut self) {
        self.now += TICK;
        let arrived = self.now.as_micros() / TICK.as_micros() as u64;
        for place in 0..self.flight.len() {
            if let Some((_, from, to, size)) = self.flight[place].take_if(|flying| flying.0 <= arrived) {
                let datagram = &mut self.bytes[place][..size];
                self.ends[to].handle_datagram(self.now, address(from), Ecn::NotCapable, datagram);
            }
        }
        for end in 0..self.ends.len() {
            self.ends[end].handle_timeout(self.now);
            while let Some(event) = self.ends[end].poll_event() {
                match event {
                    Event::Connected { connection, .. } if end == 0 => self.connections.push(connection),
                    Event::Snapshot { changes, .. } => {
                        self.snapshots += 1;
                        self.views[end - 1].apply(&changes);
                        self.ends[end].recycle(changes);
                    }
                    _ => {}
                }
            }
            let place = |flight: &[Option<_>]| flight.iter().position(Option::is_none).unwrap();
            let mut free = place(&self.flight);
            while let Some(transmit) = self.ends[end].poll_transmit(self.now, &mut self.bytes[free]) {
                self.datagrams += 1;
                let Address::Udp(to) = transmit.path.remote else { continue };
                if self.lost == 0 || self.draws.below(self.lost) > 0 {
                    let to = usize::from(to.port() - PORT);
                    self.flight[free] = Some((arrived + DELAY, end, to, transmit.size));
                    free = place(&self.flight);
                }
            }
        }
    }

    /// Plays `ticks` ticks in which the first `moving` entities change. Returns the allocations.
    fn play(&mut self, ticks: u32, moving: u32) -> Allocations {
        (self.datagrams, self.snapshots) = (0, 0);
        let play_tick = |_| {
            self.set(moving);
            self.commit();
            self.carry();
        };
        let ((), allocated) = allocation::during(|| (0..ticks).for_each(play_tick));
        allocated
    }

    /// Returns the number of units that the server has sent.
    fn units_sent(&self) -> u64 {
        let stats = self.connections.iter().filter_map(|id| self.ends[0].world_stats(*id));
        stats.map(|stats| stats.units_sent).sum()
    }
}

#[test]
fn clause_09_replicating_a_moving_world_in_steady_state_allocates_nothing() {
    for lost in [0, 50] {
        for moving in [ENTITIES / 4, ENTITIES] {
            let mut playground = Playground::new(true, lost / 3, Duration::from_secs(1));
            playground.play(1200, moving);
            playground.lost = lost;
            playground.play(600, moving);
            // A table grows once more when chance brings more at a time than ever, which is rare. What is allocated for
            // each unit, frame or commit is allocated in every stretch.
            let mut stretch = || {
                let units = playground.units_sent();
                let count = playground.play(300, moving).count;
                let units = playground.units_sent() - units;
                let least = 300 * u64::from(moving) * CLIENTS as u64;
                assert!(units >= least, "{units} units were sent, but {least} changed");
                assert!(playground.snapshots >= 250 * CLIENTS as u64, "{} snapshots", playground.snapshots);
                count
            };
            let counts: Vec<u64> = (0..8).map(|_| stretch()).take_while(|count| *count > 0).collect();
            assert!(
                counts.len() < 8,
                "{counts:?} allocations, {moving} move, one in {lost} datagrams is lost"
            );
        }
    }
}

#[test]
fn clause_09_a_world_at_rest_allocates_nothing_and_sends_only_heartbeats() {
    let datagrams = [true, false].map(|is_viewed| {
        let mut playground = Playground::new(is_viewed, 0, Duration::from_secs(20));
        playground.play(600, ENTITIES);
        // Until the values are at rest, everything is acknowledged, and the ends have sent a heartbeat.
        playground.play(1200, 0);
        playground.play(60, 0);
        while playground.datagrams == 0 {
            playground.play(60, 0);
        }
        playground.play(60, 0);
        let units = playground.units_sent();
        // 10 s without a heartbeat.
        let allocated = playground.play(600, 0);
        assert_eq!(playground.datagrams, 0, "datagrams between two heartbeats");
        assert_eq!(allocated.count, 0, "allocations of a world at rest");
        playground.play(6000, 0);
        assert_eq!(playground.units_sent(), units, "a unit that did not change was sent");
        assert_eq!(playground.snapshots, 0, "a client received changes");
        playground.datagrams
    });
    let [viewed, unviewed] = datagrams;
    assert!(unviewed >= CLIENTS as u64, "{unviewed} heartbeats in 100 s");
    assert_eq!(viewed, unviewed, "datagrams in 100 s with and without a world at rest");
}
