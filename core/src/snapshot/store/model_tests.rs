//! Compares the store with a plain model that examines every unit of the world in every tick.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::{Gen, QuickCheck};

use super::rate::DueRate;
use super::tests::{HEALTH, POSE, SPEED, TICKS, VISIBLE, connection, groups};
use super::{Store, UnitId};
use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::{Changes, EntitySettings, Gone};
use crate::snapshot::ids::{ComponentId, GroupId, NetworkId};
use crate::snapshot::writer::WorldWriter;

/// The words of each component that the entity has in a unit.
type Row = BTreeMap<ComponentId, Vec<u32>>;

#[derive(Default)]
struct ModelUnit {
    latest: Row,
    committed: Row,
    set_at: u64,
    /// The committed rows, by tick.
    versions: BTreeMap<u64, Row>,
}

struct ModelEntity {
    hz: Option<u16>,
    owner: Option<ConnectionId>,
    predicted_by: BTreeSet<ConnectionId>,
    units: BTreeMap<GroupId, ModelUnit>,
}

#[derive(Default)]
struct Model {
    entities: BTreeMap<NetworkId, ModelEntity>,
    /// The values set and the components removed since the latest commit. `None` represents a removal.
    sets: BTreeMap<(NetworkId, ComponentId), Option<Vec<u32>>>,
    destroyed: BTreeSet<NetworkId>,
    tick: u64,
}

fn group_of(component: ComponentId) -> GroupId {
    groups().components[usize::from(component.0)].group
}

/// `true` if the value of any component differs by more than its threshold.
fn is_far(old: &Row, new: &Row) -> bool {
    let is_far = |component: &ComponentId, new: &[u32]| {
        let old = &old[component];
        if *component == POSE {
            let around = old[2].abs_diff(new[2]);
            old[0].abs_diff(new[0]) > 3 || old[1].abs_diff(new[1]) > 3 || around.min(256 - around) > 2
        } else {
            old != new
        }
    };
    new.iter().any(|(component, words)| is_far(component, words))
}

impl ModelEntity {
    fn rate(&self, id: NetworkId, group: GroupId) -> DueRate {
        let hz = self.hz.unwrap_or_else(|| groups().groups[usize::from(group.0)].hz);
        match self.owner {
            Some(owner) => {
                let bits = slotmap::Key::data(&owner).as_ffi();
                DueRate::new(hz, bits as u32 ^ (bits >> 32) as u32, TICKS)
            }
            None if !self.predicted_by.is_empty() => DueRate::EVERY_TICK,
            None => DueRate::new(hz, id.0, TICKS),
        }
    }
}

impl Model {
    fn commit(&mut self, tick: u64) -> BTreeSet<(NetworkId, GroupId)> {
        let since = self.tick + 1;
        self.tick = tick;
        for ((id, component), value) in core::mem::take(&mut self.sets) {
            let entity = self.entities.get_mut(&id).unwrap();
            let group = group_of(component);
            if value.is_none() && !entity.units.contains_key(&group) {
                continue;
            }
            let unit = entity.units.entry(group).or_insert_with(|| ModelUnit {
                versions: [(tick, Row::new())].into(),
                ..ModelUnit::default()
            });
            if unit.latest.get(&component) != value.as_ref() {
                unit.set_at = tick;
                match value {
                    Some(words) => drop(unit.latest.insert(component, words)),
                    None => drop(unit.latest.remove(&component)),
                }
            }
        }
        let mut changed = BTreeSet::new();
        for (id, entity) in &mut self.entities {
            let is_exact = entity.owner.is_some() || !entity.predicted_by.is_empty();
            let rates: Vec<DueRate> = (0..3).map(|group| entity.rate(*id, GroupId(group))).collect();
            for (group, unit) in &mut entity.units {
                let rate = rates[usize::from(group.0)];
                let is_due = |from| (from..=tick).any(|tick| rate.next_due(tick, TICKS) == tick);
                let rested = unit.set_at + u64::from(TICKS / 2);
                let is_same_kind = unit.committed.keys().eq(unit.latest.keys());
                let is_far = is_exact || is_same_kind && is_far(&unit.committed, &unit.latest);
                let is_now = self.destroyed.contains(id)
                    || !is_same_kind
                    || is_due(if is_far { since } else { rested.max(since) });
                if is_now && unit.committed != unit.latest {
                    unit.committed = unit.latest.clone();
                    unit.versions.insert(tick, unit.committed.clone());
                    changed.insert((*id, *group));
                }
            }
        }
        changed
    }

    /// Removes the destroyed entities after the comparison.
    fn bury(&mut self) {
        for id in core::mem::take(&mut self.destroyed) {
            self.entities.remove(&id);
        }
    }
}

/// The words of a unit in the store's format.
fn words_of(group: GroupId, row: &Row) -> Vec<u32> {
    let groups = groups();
    let group_of_words = groups.group(group).unwrap();
    let mut words = vec![0; group_of_words.layout.words()];
    for (component, value) in row {
        let place = groups.component(*component).unwrap();
        let first = usize::from(place.first_word);
        words[first..first + value.len()].copy_from_slice(value);
        if group_of_words.has_presence() {
            words[0] |= 1 << place.bit;
        }
    }
    words
}

/// Compares the whole store with the model.
fn compare(store: &Store, model: &Model, changed: &BTreeSet<(NetworkId, GroupId)>) {
    let named = |unit: &UnitId| store.state(*unit).map(|state| (state.id, state.group)).unwrap();
    let own: BTreeSet<_> = store.changed().list().iter().map(named).collect();
    let own: BTreeSet<_> = own.into_iter().filter(|(_, group)| *group != store.existence_group()).collect();
    assert_eq!(own, *changed, "tick {}", model.tick);
    for (id, entity) in &model.entities {
        if model.destroyed.contains(id) {
            continue;
        }
        assert_eq!(store.entity(*id).unwrap().owner, entity.owner);
        for (group, unit) in &entity.units {
            let number = store.unit(*id, *group).unwrap();
            let later = unit.versions.len();
            for (place, (tick, row)) in unit.versions.iter().enumerate() {
                let Some(version) = store.words_at(number, *tick) else {
                    assert!(later - place > limits::VERSIONS, "{id:?} {group:?} {tick}");
                    continue;
                };
                assert!(later - place <= limits::VERSIONS);
                assert_eq!((version.since, version.is_present), (*tick, !row.is_empty()));
                assert_eq!(version.words, words_of(*group, row), "{id:?} {group:?} at {tick}");
            }
        }
    }
    let living = model.entities.keys().filter(|id| !model.destroyed.contains(id));
    let mut ids: Vec<NetworkId> = store.entities().map(|entity| entity.id).collect();
    ids.sort_unstable();
    assert!(ids.iter().eq(living));
}

/// Returns a store that reaches the state of the model in a single tick.
fn afresh(model: &Model) -> Store {
    let mut store = Store::new(groups(), TICKS, 1000).unwrap();
    let mut changes = WorldWriter::new(&groups()).finish(7);
    for (id, entity) in &model.entities {
        changes.created.push(crate::snapshot::Created { id: *id, settings: EntitySettings::new() });
        changes.owners.push((*id, entity.owner));
    }
    for (id, entity) in model.entities.iter().rev() {
        for (component, words) in entity.units.values().flat_map(|unit| unit.committed.iter()) {
            let column = &mut changes.columns[usize::from(component.0)];
            let index = column.push(*id);
            column.value_mut(index).copy_from_slice(words);
        }
    }
    store.commit(&changes).unwrap();
    store
}

struct Both {
    writer: WorldWriter,
    store: Store,
    model: Model,
}

impl Both {
    fn pick(&self, number: u8) -> Option<NetworkId> {
        let living = self.model.entities.keys().filter(|id| !self.model.destroyed.contains(id));
        let living: Vec<NetworkId> = living.copied().collect();
        (!living.is_empty()).then(|| living[usize::from(number) % living.len()])
    }

    fn set(&mut self, id: NetworkId, value: u16) {
        let near = u32::from(value >> 3 & 7);
        let (component, words) = match value & 7 {
            0..3 => (POSE, vec![100 + near, 100 + u32::from(value >> 6 & 3), (254 + near) & 255]),
            3 => (POSE, vec![100 * near, 5, 100]),
            4 => (SPEED, vec![near]),
            5 | 6 => (HEALTH, vec![near]),
            _ => (VISIBLE, vec![]),
        };
        self.writer.set_words(id, component, &words).unwrap();
        self.model.sets.insert((id, component), Some(words));
    }

    fn step(&mut self, (kind, who, value): (u8, u8, u16)) {
        let other = connection(u32::from(value % 3) + 1);
        let Some(id) = self.pick(who).filter(|_| kind % 32 > 0) else {
            let hz = [None, Some(0), Some(7), Some(1)][usize::from(value % 4)];
            let id = self.writer.create(EntitySettings { hz, ..EntitySettings::new() }).unwrap();
            let entity =
                ModelEntity { hz, owner: None, predicted_by: BTreeSet::new(), units: BTreeMap::new() };
            self.model.entities.insert(id, entity);
            return;
        };
        let entity = self.model.entities.get_mut(&id).unwrap();
        match kind % 32 {
            1..16 => self.set(id, value),
            16 => {
                let component = ComponentId(value % 4);
                self.writer.remove_component(id, component).unwrap();
                self.model.sets.insert((id, component), None);
            }
            17 if value % 8 == 0 => {
                self.writer.destroy(id, Gone::Destroyed).unwrap();
                self.model.destroyed.insert(id);
            }
            18 => {
                entity.owner = (value % 2 == 0).then_some(other);
                self.writer.set_owner(id, entity.owner).unwrap();
            }
            19 => {
                entity.predicted_by.insert(other);
                self.writer.predict(other, id).unwrap();
            }
            20 => {
                entity.predicted_by.remove(&other);
                self.writer.stop_predicting(other, id).unwrap();
            }
            21 => {
                let tick = self.model.tick + u64::from(value % 90) + 1;
                self.commit(tick);
            }
            _ => self.commit(self.model.tick + 1 + u64::from(value % 8 == 0)),
        }
    }

    fn commit(&mut self, tick: u64) {
        let changes = self.writer.finish(tick);
        self.store.commit(&changes).unwrap();
        self.writer.reuse(changes);
        let changed = self.model.commit(tick);
        compare(&self.store, &self.model, &changed);
        self.model.bury();
        if tick.is_multiple_of(16) {
            self.store.release_before(tick - 8);
        }
    }
}

#[test]
fn the_store_matches_a_reference_model_of_the_world_after_any_calls() {
    fn property(steps: Vec<(u8, u8, u16)>) -> bool {
        let mut both = Both {
            writer: WorldWriter::new(&groups()),
            store: Store::new(groups(), TICKS, 1000).unwrap(),
            model: Model::default(),
        };
        steps.into_iter().for_each(|step| both.step(step));
        both.commit(both.model.tick + 1);
        both.store.world_hash() == afresh(&both.model).world_hash()
    }
    QuickCheck::new().rng(Gen::new(2000)).tests(60).quickcheck(property as fn(Vec<(u8, u8, u16)>) -> bool);
}

#[test]
fn committing_changes_read_from_a_file_equals_committing_the_written_changes() {
    fn property(steps: Vec<(u8, u8, u16)>) -> bool {
        let mut both = Both {
            writer: WorldWriter::new(&groups()),
            store: Store::new(groups(), TICKS, 1000).unwrap(),
            model: Model::default(),
        };
        steps.into_iter().filter(|(kind, ..)| kind % 32 < 21).for_each(|step| both.step(step));
        let changes = both.writer.finish(both.model.tick + 1);
        let mut file = Vec::new();
        changes.write(&mut file);
        let (read, rest) = Changes::read(&file).unwrap();
        assert_eq!((&read, rest.len()), (&changes, 0));
        let mut again = Vec::new();
        read.write(&mut again);
        let mut other = both.store.clone();
        (both.store.commit(&changes), other.commit(&read)) == (Ok(()), Ok(()))
            && both.store.world_hash() == other.world_hash()
            && again == file
    }
    QuickCheck::new().tests(200).quickcheck(property as fn(Vec<(u8, u8, u16)>) -> bool);
}
