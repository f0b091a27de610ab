//! The entities of a world, existing and recently gone, and the units of each entity.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use slotmap::Key;

use super::units::{NONE, UnitId};
use crate::event::ConnectionId;
use crate::snapshot::changes::{Created, EntitySettings, Gone};
use crate::snapshot::entity_index::EntityIndex;
use crate::snapshot::ids::NetworkId;
use crate::snapshot::layout::{Layout, Part, Predictor};

/// Returns the layout of an entity's own unit: the number of the blueprint plus 1, or 0 without a blueprint; the
/// owner as a 64-bit number, or 0 without an owner; the epoch.
pub(super) fn existence_layout() -> Layout {
    let blueprint = Part::Choice { count: (1 << 16) + 1 };
    Layout::new(vec![blueprint, Part::Opaque { bits: 64 }, Part::Opaque { bits: 32 }], Predictor::Last)
}

/// The store's record of an entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntityRecord {
    /// The id of the entity, or 0 in a free record.
    pub(super) id: NetworkId,
    pub(super) settings: EntitySettings,
    pub(super) owner: Option<ConnectionId>,
    /// The number of times that the owner changed, modulo 2^32.
    pub(super) epoch: u32,
    /// The tick since which the entity is gone, and the reason. `None` while the entity exists.
    pub(super) gone: Option<(u64, Gone)>,
}

impl EntityRecord {
    /// Returns the owner as a number, or 0 without an owner.
    pub(super) fn owner_bits(&self) -> u64 {
        self.owner.map_or(0, |owner| owner.data().as_ffi())
    }

    /// Returns the words of the entity's own unit.
    pub(super) fn words(&self) -> [u32; 4] {
        let blueprint = self.settings.blueprint.map_or(0, |blueprint| u32::from(blueprint.0) + 1);
        let owner = self.owner_bits();
        [blueprint, owner as u32, (owner >> 32) as u32, self.epoch]
    }
}

/// The records of all entities, numbered from 0.
#[derive(Clone, Debug)]
pub(super) struct Entities {
    index: EntityIndex,
    records: Vec<EntityRecord>,
    /// The unit of each entity in each group, or [`NONE`] if the entity has no such unit.
    units: Vec<u32>,
    groups: usize,
    free: Vec<u32>,
    /// The entities that are gone but whose units a peer may still refer to, the entity that has been gone the
    /// longest first.
    leaving: VecDeque<u32>,
    newest: NetworkId,
}

impl Entities {
    pub(super) const fn new(groups: usize) -> Self {
        Self {
            index: EntityIndex::new(),
            records: Vec::new(),
            units: Vec::new(),
            groups,
            free: Vec::new(),
            leaving: VecDeque::new(),
            newest: NetworkId(0),
        }
    }

    /// Returns the number of entities that exist.
    pub(super) const fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns the number of entities that are gone but still kept.
    pub(super) fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// Returns the highest id so far.
    pub(super) const fn newest(&self) -> NetworkId {
        self.newest
    }

    /// Returns the number of an entity that exists.
    pub(super) fn find(&self, id: NetworkId) -> Option<u32> {
        self.index.get(id)
    }

    pub(super) fn get(&self, entity: u32) -> Option<&EntityRecord> {
        self.records.get(entity as usize).filter(|record| record.id.0 != 0)
    }

    pub(super) fn get_mut(&mut self, entity: u32) -> Option<&mut EntityRecord> {
        self.records.get_mut(entity as usize).filter(|record| record.id.0 != 0)
    }

    /// Returns the entities that exist, in arbitrary order.
    pub(super) fn existing(&self) -> impl Iterator<Item = (u32, &EntityRecord)> {
        let used = (0..).zip(&self.records);
        used.filter(|(_, record)| record.id.0 != 0 && record.gone.is_none())
    }

    /// Returns the unit of the entity in a group.
    pub(super) fn unit(&self, entity: u32, group: u16) -> Option<UnitId> {
        let place = entity as usize * self.groups + usize::from(group);
        self.units.get(place).copied().filter(|unit| *unit != NONE).map(UnitId)
    }

    /// Returns the units of the entity in all groups.
    pub(super) fn units(&self, entity: u32) -> impl Iterator<Item = (u16, UnitId)> {
        (0..self.groups as u16).filter_map(move |group| Some((group, self.unit(entity, group)?)))
    }

    pub(super) fn set_unit(&mut self, entity: u32, group: u16, unit: UnitId) {
        let place = entity as usize * self.groups + usize::from(group);
        if let Some(place) = self.units.get_mut(place) {
            *place = unit.0;
        }
    }

    /// Adds an entity without units, whose id is above all earlier ids.
    pub(super) fn insert(&mut self, created: &Created) {
        let record =
            EntityRecord { id: created.id, settings: created.settings, owner: None, epoch: 0, gone: None };
        let number = if let Some(number) = self.free.pop() {
            if let Some(place) = self.records.get_mut(number as usize) {
                *place = record;
            }
            number
        } else {
            self.records.push(record);
            self.units.resize(self.records.len() * self.groups, NONE);
            self.records.len() as u32 - 1
        };
        self.index.insert(created.id, number);
        self.newest = created.id;
    }

    /// Undoes the insertion of entities without units. `newest` is the highest id before the insertion.
    pub(super) fn undo(&mut self, created: &[Created], newest: NetworkId) {
        for created in created.iter().rev() {
            if created.id > newest
                && let Some(number) = self.index.remove(created.id)
            {
                self.free_record(number);
            }
        }
        self.newest = newest;
    }

    /// Marks an entity as gone, and returns its number. The entity can still be found by this number.
    pub(super) fn retire(&mut self, id: NetworkId, tick: u64, gone: Gone) -> Option<u32> {
        let number = self.index.remove(id)?;
        if let Some(record) = self.get_mut(number) {
            record.gone = Some((tick, gone));
        }
        self.leaving.push_back(number);
        Some(number)
    }

    /// Returns the entity that has been gone the longest, if it was gone before `tick`.
    pub(super) fn first_gone(&self, tick: u64) -> Option<u32> {
        let number = *self.leaving.front()?;
        let (at, _) = self.get(number)?.gone?;
        (at < tick).then_some(number)
    }

    /// Removes the entity that has been gone the longest. The caller has removed the units of the entity.
    pub(super) fn forget_first(&mut self) {
        if let Some(number) = self.leaving.pop_front() {
            self.free_record(number);
        }
    }

    fn free_record(&mut self, number: u32) {
        let first = number as usize * self.groups;
        if let Some(units) = self.units.get_mut(first..first + self.groups) {
            units.fill(NONE);
        }
        if let Some(record) = self.records.get_mut(number as usize) {
            record.id = NetworkId(0);
            self.free.push(number);
        }
    }

    /// Returns the heap memory of the entities, in bytes.
    pub(super) fn memory(&self) -> usize {
        let numbers = self.units.capacity() + self.free.capacity() + self.leaving.capacity();
        self.index.memory() + self.records.capacity() * size_of::<EntityRecord>() + numbers * size_of::<u32>()
    }
}
