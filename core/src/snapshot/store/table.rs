//! The words of all units of a group.

use alloc::vec::Vec;
use core::ops::Range;

use super::history::History;
use super::rules::Rules;
use super::units::UnitRecord;
use crate::snapshot::groups::ComponentPlace;

/// The units of a group, one row each. A row has the words of the unit. In a group of a single component a row has one more word,
/// which is 1 if the entity has the component.
#[derive(Clone, Debug)]
pub(super) struct GroupTable {
    pub(super) rules: Rules,
    /// The rate in Hz of units whose entity has no rate of its own.
    pub(super) hz: u16,
    pub(super) history: History,
    stride: usize,
    /// The words that are sent to peers.
    committed: Vec<u32>,
    /// The latest words from the game.
    latest: Vec<u32>,
    free: Vec<u32>,
}

/// The latest words of one component, unit by unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct LatestComponent<'a> {
    rows: &'a [u32],
    stride: usize,
    first: usize,
    words: usize,
    presence: usize,
    bit: u32,
}

impl<'a> LatestComponent<'a> {
    /// Returns the latest words of the component in a row, or `None` if the entity lacks the component.
    pub(super) fn get(&self, row: u32) -> Option<&'a [u32]> {
        let row = row as usize * self.stride;
        let presence = *self.rows.get(row + self.presence)?;
        let words = self.rows.get(row + self.first..row + self.first + self.words)?;
        (presence & self.bit != 0).then_some(words)
    }
}

impl GroupTable {
    pub(super) fn new(rules: Rules, hz: u16) -> Self {
        let stride = rules.stride();
        Self {
            rules,
            hz,
            history: History::new(stride),
            stride,
            committed: Vec::new(),
            latest: Vec::new(),
            free: Vec::new(),
        }
    }

    const fn range(&self, row: u32) -> Range<usize> {
        let first = row as usize * self.stride;
        first..first + self.stride
    }

    pub(super) fn committed(&self, row: u32) -> &[u32] {
        self.committed.get(self.range(row)).unwrap_or_default()
    }

    pub(super) fn latest(&self, row: u32) -> &[u32] {
        self.latest.get(self.range(row)).unwrap_or_default()
    }

    pub(super) fn latest_mut(&mut self, row: u32) -> &mut [u32] {
        let range = self.range(row);
        self.latest.get_mut(range).unwrap_or_default()
    }

    /// Returns the latest words of one component, unit by unit.
    pub(super) fn component(&self, place: &ComponentPlace) -> LatestComponent<'_> {
        LatestComponent {
            rows: &self.latest,
            stride: self.stride,
            first: usize::from(place.first_word),
            words: usize::from(place.words),
            presence: self.rules.presence_place(),
            bit: self.rules.presence_bit(place),
        }
    }

    /// Writes the latest words of a component of a unit, or for `None` removes the component.
    pub(super) fn write(&mut self, row: u32, place: &ComponentPlace, value: Option<&[u32]>) {
        let range = self.range(row);
        let Some(row) = self.latest.get_mut(range) else { return };
        let first = usize::from(place.first_word);
        let bit = self.rules.presence_bit(place);
        match (row.get_mut(first..first + usize::from(place.words)), value) {
            (Some(words), Some(value)) if words.len() == value.len() => words.copy_from_slice(value),
            (Some(words), None) => words.fill(0),
            _ => return,
        }
        if let Some(presence) = self.rules.presence_mut(row) {
            *presence = if value.is_some() { *presence | bit } else { *presence & !bit };
        }
    }

    /// Commits the latest words of a unit, and keeps the words that were committed before as an older version.
    pub(super) fn commit(&mut self, unit: &mut UnitRecord, tick: u64) {
        let range = self.range(unit.row);
        if let (Some(committed), Some(latest)) =
            (self.committed.get_mut(range.clone()), self.latest.get(range))
        {
            if unit.since != tick {
                self.history.push(unit, tick, committed);
                unit.since = tick;
            }
            committed.copy_from_slice(latest);
        }
    }

    /// Adds a row of zeros and returns its number.
    pub(super) fn insert(&mut self) -> u32 {
        if let Some(row) = self.free.pop() {
            return row;
        }
        let row = self.committed.len() / self.stride;
        self.committed.resize((row + 1) * self.stride, 0);
        self.latest.resize((row + 1) * self.stride, 0);
        row as u32
    }

    pub(super) fn remove(&mut self, row: u32) {
        let range = self.range(row);
        for words in [&mut self.committed, &mut self.latest] {
            if let Some(words) = words.get_mut(range.clone()) {
                words.fill(0);
            }
        }
        self.free.push(row);
    }

    /// Returns the heap memory of the table, in bytes.
    pub(super) const fn memory(&self) -> usize {
        (self.committed.capacity() + self.latest.capacity() + self.free.capacity()) * size_of::<u32>()
            + self.rules.memory()
            + self.history.memory()
    }
}
