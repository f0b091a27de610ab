//! Replicated worlds: the world that a game receives from a different end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Net, Pass};
use tickwire_core::snapshot::{
    Changes, CommitError, ComponentId, ComponentSpec, EntitySettings, FieldKind, FieldSpec, Gone, NetworkId,
    Prediction, Show, SnapshotSchema, Steps, Viewer, WorldError, WorldId, WorldSchema, WorldStats,
    WorldWriter,
};
use tickwire_core::{Config, ConnectionId, Duration, Event, Instant, SnapshotConfig};
use tickwire_sim::shown::{ShownEntity, ShownWorld, committed_components};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);

/// Returns a schema with a position and a velocity in one group, and health in another group.
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

/// The ids of the components, in the order of their names: health, pose, speed.
const HEALTH: ComponentId = ComponentId(0);
const POSE: ComponentId = ComponentId(1);
const SPEED: ComponentId = ComponentId(2);

fn with_worlds(config: &mut Config) {
    config.snapshots = Some(SnapshotConfig::new(schema()));
    config.idle_timeout = SECOND;
    config.heartbeat = Duration::from_millis(200);
}

/// The server's game, and the world that its client shows.
struct Game {
    net: Net,
    writer: WorldWriter,
    world: WorldId,
    tick: u64,
    ids: Vec<NetworkId>,
    shown: ShownWorld,
    /// The server's id of the connection.
    viewer: ConnectionId,
    /// `true` if the client's first view was reported as complete.
    is_complete: bool,
}

impl Game {
    /// Creates a server with `entities` entities, and a client that sees them.
    fn new(entities: usize) -> Self {
        let mut net = Net::pair(with_worlds);
        net.connect();
        net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.connected().is_some()));
        let viewer = net.nodes[0].connected().unwrap();
        let mut game = Self {
            net,
            writer: schema().writer(),
            world: WorldId(0),
            tick: 0,
            ids: Vec::new(),
            shown: ShownWorld::default(),
            viewer,
            is_complete: false,
        };
        for _ in 0..entities {
            game.create();
        }
        game.commit();
        game.look(Some(WorldId(0)));
        game
    }

    fn look(&mut self, world: Option<WorldId>) {
        let (now, viewer) = (self.net.now, self.viewer);
        self.net.nodes[0].endpoint.set_viewer(now, viewer, world.map(Viewer::new)).unwrap();
    }

    fn create(&mut self) {
        let id = self.writer.create(EntitySettings::new()).unwrap();
        self.ids.push(id);
        let number = id.0;
        self.writer.set_words(id, HEALTH, &[number % 101]).unwrap();
        self.writer.set_words(id, POSE, &[number * 100, 500_000, number * 7]).unwrap();
        self.writer.set_words(id, SPEED, &[2000 + number % 500, 2000, 2000]).unwrap();
    }

    /// Moves every entity.
    fn step(&mut self) {
        let tick = self.tick as u32;
        for id in self.ids.clone() {
            let turn = (id.0 * 7919 + tick) % 60;
            let pose = [id.0 * 100 + tick * 3, 500_000 + turn, id.0 * 7 + tick];
            self.writer.set_words(id, POSE, &pose).unwrap();
            self.writer.set_words(id, SPEED, &[2000 + turn, 2000 + id.0 % 50, 2001]).unwrap();
        }
    }

    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.writer.finish(self.tick);
        self.net.nodes[0].endpoint.commit(self.net.now, self.world, &changes).unwrap();
        self.writer.reuse(changes);
    }

    /// Runs for `time`. The entities move if `is_moving`.
    fn play(&mut self, time: Duration, is_moving: bool) {
        let end = self.net.now + time;
        while self.net.now < end {
            if is_moving {
                self.step();
            }
            self.commit();
            self.net.run_for(TICK);
            self.take();
        }
    }

    /// Handles the client's events.
    fn take(&mut self) {
        for event in std::mem::take(&mut self.net.nodes[1].events) {
            self.is_complete |= matches!(event, Event::ViewComplete { .. });
            if let Event::Snapshot { changes, .. } = event {
                self.shown.apply(&changes).unwrap();
                self.net.nodes[1].endpoint.recycle(changes);
            }
        }
    }

    /// Returns the committed world. The entities have no owners.
    fn committed(&self) -> ShownWorld {
        let mut committed = ShownWorld::default();
        let Some(store) = self.net.nodes[0].endpoint.world(self.world) else { return committed };
        for entity in store.entities() {
            let components = committed_components(&schema(), store, entity.id);
            committed.entities.insert(entity.id, ShownEntity { owner: None, components });
        }
        committed
    }

    fn stats(&self, node: usize) -> WorldStats {
        let connection = if node == 0 { self.viewer } else { self.client() };
        self.net.nodes[node].endpoint.world_stats(connection).unwrap()
    }

    fn client(&self) -> ConnectionId {
        self.net.nodes[1].endpoint.connections().next().unwrap()
    }

    /// Runs without movement until the client shows the committed world. Panics after `most`.
    fn settle(&mut self, most: Duration) {
        let end = self.net.now + most;
        while self.shown != self.committed() {
            assert!(self.net.now < end, "{:?}, {:?}", self.stats(0), self.stats(1));
            self.play(TICK, false);
        }
    }
}

/// Returns a network that drops every `nth` datagram.
fn lossy(nth: u64) -> common::Filter {
    let mut count = 0;
    Box::new(move |_, _, _| {
        count += 1;
        if count % nth == 0 {
            Pass::Drop
        } else if count % 17 == 0 {
            Pass::Late(Duration::from_millis(120))
        } else {
            Pass::Deliver
        }
    })
}

#[test]
fn a_client_receives_the_world_that_the_server_commits() {
    let mut game = Game::new(200);
    game.play(SECOND * 3, true);
    game.settle(SECOND);
    let (sent, received) = (game.stats(0), game.stats(1));
    assert_eq!((received.frames_refused, received.frames_stale, sent.restarts), (0, 0, 0), "{sent:?}");
    assert_eq!(received.frames_stored, sent.frames_sent);
}

#[test]
fn an_unchanged_world_sends_no_snapshot_frames() {
    let mut game = Game::new(200);
    game.settle(SECOND);
    game.play(SECOND, false);
    let before = game.stats(0);
    game.play(SECOND * 5, false);
    assert_eq!(game.stats(0), before);
    assert!(before.is_settled);
}

#[test]
fn a_world_converges_within_two_seconds_after_loss_and_reordering_end() {
    for nth in [2, 3, 10] {
        let mut game = Game::new(200);
        game.net.filter = lossy(nth);
        game.play(SECOND * 4, true);
        game.net.filter = Box::new(|_, _, _| Pass::Deliver);
        game.settle(SECOND * 2);
        assert_eq!(game.stats(1).frames_refused, 0, "one in {nth} lost");
    }
}

#[test]
fn a_world_converges_after_a_resumption_with_at_most_two_updates_per_changed_unit() {
    let mut game = Game::new(300);
    game.settle(SECOND);
    game.net.filter = Box::new(|_, _, _| Pass::Drop);
    for id in game.ids.iter().take(20) {
        game.writer.set_words(*id, HEALTH, &[100]).unwrap();
    }
    game.play(SECOND * 4, false);
    game.net.filter = Box::new(|_, _, _| Pass::Deliver);
    let before = game.stats(0);
    game.settle(SECOND * 5);
    let units = game.stats(0).units_sent - before.units_sent;
    assert!((20..=40).contains(&units), "{units} units");
}

#[test]
fn a_lost_unit_is_resent_without_a_further_commit() {
    let mut game = Game::new(0);
    game.settle(SECOND);
    game.create();
    let mut lost = 0;
    game.net.filter = Box::new(move |_, from, _| {
        lost += usize::from(from == 0);
        if from == 0 && lost <= 2 { Pass::Drop } else { Pass::Deliver }
    });
    game.commit();
    game.net.run_for(SECOND * 2);
    game.take();
    assert_eq!(game.shown, game.committed());
}

#[test]
fn destroyed_and_hidden_entities_disappear_and_entities_shown_again_return() {
    let mut game = Game::new(30);
    game.settle(SECOND);
    let (first, second) = (game.ids[0], game.ids[1]);
    game.writer.destroy(first, Gone::Destroyed).unwrap();
    game.writer.show(game.viewer, second, Show::Never).unwrap();
    game.play(SECOND, false);
    let mut expected = game.committed();
    expected.entities.remove(&second);
    assert_eq!(game.shown, expected);
    game.ids.remove(0);
    game.writer.show(game.viewer, second, Show::Always).unwrap();
    game.play(SECOND, true);
    game.settle(SECOND);
}

#[test]
fn a_client_whose_viewer_changes_to_another_world_receives_only_the_new_world() {
    let mut game = Game::new(30);
    game.settle(SECOND);
    let rooms = std::mem::replace(&mut game.writer, schema().writer());
    (game.world, game.tick) = (WorldId(1), 0);
    game.ids.clear();
    game.create();
    game.commit();
    game.look(Some(WorldId(1)));
    game.settle(SECOND);
    assert_eq!(game.shown.entities.len(), 1);
    // An empty world empties the view.
    (game.world, game.tick) = (WorldId(2), 0);
    game.writer = schema().writer();
    game.ids.clear();
    game.commit();
    game.look(Some(WorldId(2)));
    game.settle(SECOND);
    assert!(game.shown.entities.is_empty());
    drop(rooms);
}

#[test]
fn removing_the_viewer_of_a_client_removes_all_entities_at_the_client() {
    let mut game = Game::new(30);
    game.settle(SECOND);
    game.look(None);
    game.play(SECOND, false);
    assert!(game.shown.entities.is_empty());
    game.look(Some(WorldId(0)));
    game.settle(SECOND);
    assert_eq!(game.shown.entities.len(), 30);
}

#[test]
fn unread_snapshots_of_120_ticks_are_merged_into_at_most_three_events() {
    let mut game = Game::new(50);
    game.settle(SECOND);
    game.net.nodes[1].is_listening = false;
    let before = game.net.nodes[1].endpoint.world_stats(game.client()).unwrap();
    for _ in 0..120 {
        game.step();
        game.commit();
        game.net.run_for(TICK);
    }
    let after = game.net.nodes[1].endpoint.world_stats(game.client()).unwrap();
    assert!(after.frames_stored > before.frames_stored + 100);
    game.net.nodes[1].is_listening = true;
    game.net.run_for(TICK);
    let snapshots = game.net.nodes[1].events.iter().filter(|event| matches!(event, Event::Snapshot { .. }));
    assert!((1..=3).contains(&snapshots.count()));
    game.take();
    game.settle(SECOND);
}

#[test]
fn a_saturated_reliable_channel_delays_the_world_by_less_than_30_ticks() {
    let mut game = Game::new(50);
    game.settle(SECOND);
    let now = game.net.now;
    game.net.nodes[0].endpoint.set_bandwidth(now, Some(60_000));
    for _ in 0..40 {
        game.net.send(0, game.viewer, 0, vec![7; 100_000]);
    }
    let mut oldest = 0;
    for _ in 0..300 {
        game.play(TICK, true);
        let newest = u64::from(game.stats(1).tick_received.unwrap());
        oldest = oldest.max(game.tick - newest);
    }
    assert!(oldest < 30, "{oldest} ticks old");
    game.settle(SECOND * 3);
}

#[test]
fn a_world_with_a_tenth_of_its_entities_moving_sends_less_than_a_fifth_of_its_full_state_per_tick() {
    let mut game = Game::new(1000);
    game.settle(SECOND * 3);
    let before = game.stats(0).bytes_sent;
    // One entity of ten moves.
    let resting = game.ids.split_off(100);
    game.play(SECOND * 3, true);
    let sent = game.stats(0).bytes_sent - before;
    game.ids.extend(resting);
    // Three words of 20 bits, three of 12 bits and one of 7 bits, sixty times a second.
    let full = 1000 * (3 * 20 + 3 * 12 + 7) / 8 * 180;
    assert!(sent * 5 < full, "{sent} of {full} bytes");
}

#[test]
fn under_a_rate_limit_an_entity_of_eight_times_the_weight_is_updated_at_least_three_times_as_often() {
    let mut game = Game::new(0);
    for weight in [16, 128] {
        for _ in 0..500 {
            let id = game.writer.create(EntitySettings::new().weight(weight)).unwrap();
            game.ids.push(id);
            game.writer.set_words(id, HEALTH, &[1]).unwrap();
            game.writer.set_words(id, POSE, &[1, 2, 3]).unwrap();
            game.writer.set_words(id, SPEED, &[2000, 2000, 2000]).unwrap();
        }
    }
    game.settle(SECOND * 2);
    let now = game.net.now;
    game.net.nodes[0].endpoint.set_bandwidth(now, Some(8_000));
    let mut updates = [0, 0];
    let end = game.net.now + SECOND * 10;
    while game.net.now < end {
        game.step();
        game.commit();
        game.net.run_for(TICK);
        for event in std::mem::take(&mut game.net.nodes[1].events) {
            if let Event::Snapshot { changes, .. } = event {
                game.shown.apply(&changes).unwrap();
                let poses = changes.column(POSE).map_or(&[][..], |column| column.ids());
                for id in poses {
                    updates[usize::from(id.0 > 500)] += 1;
                }
            }
        }
    }
    assert!(updates[1] >= 3 * updates[0] && updates[0] > 50, "{updates:?}");
    game.net.nodes[0].endpoint.set_bandwidth(game.net.now, None);
    game.settle(SECOND * 2);
}

#[test]
fn a_view_of_units_that_change_every_tick_is_complete_within_4_seconds_at_an_rtt_of_1200_ms() {
    let mut game = Game::new(0);
    game.look(None);
    (0..5).for_each(|_| game.create());
    game.play(SECOND, true);
    game.net.delay = Duration::from_millis(600);
    game.is_complete = false;
    game.look(Some(WorldId(0)));
    game.play(SECOND * 4, true);
    assert!(game.is_complete);
}

#[test]
fn a_rejected_first_commit_creates_no_world() {
    let mut net = Net::pair(with_worlds);
    let endpoint = &mut net.nodes[0].endpoint;
    let mut writer = schema().writer();
    let id = writer.create(EntitySettings::new()).unwrap();
    drop(writer.finish(1));
    writer.set_words(id, HEALTH, &[1]).unwrap();
    let unknown = endpoint.commit(Instant::ZERO, WorldId(0), &writer.finish(2));
    assert_eq!(unknown, Err(WorldError::Commit(CommitError::NoSuchEntity { id })));
    assert!(endpoint.world(WorldId(0)).is_none());
}

#[test]
fn a_world_is_pending_until_its_viewer_has_acknowledged_it() {
    let mut game = Game::new(50);
    let is_pending = |game: &Game| game.net.nodes[0].endpoint.has_pending_worlds();
    assert!(is_pending(&game));
    game.settle(SECOND);
    game.net.run_for(SECOND);
    assert!(!is_pending(&game));
    game.step();
    game.commit();
    assert!(is_pending(&game));
}

#[test]
fn invalid_commits_and_viewers_are_refused_with_the_matching_world_error() {
    let mut net = Net::pair(|_| {});
    let (changes, now) = (Changes::default(), Instant::ZERO);
    let endpoint = &mut net.nodes[0].endpoint;
    assert_eq!(endpoint.commit(now, WorldId(0), &changes), Err(WorldError::NotConfigured));
    let mut net = Net::pair(with_worlds);
    net.connect();
    net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.connected().is_some()));
    let viewer = net.nodes[0].connected().unwrap();
    let endpoint = &mut net.nodes[0].endpoint;
    let unknown = endpoint.set_viewer(now, viewer, Some(Viewer::new(WorldId(3))));
    assert_eq!(unknown, Err(WorldError::NoSuchWorld { world: WorldId(3) }));
    let late = schema().writer().finish(1 << 32);
    assert_eq!(endpoint.commit(now, WorldId(0), &late), Err(WorldError::TickTooLarge { tick: 1 << 32 }));
}
