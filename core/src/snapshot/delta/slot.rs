//! The numbers by which the units of a view are known.

/// A unit in the view of one connection. Slots are numbered densely, so that naming one costs few bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnitSlot(pub u16);
