//! The bytes of a world that a resumption costs, compared with the changed units coded in full.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;

use common::{Net, Pass};
use tickwire_core::fuzzing::absolute_bytes;
use tickwire_core::snapshot::{
    BlueprintId, ComponentId, ComponentSpec, DynamicValue, EntitySettings, FieldKind, FieldSpec, Gone,
    NetworkId, Prediction, SnapshotSchema, Steps, UnitId, Viewer, WorldId, WorldSchema, WorldStats,
    WorldWriter,
};
use tickwire_core::{Config, ConnectionId, Duration, Event, SnapshotConfig};
use tickwire_sim::shown::{ShownEntity, ShownWorld, committed_components};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);
const STEP: Duration = Duration::from_millis(1);
const WORLD: WorldId = WorldId(0);
/// The largest cost of a resumption, in tenths of the changed units coded in full.
const MOST_TENTHS: u64 = 11;
/// The size of a snapshot frame in a full datagram, in bytes.
const ROOM: usize = 1150;

/// The ids of the components, in the order of their names: health, pose, speed.
const HEALTH: ComponentId = ComponentId(0);
const POSE: ComponentId = ComponentId(1);
const SPEED: ComponentId = ComponentId(2);

fn schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-2048.0, 2048.0, 0.001).unwrap();
    let speeds = Steps::new(-20.0, 20.0, 0.01).unwrap();
    let at = FieldSpec::new("at", FieldKind::numbers(3, metres)).position();
    let speed = FieldSpec::new("speed", FieldKind::numbers(3, speeds)).velocity();
    let pose = ComponentSpec::new("pose").group("motion").predictor(Prediction::Velocity);
    schema.declare(pose.field(at)).unwrap();
    schema.declare(ComponentSpec::new("speed").group("motion").field(speed)).unwrap();
    let points = FieldSpec::new("points", FieldKind::integer(0, 100));
    schema.declare(ComponentSpec::new("health").hz(60).field(points)).unwrap();
    let mut health = schema.dynamic("health").unwrap();
    health.set("points", &DynamicValue::Int(100)).unwrap();
    schema.blueprint("crate", vec![health]).unwrap();
    schema.ticks_per_second(60);
    schema.group("motion").hz(60);
    schema.finish().unwrap()
}

fn with_worlds(config: &mut Config) {
    config.snapshots = Some(SnapshotConfig::new(schema()));
    config.idle_timeout = SECOND;
    config.heartbeat = Duration::from_millis(200);
}

/// A server with a world, and a client whose path is interrupted.
struct Outage {
    net: Net,
    writer: WorldWriter,
    tick: u64,
    ids: Vec<NetworkId>,
    shown: ShownWorld,
    viewer: ConnectionId,
    /// The units that changed since the interruption began.
    changed: BTreeSet<UnitId>,
}

impl Outage {
    /// Creates a world of `entities` entities that the client shows completely.
    fn new(entities: usize) -> Self {
        let mut net = Net::pair(with_worlds);
        net.connect();
        net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.connected().is_some()));
        let viewer = net.nodes[0].connected().unwrap();
        let mut outage = Self {
            net,
            writer: schema().writer(),
            tick: 0,
            ids: Vec::new(),
            shown: ShownWorld::default(),
            viewer,
            changed: BTreeSet::new(),
        };
        (0..entities).for_each(|_| outage.create());
        outage.commit();
        let view = Some(Viewer::new(WORLD));
        outage.net.nodes[0].endpoint.set_viewer(outage.net.now, viewer, view).unwrap();
        outage.settle();
        outage
    }

    fn create(&mut self) {
        let settings = EntitySettings::new();
        let is_crate = self.ids.len().is_multiple_of(2);
        let id =
            self.writer.create(if is_crate { settings.blueprint(BlueprintId(0)) } else { settings }).unwrap();
        self.ids.push(id);
        self.writer.set_words(id, HEALTH, &[100]).unwrap();
        self.shift(id);
    }

    fn destroy(&mut self, place: usize) {
        let id = self.ids.swap_remove(place);
        self.writer.destroy(id, Gone::Destroyed).unwrap();
    }

    fn shift(&mut self, id: NetworkId) {
        let (number, tick) = (id.0, self.tick as u32);
        let pose = [number * 1000 + tick * 31, 500_000 + tick * number % 999, number * 77 + tick];
        self.writer.set_words(id, POSE, &pose).unwrap();
        let speed = [2000 + tick % 99, 2000 + number % 50, 2001 + tick * 7 % 50];
        self.writer.set_words(id, SPEED, &speed).unwrap();
    }

    fn hurt(&mut self, id: NetworkId) {
        self.writer.set_words(id, HEALTH, &[(id.0 * 7 + self.tick as u32) % 100]).unwrap();
    }

    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.writer.finish(self.tick);
        let endpoint = &mut self.net.nodes[0].endpoint;
        endpoint.commit(self.net.now, WORLD, &changes).unwrap();
        self.writer.reuse(changes);
        self.changed.extend(endpoint.world(WORLD).unwrap().changed().list());
    }

    fn take(&mut self) {
        for event in std::mem::take(&mut self.net.nodes[1].events) {
            if let Event::Snapshot { changes, .. } = event {
                self.shown.apply(&changes).unwrap();
                self.net.nodes[1].endpoint.recycle(changes);
            }
        }
    }

    fn stats(&self) -> WorldStats {
        self.net.nodes[0].endpoint.world_stats(self.viewer).unwrap()
    }

    /// Runs without changes until the client shows the committed world and the server knows it.
    fn settle(&mut self) {
        let end = self.net.now + SECOND * 10;
        while !self.stats().is_settled || self.shown != self.committed() {
            assert!(self.net.now < end, "{:?}", self.stats());
            self.commit();
            self.net.run_for(TICK);
            self.take();
        }
    }

    fn committed(&self) -> ShownWorld {
        let store = self.net.nodes[0].endpoint.world(WORLD).unwrap();
        let entities = store.entities().map(|entity| {
            let components = committed_components(&schema(), store, entity.id);
            (entity.id, ShownEntity { owner: None, components })
        });
        ShownWorld { entities: entities.collect() }
    }

    /// Interrupts the path while `play` changes the world in each tick of three seconds. Returns the bytes of the
    /// snapshot frames from the resumption on, and the bytes of the changed units coded in full.
    fn interrupt(&mut self, mut play: impl FnMut(&mut Self, u64)) -> (u64, u64) {
        self.changed.clear();
        self.net.filter = Box::new(|_, _, _| Pass::Drop);
        let end = self.net.now + SECOND * 3;
        for step in 0.. {
            if self.net.now >= end {
                break;
            }
            play(self, step);
            self.commit();
            self.net.run_for(TICK);
        }
        let interrupted = |event: &Event| matches!(event, Event::Interrupted { .. });
        assert!(self.net.nodes[0].has(interrupted), "the outage was too short");
        let units: Vec<UnitId> = self.changed.iter().copied().filter(|unit| self.must_tell(*unit)).collect();
        let store = self.net.nodes[0].endpoint.world(WORLD).unwrap();
        let full = absolute_bytes(&schema(), store, &units, ROOM) as u64;
        self.net.filter = Box::new(|_, _, _| Pass::Deliver);
        let resumed = |event: &Event| matches!(event, Event::Resumed { .. });
        let mut before = self.stats();
        let end = self.net.now + SECOND * 10;
        while !self.net.nodes[0].has(resumed) {
            assert!(self.net.now < end, "not resumed");
            before = self.stats();
            self.net.run_for(STEP);
        }
        self.settle();
        let after = self.stats();
        (after.bytes_sent - before.bytes_sent, full)
    }

    /// Returns whether the client must learn of a changed unit: the unit exists, or the client shows its entity.
    fn must_tell(&self, unit: UnitId) -> bool {
        let store = self.net.nodes[0].endpoint.world(WORLD).unwrap();
        store
            .state(unit)
            .is_some_and(|state| state.gone.is_none() || self.shown.entities.contains_key(&state.id))
    }
}

/// Asserts that an interruption of a world of `entities` entities costs at most [`MOST_TENTHS`].
fn assert_cost(name: &str, entities: usize, play: impl FnMut(&mut Outage, u64)) {
    let mut outage = Outage::new(entities);
    let (cost, full) = outage.interrupt(play);
    println!("{name}: {cost} bytes, {full} bytes in full");
    assert!(full > 0 && cost * 10 <= full * MOST_TENTHS, "{name}: {cost} bytes, {full} bytes in full");
}

#[test]
fn a_resumption_takes_at_most_110_percent_of_the_bytes_of_a_few_changed_units_coded_in_full() {
    for changed in [1, 5, 20] {
        assert_cost(&format!("{changed} of 300 entities changed"), 300, |outage, step| {
            if step == 60 {
                for id in outage.ids.clone().into_iter().step_by(300 / changed).take(changed) {
                    outage.hurt(id);
                }
            }
        });
    }
}

#[test]
fn a_resumption_takes_at_most_110_percent_of_the_bytes_of_all_units_coded_in_full_if_all_changed() {
    for entities in [10, 300, 2000] {
        assert_cost(&format!("all of {entities} entities moved"), entities, |outage, _| {
            for id in outage.ids.clone() {
                outage.shift(id);
                outage.hurt(id);
            }
        });
    }
}

#[test]
fn a_resumption_takes_at_most_110_percent_of_the_bytes_of_the_created_and_destroyed_entities_in_full() {
    assert_cost("60 created, 60 destroyed", 300, |outage, step| {
        if step < 60 {
            outage.create();
            outage.destroy(step as usize);
        }
    });
}

#[test]
fn a_resumption_takes_at_most_110_percent_of_the_bytes_of_moved_created_and_destroyed_entities_in_full() {
    assert_cost("moved, created and destroyed", 200, |outage, step| {
        for id in outage.ids.clone().into_iter().take(80) {
            outage.shift(id);
        }
        if step.is_multiple_of(3) {
            outage.create();
            outage.destroy((step as usize * 7) % 100);
        }
    });
}

#[test]
fn a_resumption_costs_no_world_bytes_if_nothing_changed() {
    let mut outage = Outage::new(300);
    assert_eq!(outage.interrupt(|_, _| {}), (0, 0));
}
