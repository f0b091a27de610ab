//! A server that replicates a world to a client, over a network that a script controls.

use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::snapshot::WorldId;
use tickwire_core::{
    Access, ConnectOptions, ConnectionId, Duration, Endpoint, Event, Instant, SnapshotConfig,
};
use tickwire_sim::provider::NullProvider;

use crate::Script;
use crate::game::{Display, ENTITIES, Game, schema};
use crate::handshake;
use crate::watch::Watched;

const SERVER: usize = 0;
const CLIENT: usize = 1;
const WORLD: WorldId = WorldId(0);
const MAX_MESSAGE: usize = 20_000;
/// The time between two commits.
const TICK: Duration = Duration::from_millis(16);
/// The one-way delay of the network.
const DELAY: Duration = Duration::from_millis(8);
/// The time within which the client must show the whole world once the network loses no more datagrams.
const HEALED: Duration = Duration::from_secs(30);

/// The number of ticks after which an entity that is too far away has left the view.
const TICKS_TO_LEAVE: usize = 60;

/// A datagram in transit: its arrival time, the index of its receiver, and its bytes.
type DatagramFlight = (Instant, usize, Vec<u8>);

struct WorldsScene {
    now: Instant,
    nodes: [Watched; 2],
    flying: Vec<DatagramFlight>,
    game: Game,
    display: Display,
    /// The id of the connection at each end.
    connections: [ConnectionId; 2],
    /// The number of lost datagrams in 256.
    loss: u8,
    /// The largest number of ticks between two commits.
    ticks: u64,
}

/// Runs a server that replicates a world to a client. Asserts that the client rejects no snapshot frame, that the connection
/// does not end, and that the client shows the committed world after the network has stopped losing datagrams.
pub fn worlds(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut scene = WorldsScene::new(script.byte());
    for _ in 0..200 {
        if script.is_over() {
            break;
        }
        scene.play(&mut script);
    }
    scene.heal();
}

fn at(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + node as u8], 7777))
}

impl WorldsScene {
    fn new(shape: u8) -> Self {
        let mut config = handshake::config(Arc::new(NullProvider), Access::Open);
        config.max_message = MAX_MESSAGE;
        config.heartbeat = Duration::from_millis(300);
        config.idle_timeout = Duration::from_secs(1);
        config.resume_window = Duration::from_secs(60);
        config.reconnect_for = Duration::from_secs(60);
        let mut snapshots = SnapshotConfig::new(schema());
        snapshots.max_entities = ENTITIES;
        config.snapshots = Some(snapshots);
        let nodes = [SERVER, CLIENT].map(|node| {
            let mut config = config.clone();
            config.access = [Access::Open, Access::Closed][node];
            let secrets = handshake::secrets(&*config.provider);
            let endpoint = Endpoint::new(config, secrets, [node as u8 + 1; 32], Instant::ZERO).unwrap();
            Watched::new(endpoint, MAX_MESSAGE)
        });
        let mut scene = Self {
            now: Instant::ZERO,
            nodes,
            flying: Vec::new(),
            game: Game::new(ConnectionId::default()),
            display: Display::default(),
            connections: [ConnectionId::default(); 2],
            loss: 0,
            ticks: [1, 3, 40, 250][usize::from(shape >> 2 & 3)],
        };
        let options = ConnectOptions::new(scene.nodes[SERVER].endpoint.public_key());
        scene.connections[CLIENT] = scene.nodes[CLIENT].connect(scene.now, at(SERVER), options).unwrap();
        scene.run(Duration::from_millis(500), &mut Script::new(&[]));
        assert_ne!(scene.connections[SERVER], ConnectionId::default(), "the client is not connected");
        scene.game = Game::new(scene.connections[SERVER]);
        scene.commit(1);
        scene.look(shape & 0x10 != 0);
        scene.loss = [0, 20, 60, 110][usize::from(shape & 3)];
        scene
    }

    fn look(&mut self, is_by_distance: bool) {
        let viewer = self.game.look(WORLD, is_by_distance);
        let connection = self.connections[SERVER];
        self.nodes[SERVER].endpoint.set_viewer(self.now, connection, Some(viewer)).unwrap();
    }

    /// Changes the world, and runs the network for a short time.
    fn play(&mut self, script: &mut Script<'_>) {
        let step = script.byte();
        for _ in 0..step & 7 {
            self.game.act(script);
        }
        match step >> 3 {
            0..2 => {}
            2 => return self.black_out(script),
            _ => self.commit(1 + u64::from(script.byte()) % self.ticks),
        }
        // Without a commit, what is lost is known as lost in the same tick.
        let time = if step >> 3 == 1 { TICK * 20 } else { TICK };
        self.run(time, script);
    }

    fn commit(&mut self, ticks: u64) {
        let changes = self.game.finish(ticks);
        let endpoint = &mut self.nodes[SERVER].endpoint;
        endpoint.commit(self.now, WORLD, &changes).unwrap();
        self.game.writer.reuse(changes);
        self.display.note_commit(endpoint.world(WORLD).unwrap());
    }

    /// Loses all datagrams for up to four seconds.
    fn black_out(&mut self, script: &mut Script<'_>) {
        let loss = std::mem::replace(&mut self.loss, u8::MAX);
        self.flying.clear();
        let ticks = u32::from(script.byte());
        for _ in 0..ticks {
            self.run(TICK, &mut Script::new(&[]));
        }
        self.loss = loss;
    }

    /// Runs the network for `time`, in steps of one delay.
    fn run(&mut self, time: Duration, script: &mut Script<'_>) {
        let end = self.now + time;
        while self.now < end {
            self.now += DELAY / 2;
            for node in [SERVER, CLIENT] {
                self.deliver(node);
                self.settle(node, script);
            }
        }
    }

    fn deliver(&mut self, node: usize) {
        let now = self.now;
        for (_, _, bytes) in self.flying.extract_if(.., |(due, to, _)| *due <= now && *to == node) {
            self.nodes[node].hear(now, at(1 - node), &bytes);
        }
    }

    fn settle(&mut self, node: usize, script: &mut Script<'_>) {
        let output = self.nodes[node].settle(self.now);
        for (_, bytes) in output.datagrams {
            let (is_lost, way) = (script.byte() < self.loss, u32::from(script.byte()));
            if is_lost {
                continue;
            }
            let late = if way < 0xe0 { DELAY / 8 * (way % 8) } else { DELAY * (way % 32) };
            let copy = (way % 16 == 15).then(|| (self.now + DELAY, 1 - node, bytes.clone()));
            self.flying.push((self.now + DELAY + late, 1 - node, bytes));
            self.flying.extend(copy);
        }
        for event in output.events {
            match event {
                Event::Connected { connection, .. } => self.connections[node] = connection,
                Event::Closed { reason, .. } => panic!("the connection ended: {reason:?}"),
                Event::Snapshot { changes, .. } => {
                    self.display.apply(&changes);
                    self.nodes[node].endpoint.recycle(changes);
                }
                _ => {}
            }
        }
    }

    /// Runs the network without loss until the client shows the committed world.
    fn heal(&mut self) {
        self.loss = 0;
        let end = self.now + HEALED;
        for ticks in 0.. {
            self.commit(1);
            self.run(TICK, &mut Script::new(&[]));
            let store = self.nodes[SERVER].endpoint.world(WORLD).unwrap();
            if ticks >= TICKS_TO_LEAVE
                && self.game.is_shown(&self.display.shown, store, self.connections[CLIENT])
            {
                break;
            }
            assert!(self.now < end, "the client does not show the committed world within {HEALED:?}");
        }
        let stats = self.nodes[CLIENT].endpoint.world_stats(self.connections[CLIENT]).unwrap();
        assert_eq!(stats.frames_refused, 0, "{stats:?}");
    }
}
