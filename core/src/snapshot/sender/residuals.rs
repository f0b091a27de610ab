//! The coded units of a tick. Connections whose peers have the same versions of a unit share the bits of the unit.

use alloc::vec::Vec;

use crate::snapshot::delta::CodedUnit;
use crate::snapshot::store::UnitId;

/// The ticks of the versions that a unit is coded against. [`NEVER`](super::slots::NEVER) represents no version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CodedAgainst {
    pub(super) baseline: u32,
    pub(super) second: u32,
}

#[derive(Clone, Copy, Debug)]
struct ResidualEntry {
    unit: UnitId,
    against: CodedAgainst,
    coded: u32,
    /// The index of the previous entry of the same unit, or [`NO_ENTRY`].
    next: u32,
}

const NO_ENTRY: u32 = u32::MAX;
/// The number of places for coded units that are added at a time, so that a tick with a few more units than any tick
/// before does not allocate memory.
const PLACES: usize = 64;
/// The size of the memory of a new place, in bytes. It suffices for most units.
const PLACE_BYTES: usize = 32;

/// The coded units of a tick, with memory for reuse.
#[derive(Debug, Default)]
pub(super) struct Residuals {
    tick: u32,
    coded: Vec<CodedUnit>,
    used: usize,
    entries: Vec<ResidualEntry>,
    /// The index of each unit's newest entry, or [`NO_ENTRY`].
    by_unit: Vec<u32>,
}

impl Residuals {
    /// Begins a tick: removes the coded units of all other ticks.
    pub(super) fn begin(&mut self, tick: u32) {
        if core::mem::replace(&mut self.tick, tick) == tick {
            return;
        }
        for entry in self.entries.drain(..) {
            if let Some(place) = self.by_unit.get_mut(entry.unit.0 as usize) {
                *place = NO_ENTRY;
            }
        }
        self.used = 0;
    }

    /// Returns the index of a unit that was coded against the versions `against`.
    pub(super) fn find(&self, unit: UnitId, against: CodedAgainst) -> Option<usize> {
        let mut place = *self.by_unit.get(unit.0 as usize)?;
        while let Some(entry) = self.entries.get(place as usize) {
            if entry.against == against {
                return Some(entry.coded as usize);
            }
            place = entry.next;
        }
        None
    }

    /// Reserves the next place for a coded unit and returns its index.
    pub(super) fn spare(&mut self) -> usize {
        let place = self.used;
        self.used += 1;
        if self.coded.len() < self.used {
            let most = self.used.next_multiple_of(PLACES);
            self.coded.resize_with(most, || CodedUnit::with_capacity(PLACE_BYTES));
        }
        place
    }

    /// Returns the place with this index, in which a unit can be coded.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut CodedUnit> {
        self.coded.get_mut(place)
    }

    /// Records that the place with the index `place` contains `unit`, coded against the versions `against`.
    pub(super) fn keep(&mut self, unit: UnitId, against: CodedAgainst, place: usize) {
        let index = unit.0 as usize;
        if self.by_unit.len() <= index {
            self.by_unit.resize(index + 1, NO_ENTRY);
        }
        if let Some(newest) = self.by_unit.get_mut(index) {
            let next = core::mem::replace(newest, self.entries.len() as u32);
            self.entries.push(ResidualEntry { unit, against, coded: place as u32, next });
        }
    }

    /// Returns the coded unit with this index.
    pub(super) fn get(&self, place: usize) -> Option<&CodedUnit> {
        self.coded.get(place)
    }

    /// Returns the heap memory of the lists in bytes, without the bits of the coded units.
    pub(super) const fn memory(&self) -> usize {
        self.coded.capacity() * size_of::<CodedUnit>()
            + self.entries.capacity() * size_of::<ResidualEntry>()
            + self.by_unit.capacity() * size_of::<u32>()
    }
}
