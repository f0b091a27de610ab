//! The values of one component that were set in a tick, and the entities that lost the component.

use alloc::vec::Vec;

use crate::snapshot::ids::{ComponentId, NetworkId};

/// The changes of one component in one tick. No entity appears twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    component: ComponentId,
    width: u16,
    ids: Vec<NetworkId>,
    words: Vec<u32>,
    removed: Vec<NetworkId>,
}

impl Column {
    pub(in crate::snapshot) const fn new(component: ComponentId, width: u16) -> Self {
        Self { component, width, ids: Vec::new(), words: Vec::new(), removed: Vec::new() }
    }

    /// Returns the id of the component whose changes the column contains.
    #[must_use]
    pub const fn component(&self) -> ComponentId {
        self.component
    }

    /// Returns the number of words of each value in the column.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Returns the ids of the entities whose component was set, in the order of the values.
    #[must_use]
    pub fn ids(&self) -> &[NetworkId] {
        &self.ids
    }

    /// Returns the words of the value at `index`, counted from 0, which belongs to the entity `ids()[index]`. Returns an
    /// empty slice if the column has no value at `index`.
    #[must_use]
    pub fn value(&self, index: usize) -> &[u32] {
        let first = index * usize::from(self.width);
        self.words.get(first..first + usize::from(self.width)).unwrap_or_default()
    }

    /// Returns each entity for which the component was set in the tick, with the words of the component's new value.
    pub fn values(&self) -> impl Iterator<Item = (NetworkId, &[u32])> {
        let (mut rest, width) = (self.words.as_slice(), usize::from(self.width));
        self.ids.iter().map(move |id| {
            let (value, after) = rest.split_at_checked(width).unwrap_or_default();
            rest = after;
            (*id, value)
        })
    }

    /// Returns the ids of the entities from which the component was removed.
    #[must_use]
    pub fn removed(&self) -> &[NetworkId] {
        &self.removed
    }

    /// Returns whether the column has neither a value nor a removal.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.removed.is_empty()
    }

    /// Returns `true` if the other column has the same component and the same number of words.
    pub(in crate::snapshot) fn is_like(&self, other: &Self) -> bool {
        (self.component, self.width) == (other.component, other.width)
    }

    /// Adds a value of zeros and returns the value's index.
    pub(in crate::snapshot) fn push(&mut self, id: NetworkId) -> usize {
        self.ids.push(id);
        self.words.resize(self.ids.len() * usize::from(self.width), 0);
        self.ids.len() - 1
    }

    /// Adds a value and returns the value's index.
    pub(in crate::snapshot) fn push_value(&mut self, id: NetworkId, words: &[u32]) -> usize {
        if words.len() != usize::from(self.width) {
            return self.push(id);
        }
        self.ids.push(id);
        self.words.extend_from_slice(words);
        self.ids.len() - 1
    }

    /// Returns the words of the value at `index`.
    pub(in crate::snapshot) fn value_mut(&mut self, index: usize) -> &mut [u32] {
        let first = index * usize::from(self.width);
        self.words.get_mut(first..first + usize::from(self.width)).unwrap_or_default()
    }

    /// Removes the value at `index`. The final value of the column then gets this index.
    pub(in crate::snapshot) fn swap_remove(&mut self, index: usize) {
        if index >= self.ids.len() {
            return;
        }
        let width = usize::from(self.width);
        let last = (self.ids.len() - 1) * width;
        if self.words.len() >= last + width {
            self.words.copy_within(last..last + width, index * width);
        }
        self.words.truncate(last);
        self.ids.swap_remove(index);
    }

    /// Records that an entity lost the component. Returns the index of the new entry in the list of removals.
    pub(in crate::snapshot) fn push_removed(&mut self, id: NetworkId) -> usize {
        self.removed.push(id);
        self.removed.len() - 1
    }

    /// Removes the entry at `place` from the list of removals. The final entry of the list then gets this place.
    pub(in crate::snapshot) fn swap_remove_removed(&mut self, place: usize) {
        if place < self.removed.len() {
            self.removed.swap_remove(place);
        }
    }

    /// Reserves memory for `values` more values.
    pub(in crate::snapshot) fn reserve(&mut self, values: usize) {
        self.ids.reserve(values);
        self.words.reserve(values * usize::from(self.width));
    }

    pub(in crate::snapshot) fn clear(&mut self) {
        self.ids.clear();
        self.words.clear();
        self.removed.clear();
    }

    /// Returns the heap memory of the column, in bytes.
    pub(super) const fn memory(&self) -> usize {
        (self.ids.capacity() + self.removed.capacity()) * size_of::<NetworkId>()
            + self.words.capacity() * size_of::<u32>()
    }
}
