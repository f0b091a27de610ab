//! The place of each component's words in its unit. This is all that the store knows of a schema.

use alloc::vec::Vec;

use super::ids::{ComponentId, GroupId};
use super::layout::Layout;

/// All groups and components of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Groups {
    /// The groups, by [`GroupId`].
    pub groups: Vec<Group>,
    /// The components, by [`ComponentId`].
    pub components: Vec<ComponentPlace>,
}

/// A group of components.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    /// The layout of the group's units. In a group of more than one component, the first word has a bit for each component that the
    /// entity has.
    pub layout: Layout,
    /// The number of the group's components, 1 to 32.
    pub components: u8,
    /// The rate in Hz at which changes are committed. 0 commits on every tick.
    pub hz: u16,
}

/// The place of a component's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComponentPlace {
    /// The group that the component belongs to.
    pub group: GroupId,
    /// The bit of a unit's first word that stands for the component, in a group of more than one component.
    pub bit: u8,
    /// The place of the component's first word in the unit.
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
    /// `true` if the first word of a unit shows which components the entity has.
    #[must_use]
    pub const fn has_presence(&self) -> bool {
        self.components > 1
    }
}
