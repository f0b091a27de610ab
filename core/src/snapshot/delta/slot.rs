//! The numbers that name the units of a view.

/// The number of a unit in the view of one connection. Slots are numbered densely, so naming a unit costs few bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnitSlot(pub u16);
