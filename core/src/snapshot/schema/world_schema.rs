//! The schema that worlds and connections share.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::TypeId;

use super::super::component::{ComponentSpec, NetComponent};
use super::super::dynamic::{DynamicComponent, DynamicError};
use super::super::groups::Groups;
use super::super::ids::{BlueprintId, ComponentId, GroupId};
use super::blueprint::Blueprint;
use super::group::Audience;
use crate::schema::SchemaEntry;

/// A checked schema of components, groups and blueprints. The id of a component, group or blueprint is its index in the
/// list sorted by name. Share the schema in an `Arc`.
#[derive(Clone, Debug)]
pub struct WorldSchema {
    pub(super) groups: Groups,
    /// The components, indexed by component id.
    pub(super) components: Vec<Declared>,
    /// The name of each group and the peers that receive the group, indexed by group id.
    pub(super) group_names: Vec<(String, Audience)>,
    /// The blueprints, sorted by name.
    pub(super) blueprints: Vec<Blueprint>,
    /// The component of each Rust type, sorted by type id.
    pub(in crate::snapshot) types: Vec<(TypeId, ComponentId)>,
    pub(super) entries: Vec<SchemaEntry>,
    pub(super) ticks_per_second: u16,
}

/// A component of a schema.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) spec: Arc<ComponentSpec>,
    /// The Rust type, or `None` if a script declared the component.
    pub(super) type_id: Option<TypeId>,
}

impl WorldSchema {
    /// Returns the layouts of the groups and components, as stores and codecs use them.
    #[must_use]
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Returns the id of the component `T`. Returns `None` if `T` is not declared.
    #[must_use]
    pub fn component_id<T: NetComponent>(&self) -> Option<ComponentId> {
        let of_type = TypeId::of::<T>();
        let place = self.types.binary_search_by(|(other, _)| other.cmp(&of_type)).ok()?;
        self.types.get(place).map(|(_, id)| *id)
    }

    /// Returns the id of the component with this name, or `None` if there is no such component.
    #[must_use]
    pub fn component_named(&self, name: &str) -> Option<ComponentId> {
        let place = self.components.binary_search_by(|one| one.spec.name.as_ref().cmp(name)).ok()?;
        Some(ComponentId(place as u16))
    }

    /// Returns the declaration of a component, or `None` if no component has this id.
    #[must_use]
    pub fn spec(&self, id: ComponentId) -> Option<&ComponentSpec> {
        self.declared(id).map(|declared| &*declared.spec)
    }

    /// Returns the specifications of all components, by id.
    pub(in crate::snapshot) fn specs(&self) -> impl Iterator<Item = &Arc<ComponentSpec>> {
        self.components.iter().map(|declared| &declared.spec)
    }

    /// Returns the id of the group with this name, or `None` if there is no such group.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<GroupId> {
        let place = self.group_names.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        Some(GroupId(place as u16))
    }

    /// Returns the name of a group, or `None` if no group has this id.
    #[must_use]
    pub fn group_name(&self, id: GroupId) -> Option<&str> {
        self.group_names.get(usize::from(id.0)).map(|(name, _)| name.as_str())
    }

    /// Returns the peers to which a group is sent, or `None` if no group has this id.
    #[must_use]
    pub fn audience(&self, id: GroupId) -> Option<Audience> {
        self.group_names.get(usize::from(id.0)).map(|(_, audience)| *audience)
    }

    /// Returns the blueprints, sorted by name.
    #[must_use]
    pub fn blueprints(&self) -> &[Blueprint] {
        &self.blueprints
    }

    /// Returns the id of the blueprint with this name, which is its index in [`Self::blueprints`]. Returns `None` if there is
    /// no such blueprint.
    #[must_use]
    pub fn blueprint_named(&self, name: &str) -> Option<BlueprintId> {
        let place = self.blueprints.binary_search_by(|one| one.name.as_str().cmp(name)).ok()?;
        Some(BlueprintId(place as u16))
    }

    /// Returns the number of ticks per second of the world.
    #[must_use]
    pub const fn ticks_per_second(&self) -> u16 {
        self.ticks_per_second
    }

    /// Returns the default value of the component with this name, as a dynamic value.
    ///
    /// # Errors
    /// [`DynamicError::UnknownComponent`] if no component has this name.
    pub fn dynamic(&self, component: &str) -> Result<DynamicComponent, DynamicError> {
        let found = self.component_named(component).and_then(|id| self.declared(id));
        let unknown = || DynamicError::UnknownComponent { component: component.into() };
        found.map(|declared| DynamicComponent::new(declared.spec.clone())).ok_or_else(unknown)
    }

    /// Returns the value that a component's words represent, as a dynamic value. Returns `None` if no component has this id.
    #[must_use]
    pub fn dynamic_from_words(&self, id: ComponentId, words: &[u32]) -> Option<DynamicComponent> {
        let declared = self.declared(id)?;
        Some(DynamicComponent::from_words(declared.spec.clone(), words))
    }

    /// Returns the entries that the handshake compares, for
    /// [`Schema::with_entries`](crate::schema::Schema::with_entries). Each component has an entry `component:NAME`, and
    /// each blueprint has an entry `blueprint:NAME`. A group has an entry `group:NAME` unless its only component has
    /// the same name as the group.
    ///
    /// The hashes cover fields, their kinds and ranges, groups, predictions and blueprints. The hashes do not cover
    /// rates, thresholds and audiences, because only the sender uses these settings.
    #[must_use]
    pub fn entries(&self) -> &[SchemaEntry] {
        &self.entries
    }

    fn declared(&self, id: ComponentId) -> Option<&Declared> {
        self.components.get(usize::from(id.0))
    }
}
