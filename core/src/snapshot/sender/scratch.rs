//! Memory for building a frame, which all connections of a world use in turn.

use alloc::vec::Vec;

use super::residuals::Residuals;
use super::send_plan::PlanCandidate;
use crate::snapshot::delta::{FrameWriter, SlotBinding, UnitSlot};

/// A unit in the frame that is being built.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedUnit {
    pub(super) slot: UnitSlot,
    pub(super) binding: SlotBinding,
    /// The number of units that were added to the frame before this unit. They are more urgent.
    pub(super) order: usize,
    /// The index of the unit among the coded units.
    pub(super) place: usize,
}

/// Lists and buffers for building a frame. Each call of [`WorldSender::pack`](super::world_sender::WorldSender::pack)
/// overwrites them.
#[derive(Debug, Default)]
pub(crate) struct FrameScratch {
    pub(super) candidates: Vec<PlanCandidate>,
    pub(super) picked: Vec<PickedUnit>,
    pub(super) residuals: Residuals,
    pub(super) writer: FrameWriter,
    pub(super) bytes: Vec<u8>,
    /// `true` if the most recently built frame had no space for some of its units.
    pub(super) is_cut: bool,
}

impl FrameScratch {
    /// Creates empty lists and buffers.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns the bytes of the most recently built frame.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the heap memory in bytes, without the bits of the coded units.
    pub(crate) const fn memory(&self) -> usize {
        self.candidates.capacity() * size_of::<PlanCandidate>()
            + self.picked.capacity() * size_of::<PickedUnit>()
            + self.residuals.memory()
            + self.bytes.capacity()
    }
}
