//! Entries sorted by a number: a vector for a few entries, whose memory is reused, or a tree for many, in which each
//! access costs at most a short search.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::{Entry, OccupiedEntry};
use alloc::vec::Vec;

/// The largest number of entries in the vector. An insertion moves at most a few kilobytes.
const FEW: usize = 128;

/// An entry with a unique number, by which entries are sorted.
pub(super) trait Keyed {
    /// Returns the number by which the entry is sorted.
    fn key(&self) -> u64;
}

/// A collection of entries, sorted by their numbers.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    few: Vec<T>,
    /// All entries, or no entry if the entries are in the vector.
    many: BTreeMap<u64, T>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Sorted<T> {
    /// The largest average number of heap bytes that an entry takes. A node of the tree has space for eleven entries,
    /// and may contain only five.
    pub(super) const PLACE: usize = (8 + size_of::<T>()) * 5 / 2;

    pub(super) const fn new() -> Self {
        Self { few: Vec::new(), many: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    /// Returns the heap memory of the collection, in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<T>() * self.few.capacity() + Self::PLACE * self.many.len()
    }

    /// Releases unused memory.
    pub(super) fn shrink_to_fit(&mut self) {
        self.few.shrink_to_fit();
    }

    /// Returns the entries in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.few.iter().chain(self.many.values())
    }

    /// Removes all entries in the order of their numbers, calls `take` with each entry, and keeps the memory.
    pub(super) fn drain(&mut self, mut take: impl FnMut(T)) {
        self.few.drain(..).for_each(&mut take);
        while let Some((_, thing)) = self.many.pop_first() {
            take(thing);
        }
    }
}

impl<T: Keyed> Sorted<T> {
    /// Returns the number of entries in the vector whose number is at most `key`.
    fn place(&self, key: u64) -> usize {
        // Most of what comes is the newest.
        match self.few.last() {
            Some(last) if last.key() > key => self.few.partition_point(|thing| thing.key() <= key),
            _ => self.few.len(),
        }
    }

    /// Returns the entry with the highest number up to `key`.
    pub(super) fn before(&self, key: u64) -> Option<&T> {
        if self.many.is_empty() {
            return self.place(key).checked_sub(1).and_then(|place| self.few.get(place));
        }
        self.many.range(..=key).next_back().map(|(_, thing)| thing)
    }

    /// Returns the entry with the highest number up to `key`.
    pub(super) fn before_mut(&mut self, key: u64) -> Option<&mut T> {
        if self.many.is_empty() {
            let place = self.place(key).checked_sub(1)?;
            return self.few.get_mut(place);
        }
        self.many.range_mut(..=key).next_back().map(|(_, thing)| thing)
    }

    /// Returns the entry with the lowest number above `key`.
    pub(super) fn after(&self, key: u64) -> Option<&T> {
        if self.many.is_empty() {
            return self.few.get(self.place(key));
        }
        self.many.range(key.saturating_add(1)..).next().map(|(_, thing)| thing)
    }

    /// Returns the entry with the number `key`.
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        if !self.many.is_empty() {
            return self.many.get_mut(&key);
        }
        let place = self.place(key).checked_sub(1)?;
        self.few.get_mut(place).filter(|thing| thing.key() == key)
    }

    /// Returns the entry with the lowest number.
    pub(super) fn first_mut(&mut self) -> Option<&mut T> {
        if self.many.is_empty() {
            return self.few.first_mut();
        }
        self.many.first_entry().map(OccupiedEntry::into_mut)
    }

    /// Returns the entry with the highest number.
    pub(super) fn last(&self) -> Option<&T> {
        self.few.last().or_else(|| self.many.last_key_value().map(|(_, thing)| thing))
    }

    /// Adds an entry whose number no other entry has.
    pub(super) fn insert(&mut self, thing: T) {
        if !self.many.is_empty() {
            self.many.insert(thing.key(), thing);
            return;
        }
        if self.few.len() >= FEW {
            self.many = self.few.drain(..).chain([thing]).map(|thing| (thing.key(), thing)).collect();
            return;
        }
        self.insert_at(self.place(thing.key()), thing);
    }

    /// Returns the entry with the number `key`, and `true` if `make` created the entry in this call.
    pub(super) fn get_or_insert_with(
        &mut self,
        key: u64,
        make: impl FnOnce() -> T,
    ) -> Option<(&mut T, bool)> {
        if self.many.is_empty() {
            let place = self.place(key);
            let last = place
                .checked_sub(1)
                .filter(|&last| self.few.get(last).is_some_and(|thing| thing.key() == key));
            if let Some(last) = last {
                return self.few.get_mut(last).map(|thing| (thing, false));
            }
            if self.few.len() < FEW {
                self.insert_at(place, make());
                return self.few.get_mut(place).map(|thing| (thing, true));
            }
            self.many = self.few.drain(..).map(|thing| (thing.key(), thing)).collect();
        }
        match self.many.entry(key) {
            Entry::Occupied(entry) => Some((entry.into_mut(), false)),
            Entry::Vacant(entry) => Some((entry.insert(make()), true)),
        }
    }

    fn insert_at(&mut self, place: usize, thing: T) {
        if self.few.len() == self.few.capacity() {
            // A vector of its own doubles, and begins with four.
            self.few.reserve_exact((self.few.len() / 2).max(1));
        }
        self.few.insert(place, thing);
    }

    /// Removes the entry with the number `key` and returns the entry.
    pub(super) fn remove(&mut self, key: u64) -> Option<T> {
        if !self.many.is_empty() {
            return self.many.remove(&key);
        }
        let place = self.place(key).checked_sub(1)?;
        self.few.get(place).filter(|thing| thing.key() == key)?;
        Some(self.few.remove(place))
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    impl Keyed for u64 {
        fn key(&self) -> u64 {
            *self
        }
    }

    quickcheck! {
        fn a_sorted_collection_matches_a_btree_map_after_any_insertions_and_removals(script: Vec<(u8, u8)>) -> bool {
            let (mut sorted, mut model) = (Sorted::new(), BTreeMap::new());
            // Enough to fill the vector now and then.
            script.iter().chain(&script).chain(&script).zip(0u64..).all(|(&(action, key), step)| {
                let key = (u64::from(key) * 7 + step) % 199;
                if action % 3 > 0 {
                    let is_new = model.insert(key, key).is_none();
                    if action % 3 == 1 && is_new {
                        sorted.insert(key);
                    } else if sorted.get_or_insert_with(key, || key) != Some((&mut { key }, is_new)) {
                        return false;
                    }
                } else if sorted.remove(key) != model.remove(&key) {
                    return false;
                }
                let before = model.range(..=key).next_back().map(|(key, _)| *key);
                sorted.iter().eq(model.values())
                    && sorted.is_empty() == model.is_empty()
                    && sorted.before(key).copied() == before
                    && sorted.before_mut(key).copied() == before
                    && sorted.get_mut(key).copied() == model.get(&key).copied()
                    && sorted.after(key).copied() == model.range(key + 1..).next().map(|(key, _)| *key)
                    && sorted.first_mut().copied() == model.keys().next().copied()
                    && sorted.last().copied() == model.keys().next_back().copied()
            })
        }
    }
}
