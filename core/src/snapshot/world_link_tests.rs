//! A sender and a receiver of a world over a link that loses and reorders frames, compared with a plain copy of the
//! world.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use slotmap::{Key, KeyData};

use super::changes::{Changes, EntitySettings, Gone};
use super::component::{ComponentSpec, FieldKind, FieldSpec, Prediction};
use super::dynamic::DynamicValue;
use super::ids::{BlueprintId, ComponentId, NetworkId, WorldId};
use super::interest::SpatialGrid;
use super::quantize::Steps;
use super::receiver::{FrameRefusal, WorldReceiver};
use super::schema::{Audience, SnapshotSchema, WorldSchema};
use super::sender::{FrameScratch, WorldSender};
use super::store::Store;
use super::unit_codec::UnitCodec;
use super::writer::WorldWriter;
use crate::event::ConnectionId;
use crate::rng::Rng;

/// Components of an entity, by id.
type Components = BTreeMap<ComponentId, Vec<u32>>;

/// A world from the point of view of an application.
type Shown = BTreeMap<NetworkId, (Option<ConnectionId>, Components)>;

fn connection(number: u64) -> ConnectionId {
    KeyData::from_ffi(1 << 32 | number).into()
}

/// Returns a schema with a group of two components, a group of one component without fields, and a group that only
/// owners receive.
fn schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-512.0, 512.0, 0.01).unwrap();
    let at = FieldSpec::new("at", FieldKind::numbers(2, metres)).position();
    let speed = FieldSpec::new("speed", FieldKind::numbers(2, metres)).velocity();
    schema
        .declare(ComponentSpec::new("pose").group("motion").predictor(Prediction::Velocity).field(at))
        .unwrap();
    schema.declare(ComponentSpec::new("speed").group("motion").field(speed)).unwrap();
    let health = FieldSpec::new("points", FieldKind::integer(0, 100));
    schema.declare(ComponentSpec::new("health").field(health)).unwrap();
    schema.declare(ComponentSpec::new("marked")).unwrap();
    let gold = FieldSpec::new("gold", FieldKind::integer(0, 9999));
    schema.declare(ComponentSpec::new("purse").group("secret").field(gold)).unwrap();
    schema.group("secret").to(Audience::Owner);
    let mut health = schema.dynamic("health").unwrap();
    health.set("points", &DynamicValue::Int(100)).unwrap();
    schema.blueprint("crate", alloc::vec![health]).unwrap();
    schema.ticks_per_second(60);
    schema.finish().unwrap()
}

mod full_view;
mod hostile;
mod regressions;

/// Both ends of a link, the frames in flight, and the expected state of each end.
struct WorldLink {
    rng: Rng,
    writer: WorldWriter,
    store: Store,
    grid: SpatialGrid,
    tick: u64,
    ids: Vec<NetworkId>,
    hidden: BTreeSet<NetworkId>,
    sender: WorldSender,
    receiver: WorldReceiver,
    scratch: FrameScratch,
    /// The frames in flight: the time of arrival, the number, and the bytes.
    frames: Vec<(u64, u64, Vec<u8>)>,
    /// The reports on their way to the sender: the time, the frame number, and `true` for an acknowledgement or
    /// `false` for a loss.
    fates: Vec<(u64, u64, bool)>,
    shown: Shown,
    changes: Changes,
    /// All states that units of the group `motion` had.
    poses: BTreeSet<(NetworkId, Vec<u32>, Vec<u32>)>,
    loss_percent: u64,
    stale: usize,
}

const OWN: u64 = 7;

impl WorldLink {
    fn new(seed: u64, loss_percent: u64) -> Self {
        let schema = schema();
        let codec = Arc::new(UnitCodec::new(&schema));
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            rng: Rng::from_seed(bytes),
            writer: schema.writer(),
            store: schema.store(1000).unwrap(),
            grid: SpatialGrid::new(&schema),
            tick: 0,
            ids: Vec::new(),
            hidden: BTreeSet::new(),
            sender: WorldSender::new(Arc::clone(&codec), WorldId(0), connection(OWN)),
            receiver: WorldReceiver::new(codec, 1000),
            scratch: FrameScratch::new(),
            frames: Vec::new(),
            fates: Vec::new(),
            shown: Shown::new(),
            changes: Changes::default(),
            poses: BTreeSet::new(),
            loss_percent,
            stale: 0,
        }
    }

    fn below(&mut self, count: u64) -> u64 {
        u64::from_le_bytes(self.rng.array()) % count
    }

    fn some_id(&mut self) -> Option<NetworkId> {
        let place = self.below(self.ids.len().max(1) as u64);
        self.ids.get(place as usize).copied()
    }

    /// Makes one random change of the world.
    fn play(&mut self) {
        let act = self.below(100);
        let Some(id) = self.some_id().filter(|_| act >= 10 || self.ids.len() > 40) else {
            let settings = EntitySettings::new().hz([0, 20, 60][self.below(3) as usize]);
            let settings = if self.below(2) == 0 { settings.blueprint(BlueprintId(0)) } else { settings };
            let id = self.writer.create(settings).unwrap();
            self.ids.push(id);
            return;
        };
        let component = ComponentId(self.below(5) as u16);
        match act {
            0..70 => self.set(id, component),
            70..80 => self.writer.remove_component(id, component).unwrap(),
            80..85 => {
                self.writer.destroy(id, Gone::Destroyed).unwrap();
                self.ids.retain(|other| *other != id);
            }
            85..92 => {
                let owner = [None, Some(connection(OWN)), Some(connection(8))][self.below(3) as usize];
                self.writer.set_owner(id, owner).unwrap();
            }
            _ if self.hidden.remove(&id) => {}
            _ => {
                self.hidden.insert(id);
            }
        }
    }

    /// Sets a component. The ids are in the order of the names: health, marked, pose, purse, speed.
    fn set(&mut self, id: NetworkId, component: ComponentId) {
        let number = self.below(100) as u32;
        match component {
            ComponentId(0) => self.writer.set_words(id, component, &[number]),
            ComponentId(1) => self.writer.set_words(id, component, &[]),
            ComponentId(3) => self.writer.set_words(id, component, &[number * 90]),
            _ => {
                self.writer.set_words(id, ComponentId(2), &[number * 1000, 5]).unwrap();
                self.writer.set_words(id, ComponentId(4), &[number * 7, 50_000 + number])
            }
        }
        .unwrap();
    }

    fn commit(&mut self) {
        self.tick += 1 + self.below(20) / 19;
        let changes = self.writer.finish(self.tick);
        self.store.commit(&changes).unwrap();
        self.writer.reuse(changes);
        self.grid.on_commit(&self.store);
        self.sender.on_commit(&self.store, &self.grid);
        for id in &self.ids {
            self.sender.set_hidden(*id, self.hidden.contains(id));
            if self.hidden.contains(id) {
                self.sender.leave(*id, Gone::OutOfSight);
            } else {
                self.sender.enter(&self.store, *id);
            }
        }
        self.store.thin(|unit, ranges| self.sender.needed(unit, ranges));
        let first = self.sender.first_leaving().map_or(self.tick, u64::from);
        self.store.release_before(first);
        // Units of destroyed entities are among them.
        for unit in self.store.changed().list() {
            let state = self.store.state(*unit).unwrap();
            let words = state.version.words;
            if words.len() == 5 {
                let own = |bit: u32, first: usize| {
                    if words[0] >> bit & 1 != 0 { words[first..first + 2].to_vec() } else { Vec::new() }
                };
                self.poses.insert((state.id, own(0, 1), own(1, 3)));
            }
        }
    }

    fn send(&mut self, room: usize) {
        let budget = self.below(4000);
        while let Some(frame) = self.sender.pack(&self.store, &mut self.scratch, room, budget) {
            let bytes = self.scratch.bytes().to_vec();
            assert!(bytes.len() <= room);
            let at = self.tick + 2 + self.below(3);
            if self.below(100) < self.loss_percent {
                self.fates.push((at + 12, frame, false));
                continue;
            }
            let delay = if self.below(20) == 0 { 30 } else { 0 };
            self.frames.push((at + delay, frame, bytes));
        }
    }

    fn deliver(&mut self) {
        let tick = self.tick;
        let due = self.frames.extract_if(.., |(at, ..)| *at <= tick).collect::<Vec<_>>();
        for (_, frame, bytes) in due {
            match self.receiver.on_frame(&bytes) {
                Ok(()) => {
                    let is_heard = self.below(100) >= self.loss_percent;
                    let at = self.tick + 2 + self.below(2);
                    self.fates.push(if is_heard { (at, frame, true) } else { (at + 12, frame, false) });
                }
                Err(FrameRefusal::Stale) => {
                    self.stale += 1;
                    self.fates.push((tick + 3, frame, false));
                }
                Err(refusal) => panic!("tick {tick}: {refusal:?} {:?}", self.receiver.refused()),
            }
        }
        let due = self.fates.extract_if(.., |(at, ..)| *at <= tick).collect::<Vec<_>>();
        for (_, frame, is_acked) in due {
            if is_acked { self.sender.on_acked(frame) } else { self.sender.on_lost(frame) }
        }
    }

    /// Applies the received changes to the application's copy of the world.
    fn take(&mut self) {
        if !self.receiver.has_changes() {
            return;
        }
        let mut changes = core::mem::take(&mut self.changes);
        self.receiver.take_changes(connection(3), &mut changes);
        let is_back = |id: &NetworkId| changes.created().iter().any(|created| created.id == *id);
        for (id, _) in changes.destroyed().iter().filter(|(id, _)| is_back(id)) {
            assert!(self.shown.remove(id).is_some());
        }
        for created in changes.created() {
            let is_new = self.shown.insert(created.id, (None, Components::new())).is_none();
            assert!(is_new, "{created:?}");
        }
        for (id, owner) in changes.owners() {
            self.shown.get_mut(id).unwrap().0 = *owner;
        }
        for column in changes.columns() {
            for (id, words) in column.values() {
                self.shown.get_mut(&id).unwrap().1.insert(column.component(), words.to_vec());
            }
            for id in column.removed() {
                assert!(self.shown.get_mut(id).unwrap().1.remove(&column.component()).is_some());
            }
        }
        for (id, (_, components)) in &self.shown {
            let pair = pair(components, *id);
            let is_none = pair.1.is_empty() && pair.2.is_empty();
            assert!(is_none || self.poses.contains(&pair), "torn: {id:?}, {components:?}");
        }
        for (id, _) in changes.destroyed().iter().filter(|(id, _)| !is_back(id)) {
            assert!(self.shown.remove(id).is_some());
        }
        self.changes = changes;
    }

    /// Replaces the transport.
    fn resume(&mut self) {
        self.frames.clear();
        self.fates.clear();
        self.sender.on_resumed();
    }

    /// Ends all losses, and checks that the application's copy then equals the committed world.
    fn settle(&mut self, case: &str) {
        self.loss_percent = 0;
        let mut rounds = 0;
        while !self.sender.is_settled() {
            self.commit();
            self.send(300);
            self.deliver();
            rounds += 1;
            assert!(rounds < 200, "{case}: not settled, {:#?}", self.sender);
        }
        self.take();
        let expected = self.expected();
        let ids: BTreeSet<&NetworkId> = self.shown.keys().chain(expected.keys()).collect();
        for id in ids {
            assert_eq!(self.shown.get(id), expected.get(id), "{case}, {id:?}");
        }
    }

    /// Returns the world that the viewer should have.
    fn expected(&self) -> Shown {
        let visible = self.store.entities().filter(|entity| !self.hidden.contains(&entity.id));
        let entities = visible.map(|entity| {
            let mut components = components(&self.store, entity.id);
            let is_own = entity.owner == Some(connection(OWN));
            if !is_own {
                components.remove(&ComponentId(3));
            }
            let owner = entity.owner.map(|_| if is_own { connection(3) } else { ConnectionId::null() });
            (entity.id, (owner, components))
        });
        entities.collect()
    }
}

/// Returns the committed components of an entity.
fn components(store: &Store, id: NetworkId) -> Components {
    let schema = schema();
    let mut components = Components::new();
    for component in (0..5).map(ComponentId) {
        let place = schema.groups().component(component).unwrap();
        let group = schema.groups().group(place.group).unwrap();
        let Some(version) = store.unit(id, place.group).map(|unit| store.state(unit).unwrap().version) else {
            continue;
        };
        let is_there =
            if group.has_presence() { version.words[0] >> place.bit & 1 != 0 } else { version.is_present };
        if is_there {
            let first = usize::from(place.first_word);
            components.insert(component, version.words[first..first + usize::from(place.words)].to_vec());
        }
    }
    components
}

/// Returns the values of the two components of the group `motion`.
fn pair(components: &Components, id: NetworkId) -> (NetworkId, Vec<u32>, Vec<u32>) {
    let own = |component| components.get(&ComponentId(component)).cloned().unwrap_or_default();
    (id, own(2), own(4))
}

fn play(seed: u64, loss_percent: u64, ticks: u64) -> WorldLink {
    let mut link = WorldLink::new(seed, loss_percent);
    for _ in 0..ticks {
        for _ in 0..link.below(12) {
            link.play();
        }
        link.commit();
        if link.below(4) > 0 {
            let room = [80, 300, 1200][link.below(3) as usize];
            link.send(room);
        }
        link.deliver();
        if link.below(3) == 0 {
            link.take();
        }
        if link.below(150) == 0 {
            link.resume();
        }
    }
    link.settle(&format!("seed {seed}, loss {loss_percent}"));
    link
}

#[test]
fn a_world_arrives_completely_and_consistently_over_a_link_that_loses_and_reorders_frames() {
    for loss in [0, 10, 40] {
        for seed in 0..25 {
            play(seed, loss, 150);
        }
    }
}
