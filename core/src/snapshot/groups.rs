//! The position of each component's words in its unit. The store needs no other part of a schema.

use alloc::vec::Vec;

use super::ids::{ComponentId, GroupId};
use super::layout::Layout;

/// The layouts of all groups and components of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Groups {
    /// The groups, indexed by [`GroupId`].
    pub groups: Vec<Group>,
    /// The components, indexed by [`ComponentId`].
    pub components: Vec<ComponentPlace>,
}

/// A group of components, which are sent together as one unit per entity.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    /// The layout of the group's units. If the group has more than one component, the first word of a unit contains
    /// presence bits: one bit for each component of the group, set if the entity has the component.
    pub layout: Layout,
    /// The number of components in the group, 1 to 32.
    pub components: u8,
    /// The rate in Hz at which changes of the group are committed. 0 commits changes on every tick.
    pub hz: u16,
}

/// The position of a component's words in a unit of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComponentPlace {
    /// The id of the component's group.
    pub group: GroupId,
    /// The index of the bit in the unit's first word that shows whether the entity has the component. The index 0 is
    /// the lowest bit. Only a group of more than one component has such bits.
    pub bit: u8,
    /// The index of the component's first word in the unit.
    pub first_word: u16,
    /// The number of words of the component, or 0 for a component without fields.
    pub words: u16,
}

impl Groups {
    /// Returns the group with this id, or `None` if there is no such group.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(usize::from(id.0))
    }

    /// Returns the position of the component with this id, or `None` if there is no such component.
    #[must_use]
    pub fn component(&self, id: ComponentId) -> Option<&ComponentPlace> {
        self.components.get(usize::from(id.0))
    }
}

impl Group {
    /// Returns whether the first word of a unit shows which components the entity has.
    #[must_use]
    pub const fn has_presence(&self) -> bool {
        self.components > 1
    }
}
