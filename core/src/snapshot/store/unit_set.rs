//! A set of units: a bit for each unit, and a list of the units in the set. The cost of clearing the set thus depends
//! on the number of units in the set, and not on the capacity.

use alloc::vec::Vec;

use super::units::UnitId;

/// A set of units of one store.
#[derive(Clone, Debug, Default)]
pub struct UnitSet {
    bits: Vec<u64>,
    list: Vec<UnitId>,
}

impl UnitSet {
    pub(super) const fn new() -> Self {
        Self { bits: Vec::new(), list: Vec::new() }
    }

    /// Returns whether the unit is in the set.
    #[must_use]
    pub fn contains(&self, unit: UnitId) -> bool {
        self.bits.get(unit.index() / 64).is_some_and(|bits| bits >> (unit.0 % 64) & 1 != 0)
    }

    /// Returns the units of the set, in the order in which they were added.
    #[must_use]
    pub fn list(&self) -> &[UnitId] {
        &self.list
    }

    /// Returns the set as bits: bit n % 64 of word n / 64 represents unit n. Units beyond the final word are not in
    /// the set.
    #[must_use]
    pub fn bits(&self) -> &[u64] {
        &self.bits
    }

    /// Returns whether the set contains no unit.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Reserves memory for the units with numbers below `units`.
    pub(super) fn grow(&mut self, units: usize) {
        if self.bits.len() * 64 < units {
            self.bits.resize(units.div_ceil(64), 0);
        }
    }

    /// Adds a unit for which there is room. Returns `true` if the unit is new.
    pub(super) fn insert(&mut self, unit: UnitId) -> bool {
        let Some(bits) = self.bits.get_mut(unit.index() / 64) else { return false };
        let bit = 1 << (unit.0 % 64);
        let is_new = *bits & bit == 0;
        *bits |= bit;
        if is_new {
            self.list.push(unit);
        }
        is_new
    }

    pub(super) fn clear(&mut self) {
        for unit in self.list.drain(..) {
            if let Some(bits) = self.bits.get_mut(unit.index() / 64) {
                *bits = 0;
            }
        }
    }

    /// Removes the most recently added unit and returns the unit.
    pub(super) fn pop(&mut self) -> Option<UnitId> {
        let unit = self.list.pop()?;
        if let Some(bits) = self.bits.get_mut(unit.index() / 64) {
            *bits &= !(1 << (unit.0 % 64));
        }
        Some(unit)
    }

    /// Returns the heap memory of the set, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.bits.capacity() * size_of::<u64>() + self.list.capacity() * size_of::<UnitId>()
    }
}
