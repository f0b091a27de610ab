//! Compares a view with the store whose commits it is told of, and with the states that the store had.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use quickcheck::{Gen, QuickCheck};
use slotmap::KeyData;

use super::WorldView;
use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::{Changes, Column, Created, EntitySettings, Gone};
use crate::snapshot::component::{ComponentSpec, FieldKind, FieldSpec};
use crate::snapshot::dynamic::DynamicValue;
use crate::snapshot::ids::{BlueprintId, ComponentId, NetworkId};
use crate::snapshot::schema::{SnapshotSchema, WorldSchema};
use crate::snapshot::store::Store;
use crate::snapshot::writer::WorldWriter;

/// By name.
const ARMOUR: ComponentId = ComponentId(0);
const HEALTH: ComponentId = ComponentId(1);
const MARKED: ComponentId = ComponentId(2);
const PLACE: ComponentId = ComponentId(3);
const ALL: [ComponentId; 4] = [ARMOUR, HEALTH, MARKED, PLACE];

/// Ticks for which the views of these tests keep versions.
const HISTORY: u64 = 40;

type Components = BTreeMap<ComponentId, Vec<u32>>;
type World = BTreeMap<NetworkId, (Option<ConnectionId>, Components)>;

/// A group of two components, and two components of their own, which the store commits exactly and in every tick.
fn schema() -> WorldSchema {
    let integer = |name: &'static str, most| FieldSpec::new(name, FieldKind::integer(0, most));
    let mut schema = SnapshotSchema::new();
    schema.declare(ComponentSpec::new("armour").group("body").field(integer("plates", 9))).unwrap();
    let place = ComponentSpec::new("place").group("body");
    schema.declare(place.field(integer("x", 999)).field(integer("y", 999))).unwrap();
    schema.declare(ComponentSpec::new("health").field(integer("points", 100))).unwrap();
    schema.declare(ComponentSpec::new("marked")).unwrap();
    for group in ["body", "health", "marked"] {
        schema.group(group).hz(0);
    }
    schema.ticks_per_second(60);
    schema.finish().unwrap()
}

fn view() -> WorldView {
    WorldView::new(&schema()).with_history(HISTORY)
}

fn connection(number: u16) -> ConnectionId {
    KeyData::from_ffi(1 << 32 | u64::from(number)).into()
}

/// A component of an entity as it is committed.
fn committed(schema: &WorldSchema, store: &Store, id: NetworkId, component: ComponentId) -> Option<Vec<u32>> {
    let place = schema.groups().component(component)?;
    let version = store.state(store.unit(id, place.group)?)?.version;
    let has_presence = schema.groups().group(place.group)?.has_presence();
    let is_there = if has_presence { version.words[0] >> place.bit & 1 != 0 } else { version.is_present };
    let first = usize::from(place.first_word);
    is_there.then(|| version.words[first..first + usize::from(place.words)].to_vec())
}

fn world_of_store(schema: &WorldSchema, store: &Store) -> World {
    let entities = store.entities().map(|entity| {
        let own = |component| Some((component, committed(schema, store, entity.id, component)?));
        (entity.id, (entity.owner, ALL.into_iter().filter_map(own).collect()))
    });
    entities.collect()
}

fn world_of_view(view: &WorldView) -> World {
    let entities = view.entities().map(|id| {
        let own = |component| Some((component, view.words(id, component)?.to_vec()));
        (id, (view.owner(id), ALL.into_iter().filter_map(own).collect()))
    });
    entities.collect()
}

/// A game, the store of its commits, and a view that is told of them.
struct Play {
    schema: WorldSchema,
    writer: WorldWriter,
    store: Store,
    view: WorldView,
    ids: Vec<NetworkId>,
    tick: u64,
    /// The world after each commit.
    past: BTreeMap<u64, World>,
}

impl Play {
    fn new() -> Self {
        let schema = schema();
        let (writer, store) = (schema.writer(), schema.store(1000).unwrap());
        let past = [(0, World::new())].into();
        Self { writer, store, view: view(), schema, ids: Vec::new(), tick: 0, past }
    }

    fn step(&mut self, (kind, who, value): (u8, u8, u16)) {
        let number = usize::from(who) % self.ids.len().max(1);
        let Some(id) = self.ids.get(number).copied().filter(|_| kind % 16 > 0) else {
            self.ids.push(self.writer.create(EntitySettings::new()).unwrap());
            return;
        };
        let component = ALL[usize::from(value % 4)];
        match kind % 16 {
            1..8 => {
                let value = u32::from(value / 4);
                let words =
                    [[value % 10, 0], [value % 101, 0], [0, 0], [value % 1000, 7]][usize::from(component.0)];
                let width = [1, 1, 0, 2][usize::from(component.0)];
                self.writer.set_words(id, component, &words[..width]).unwrap();
            }
            8 => self.writer.remove_component(id, component).unwrap(),
            9 => self.writer.set_owner(id, (value % 3 > 0).then(|| connection(value % 3))).unwrap(),
            10 if value % 4 == 0 => {
                self.writer.destroy(id, Gone::Destroyed).unwrap();
                self.ids.swap_remove(number);
            }
            11 if value % 16 == 0 => self.commit(self.tick + u64::from(value / 16 % 100) + 1),
            _ => self.commit(self.tick + 1),
        }
    }

    fn commit(&mut self, tick: u64) {
        self.tick = tick;
        let changes = self.writer.finish(tick);
        self.store.commit(&changes).unwrap();
        self.view.apply(&changes);
        self.writer.reuse(changes);
        let world = world_of_store(&self.schema, &self.store);
        assert_eq!(world_of_view(&self.view), world, "tick {tick}");
        assert_eq!((self.view.len(), self.view.tick()), (world.len(), Some(tick)));
        for component in ALL {
            let all: BTreeMap<_, _> = self.view.all_words(component).collect();
            let has = |components: &Components| components.get(&component).cloned();
            let expected = world.iter().filter_map(|(id, (_, components))| Some((*id, has(components)?)));
            assert!(expected.eq(all.into_iter().map(|(id, words)| (id, words.to_vec()))));
        }
        self.past.insert(tick, world);
        self.past.retain(|at, _| *at + 3 * HISTORY > tick);
    }

    /// Compares the history of the view with the worlds that the store had.
    fn compare_history(&self) {
        let newest = self.ids.iter().max().map_or(0, |id| id.0);
        for time in self.tick.saturating_sub(HISTORY)..=self.tick {
            let Some((_, world)) = self.past.range(..=time).next_back() else { continue };
            for (id, component) in (1..=newest).map(NetworkId).flat_map(|id| ALL.map(|of| (id, of))) {
                let expected = world.get(&id).and_then(|(_, components)| components.get(&component));
                let sample = self.view.sample_words(id, component, time as f64 + 0.5);
                let before = sample.before.map(|before| before.value.to_vec());
                assert_eq!(before.as_ref(), expected, "{id:?} {component:?} at {time}");
                let after = sample.after.map_or(u64::MAX, |after| after.tick);
                assert!(after > time && (after == u64::MAX || after <= self.tick));
                assert_eq!(sample.known_until, self.tick);
            }
        }
    }
}

#[test]
fn a_view_that_applies_all_changes_equals_the_store_at_each_tick_of_its_history() {
    fn property(steps: Vec<(u8, u8, u16)>) -> bool {
        let mut play = Play::new();
        for (number, step) in steps.into_iter().enumerate() {
            play.step(step);
            if number % 64 == 0 {
                play.compare_history();
            }
        }
        play.commit(play.tick + 1);
        play.compare_history();
        true
    }
    QuickCheck::new().rng(Gen::new(600)).tests(40).quickcheck(property as fn(Vec<(u8, u8, u16)>) -> bool);
}

/// Changes that a receiver reports: entities that came, values, and entities that went.
fn changes(tick: u64, came: &[u32], health: &[(u32, u32)], went: &[u32]) -> Changes {
    let mut column = Column::new(HEALTH, 1);
    for (id, points) in health {
        column.push_value(NetworkId(*id), &[*points]);
    }
    let created = |id: &u32| Created { id: NetworkId(*id), settings: EntitySettings::new() };
    Changes {
        tick,
        created: came.iter().map(created).collect(),
        columns: [column].into(),
        destroyed: went.iter().map(|id| (NetworkId(*id), Gone::OutOfSight)).collect(),
        ..Changes::default()
    }
}

/// The points before and after a time.
fn points(view: &WorldView, id: u32, time: f64) -> (Option<u32>, Option<u32>) {
    let sample = view.sample_words(NetworkId(id), HEALTH, time);
    let first = |value: &[u32]| value[0];
    (sample.before.map(|before| first(before.value)), sample.after.map(|after| first(after.value)))
}

#[test]
fn an_entity_that_left_and_returned_in_one_event_is_not_interpolated_across_the_gap() {
    let mut view = view();
    view.apply(&changes(10, &[1], &[(1, 5)], &[]));
    view.apply(&changes(20, &[1], &[(1, 90)], &[1]));
    assert_eq!((view.len(), view.gone(NetworkId(1))), (1, None));
    assert_eq!(points(&view, 1, 15.0), (Some(5), None));
    assert_eq!(points(&view, 1, 20.0), (Some(90), None));
    // The first visit leaves the history, and the second stays.
    view.apply(&changes(100, &[], &[], &[]));
    assert_eq!(points(&view, 1, 100.0), (Some(90), None));
    assert!(view.contains(NetworkId(1)));
}

#[test]
fn a_view_keeps_the_values_of_a_gone_entity_for_the_length_of_its_history() {
    let mut view = view();
    view.apply(&changes(10, &[1], &[(1, 5)], &[]));
    view.apply(&changes(13, &[], &[(1, 6)], &[1]));
    assert_eq!(view.words(NetworkId(1), HEALTH), None);
    assert_eq!(points(&view, 1, 12.0), (Some(5), Some(6)));
    assert_eq!(points(&view, 1, 13.0), (None, None));
    assert_eq!(view.gone(NetworkId(1)), Some((13, Gone::OutOfSight)));
    view.apply(&changes(13 + HISTORY, &[], &[], &[]));
    assert_eq!((points(&view, 1, 12.0), view.gone(NetworkId(1))), ((None, None), None));
}

#[test]
fn changes_with_a_lower_tick_remove_all_entities_that_they_do_not_create() {
    let mut view = view();
    view.apply(&changes(50, &[1, 2], &[(1, 5), (2, 6)], &[]));
    view.apply(&changes(3, &[2], &[(2, 7)], &[1, 2]));
    assert_eq!(view.entities().collect::<Vec<_>>(), [NetworkId(2)]);
    assert_eq!((points(&view, 1, 3.0), points(&view, 2, 3.0)), ((None, None), (Some(7), None)));
}

#[test]
fn values_of_entities_that_the_view_does_not_contain_are_ignored() {
    let mut view = view();
    view.apply(&changes(1, &[], &[(7, 5)], &[8]));
    assert!(view.is_empty());
    assert_eq!(points(&view, 7, 1.0), (None, None));
}

#[test]
fn a_view_with_a_full_history_drops_only_the_oldest_versions_of_a_component() {
    let mut view = view().with_history(u64::MAX);
    view.apply(&changes(1, &[1], &[], &[]));
    for tick in 1..=200 {
        view.apply(&changes(tick, &[], &[(1, tick as u32 % 101)], &[]));
    }
    let oldest = 201 - u64::from(limits::VIEW_VERSIONS);
    assert_eq!(points(&view, 1, oldest as f64).0, Some(oldest as u32 % 101));
    assert_eq!(points(&view, 1, oldest as f64 - 1.0).0, None);
}

#[test]
fn a_view_keeps_exactly_as_many_gone_entities_as_the_limit_allows() {
    let mut view = view();
    let all: Vec<u32> = (1..=limits::VIEW_GONE as u32 + 5).collect();
    view.apply(&changes(1, &all, &[], &[]));
    view.apply(&changes(2, &[], &[], &all));
    let kept = all.iter().filter(|id| view.gone(NetworkId(**id)).is_some());
    assert_eq!(kept.count(), limits::VIEW_GONE);
    assert_eq!(view.gone(NetworkId(5)), None);
}

#[test]
fn the_memory_of_a_view_in_steady_state_does_not_grow() {
    let mut view = view();
    let play = |view: &mut WorldView, ticks: core::ops::Range<u64>| {
        for tick in ticks {
            // Ten entities are created and destroyed in each tick, and each lives for 30 ticks.
            let first = tick as u32 * 10 + 1;
            let came: Vec<u32> = (first..first + 10).collect();
            let went: Vec<u32> =
                came.iter().filter_map(|id| id.checked_sub(300)).filter(|id| *id > 0).collect();
            let lives = (first.saturating_sub(290).max(1)..first + 10).map(|id| (id, id % 101));
            view.apply(&changes(tick, &came, &lives.collect::<Vec<_>>(), &went));
        }
        view.memory()
    };
    let before = play(&mut view, 0..300);
    assert_eq!(play(&mut view, 300..2000), before);
    view.clear();
    assert_eq!((view.len(), view.tick()), (0, None));
    let cleared = view.memory();
    play(&mut view, 0..2000);
    view.clear();
    assert_eq!(view.memory(), cleared);
}

#[test]
fn a_view_returns_component_values_as_dynamic_values() {
    let mut view = view();
    view.apply(&changes(10, &[1], &[(1, 5)], &[]));
    view.apply(&changes(12, &[], &[(1, 9)], &[]));
    let id = NetworkId(1);
    let points = |value: crate::snapshot::DynamicComponent| value.get("points").unwrap();
    assert_eq!(view.get_dynamic(id, HEALTH).map(points), Some(DynamicValue::Int(9)));
    let sample = view.sample_dynamic(id, HEALTH, 11.0);
    assert_eq!(sample.before.map(|before| points(before.value)), Some(DynamicValue::Int(5)));
    assert_eq!(sample.after.map(|after| points(after.value)), Some(DynamicValue::Int(9)));
    assert_eq!(view.all_dynamic(HEALTH).count(), 1);
    assert_eq!((view.get_dynamic(id, PLACE), view.blueprint(id)), (None, None::<BlueprintId>));
    assert_eq!(view.sample_dynamic(id, ComponentId(99), 1.0).before, None);
}
