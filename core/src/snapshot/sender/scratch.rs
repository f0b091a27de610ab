//! Memory that all connections that are sent a world use in turn to build a frame.

use alloc::vec::Vec;

use super::residuals::Residuals;
use super::send_plan::PlanCandidate;
use crate::snapshot::delta::{FrameWriter, SlotBinding, UnitSlot};

/// A unit of the frame that is built.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedUnit {
    pub(super) slot: UnitSlot,
    pub(super) binding: SlotBinding,
    /// How many units were picked before it: more urgent ones.
    pub(super) order: usize,
    /// The place of its bits among the coded units.
    pub(super) place: usize,
}

/// Lists and buffers, empty between two frames.
#[derive(Debug, Default)]
pub(crate) struct FrameScratch {
    pub(super) candidates: Vec<PlanCandidate>,
    pub(super) picked: Vec<PickedUnit>,
    pub(super) residuals: Residuals,
    pub(super) writer: FrameWriter,
    pub(super) bytes: Vec<u8>,
    /// Whether units had to be taken out of the frame that was built last.
    pub(super) is_cut: bool,
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
        self.candidates.capacity() * size_of::<PlanCandidate>()
            + self.picked.capacity() * size_of::<PickedUnit>()
            + self.residuals.memory()
            + self.bytes.capacity()
    }
}
