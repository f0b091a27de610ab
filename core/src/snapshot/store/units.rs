//! The units of a world, by dense numbers.

use alloc::vec::Vec;

use super::rate::DueRate;

/// The number of a unit in one store, counted from 0.
///
/// A unit keeps its number while its entity exists, whether or not the entity has any of the unit's components. After
/// that, the unit keeps its number until the store releases the entity: see
/// [`Store::release_before`](super::Store::release_before) and [`Store::evicted`](super::Store::evicted). The store
/// then reuses the number for a new unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnitId(pub u32);

impl UnitId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The value that represents no row, no node or no entity.
pub(super) const NONE: u32 = u32::MAX;

/// The store's record of a unit. Its words are in the table of its group.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitRecord {
    /// The number of the unit's entity, or [`NONE`] if the record is free.
    pub(super) entity: u32,
    /// The group of the unit: the index of its table.
    pub(super) group: u16,
    /// The row in the group's table.
    pub(super) row: u32,
    /// The tick that committed the current words.
    pub(super) since: u64,
    /// The latest tick in which the game changed the words.
    pub(super) set_at: u64,
    /// The node of the newest older version.
    pub(super) newest_old: u32,
    /// The number of older versions.
    pub(super) old: u8,
    /// The rate at which the unit is due.
    pub(super) rate: DueRate,
    /// `true` if thresholds do not apply to the unit.
    pub(super) is_exact: bool,
}

/// A checked change that is not applied yet: a component that was set or removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedChange {
    /// The number of the entity.
    pub(super) entity: u32,
    /// The unit, or [`NONE`] if the unit does not exist yet.
    pub(super) unit: u32,
    /// The index of the component's column.
    pub(super) column: u32,
    /// The index of the value, or [`NONE`] if the component was removed.
    pub(super) value: u32,
}

/// The records of all units, and the free unit numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    records: Vec<UnitRecord>,
    free: Vec<UnitId>,
}

impl Units {
    pub(super) const fn new() -> Self {
        Self { records: Vec::new(), free: Vec::new() }
    }

    /// Returns the number of unit numbers, used and free.
    pub(super) const fn numbers(&self) -> usize {
        self.records.len()
    }

    /// Returns the number of units.
    pub(super) const fn len(&self) -> usize {
        self.records.len() - self.free.len()
    }

    pub(super) fn get(&self, unit: UnitId) -> Option<&UnitRecord> {
        self.records.get(unit.index()).filter(|record| record.entity != NONE)
    }

    /// Returns the row of a unit that exists.
    pub(super) fn row(&self, unit: UnitId) -> u32 {
        self.records.get(unit.index()).map_or(NONE, |record| record.row)
    }

    pub(super) fn get_mut(&mut self, unit: UnitId) -> Option<&mut UnitRecord> {
        self.records.get_mut(unit.index()).filter(|record| record.entity != NONE)
    }

    pub(super) fn insert(&mut self, record: UnitRecord) -> UnitId {
        if let Some(unit) = self.free.pop() {
            if let Some(place) = self.records.get_mut(unit.index()) {
                *place = record;
            }
            return unit;
        }
        self.records.push(record);
        UnitId(self.records.len() as u32 - 1)
    }

    pub(super) fn remove(&mut self, unit: UnitId) -> Option<UnitRecord> {
        let record = self.get_mut(unit)?;
        let removed = *record;
        record.entity = NONE;
        self.free.push(unit);
        Some(removed)
    }

    /// Returns the heap memory of the units, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.records.capacity() * size_of::<UnitRecord>() + self.free.capacity() * size_of::<UnitId>()
    }
}
