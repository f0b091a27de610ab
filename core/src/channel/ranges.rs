//! Sets of numbers, as sorted half-open ranges.

use alloc::vec::Vec;

/// The capacity, in ranges, that a set reserves when it gets its second range.
const ROOM: usize = 8;

/// A set of numbers: sorted ranges that neither overlap nor touch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::channel) struct RangeSet(Vec<(u64, u64)>);

impl RangeSet {
    pub(in crate::channel) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the lowest range.
    pub(in crate::channel) fn first(&self) -> Option<(u64, u64)> {
        self.0.first().copied()
    }

    pub(in crate::channel) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of ranges.
    pub(in crate::channel) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes the lowest range and returns it.
    pub(in crate::channel) fn remove_first(&mut self) -> Option<(u64, u64)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Returns whether the set contains every number of `start..end`.
    pub(in crate::channel) fn covers(&self, start: u64, end: u64) -> bool {
        let after = self.0.partition_point(|range| range.0 <= start);
        let within =
            after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|range| end <= range.1);
        within || start >= end
    }

    /// Adds the numbers `start..end`.
    pub(in crate::channel) fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        if self.0.is_empty() {
            // Most sets never have more, and somebody may make us keep thousands.
            self.0.reserve_exact(1);
        }
        let from = self.0.partition_point(|range| range.1 < start);
        let to = self.0.partition_point(|range| range.0 <= end);
        let low = self.0.get(from).map_or(start, |range| range.0.min(start));
        let high = to.checked_sub(1).and_then(|last| self.0.get(last)).map_or(end, |range| range.1.max(end));
        if from >= to && self.0.len() == self.0.capacity() {
            // Sets that are used again and again would all grow to this, one after the other.
            self.0.reserve(ROOM);
        }
        self.0.splice(from..to.max(from), [(low, high)]);
    }

    /// Removes all ranges and keeps the memory.
    pub(in crate::channel) fn clear(&mut self) {
        self.0.clear();
    }

    /// Releases unused memory.
    pub(in crate::channel) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Removes the numbers `start..end`.
    pub(in crate::channel) fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let from = self.0.partition_point(|range| range.1 <= start);
        let to = self.0.partition_point(|range| range.0 < end).max(from);
        let low = self.0.get(from).filter(|range| from < to && range.0 < start).map(|range| (range.0, start));
        let last = to.checked_sub(1).and_then(|last| self.0.get(last));
        let high = last.filter(|range| from < to && end < range.1).map(|range| (end, range.1));
        self.0.splice(from..to, low.into_iter().chain(high));
    }

    /// Removes every number that the set `other` contains.
    pub(in crate::channel) fn remove_all(&mut self, other: &Self) {
        for &(start, end) in &other.0 {
            self.remove(start, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn adjacent_and_overlapping_ranges_are_merged() {
        let mut set = RangeSet::default();
        set.insert(0, 2);
        set.insert(4, 6);
        assert_eq!(set.len(), 2);
        set.insert(2, 4);
        assert_eq!(set, RangeSet([(0, 6)].into()));
    }

    quickcheck! {
        fn a_range_set_matches_a_btree_set_after_any_insertions_and_removals(script: Vec<(bool, u8, u8)>) -> bool {
            let (mut set, mut model) = (RangeSet::default(), BTreeSet::new());
            script.into_iter().all(|(add, start, length)| {
                let (start, end) = (u64::from(start), u64::from(start) + u64::from(length % 32));
                let covered = (start..end).all(|value| model.contains(&value));
                let agrees = set.covers(start, end) == covered;
                if add {
                    set.insert(start, end);
                    model.extend(start..end);
                } else {
                    set.remove(start, end);
                    model.retain(|value| !(start..end).contains(value));
                }
                let apart = set.0.windows(2).all(|pair| pair[0].1 < pair[1].0);
                let listed: BTreeSet<u64> = set.0.iter().flat_map(|&(start, end)| start..end).collect();
                agrees && apart && listed == model && set.0.iter().all(|range| range.0 < range.1)
            })
        }
    }
}
