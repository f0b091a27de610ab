//! The units of a world, by dense numbers.

use alloc::vec::Vec;

use super::rate::DueRate;

/// A unit of one store: a dense number, from 0 up.
///
/// A unit keeps its number for as long as its entity exists, whether or not the entity has any of the unit's components, and
/// then until [`Store::release_before`](super::Store::release_before) says that nobody refers to the entity any more. After
/// that the number is used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnitId(pub u32);

impl UnitId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// No row, node or entity.
pub(super) const NONE: u32 = u32::MAX;

/// The store's record of a unit. Its words are in the table of its group.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitRecord {
    /// The number of its entity, or [`NONE`] if the record is free.
    pub(super) entity: u32,
    /// The place of its group's table.
    pub(super) group: u16,
    /// The row in that table.
    pub(super) row: u32,
    /// The tick of the committed words.
    pub(super) since: u64,
    /// The tick in which the game changed the words.
    pub(super) set_at: u64,
    /// The newest of the older versions.
    pub(super) newest_old: u32,
    /// How many older versions there are.
    pub(super) old: u8,
    /// When it is due.
    pub(super) rate: DueRate,
    /// Whether thresholds do not apply.
    pub(super) is_exact: bool,
}

/// A change of a unit that was checked and is not applied yet: a component that was set or removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedChange {
    /// The number of the entity.
    pub(super) entity: u32,
    /// The unit, or [`NONE`] if it is not there yet.
    pub(super) unit: u32,
    /// The place of the component's column.
    pub(super) column: u32,
    /// The index of the value, or [`NONE`] if the component was removed.
    pub(super) value: u32,
}

/// All units, and the free numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    records: Vec<UnitRecord>,
    free: Vec<UnitId>,
}

impl Units {
    pub(super) const fn new() -> Self {
        Self { records: Vec::new(), free: Vec::new() }
    }

    /// How many numbers there are, used or free.
    pub(super) const fn numbers(&self) -> usize {
        self.records.len()
    }

    /// How many units there are.
    pub(super) const fn len(&self) -> usize {
        self.records.len() - self.free.len()
    }

    pub(super) fn get(&self, unit: UnitId) -> Option<&UnitRecord> {
        self.records.get(unit.index()).filter(|record| record.entity != NONE)
    }

    /// The row of a unit that is there.
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

    /// Bytes of the heap.
    pub(super) const fn memory(&self) -> usize {
        self.records.capacity() * size_of::<UnitRecord>() + self.free.capacity() * size_of::<UnitId>()
    }
}
