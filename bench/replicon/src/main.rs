//! Replicates the worlds of R1 and R2 with bevy_replicon, in memory, and prints the cost as JSON.
//!
//! The entities are those of tickwire's own measurement. Datagrams need 50 ms in each direction, and none are lost. The bytes are
//! the messages that bevy_replicon passes to its backend, without packet headers. The time is that of the server's
//! `App::update`, in which nothing but bevy_replicon runs, and includes the acknowledgements. The game's own writes to components
//! are not part of it.

mod game;

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy::state::app::StatesPlugin;
use bevy_replicon::prelude::*;
use bevy_replicon::server::ServerPlugin;
use bevy_replicon::test_app::{ServerTestAppExt, TestClientEntity};
use bytes::Bytes;
use serde::Serialize;
use tickwire_core_bench::replication::{ENTITIES, TICKS_PER_SECOND};

use self::game::{Floats, Form, Game, Quantised};

/// Ticks before a measurement, and ticks of it.
const WARM_UP: u64 = 60;
const MEASURED: u64 = 200;
/// Ticks without changes, after which every client must have the server's world.
const QUIET: u64 = 10;

/// The cost of replicating the world to a number of clients.
#[derive(Serialize)]
struct Run {
    clients: usize,
    /// The number of the 1,000 entities that move.
    moving: usize,
    /// Whether the game quantises the components itself, in the steps of tickwire's measurement.
    is_quantised: bool,
    bytes_per_second: f64,
    server_ms: f64,
}

#[derive(Serialize)]
struct Report {
    name: &'static str,
    version: &'static str,
    runs: Vec<Run>,
}

fn main() {
    let mut runs = Vec::new();
    for clients in [1, 16, 100] {
        for moving in [ENTITIES / 10, ENTITIES] {
            runs.push(run::<Floats>(clients, moving));
            runs.push(run::<Quantised>(clients, moving));
        }
    }
    let report = Report { name: "bevy_replicon", version: "0.45.5", runs };
    println!("{}", serde_json::to_string(&report).expect("the report is plain data"));
}

fn app<F: Form>() -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, RepliconPlugins.set(ServerPlugin::new(PostUpdate))));
    F::replicate(&mut app);
    app.finish();
    app
}

/// A client, and the messages on their way from it and to it.
struct Client {
    app: App,
    entity: Entity,
    down: Vec<(usize, Bytes)>,
    up: Vec<(usize, Bytes)>,
}

fn run<F: Form>(clients: usize, moving: usize) -> Run {
    let mut server = app::<F>();
    let mut clients: Vec<Client> = (0..clients)
        .map(|_| {
            let mut app = app::<F>();
            server.connect_client(&mut app);
            let entity = **app.world().resource::<TestClientEntity>();
            Client { app, entity, down: Vec::new(), up: Vec::new() }
        })
        .collect();
    let mut game = Game::<F>::new(server.world_mut(), moving);
    let (mut bytes, mut elapsed) = (0, Duration::ZERO);
    for tick in 0..WARM_UP + MEASURED {
        game.step(server.world_mut(), tick);
        let (sent, took) = play(&mut server, &mut clients);
        if tick >= WARM_UP {
            bytes += sent;
            elapsed += took;
        }
    }
    for _ in 0..QUIET {
        play(&mut server, &mut clients);
    }
    let expected = Game::<F>::shown(server.world_mut());
    assert_eq!(expected.len(), ENTITIES);
    for client in &mut clients {
        assert!(
            Game::<F>::shown(client.app.world_mut()) == expected,
            "a client has another world than the server"
        );
    }
    let seconds = MEASURED as f64 / f64::from(TICKS_PER_SECOND);
    Run {
        clients: clients.len(),
        moving,
        is_quantised: F::IS_QUANTISED,
        bytes_per_second: bytes as f64 / seconds / clients.len() as f64,
        server_ms: elapsed.as_secs_f64() * 1000.0 / MEASURED as f64,
    }
}

/// Plays a tick. Returns the bytes of the messages to all clients, and the time that the server took.
fn play(server: &mut App, clients: &mut [Client]) -> (usize, Duration) {
    // A message takes one tick in each direction.
    let begun = Instant::now();
    let mut messages = server.world_mut().resource_mut::<ServerMessages>();
    for client in clients.iter_mut() {
        for (channel, message) in client.up.drain(..) {
            messages.insert_received(client.entity, channel, message);
        }
    }
    server.update();
    let took = begun.elapsed();
    for client in clients.iter_mut() {
        let mut messages = client.app.world_mut().resource_mut::<ClientMessages>();
        for (channel, message) in client.down.drain(..) {
            messages.insert_received(channel, message);
        }
        client.app.update();
        let mut messages = client.app.world_mut().resource_mut::<ClientMessages>();
        client.up.extend(messages.drain_sent());
    }
    let mut bytes = 0;
    for (entity, channel, message) in server.world_mut().resource_mut::<ServerMessages>().drain_sent() {
        bytes += message.len();
        if let Some(client) = clients.iter_mut().find(|client| client.entity == entity) {
            client.down.push((channel, message));
        }
    }
    (bytes, took)
}
