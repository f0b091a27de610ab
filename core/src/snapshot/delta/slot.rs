//! The numbers that name the units of a view.

use crate::snapshot::ids::{BlueprintId, GroupId, NetworkId};

/// The number of a unit in the view of one connection. A new unit gets the lowest free number, so slot numbers stay small
/// and take few bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnitSlot(pub u16);

/// The unit to which a slot is bound. A frame carries the binding of each unit that is coded against a blueprint, so a
/// receiver can decode such a unit even if all earlier frames were lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlotBinding {
    /// The id of the unit's entity.
    pub id: NetworkId,
    /// The id of the unit's group.
    pub group: GroupId,
    /// The id of the entity's blueprint, if the entity has one.
    pub blueprint: Option<BlueprintId>,
}
