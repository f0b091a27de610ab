//! The place of each component's words in its unit. The store knows nothing else of a schema.

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
    /// The number of the group's components, 1 to 32.
    pub components: u8,
    /// The rate at which changes are committed, in Hz. 0 stands for every tick.
    pub hz: u16,
}

/// The place of a component's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComponentPlace {
    /// The group that the component belongs to.
    pub group: GroupId,
    /// The bit of a unit's first word that stands for the component, in a group of more than one component.
    pub bit: u8,
    /// The place of the component's first word among those of the unit.
    pub first_word: u16,
    /// The number of words of the component; 0 for a component without fields.
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
