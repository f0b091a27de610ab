//! The position of each change of a component within a tick, so that a newer change replaces an older change.

use alloc::vec::Vec;

use crate::snapshot::changes::Column;
use crate::snapshot::ids::NetworkId;

/// The changes of one component, by the slots of their entities.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// The change of each entity, indexed by slot. Slots beyond the end have no change.
    cells: Vec<Cell>,
    /// The slot of each value, and of each removal.
    values: Vec<u32>,
    removals: Vec<u32>,
}

/// The change of one entity's component.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Cell {
    #[default]
    Unchanged,
    /// The component was set to the value with this index.
    Set(u32),
    /// The component was removed. The number is the index in the list of removals.
    Removed(u32),
}

impl Marks {
    fn cell(&self, slot: u32) -> Cell {
        self.cells.get(slot as usize).copied().unwrap_or_default()
    }

    fn put(&mut self, slot: u32, cell: Cell) {
        if self.cells.len() <= slot as usize {
            self.cells.resize(slot as usize + 1, Cell::Unchanged);
        }
        if let Some(place) = self.cells.get_mut(slot as usize) {
            *place = cell;
        }
    }

    /// Returns the words of the entity's value in this tick, for writing: the words of an earlier call in the tick,
    /// or zeros.
    pub(super) fn set<'a>(&mut self, column: &'a mut Column, slot: u32, id: NetworkId) -> &'a mut [u32] {
        let index = match self.cell(slot) {
            Cell::Set(index) => index as usize,
            _ => {
                self.add(column, slot);
                column.push(id)
            }
        };
        column.value_mut(index)
    }

    /// Sets the value of an entity. `words` must have the component's number of words.
    pub(super) fn set_to(&mut self, column: &mut Column, slot: u32, id: NetworkId, words: &[u32]) {
        if let Cell::Set(index) = self.cell(slot) {
            let value = column.value_mut(index as usize);
            if value.len() == words.len() {
                value.copy_from_slice(words);
            }
        } else {
            self.add(column, slot);
            column.push_value(id, words);
        }
    }

    /// Records that the next value of the column belongs to `slot`, which has no value in this tick yet.
    fn add(&mut self, column: &mut Column, slot: u32) {
        if let Cell::Removed(place) = self.cell(slot) {
            column.swap_remove_removed(place as usize);
            self.removals.swap_remove(place as usize);
            if let Some(moved) = self.removals.get(place as usize).copied() {
                self.put(moved, Cell::Removed(place));
            }
        }
        self.put(slot, Cell::Set(self.values.len() as u32));
        self.values.push(slot);
    }

    /// Records that an entity loses the component in this tick.
    pub(super) fn remove(&mut self, column: &mut Column, slot: u32, id: NetworkId) {
        match self.cell(slot) {
            Cell::Removed(_) => return,
            Cell::Set(index) => {
                column.swap_remove(index as usize);
                self.values.swap_remove(index as usize);
                if let Some(moved) = self.values.get(index as usize).copied() {
                    self.put(moved, Cell::Set(index));
                }
            }
            Cell::Unchanged => {}
        }
        self.removals.push(slot);
        let place = column.push_removed(id);
        self.put(slot, Cell::Removed(place as u32));
    }

    /// Removes all changes. The work grows with the number of changes of the tick.
    pub(super) fn clear(&mut self) {
        for slot in self.values.drain(..).chain(self.removals.drain(..)) {
            if let Some(cell) = self.cells.get_mut(slot as usize) {
                *cell = Cell::Unchanged;
            }
        }
    }
}
