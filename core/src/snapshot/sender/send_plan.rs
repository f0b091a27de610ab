//! A list of units in the order in which they are to be sent.

use alloc::vec::Vec;

use crate::snapshot::delta::UnitSlot;

/// The units of a plan, in the order of sending.
#[derive(Clone, Debug, Default)]
pub(super) struct SendPlan {
    pub(super) slots: Vec<UnitSlot>,
    next: usize,
}

/// A unit that waits to be sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PlanCandidate {
    pub(super) urgency: u32,
    pub(super) slot: UnitSlot,
    pub(super) is_entering: bool,
}

impl SendPlan {
    /// Returns the next unit of the plan.
    pub(super) fn first(&self) -> Option<UnitSlot> {
        self.slots.get(self.next).copied()
    }

    /// Advances to the next unit of the plan.
    pub(super) const fn advance(&mut self) {
        self.next += 1;
    }

    pub(super) fn is_done(&self) -> bool {
        self.next >= self.slots.len()
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.next = 0;
    }

    pub(super) const fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<UnitSlot>()
    }
}
