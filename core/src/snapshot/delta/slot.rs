//! The numbers that name the units of a view.

use crate::snapshot::ids::{BlueprintId, GroupId, NetworkId};

/// The number of a unit in the view of one connection. Slots are numbered densely, so naming a unit costs few bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnitSlot(pub u16);

/// The unit that a slot stands for. A frame carries the binding of each unit that it codes against a blueprint, so a receiver that
/// missed all earlier frames learns it from this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlotBinding {
    /// The unit's entity.
    pub id: NetworkId,
    /// The unit's group.
    pub group: GroupId,
    /// The entity's blueprint.
    pub blueprint: Option<BlueprintId>,
}
