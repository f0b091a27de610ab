//! Memory that all connections of an endpoint use in turn to build a frame.

use alloc::vec::Vec;

use crate::snapshot::delta::{CodedUnit, FrameWriter, SlotBinding, UnitSlot};

/// A unit that a frame may carry, and how urgent it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct FrameCandidate {
    pub(super) urgency: u32,
    pub(super) slot: UnitSlot,
    /// Whether the peer has nothing of it yet.
    pub(super) is_entering: bool,
}

/// A unit of the frame that is built.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedUnit {
    pub(super) slot: UnitSlot,
    pub(super) binding: SlotBinding,
    /// The place of its bits among the coded units.
    pub(super) place: usize,
}

/// Lists and buffers, empty between two frames.
#[derive(Debug, Default)]
pub(crate) struct FrameScratch {
    pub(super) candidates: Vec<FrameCandidate>,
    pub(super) picked: Vec<PickedUnit>,
    pub(super) coded: Vec<CodedUnit>,
    pub(super) writer: FrameWriter,
    pub(super) bytes: Vec<u8>,
}

impl FrameScratch {
    /// Memory for frames.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The bytes of the frame that was built last.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of the heap, the bits of units aside.
    pub(crate) const fn memory(&self) -> usize {
        self.candidates.capacity() * size_of::<FrameCandidate>()
            + self.picked.capacity() * size_of::<PickedUnit>()
            + self.coded.capacity() * size_of::<CodedUnit>()
            + self.bytes.capacity()
    }
}
