//! The packet numbers that a receiver has to acknowledge.

use core::ops::RangeInclusive;

use smallvec::SmallVec;

use crate::limits;

const RANGES_INLINE: usize = 4;
/// The number of ranges whose memory the set always keeps.
const ROOM_KEPT: usize = 2 * limits::ACK_RANGES;

/// The packet numbers that a receiver must acknowledge, as at most [`limits::ACK_RANGES_KEPT`] ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AckRanges {
    /// The lowest and the highest packet number of each range, ascending, with at least one missing number between two
    /// ranges.
    pub(super) ranges: SmallVec<[(u64, u64); RANGES_INLINE]>,
}

impl AckRanges {
    /// Returns whether the set contains no packet number.
    #[must_use]
    #[cfg(feature = "wire-writers")]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Returns the number of ranges in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Returns the lowest packet number in the set, or `None` if the set is empty.
    #[must_use]
    pub fn lowest(&self) -> Option<u64> {
        self.ranges.first().map(|&(start, _)| start)
    }

    /// Returns the largest packet number in the set, or `None` if the set is empty.
    #[must_use]
    pub fn largest(&self) -> Option<u64> {
        self.ranges.last().map(|&(_, end)| end)
    }

    /// Returns the ranges of the set, the newest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = RangeInclusive<u64>> + ExactSizeIterator {
        self.ranges.iter().rev().map(|&(start, end)| start..=end)
    }

    /// Returns whether `packet_number` is in the set.
    #[must_use]
    #[cfg(any(test, feature = "wire-writers"))]
    pub fn contains(&self, packet_number: u64) -> bool {
        self.ranges.iter().any(|&(start, end)| (start..=end).contains(&packet_number))
    }

    /// Adds `packet_number` to the set. If the set then exceeds its maximum number of ranges, the method drops
    /// the oldest eighth of the ranges, which may include the new number.
    pub fn insert(&mut self, packet_number: u64) {
        // Usually it is the next one.
        if let Some((_, end)) = self.ranges.last_mut()
            && packet_number.checked_sub(1) == Some(*end)
        {
            *end = packet_number;
            return;
        }
        let above = self.place_of(packet_number);
        let below = above.checked_sub(1).and_then(|below| self.range(below));
        let touches_below = below.is_some_and(|(_, end)| packet_number <= end.saturating_add(1));
        let touches_above =
            self.range(above).is_some_and(|(start, _)| packet_number.saturating_add(1) == start);
        match (touches_below, touches_above) {
            (true, true) => {
                let (_, end) = self.ranges.remove(above);
                self.grow(above - 1, |range| range.1 = end);
            }
            (true, false) => self.grow(above - 1, |range| range.1 = range.1.max(packet_number)),
            (false, true) => self.grow(above, |range| range.0 = packet_number),
            (false, false) => self.insert_range(above, packet_number),
        }
    }

    /// Removes every packet number below `packet_number`.
    pub fn remove_below(&mut self, packet_number: u64) {
        let gone = self.ranges.partition_point(|&(_, end)| end < packet_number);
        self.remove_oldest(gone);
        self.grow(0, |range| range.0 = range.0.max(packet_number));
    }

    /// Drops the oldest ranges while the set has more than `keep` ranges. A range is dropped only if all its numbers
    /// are below `packet_number`.
    pub(crate) fn thin_out(&mut self, packet_number: u64, keep: usize) {
        let below = self.ranges.partition_point(|&(_, end)| end < packet_number);
        self.remove_oldest(below.min(self.ranges.len().saturating_sub(keep)));
    }

    /// Returns the largest number in the set that is below `packet_number`.
    pub(crate) fn largest_below(&self, packet_number: u64) -> Option<u64> {
        let below = self.ranges.partition_point(|&(start, _)| start < packet_number);
        self.range(below.checked_sub(1)?).map(|(_, end)| end.min(packet_number - 1))
    }

    /// Drops the `count` oldest ranges. Releases memory if few ranges are left after a burst.
    fn remove_oldest(&mut self, count: usize) {
        self.ranges.drain(..count);
        if self.ranges.capacity() > ROOM_KEPT && self.ranges.len() <= limits::ACK_RANGES {
            self.ranges.shrink_to_fit();
        }
    }

    /// Releases unused memory.
    pub(crate) fn shrink(&mut self) {
        self.ranges.shrink_to_fit();
    }

    /// Returns the index of the first range that starts above `packet_number`. The search begins at the end, where
    /// most new numbers belong.
    fn place_of(&self, packet_number: u64) -> usize {
        self.ranges.iter().rposition(|&(start, _)| start <= packet_number).map_or(0, |below| below + 1)
    }

    fn range(&self, index: usize) -> Option<(u64, u64)> {
        self.ranges.get(index).copied()
    }

    fn grow(&mut self, index: usize, change: impl FnOnce(&mut (u64, u64))) {
        if let Some(range) = self.ranges.get_mut(index) {
            change(range);
        }
    }

    fn insert_range(&mut self, index: usize, packet_number: u64) {
        if self.ranges.len() < limits::ACK_RANGES_KEPT {
            self.ranges.insert(index, (packet_number, packet_number));
            return;
        }
        // Several at a time: to remove the first one moves all the others.
        let surplus = limits::ACK_RANGES_KEPT / 8;
        self.remove_oldest(surplus);
        if let Some(index) = index.checked_sub(surplus) {
            self.ranges.insert(index, (packet_number, packet_number));
        }
    }
}
