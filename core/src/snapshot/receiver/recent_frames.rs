//! The units of the frames that arrived most recently. A later frame may refer to one of these frames instead of listing
//! its units.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::limits::SNAPSHOT_FRAMES_HELD;
use crate::snapshot::delta::{FrameName, UnitSlot};

/// The most recent frames, in the order in which they arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentFrames {
    frames: VecDeque<(FrameName, Vec<UnitSlot>)>,
}

impl RecentFrames {
    /// Returns the slots of a frame's units, ascending. Returns `None` if the frame is not among the recent frames.
    pub(super) fn slots(&self, name: FrameName) -> Option<&[UnitSlot]> {
        // Usually a frame refers to one that arrived a round trip ago.
        self.frames.iter().rev().find(|(own, _)| *own == name).map(|(_, slots)| slots.as_slice())
    }

    /// Adds a frame. If the list is full, the frame replaces the oldest frame and reuses its memory.
    pub(super) fn push(&mut self, name: FrameName, slots: impl Iterator<Item = UnitSlot>) {
        let oldest = if self.frames.len() < SNAPSHOT_FRAMES_HELD { None } else { self.frames.pop_front() };
        let mut list = oldest.map(|(_, list)| list).unwrap_or_default();
        list.clear();
        list.extend(slots);
        self.frames.push_back((name, list));
    }

    pub(super) fn contains(&self, name: FrameName) -> bool {
        self.slots(name).is_some()
    }

    /// Returns the heap memory of the list, in bytes.
    pub(super) fn memory(&self) -> usize {
        let lists: usize = self.frames.iter().map(|(_, list)| list.capacity()).sum();
        lists * size_of::<UnitSlot>() + self.frames.capacity() * size_of::<(FrameName, Vec<UnitSlot>)>()
    }
}
