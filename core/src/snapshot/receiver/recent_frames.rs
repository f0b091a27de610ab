//! The units of the frames that arrived most recently. A later frame may refer to one of these frames instead of listing
//! its units.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use crate::limits::SNAPSHOT_FRAMES_HELD;
use crate::snapshot::delta::{FrameName, UnitSlot};

/// The most recent frames, in the order in which they arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentFrames {
    frames: VecDeque<RecentFrame>,
    /// The slots of the units of all frames, in the order of the frames. The slots before the first frame's are not in
    /// use.
    slots: Vec<UnitSlot>,
    /// The number of slots that were removed from the front of `slots`.
    removed: usize,
}

#[derive(Clone, Copy, Debug)]
struct RecentFrame {
    name: FrameName,
    /// The position of the frame's slots, counted from the first slot that any frame had.
    first: usize,
    count: usize,
}

impl RecentFrames {
    /// Returns the slots of a frame's units, ascending. Returns `None` if the frame is not among the recent frames.
    pub(super) fn slots(&self, name: FrameName) -> Option<&[UnitSlot]> {
        // Usually a frame refers to one that arrived a round trip ago.
        let frame = self.frames.iter().rev().find(|frame| frame.name == name)?;
        self.slots.get(self.range(frame))
    }

    fn range(&self, frame: &RecentFrame) -> Range<usize> {
        let first = frame.first.wrapping_sub(self.removed);
        first..first.saturating_add(frame.count)
    }

    /// Adds a frame. If the list is full, the frame replaces the oldest frame.
    pub(super) fn push(&mut self, name: FrameName, slots: impl Iterator<Item = UnitSlot>) {
        if self.frames.len() >= SNAPSHOT_FRAMES_HELD {
            self.frames.pop_front();
        }
        let unused = self.frames.front().map_or(self.slots.len(), |oldest| self.range(oldest).start);
        // Each slot is moved at most once for each slot that was added, and the list is at most twice as long as needed.
        if unused * 2 >= self.slots.len() {
            self.slots.drain(..unused);
            self.removed = self.removed.wrapping_add(unused);
        }
        let before = self.slots.len();
        self.slots.extend(slots);
        let (first, count) = (self.removed.wrapping_add(before), self.slots.len() - before);
        self.frames.push_back(RecentFrame { name, first, count });
    }

    pub(super) fn contains(&self, name: FrameName) -> bool {
        self.slots(name).is_some()
    }

    /// Returns the heap memory of the list, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<UnitSlot>() + self.frames.capacity() * size_of::<RecentFrame>()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{FrameName, RecentFrames, SNAPSHOT_FRAMES_HELD, UnitSlot};

    #[test]
    fn the_most_recent_frames_keep_their_slots_and_older_frames_are_dropped() {
        let mut frames = RecentFrames::default();
        let name = |tick: u32| FrameName { tick, part: 0 };
        // Frames of 0 to 96 units.
        let slots =
            |tick: u32| (0..(tick * 31 % 97) as u16).map(move |slot| UnitSlot(slot * 3 + tick as u16));
        for tick in 0..2000 {
            frames.push(name(tick), slots(tick));
            let oldest = (tick + 1).saturating_sub(SNAPSHOT_FRAMES_HELD as u32);
            for held in [oldest, tick, u32::midpoint(oldest, tick)] {
                let own: Vec<UnitSlot> = slots(held).collect();
                assert_eq!(frames.slots(name(held)), Some(own.as_slice()), "frame {held} at {tick}");
            }
            assert!(oldest == 0 || !frames.contains(name(oldest - 1)), "frame {oldest} at {tick}");
        }
        let units: usize = (2000 - SNAPSHOT_FRAMES_HELD as u32..2000).map(|tick| slots(tick).count()).sum();
        assert!(frames.slots.len() <= 2 * units + 97, "{} places for {units} units", frames.slots.len());
    }
}
