//! Tests of the store, one test for each rule.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use slotmap::KeyData;

use super::*;
use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::{Changes, EntitySettings, Gone};
use crate::snapshot::groups::{ComponentPlace, Group, Groups};
use crate::snapshot::ids::{ComponentId, GroupId, NetworkId};
use crate::snapshot::layout::{Layout, Part, Predictor};
use crate::snapshot::writer::WorldWriter;

/// The ticks per second of the tests.
pub(super) const TICKS: u32 = 60;
/// Two coordinates with threshold 3, and an angle of 8 bits with threshold 2; 20 Hz; in a group with [`SPEED`].
pub(super) const POSE: ComponentId = ComponentId(0);
pub(super) const SPEED: ComponentId = ComponentId(1);
/// A number from 0 to 100, at 5 Hz.
pub(super) const HEALTH: ComponentId = ComponentId(2);
/// A component without words, committed on every tick.
pub(super) const VISIBLE: ComponentId = ComponentId(3);

pub(super) const MOTION: GroupId = GroupId(0);

pub(super) fn groups() -> Groups {
    let motion = vec![
        Part::Choice { count: 4 },
        Part::Numbers { words: 2, max: 1000, threshold: 3 },
        Part::Angle { bits: 8, threshold: 2 },
        Part::Numbers { words: 1, max: 1000, threshold: 0 },
    ];
    let health = vec![Part::Numbers { words: 1, max: 100, threshold: 0 }];
    let group = |parts, components, hz| Group { layout: Layout::new(parts, Predictor::Last), components, hz };
    let place =
        |group, bit, first_word, words| ComponentPlace { group: GroupId(group), bit, first_word, words };
    Groups {
        groups: vec![group(motion, 2, 20), group(health, 1, 5), group(vec![], 1, 0)],
        components: vec![place(0, 0, 1, 3), place(0, 1, 4, 1), place(1, 0, 0, 1), place(2, 0, 0, 0)],
    }
}

pub(super) fn connection(number: u32) -> ConnectionId {
    KeyData::from_ffi(1 << 32 | u64::from(number)).into()
}

/// A store with its writer, which commits one tick after another.
struct Play {
    writer: WorldWriter,
    store: Store,
    tick: u64,
}

impl Play {
    fn new() -> Self {
        Self {
            writer: WorldWriter::new(&groups()),
            store: Store::new(groups(), TICKS, 1000).unwrap(),
            tick: 0,
        }
    }

    fn create(&mut self) -> NetworkId {
        self.writer.create(EntitySettings::new()).unwrap()
    }

    fn set(&mut self, id: NetworkId, component: ComponentId, words: &[u32]) {
        self.writer.set_words(id, component, words).unwrap();
    }

    /// Commits the next tick and returns it.
    fn commit(&mut self) -> u64 {
        self.tick += 1;
        let changes = self.writer.finish(self.tick);
        self.store.commit(&changes).unwrap();
        self.writer.reuse(changes);
        self.tick
    }

    /// Commits up to 200 ticks until a unit changes, and returns the tick.
    fn commit_until_changed(&mut self, unit: UnitId) -> Option<u64> {
        for _ in 0..200 {
            let tick = self.commit();
            if self.store.changed().contains(unit) {
                return Some(tick);
            }
        }
        None
    }

    fn words(&self, unit: UnitId) -> Vec<u32> {
        self.store.state(unit).unwrap().version.words.to_vec()
    }

    /// Creates and commits an entity with some pose. Returns the entity's id and its pose unit.
    fn entity(&mut self) -> (NetworkId, UnitId) {
        let id = self.create();
        self.set(id, POSE, &[500, 500, 0]);
        self.commit();
        (id, self.store.unit(id, MOTION).unwrap())
    }

    fn refused(&mut self, edit: impl FnOnce(&mut Changes)) -> CommitError {
        self.tick += 1;
        let mut changes = self.writer.finish(self.tick);
        edit(&mut changes);
        let before = format!("{:?}", self.store.entities().collect::<Vec<_>>());
        let (hash, stats, tick) = (self.store.world_hash(), self.store.stats(), self.store.tick());
        let error = self.store.commit(&changes).unwrap_err();
        let after = format!("{:?}", self.store.entities().collect::<Vec<_>>());
        assert_eq!((before, hash, tick), (after, self.store.world_hash(), self.store.tick()));
        assert_eq!(StoreStats { memory: 0, ..stats }, StoreStats { memory: 0, ..self.store.stats() });
        error
    }
}

#[test]
fn a_new_entity_and_its_values_are_committed_in_the_tick_in_which_they_were_set() {
    for _ in 0..3 {
        let mut play = Play::new();
        let (id, unit) = play.entity();
        let state = play.store.state(unit).unwrap();
        assert_eq!((state.id, state.group, state.gone), (id, MOTION, None));
        assert_eq!((state.version.since, state.version.is_present), (play.tick, true));
        assert_eq!(state.version.words, [1, 500, 500, 0, 0]);
        let existence = play.store.unit(id, play.store.existence_group()).unwrap();
        assert_eq!(play.store.changed().list().len(), 2);
        assert!(play.store.changed().contains(unit) && play.store.changed().contains(existence));
    }
}

#[test]
fn setting_the_same_value_again_commits_no_change() {
    let mut play = Play::new();
    let (id, _) = play.entity();
    for _ in 0..100 {
        play.set(id, POSE, &[500, 500, 0]);
        play.commit();
        assert!(play.store.changed().is_empty());
        assert_eq!(play.store.stats().waiting, 0);
    }
}

#[test]
fn a_slow_change_is_committed_before_it_exceeds_the_threshold_by_more_than_one_step() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    let mut commits = 0;
    for step in 1..=300 {
        // The value moves one step in three ticks, so it is always close to its value in the tick before.
        let x = 500 + step / 3;
        play.set(id, POSE, &[x, 500, 0]);
        play.commit();
        commits += u32::from(play.store.changed().contains(unit));
        // Only one tick in three is due, so the value may be one step beyond its threshold until the next due tick.
        assert!(x - play.words(unit)[1] <= 4, "{step}");
    }
    assert!((20..=30).contains(&commits), "{commits}");
}

#[test]
fn a_change_below_the_threshold_is_committed_after_half_a_second_without_further_change() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    play.set(id, POSE, &[502, 499, 255]);
    let set_at = play.commit();
    assert!(!play.store.changed().contains(unit));
    let committed_at = play.commit_until_changed(unit).unwrap();
    assert!((set_at + 30..set_at + 33).contains(&committed_at), "{set_at} {committed_at}");
    assert_eq!(play.words(unit), [1, 502, 499, 255, 0]);
    assert_eq!(play.commit_until_changed(unit), None);
}

#[test]
fn a_value_that_changes_back_before_its_due_tick_is_not_committed() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    play.set(id, HEALTH, &[100]);
    play.commit();
    for words in [[900, 0, 9], [500, 500, 0]] {
        play.set(id, POSE, &words);
        if play.commit_until_changed(unit).is_some() {
            assert_eq!(play.words(unit)[1..4], words);
        }
    }
    let health = play.store.unit(id, GroupId(1)).unwrap();
    // At 5 Hz, one tick in twelve is due. The value changes and returns between two due ticks.
    play.set(id, HEALTH, &[50]);
    let due = play.commit_until_changed(health).unwrap();
    play.set(id, HEALTH, &[10]);
    play.commit();
    assert_eq!(play.store.stats().waiting, 1);
    play.set(id, HEALTH, &[50]);
    play.commit();
    assert_eq!((play.store.stats().waiting, play.store.state(health).unwrap().version.since), (0, due));
    assert_eq!(play.commit_until_changed(health), None);
}

#[test]
fn the_newest_value_of_a_unit_is_committed_at_its_due_tick() {
    let mut play = Play::new();
    let (id, _) = play.entity();
    play.set(id, HEALTH, &[0]);
    play.commit();
    let health = play.store.unit(id, GroupId(1)).unwrap();
    let mut ticks = Vec::new();
    for value in 1..=100 {
        play.set(id, HEALTH, &[value]);
        let tick = play.commit();
        if play.store.changed().contains(health) {
            assert_eq!(play.words(health), [value]);
            ticks.push(tick);
        }
    }
    assert!(ticks.len() >= 8 && ticks.windows(2).all(|pair| pair[1] - pair[0] == 12), "{ticks:?}");
}

#[test]
fn a_unit_whose_due_tick_was_skipped_is_committed_at_the_next_commit() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    for x in [0, 1000, 0, 1000] {
        play.set(id, POSE, &[x, 500, 0]);
        // Three ticks are one period of 20 Hz.
        play.tick += 2;
        play.commit();
        assert!(play.store.changed().contains(unit));
    }
}

#[test]
fn the_rate_of_an_entity_overrides_the_rate_of_each_of_its_groups() {
    for (hz, period) in [(Some(0), 1), (None, 3), (Some(2), 30), (Some(60), 1), (Some(500), 1)] {
        let mut play = Play::new();
        let id = play.writer.create(EntitySettings { hz, ..EntitySettings::new() }).unwrap();
        let mut ticks = Vec::new();
        for step in 0..180 {
            play.set(id, POSE, &[step * 5, 0, 0]);
            let tick = play.commit();
            let unit = play.store.unit(id, MOTION).unwrap();
            ticks.extend(play.store.changed().contains(unit).then_some(tick));
        }
        // The first commit is the creation.
        assert!(ticks[1..].windows(2).all(|pair| pair[1] - pair[0] == period), "{hz:?} {ticks:?}");
    }
}

#[test]
fn the_commits_of_constantly_moving_units_are_spread_over_all_ticks() {
    let mut play = Play::new();
    let ids: Vec<NetworkId> = (0..300).map(|_| play.create()).collect();
    let mut changed = Vec::new();
    for step in 0..9 {
        for id in &ids {
            play.set(*id, POSE, &[step * 100, 0, 0]);
        }
        play.commit();
        changed.push(play.store.changed().list().len());
    }
    assert!(changed[3..].iter().all(|units| (90..=110).contains(units)), "{changed:?}");
}

#[test]
fn changes_below_the_threshold_of_owned_or_predicted_units_are_committed() {
    for is_owned in [true, false] {
        let mut play = Play::new();
        let (id, unit) = play.entity();
        if is_owned {
            play.writer.set_owner(id, Some(connection(1))).unwrap();
        } else {
            play.writer.predict(connection(1), id).unwrap();
        }
        play.commit();
        play.set(id, POSE, &[501, 500, 0]);
        let set_at = play.commit();
        let at = if play.store.changed().contains(unit) {
            set_at
        } else {
            play.commit_until_changed(unit).unwrap()
        };
        assert!(at < set_at + if is_owned { 3 } else { 1 }, "{is_owned} {set_at} {at}");
        assert_eq!(play.words(unit)[1], 501);
    }
}

#[test]
fn a_change_below_the_threshold_is_committed_when_the_unit_gets_an_owner() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    play.set(id, POSE, &[501, 500, 0]);
    let set_at = play.commit();
    play.writer.set_owner(id, Some(connection(1))).unwrap();
    let at = play.commit_until_changed(unit).unwrap();
    assert!(at <= set_at + 3, "{set_at} {at}");
}

#[test]
fn units_of_one_owner_are_due_on_the_same_ticks_and_predicted_units_on_every_tick() {
    let mut play = Play::new();
    let ids: Vec<NetworkId> = (0..40).map(|_| play.create()).collect();
    for id in &ids[..20] {
        play.writer.set_owner(*id, Some(connection(1))).unwrap();
    }
    for id in &ids[20..] {
        play.writer.predict(connection(1), *id).unwrap();
    }
    let mut owned_ticks = 0;
    for step in 0..30 {
        for id in &ids {
            play.set(*id, POSE, &[step, 0, 0]);
        }
        play.commit();
        let is_changed =
            |id: &NetworkId| play.store.changed().contains(play.store.unit(*id, MOTION).unwrap());
        let owned = ids[..20].iter().filter(|id| is_changed(id)).count();
        assert!(owned == 0 || owned == 20);
        owned_ticks += owned / 20;
        assert!(ids[20..].iter().all(is_changed));
    }
    assert!((10..=11).contains(&owned_ticks), "{owned_ticks}");
    // Once no connection predicts a unit any more, its own due ticks and thresholds apply again.
    play.store.forget_connection(connection(1));
    play.writer.forget_connection(connection(1));
    for id in &ids[20..] {
        play.set(*id, POSE, &[30, 0, 0]);
    }
    play.commit();
    assert!(play.store.changed().is_empty());
}

#[test]
fn each_change_of_the_owner_increments_the_epoch_of_the_entity() {
    let mut play = Play::new();
    let (id, _) = play.entity();
    let existence = play.store.unit(id, play.store.existence_group()).unwrap();
    assert_eq!(play.words(existence), [0; 4]);
    for (epoch, owner) in (1..).zip([Some(connection(3)), None, Some(connection(3))]) {
        play.writer.set_owner(id, owner).unwrap();
        play.commit();
        let entity = play.store.entity(id).unwrap();
        assert_eq!((entity.owner, entity.epoch), (owner, epoch));
        assert!(play.store.changed().contains(existence));
        let bits = owner.map_or([0, 0], |_| [3, 1]);
        assert_eq!(play.words(existence), [0, bits[0], bits[1], epoch]);
    }
    play.writer.set_owner(id, Some(connection(3))).unwrap();
    play.commit();
    assert!(play.store.changed().is_empty());
}

#[test]
fn removing_and_adding_a_component_with_its_default_value_commits_two_changes() {
    let mut play = Play::new();
    let id = play.create();
    for component in [HEALTH, VISIBLE, SPEED] {
        let words = vec![0; usize::from(groups().component(component).unwrap().words)];
        play.set(id, component, &words);
        play.commit();
        let group = groups().component(component).unwrap().group;
        let unit = play.store.unit(id, group).unwrap();
        for _ in 0..3 {
            play.writer.remove_component(id, component).unwrap();
            play.commit();
            assert!(play.store.changed().contains(unit));
            assert!(!play.store.state(unit).unwrap().version.is_present);
            play.set(id, component, &words);
            play.commit();
            assert!(play.store.changed().contains(unit));
            assert!(play.store.state(unit).unwrap().version.is_present);
        }
    }
}

#[test]
fn the_words_of_a_removed_component_are_zero() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    play.set(id, SPEED, &[7]);
    play.commit();
    play.writer.remove_component(id, POSE).unwrap();
    play.commit();
    assert_eq!(play.words(unit), [2, 0, 0, 0, 7]);
}

#[test]
fn destroying_an_entity_commits_its_latest_values_immediately() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    let existence = play.store.unit(id, play.store.existence_group()).unwrap();
    // A small change, which waits, and a change of the same tick.
    play.set(id, POSE, &[501, 500, 0]);
    play.commit();
    play.set(id, SPEED, &[9]);
    play.writer.destroy(id, Gone::Destroyed).unwrap();
    let tick = play.commit();
    for changed in [unit, existence] {
        assert!(play.store.changed().contains(changed));
        assert_eq!(play.store.state(changed).unwrap().gone, Some((tick, Gone::Destroyed)));
    }
    assert_eq!(play.words(unit), [3, 501, 500, 0, 9]);
    assert!(!play.store.state(existence).unwrap().version.is_present);
    assert!(play.store.words_at(existence, tick - 1).unwrap().is_present);
    assert_eq!((play.store.entity(id), play.store.unit(id, MOTION)), (None, None));
    assert_eq!(play.store.stats().waiting, 0);
}

#[test]
fn an_entity_created_and_destroyed_within_one_tick_does_not_change_the_world_hash() {
    let mut play = Play::new();
    let empty = play.store.world_hash();
    let id = play.create();
    play.set(id, POSE, &[1, 2, 3]);
    play.writer.predict(connection(1), id).unwrap();
    play.writer.destroy(id, Gone::Destroyed).unwrap();
    play.commit();
    assert_eq!(
        (play.store.world_hash(), play.store.stats().entities, play.store.stats().gone),
        (empty, 0, 1)
    );
    play.store.release_before(play.tick + 1);
    assert_eq!(play.store.stats().units, 0);
}

mod refusals;
mod versions;
