//! A view of a world, which is told of every snapshot event that arrives over a bad network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;

use common::{Net, Pass};
use tickwire_core::snapshot::{
    ComponentId, ComponentSpec, EntitySettings, FieldKind, FieldSpec, Gone, NetworkId, Show, SnapshotSchema,
    Store, Viewer, WorldId, WorldSchema, WorldView, WorldWriter,
};
use tickwire_core::{ConnectionId, Duration, Event, SnapshotConfig};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);

/// By name.
const HEALTH: ComponentId = ComponentId(0);
const PLACE: ComponentId = ComponentId(1);
const SPEED: ComponentId = ComponentId(2);

type World = BTreeMap<NetworkId, BTreeMap<ComponentId, Vec<u32>>>;

fn schema() -> WorldSchema {
    let integer = |name: &'static str, most| FieldSpec::new(name, FieldKind::integer(0, most));
    let mut schema = SnapshotSchema::new();
    schema.declare(ComponentSpec::new("health").field(integer("points", 100))).unwrap();
    schema.declare(ComponentSpec::new("place").group("body").field(integer("x", 1_000_000))).unwrap();
    schema.declare(ComponentSpec::new("speed").group("body").field(integer("v", 1000))).unwrap();
    schema.group("body").hz(60);
    schema.finish().unwrap()
}

/// A server's game, and a client's view of it.
struct Game {
    net: Net,
    writer: WorldWriter,
    world: WorldId,
    tick: u64,
    ids: Vec<NetworkId>,
    view: WorldView,
    viewer: ConnectionId,
    /// The worlds after the last commits.
    past: BTreeMap<u64, World>,
    /// Samples whose value was compared with the past.
    compared: usize,
}

impl Game {
    fn new() -> Self {
        let mut net = Net::pair(|config| {
            config.snapshots = Some(SnapshotConfig::new(schema()));
            config.idle_timeout = SECOND;
            config.heartbeat = Duration::from_millis(200);
        });
        net.connect();
        net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.connected().is_some()));
        let viewer = net.nodes[0].connected().unwrap();
        let mut game = Self {
            net,
            writer: schema().writer(),
            world: WorldId(0),
            tick: 0,
            ids: Vec::new(),
            view: WorldView::new(&schema()),
            viewer,
            past: BTreeMap::new(),
            compared: 0,
        };
        game.begin_world(WorldId(0), 0);
        game
    }

    /// Shows the client another world, with a writer of its own.
    fn begin_world(&mut self, world: WorldId, tick: u64) {
        (self.world, self.tick, self.writer) = (world, tick, schema().writer());
        (self.ids, self.past) = (Vec::new(), BTreeMap::new());
        for _ in 0..30 {
            self.create();
        }
        self.commit();
        self.net.nodes[0].endpoint.set_viewer(self.net.now, self.viewer, Some(Viewer::new(world))).unwrap();
    }

    fn create(&mut self) {
        let id = self.writer.create(EntitySettings::new()).unwrap();
        self.writer.set_words(id, HEALTH, &[id.0 % 101]).unwrap();
        self.ids.push(id);
    }

    fn step(&mut self) {
        let tick = self.tick as u32;
        for id in self.ids.clone() {
            self.writer.set_words(id, PLACE, &[tick * 5 + id.0]).unwrap();
            if (tick / 30 + id.0).is_multiple_of(2) {
                self.writer.set_words(id, SPEED, &[tick % 1000]).unwrap();
            } else {
                self.writer.remove_component(id, SPEED).unwrap();
            }
        }
        let first = self.ids[0];
        match tick % 20 {
            3 => self.create(),
            7 => {
                self.writer.destroy(first, Gone::Destroyed).unwrap();
                self.ids.remove(0);
            }
            11 => self.writer.show(self.viewer, first, Show::Never).unwrap(),
            17 => self.writer.show(self.viewer, first, Show::Always).unwrap(),
            _ => {}
        }
    }

    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.writer.finish(self.tick);
        self.net.nodes[0].endpoint.commit(self.net.now, self.world, &changes).unwrap();
        self.writer.reuse(changes);
        self.past.insert(self.tick, self.committed());
    }

    /// Plays for `time`, and compares each event's view with the past.
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

    fn take(&mut self) {
        for event in std::mem::take(&mut self.net.nodes[1].events) {
            if let Event::Snapshot { changes, .. } = event {
                self.view.apply(&changes);
                self.net.nodes[1].endpoint.recycle(changes);
                self.compare();
            }
        }
    }

    /// Each unit is shown as it was after some commit: the components of a group belong together, now and in the history.
    fn compare(&mut self) {
        let newest = self.view.tick().unwrap();
        // Before the first commit, the view showed the world before this one.
        let first = *self.past.keys().next().unwrap();
        for id in self.view.entities().collect::<Vec<_>>() {
            for time in [newest as f64, newest as f64 - 6.5] {
                if time < first as f64 {
                    continue;
                }
                let body = [PLACE, SPEED].map(|component| {
                    let sample = self.view.sample_words(id, component, time);
                    sample.before.map(|before| before.value.to_vec())
                });
                if body[0].is_none() {
                    continue;
                }
                let had = |world: &World| {
                    world.get(&id).is_some_and(|own| [PLACE, SPEED].map(|of| own.get(&of).cloned()) == body)
                };
                assert!(self.past.values().any(had), "{id:?} at {time}: {body:?} in tick {}", self.tick);
                self.compared += 1;
            }
        }
    }

    fn committed(&self) -> World {
        self.net.nodes[0].endpoint.world(self.world).map(world_of).unwrap_or_default()
    }

    fn shown(&self) -> World {
        let entities = self.view.entities().map(|id| {
            let own = |component| Some((component, self.view.words(id, component)?.to_vec()));
            (id, [HEALTH, PLACE, SPEED].into_iter().filter_map(own).collect())
        });
        entities.collect()
    }

    /// Plays without movement until the view equals the committed world.
    fn settle(&mut self, most: Duration) {
        for id in self.ids.clone() {
            self.writer.show(self.viewer, id, Show::Always).unwrap();
        }
        self.play(TICK, false);
        let end = self.net.now + most;
        while self.shown() != self.committed() {
            assert!(self.net.now < end, "the view does not equal the world");
            self.play(TICK, false);
        }
    }
}

fn world_of(store: &Store) -> World {
    let schema = schema();
    let entities = store.entities().map(|entity| {
        let own = |component: ComponentId| {
            let place = schema.groups().component(component)?;
            let version = store.state(store.unit(entity.id, place.group)?)?.version;
            let has_presence = schema.groups().group(place.group)?.has_presence();
            let is_there =
                if has_presence { version.words[0] >> place.bit & 1 != 0 } else { version.is_present };
            let first = usize::from(place.first_word);
            is_there.then(|| (component, version.words[first..first + usize::from(place.words)].to_vec()))
        };
        (entity.id, [HEALTH, PLACE, SPEED].into_iter().filter_map(own).collect())
    });
    entities.collect()
}

#[test]
fn a_view_equals_the_world_after_loss_and_shows_only_states_that_the_world_had() {
    for nth in [3, 10] {
        let mut game = Game::new();
        let mut count = 0;
        game.net.filter = Box::new(move |_, _, _| {
            count += 1;
            match count {
                _ if count % nth == 0 => Pass::Drop,
                _ if count % 17 == 0 => Pass::Late(Duration::from_millis(120)),
                _ => Pass::Deliver,
            }
        });
        game.play(SECOND * 4, true);
        game.net.filter = Box::new(|_, _, _| Pass::Deliver);
        game.settle(SECOND * 2);
        assert!(game.compared > 1000, "{}", game.compared);
    }
}

#[test]
fn a_view_equals_the_world_after_the_session_was_resumed() {
    let mut game = Game::new();
    game.play(SECOND, true);
    game.net.filter = Box::new(|_, _, _| Pass::Drop);
    game.play(SECOND * 4, true);
    game.net.filter = Box::new(|_, _, _| Pass::Deliver);
    game.play(SECOND, true);
    game.settle(SECOND * 5);
}

#[test]
fn a_view_that_changes_to_another_world_shows_no_entity_of_the_first_world() {
    for tick in [0, 5000] {
        let mut game = Game::new();
        game.play(SECOND, true);
        game.begin_world(WorldId(1), tick);
        // Events of the first world may still arrive, whose states are not in the past of the second.
        game.net.run_for(SECOND);
        for event in std::mem::take(&mut game.net.nodes[1].events) {
            if let Event::Snapshot { changes, .. } = event {
                game.view.apply(&changes);
            }
        }
        game.play(SECOND, true);
        game.settle(SECOND);
        assert_eq!(game.view.len(), game.ids.len());
    }
}
