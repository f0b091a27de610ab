//! Replicated worlds over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::relay::Relay;
use tickwire_core::snapshot::{
    ComponentId, EntitySettings, Gone, NetComponent, NetworkId, SnapshotSchema, Viewer, WorldError, WorldId,
    WorldSchema, WorldView, WorldWriter,
};
use tickwire_core::{Config, ConnectionId, Event, SnapshotConfig};
use tickwire_native::{Client, Handle, Options, ReplicationError, Server};

const WORLD: WorldId = WorldId(0);

#[derive(NetComponent, Clone, PartialEq, Debug)]
#[net(name = "place", hz = 0)]
struct Place {
    #[net(range = -64.0..=64.0, step = 0.25, threshold = 0)]
    at: [f32; 2],
}

#[derive(NetComponent, Clone, PartialEq, Debug)]
#[net(name = "points", hz = 0)]
struct Points {
    count: u32,
}

fn schema() -> Arc<WorldSchema> {
    let mut schema = SnapshotSchema::new();
    schema.component::<Place>().unwrap().component::<Points>().unwrap();
    Arc::new(schema.finish().unwrap())
}

fn with_worlds(options: Options) -> Options {
    options.snapshots(SnapshotConfig::new(schema()))
}

fn server() -> Server {
    Server::start(with_worlds(common::server_options(common::open_config()))).unwrap()
}

fn client_options() -> Options {
    with_worlds(common::options(Config::new(common::APPLICATION)).bind(common::loopback(0)))
}

/// A client that is connected to `server` by way of `address`, and the server's id of it.
fn connect(server: &Server, address: std::net::SocketAddr) -> (Client, ConnectionId) {
    let client = Client::start(client_options()).unwrap();
    client.connect(&address.into(), common::options_for(server)).wait().unwrap();
    (client, common::wait_connected(server))
}

/// A world with entities that move.
struct Game {
    writer: WorldWriter,
    ids: Vec<NetworkId>,
    tick: u64,
}

impl Game {
    fn new(entities: u32) -> Self {
        let mut writer = schema().writer();
        let ids = (0..entities).map(|_| writer.create(EntitySettings::new()).unwrap()).collect();
        Self { writer, ids, tick: 0 }
    }

    fn place(&self, id: NetworkId) -> Place {
        let moved = (self.tick + u64::from(id.0)) % 400;
        Place { at: [moved as f32 / 4.0 - 50.0, id.0 as f32 / 4.0] }
    }

    /// Moves every entity and commits the tick.
    fn step(&mut self, server: &Handle) {
        self.tick += 1;
        for id in self.ids.clone() {
            self.writer.set(id, &self.place(id)).unwrap();
        }
        server.commit_tick(WORLD, &mut self.writer, self.tick).unwrap();
    }

    /// Whether a view shows the newest state of all entities.
    fn is_shown(&self, view: &WorldView) -> bool {
        view.len() == self.ids.len() && self.ids.iter().all(|id| view.get(*id) == Some(self.place(*id)))
    }
}

/// Waits until the network thread has carried out the commits so far: it answers in the order of its orders.
fn settle(server: &Handle) {
    assert_eq!(server.world_stats(ConnectionId::default()), None);
}

/// Applies the events that wait.
fn take(client: &Client, view: &mut WorldView) -> usize {
    let mut snapshots = 0;
    while let Some(event) = client.next_event() {
        if let Event::Snapshot { changes, .. } = event {
            view.apply(&changes);
            client.recycle(changes);
            snapshots += 1;
        }
    }
    snapshots
}

#[test]
fn clients_show_the_world_that_the_server_commits_over_a_path_that_loses_datagrams() {
    let server = server();
    let relay = Relay::start(server.local_address(), 10);
    let mut game = Game::new(60);
    game.step(&server);
    let mut clients: Vec<(Client, WorldView)> = Vec::new();
    for address in [server.local_address(), relay.address] {
        let (client, there) = connect(&server, address);
        server.set_viewer(there, Some(Viewer::new(WORLD))).unwrap();
        clients.push((client, WorldView::new(&schema())));
    }
    for _ in 0..100 {
        game.step(&server);
        std::thread::sleep(Duration::from_millis(5));
        for (client, view) in &mut clients {
            take(client, view);
        }
    }
    let gone = game.ids.remove(7);
    game.writer.destroy(gone, Gone::Destroyed).unwrap();
    game.step(&server);
    for (client, view) in &mut clients {
        common::wait_until("the newest world", || {
            take(client, view);
            game.is_shown(view)
        });
        assert_eq!(view.gone(gone).map(|(_, gone)| gone), Some(Gone::Destroyed));
    }
    let totals = server.stats().worlds;
    assert_eq!((totals.worlds, totals.entities, totals.viewers), (1, 59, 2));
    // 102 commits, of which the first had no viewer.
    assert!(totals.entities_shown <= 2 * 102 * 60 && totals.entities_shown > 100 * 60, "{totals:?}");
    let saving = totals.saving().unwrap();
    assert!(saving > 0.2 && saving < 1.0, "{saving}: {totals:?}");
    assert!(relay.lost.load(std::sync::atomic::Ordering::Relaxed) > 0);
}

#[test]
fn a_snapshot_handler_gets_the_changes_of_a_world_until_it_is_removed() {
    let server = server();
    let mut game = Game::new(3);
    game.step(&server);
    let (client, there) = connect(&server, server.local_address());
    server.set_viewer(there, Some(Viewer::new(WORLD))).unwrap();
    let (mut view, mut handlers) = (WorldView::new(&schema()), client.handlers::<WorldView>());
    let own = client.server().unwrap();
    let id = handlers.on_snapshot(move |view: &mut WorldView, _, connection, changes| {
        assert_eq!(connection, own);
        view.apply(changes);
    });
    common::wait_until("the world", || {
        client.update(&mut view, &mut handlers);
        game.is_shown(&view)
    });
    assert!(handlers.off(id));
    game.step(&server);
    common::wait_until("another change", || client.update(&mut view, &mut handlers).events > 0);
    assert!(!game.is_shown(&view), "the handler is gone");
}

#[test]
fn more_than_100_unread_snapshots_are_merged_into_at_most_40_events_that_show_the_newest_world() {
    let server = server();
    let mut game = Game::new(20);
    game.step(&server);
    let (client, there) = connect(&server, server.local_address());
    server.set_viewer(there, Some(Viewer::new(WORLD))).unwrap();
    for _ in 0..300 {
        game.step(&server);
        std::thread::sleep(Duration::from_millis(2));
    }
    common::wait_until("every frame", || {
        let received = client.world_stats(client.server().unwrap()).unwrap();
        received.tick_received.map(u64::from) == Some(game.tick)
    });
    let received = client.world_stats(client.server().unwrap()).unwrap();
    assert!(received.frames_stored > 100, "{received:?}");
    // Connected, ViewComplete, and the snapshots that the queue takes.
    assert!(client.events_waiting() <= 34, "{} events wait", client.events_waiting());
    let (mut view, mut snapshots) = (WorldView::new(&schema()), 0);
    common::wait_until("the newest world", || {
        snapshots += take(&client, &mut view);
        game.is_shown(&view)
    });
    assert!((1..=40).contains(&snapshots), "{snapshots} snapshots");
}

#[test]
fn commits_in_steady_state_reuse_the_memory_of_earlier_commits() {
    let server = server();
    let mut game = Game::new(50);
    let mut news = 0;
    for tick in 1..200 {
        for id in game.ids.clone() {
            game.writer.set(id, &Place { at: [tick as f32 / 4.0, 0.0] }).unwrap();
        }
        match server.commit(WORLD, game.writer.finish(tick)).unwrap() {
            Some(spare) => {
                assert!(tick < 4 || spare.memory() > 0);
                game.writer.reuse(spare);
            }
            None => news += 1,
        }
        settle(&server);
    }
    assert!(news <= 2, "{news} ticks took new memory");
}

#[test]
fn a_commit_that_the_endpoint_refuses_is_reported_by_the_next_commit() {
    let server = server();
    let mut game = Game::new(1);
    game.step(&server);
    // A writer that begins anew creates an entity that the world has already.
    let mut again = schema().writer();
    again.create(EntitySettings::new()).unwrap();
    server.commit(WORLD, again.finish(2)).unwrap();
    settle(&server);
    game.tick = 2;
    let refusal = server.commit_tick(WORLD, &mut game.writer, 3).unwrap_err();
    assert!(matches!(refusal, ReplicationError::Refused { world: WORLD, tick: 2, .. }), "{refusal:?}");
    let text = refusal.to_string();
    assert!(text.contains("tick 2 of world 0") && text.contains("with a new writer"), "{text}");
    server.commit_tick(WORLD, &mut game.writer, 4).unwrap();
    settle(&server);
    assert_eq!(server.stats().worlds.commits, 3, "ticks 1, 3 and 4");
}

#[test]
fn commits_and_viewers_of_worlds_that_cannot_be_replicated_are_refused() {
    let plain = common::server();
    let refused = plain.commit(WORLD, schema().writer().finish(1)).unwrap_err();
    assert_eq!(
        refused,
        ReplicationError::Refused { world: WORLD, tick: 1, error: WorldError::NotConfigured }
    );
    assert!(refused.to_string().contains("Options::snapshots"), "{refused}");
    let no_viewer = plain.set_viewer(ConnectionId::default(), Some(Viewer::new(WORLD))).unwrap_err();
    assert_eq!(no_viewer, ReplicationError::NoViewer { world: WORLD, error: WorldError::NotConfigured });

    let mut server = server();
    let error = WorldError::NoSuchWorld { world: WORLD };
    let no_viewer = server.set_viewer(ConnectionId::default(), Some(Viewer::new(WORLD)));
    assert_eq!(no_viewer, Err(ReplicationError::NoViewer { world: WORLD, error }));
    let late = server.commit(WORLD, schema().writer().finish(1 << 32)).unwrap_err();
    assert!(late.to_string().contains("2^32 - 1; count ticks from 0"), "{late}");
    server.stop(0, "", Duration::from_millis(10));
    assert_eq!(server.commit(WORLD, schema().writer().finish(1)), Err(ReplicationError::Stopped));
}

#[test]
fn a_commit_in_an_accept_policy_is_refused() {
    let (told, refusals) = std::sync::mpsc::channel();
    let server = server();
    let handle = server.handle();
    server
        .set_accept_policy(move |_: &tickwire_core::AdmissionRequest<'_>| {
            let refused = handle.commit(WORLD, schema().writer().finish(1)).unwrap_err();
            told.send(refused).unwrap();
            tickwire_core::Admission::Accept
        })
        .unwrap();
    let _client = connect(&server, server.local_address());
    assert_eq!(refusals.recv().unwrap(), ReplicationError::OnNetworkThread);
}

#[test]
fn the_newest_world_is_shown_after_2000_commits_beside_messages_of_a_second_thread() {
    let server = server();
    let (client, there) = connect(&server, server.local_address());
    let mut game = Game::new(10);
    game.step(&server);
    server.set_viewer(there, Some(Viewer::new(WORLD))).unwrap();
    // Far more than may wait.
    std::thread::scope(|scope| {
        scope.spawn(|| (0..2000).for_each(|_| game.step(&server)));
        scope.spawn(|| {
            for number in 0..500 {
                let _full = server.send(there, &common::Ping { number });
            }
        });
    });
    let mut view = WorldView::new(&schema());
    common::wait_until("the newest world", || {
        take(&client, &mut view);
        game.is_shown(&view)
    });
    assert_eq!(view.tick(), Some(game.tick));
    assert_eq!(view.words(game.ids[0], ComponentId(1)), None);
}
