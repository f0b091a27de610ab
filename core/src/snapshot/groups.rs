//! Where each component's words are among those of its unit: all that the store knows of a schema.

use alloc::vec::Vec;

use super::ids::{ComponentId, GroupId};
use super::layout::Layout;

/// All groups and components of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Groups {
    /// Each group, by [`GroupId`].
    pub groups: Vec<Group>,
    /// Each component, by [`ComponentId`].
    pub components: Vec<ComponentPlace>,
}

/// A group of components.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    /// The words of its units. In a group of more than one component, the first word says which of them the entity has, a bit each.
    pub layout: Layout,
    /// How many components the group has, 1 to 32.
    pub components: u8,
    /// How often a change is committed, in Hz. 0: on every tick.
    pub hz: u16,
}

/// The place of a component's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComponentPlace {
    /// The group that the component belongs to.
    pub group: GroupId,
    /// Which bit of a unit's first word stands for the component, in a group of more than one.
    pub bit: u8,
    /// The place of the component's first word among those of the unit.
    pub first_word: u16,
    /// How many words the component has. A component without fields has none.
    pub words: u16,
}

impl Groups {
    /// A group by its id.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(usize::from(id.0))
    }

    /// A component by its id.
    #[must_use]
    pub fn component(&self, id: ComponentId) -> Option<&ComponentPlace> {
        self.components.get(usize::from(id.0))
    }
}

impl Group {
    /// Whether the first word of a unit says which components the entity has.
    #[must_use]
    pub const fn has_presence(&self) -> bool {
        self.components > 1
    }
}
