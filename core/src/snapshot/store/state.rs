//! The state of the store, and the methods that read it.

use alloc::vec::Vec;
use core::ops::Range;

use smallvec::SmallVec;

use super::error::StoreError;
use super::existence::{Entities, EntityRecord, existence_layout};
use super::history::Version;
use super::pending::DueWheel;
use super::rate::DueRate;
use super::rules::Rules;
use super::table::GroupTable;
use super::unit_set::UnitSet;
use super::units::{CheckedChange, NONE, UnitId, UnitRecord, Units};
use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::{EntitySettings, Gone};
use crate::snapshot::groups::{ComponentPlace, Groups};
use crate::snapshot::ids::{ComponentId, GroupId, NetworkId};
use crate::snapshot::layout::Layout;
use crate::snapshot::predictions::Predictions;
use crate::tick::TICKS_PER_SECOND_MAX;

/// A store of a committed world and of its recent history.
///
/// [`Store::commit`] accepts or rejects the [`Changes`](crate::snapshot::Changes) of a tick as a whole. The store
/// decides which changes peers see, and when peers see them:
///
/// - **A unit is committed as a whole.** The committed words are exactly the latest words from the game, so a peer
///   never sees a combination of words that the game did not have.
/// - **Small changes are not committed immediately.** A unit is not committed while each part of the unit differs from
///   its *committed* words by at most the part's threshold. On a due tick, the error thus never exceeds the threshold,
///   however slowly a value changes. A rotation counts as changed if a different component becomes the largest. If the
///   game has not changed a unit for half a second, the store commits the exact words of the unit on the next due tick.
/// - **Changes are committed on due ticks.** A unit is committed at most at the rate [`EntitySettings::hz`] of its
///   entity, or else at the rate of its group. The commit takes the words that the unit has on the due tick. The due
///   ticks of a unit depend on its entity's id, so that the units of a group are spread over all ticks.
/// - **Some changes are committed immediately.** New entities, added or removed components, changes of the owner, and
///   the destruction of an entity do not wait for a due tick.
/// - **A unit that a peer controls is exact.** Thresholds do not apply to a unit that a connection owns or predicts.
///   All units of an owner with the same rate are due on the same ticks. A unit that is predicted but not owned is due
///   on every tick.
/// - **Destruction includes the final values** of the entity, including values that were set in the same tick.
///
/// An entity itself has a unit too, in the group [`Store::existence_group`]. Its words are the entity's blueprint,
/// owner and epoch. The existence of an entity thus has versions and changes, like every other unit.
///
/// The cost of a commit grows with the number of values that were set and of units that became due, not with the
/// number of entities. [`WorldWriter`](crate::snapshot::WorldWriter) has an example.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) ticks_per_second: u32,
    pub(super) max_entities: usize,
    pub(super) components: Vec<ComponentPlace>,
    pub(super) layouts: Vec<Layout>,
    /// The tables of the groups, indexed by group. The final table is for the units of entities themselves.
    pub(super) tables: Vec<GroupTable>,
    pub(super) entities: Entities,
    pub(super) units: Units,
    pub(super) predictions: Predictions,
    pub(super) pending: DueWheel,
    /// The units to examine in this commit or the next.
    pub(super) touched: UnitSet,
    pub(super) changed: UnitSet,
    /// The units with older versions that may no longer be needed.
    pub(super) crowded: UnitSet,
    pub(super) evicted: Vec<UnitId>,
    /// The units that the latest commit added.
    pub(super) added: Vec<UnitId>,
    pub(super) checked: Vec<CheckedChange>,
    pub(super) newest: Option<u64>,
    /// The unit at which the search for units at rest continues.
    pub(super) sweep: u32,
    /// The tick after which commits examine no more units, unless a unit changes again.
    pub(super) sweep_until: u64,
}

/// An existing entity of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entity {
    /// The id of the entity.
    pub id: NetworkId,
    /// The settings for the replication of the entity.
    pub settings: EntitySettings,
    /// The connection that owns the entity, or `None` without an owner.
    pub owner: Option<ConnectionId>,
    /// The number of times that the owner changed, modulo 2^32.
    pub epoch: u32,
}

/// The latest committed state of a unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnitState<'a> {
    /// The id of the unit's entity.
    pub id: NetworkId,
    /// The id of the unit's group.
    pub group: GroupId,
    /// The tick in which the entity was destroyed, and the reason. The words are then the final words. `None` while the
    /// entity exists.
    pub gone: Option<(u64, Gone)>,
    /// The committed words of the unit.
    pub version: Version<'a>,
}

/// Counts of the items in a store, and the memory that the store occupies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreStats {
    /// The number of existing entities.
    pub entities: usize,
    /// The number of entities that are destroyed but not yet released.
    pub gone: usize,
    /// The number of units of all entities, including entities that are destroyed but not yet released.
    pub units: usize,
    /// The number of older versions of all units. The current version of a unit does not count.
    pub versions: usize,
    /// The number of units with changes that are not yet committed, because the unit is due in a later tick.
    pub waiting: usize,
    /// The heap memory that the store occupies, in bytes.
    pub memory: usize,
}

impl Store {
    /// Creates a store of an empty world with the groups of a schema, for a game of `ticks_per_second` ticks a second, 1 to
    /// 10,000. The world has at most `max_entities` entities, 0 to [`limits::ENTITIES_MAX`].
    ///
    /// # Errors
    /// [`StoreError`] if `ticks_per_second` or `max_entities` is outside its range, `groups` has too many groups, or
    /// the words of a component do not fit in a unit of its group.
    pub fn new(groups: Groups, ticks_per_second: u32, max_entities: usize) -> Result<Self, StoreError> {
        if !(1..=TICKS_PER_SECOND_MAX).contains(&ticks_per_second) {
            return Err(StoreError::Rate { ticks_per_second });
        }
        if max_entities > limits::ENTITIES_MAX {
            return Err(StoreError::Entities { max_entities });
        }
        if groups.groups.len() >= usize::from(u16::MAX) {
            return Err(StoreError::Groups { groups: groups.groups.len() });
        }
        for (component, place) in (0..=u16::MAX).zip(&groups.components) {
            if !lies_within(&groups, place) {
                return Err(StoreError::Component { component: ComponentId(component) });
            }
        }
        let own = groups.groups.iter().map(|group| GroupTable::new(Rules::new(group), group.hz));
        let existence = existence_layout();
        let of_entities = GroupTable::new(Rules::of_layout(&existence, false), 0);
        let tables: Vec<GroupTable> = own.chain([of_entities]).collect();
        let layouts = groups.groups.into_iter().map(|group| group.layout).chain([existence]);
        Ok(Self {
            ticks_per_second,
            max_entities,
            components: groups.components,
            layouts: layouts.collect(),
            entities: Entities::new(tables.len()),
            tables,
            units: Units::new(),
            predictions: Predictions::new(),
            pending: DueWheel::new(ticks_per_second),
            touched: UnitSet::new(),
            changed: UnitSet::new(),
            crowded: UnitSet::new(),
            evicted: Vec::new(),
            added: Vec::new(),
            checked: Vec::new(),
            newest: None,
            sweep: 0,
            sweep_until: 0,
        })
    }

    /// Returns the tick of the latest commit. Returns `None` before the first commit.
    #[must_use]
    pub const fn tick(&self) -> Option<u64> {
        self.newest
    }

    /// Returns the units that the latest commit changed. For a destroyed entity, the set includes each unit whose final
    /// words differ from the words committed before, and the unit of the entity itself.
    #[must_use]
    pub const fn changed(&self) -> &UnitSet {
        &self.changed
    }

    /// Returns the id of the group whose units represent the entities themselves: the next id after the ids of the
    /// schema's groups.
    #[must_use]
    pub const fn existence_group(&self) -> GroupId {
        GroupId(self.tables.len() as u16 - 1)
    }

    /// Returns the layout of a group's units. [`Self::existence_group`] has a layout too. Returns `None`
    /// if no group has this id.
    #[must_use]
    pub fn layout(&self, group: GroupId) -> Option<&Layout> {
        self.layouts.get(usize::from(group.0))
    }

    /// Returns the existing entities, in arbitrary order.
    pub fn entities(&self) -> impl Iterator<Item = Entity> {
        self.entities.existing().map(|(_, record)| entity(record))
    }

    /// Returns the entity with this id. Returns `None` if the entity does not exist.
    #[must_use]
    pub fn entity(&self, id: NetworkId) -> Option<Entity> {
        self.entities.get(self.entities.find(id)?).map(entity)
    }

    /// Returns the units of an existing entity, with their groups: the unit in [`Self::existence_group`], and each unit
    /// of which a component has been set at least once.
    pub fn units(&self, id: NetworkId) -> impl Iterator<Item = (GroupId, UnitId)> {
        let entity = self.entities.find(id);
        let units = entity.into_iter().flat_map(|entity| self.entities.units(entity));
        units.map(|(group, unit)| (GroupId(group), unit))
    }

    /// Returns the unit that an existing entity has in a group, or `None` if there is no such unit.
    #[must_use]
    pub fn unit(&self, id: NetworkId, group: GroupId) -> Option<UnitId> {
        self.entities.unit(self.entities.find(id)?, group.0)
    }

    /// Returns the latest committed state of a unit. A unit of a destroyed entity has a state until the entity is
    /// released. Returns `None` after the release.
    #[must_use]
    pub fn state(&self, unit: UnitId) -> Option<UnitState<'_>> {
        let record = self.units.get(unit)?;
        let entity = self.entities.get(record.entity)?;
        let table = self.tables.get(usize::from(record.group))?;
        let version = version(table, record.since, table.committed(record.row));
        Some(UnitState { id: entity.id, group: GroupId(record.group), gone: entity.gone, version })
    }

    /// Returns the version of a unit after the commit of `tick`. Returns `None` if the unit did not exist yet, or the
    /// store no longer has the version: [`Self::thin`] drops versions, and the store keeps at most [`limits::VERSIONS`]
    /// versions of a unit.
    #[must_use]
    pub fn words_at(&self, unit: UnitId, tick: u64) -> Option<Version<'_>> {
        let record = self.units.get(unit)?;
        let table = self.tables.get(usize::from(record.group))?;
        if tick >= record.since {
            return Some(version(table, record.since, table.committed(record.row)));
        }
        let (since, row) = table.history.at(record, tick)?;
        Some(version(table, since, row))
    }

    /// Returns the weight of a unit's entity: see [`EntitySettings::weight`].
    #[must_use]
    pub(crate) fn weight(&self, unit: UnitId) -> u8 {
        let entity = self.units.get(unit).and_then(|record| self.entities.get(record.entity));
        entity.map_or(0, |entity| entity.settings.weight)
    }

    /// Returns the number of ticks per second.
    pub(crate) const fn ticks_per_second(&self) -> u32 {
        self.ticks_per_second
    }

    /// Returns all units of a unit's entity, even if the entity is gone.
    pub(crate) fn siblings(&self, unit: UnitId) -> impl Iterator<Item = UnitId> {
        let entity = self.units.get(unit).map(|record| record.entity);
        entity.into_iter().flat_map(|entity| self.entities.units(entity)).map(|(_, unit)| unit)
    }

    /// Returns the units that the latest commit added to the world.
    pub(crate) fn added(&self) -> &[UnitId] {
        &self.added
    }

    /// Drops older versions that no peer needs any more. Call this method after each commit.
    ///
    /// The method calls `needed` with the units that the commits since the previous call selected. A commit selects
    /// each changed unit with at least 24 older versions. A commit also examines the next 64 units of the store, and
    /// selects units with older versions that have not changed for half a second. This examination ends after 5 s
    /// without a change in the world, plus the ticks in which it visits each unit twice. The second argument of
    /// `needed` lists the ticks in which each older version was current, the newest version first. `needed` returns one
    /// bit for each older version, which is 1 if the version is needed. Bit 0 represents the newest older version.
    pub fn thin(&mut self, mut needed: impl FnMut(UnitId, &[Range<u64>]) -> u64) {
        while let Some(unit) = self.crowded.pop() {
            let Some(record) = self.units.get_mut(unit) else { continue };
            let Some(table) = self.tables.get_mut(usize::from(record.group)) else { continue };
            let ticks: SmallVec<[Range<u64>; limits::VERSIONS]> = table.history.ticks(record).collect();
            if !ticks.is_empty() {
                table.history.retain(record, needed(unit, &ticks));
            }
        }
    }

    /// Releases the entities that were destroyed before `tick`. The caller guarantees that no peer refers to the units
    /// of these entities any more. The store reuses the numbers of these units from the next commit on.
    ///
    /// The store keeps at most `max_entities` destroyed entities. If a commit exceeds this number, the commit releases
    /// the entities that were destroyed first: see [`Self::evicted`].
    pub fn release_before(&mut self, tick: u64) {
        while let Some(entity) = self.entities.first_gone(tick) {
            self.release_first(entity, |_| {});
        }
    }

    /// Returns the units that the latest commit released without a call of [`Self::release_before`], because there were
    /// too many destroyed entities. A caller must remove its references to these units before the next commit, which
    /// may reuse their numbers.
    #[must_use]
    pub fn evicted(&self) -> &[UnitId] {
        &self.evicted
    }

    /// Removes all predictions of a connection that has ended.
    pub fn forget_connection(&mut self, connection: ConnectionId) {
        for id in self.predictions.remove_connection(connection) {
            if let Some(entity) = self.entities.find(id) {
                self.refresh(entity);
            }
        }
    }

    /// Returns counts of the items in the store, and the memory that the store occupies.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        StoreStats {
            entities: self.entities.len(),
            gone: self.entities.leaving(),
            units: self.units.len(),
            versions: self.tables.iter().map(|table| table.history.used()).sum(),
            waiting: self.pending.waiting(),
            memory: self.memory(),
        }
    }

    /// Returns the heap memory that the store occupies, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.tables.iter().map(GroupTable::memory).sum::<usize>()
            + self.entities.memory()
            + self.units.memory()
            + self.predictions.memory()
            + self.pending.memory()
            + self.touched.memory()
            + self.changed.memory()
            + self.crowded.memory()
            + (self.evicted.capacity() + self.added.capacity()) * size_of::<UnitId>()
            + self.checked.capacity() * size_of::<CheckedChange>()
    }

    /// Releases the units of the entity that has been gone the longest.
    pub(super) fn release_first(&mut self, entity: u32, mut released: impl FnMut(UnitId)) {
        let Self { entities, units, tables, pending, .. } = self;
        for (_, unit) in entities.units(entity) {
            pending.cancel(unit);
            let Some(mut record) = units.remove(unit) else { continue };
            if let Some(table) = tables.get_mut(usize::from(record.group)) {
                table.history.retain(&mut record, 0);
                table.remove(record.row);
            }
            released(unit);
        }
        entities.forget_first();
    }

    /// Returns the rate at which the units of a group of an entity are due, and `true` if thresholds do not apply to
    /// them.
    pub(super) fn timing(&self, entity: &EntityRecord, group: u16) -> (DueRate, bool) {
        if group == self.existence_group().0 {
            return (DueRate::EVERY_TICK, true);
        }
        let of_group = self.tables.get(usize::from(group)).map_or(0, |table| table.hz);
        let hz = entity.settings.hz.unwrap_or(of_group);
        let is_predicted = self.predictions.is_predicted(entity.id);
        let rate = match entity.owner {
            Some(_) => {
                let owner = entity.owner_bits();
                DueRate::new(hz, owner as u32 ^ (owner >> 32) as u32, self.ticks_per_second)
            }
            None if is_predicted => DueRate::EVERY_TICK,
            None => DueRate::new(hz, entity.id.0, self.ticks_per_second),
        };
        (rate, is_predicted || entity.owner.is_some())
    }

    /// Updates the units of an entity after a change of the entity's owner or predictions.
    pub(super) fn refresh(&mut self, entity: u32) {
        let Some(record) = self.entities.get(entity).copied() else { return };
        for group in 0..self.tables.len() as u16 {
            let Some(unit) = self.entities.unit(entity, group) else { continue };
            let (rate, is_exact) = self.timing(&record, group);
            if let Some(unit_record) = self.units.get_mut(unit) {
                (unit_record.rate, unit_record.is_exact) = (rate, is_exact);
                self.touched.insert(unit);
            }
        }
    }

    /// Adds a unit without any component, in `tick`.
    pub(super) fn add_unit(&mut self, entity: u32, group: u16, tick: u64) -> Option<UnitId> {
        let (rate, is_exact) = self.timing(self.entities.get(entity)?, group);
        let row = self.tables.get_mut(usize::from(group))?.insert();
        let unit = self.units.insert(UnitRecord {
            entity,
            group,
            row,
            since: tick,
            set_at: tick,
            newest_old: NONE,
            old: 0,
            rate,
            is_exact,
        });
        self.entities.set_unit(entity, group, unit);
        self.added.push(unit);
        let numbers = self.units.numbers();
        self.pending.grow(numbers);
        for set in [&mut self.touched, &mut self.changed, &mut self.crowded] {
            set.grow(numbers);
        }
        Some(unit)
    }
}

/// Returns `true` if the words of a component lie within the words of its group.
fn lies_within(groups: &Groups, place: &ComponentPlace) -> bool {
    let Some(group) = groups.group(place.group) else { return false };
    let (first, words) = (usize::from(place.first_word), usize::from(place.words));
    let is_behind_presence = !group.has_presence() || (first > 0 && place.bit < 32);
    is_behind_presence && first + words <= group.layout.words()
}

const fn entity(record: &EntityRecord) -> Entity {
    Entity { id: record.id, settings: record.settings, owner: record.owner, epoch: record.epoch }
}

/// Returns the version that a row holds.
fn version<'a>(table: &GroupTable, since: u64, row: &'a [u32]) -> Version<'a> {
    Version {
        since,
        is_present: table.rules.presence(row) != 0,
        words: row.get(..table.rules.words()).unwrap_or_default(),
        row,
    }
}
