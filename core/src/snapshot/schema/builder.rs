//! The schema to which a game adds its declarations.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::TypeId;

use super::super::component::{ComponentSpec, NetComponent};
use super::super::dynamic::{DynamicComponent, DynamicError};
use super::blueprint::ComponentValues;
use super::check;
use super::error::SnapshotSchemaError;
use super::finish;
use super::group::GroupSettings;
use super::world_schema::{Declared, WorldSchema};
use crate::limits;

/// The declarations of a game's components, groups and blueprints, from which [`Self::finish`] creates a schema.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tickwire_core::snapshot::{Audience, NetComponent, SnapshotSchema};
///
/// #[derive(NetComponent)]
/// #[net(name = "place", hz = 30)]
/// struct Place {
///     #[net(range = -1024.0..=1024.0, step = 0.002)]
///     at: [f32; 3],
/// }
///
/// #[derive(NetComponent)]
/// #[net(name = "purse", group = "secret")]
/// struct Purse {
///     #[net(range = 0..=9999)]
///     gold: u16,
/// }
///
/// let mut schema = SnapshotSchema::new();
/// schema.component::<Place>()?.component::<Purse>()?;
/// schema.group("secret").to(Audience::Owner);
/// schema.blueprint("beggar", (Place { at: [0.0; 3] }, Purse { gold: 0 }))?;
///
/// let schema = schema.finish()?;
/// let place = schema.component_id::<Place>().unwrap();
/// assert_eq!(schema.groups().component(place).unwrap().words, 3);
/// # }
/// # Ok::<(), tickwire_core::snapshot::SnapshotSchemaError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SnapshotSchema {
    components: BTreeMap<String, Declared>,
    groups: BTreeMap<String, GroupSettings>,
    blueprints: BTreeMap<String, Vec<(String, Vec<u32>)>>,
    ticks_per_second: u16,
}

impl Default for SnapshotSchema {
    fn default() -> Self {
        Self::new()
    }
}

impl SnapshotSchema {
    /// Creates a schema without components.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            components: BTreeMap::new(),
            groups: BTreeMap::new(),
            blueprints: BTreeMap::new(),
            ticks_per_second: finish::TICKS_PER_SECOND,
        }
    }

    /// Sets the number of ticks per second of the world, and returns the schema. The number converts velocities, which are
    /// given per second, to predictions per tick. 0 counts as 1; [`WorldSchema::store`] refuses a number above 10,000.
    /// Default: 60, as in the dedicated server.
    pub fn ticks_per_second(&mut self, ticks: u16) -> &mut Self {
        self.ticks_per_second = ticks.max(1);
        self
    }

    /// Declares the component `T`, and returns the schema.
    ///
    /// # Errors
    /// [`SnapshotSchemaError`] if the type `T` or its name is already declared, if the name of the component or of its
    /// group is not allowed, if a field is invalid, or if there are too many components. The schema is then unchanged.
    pub fn component<T: NetComponent>(&mut self) -> Result<&mut Self, SnapshotSchemaError> {
        let type_id = TypeId::of::<T>();
        if let Some((name, _)) = self.components.iter().find(|(_, other)| other.type_id == Some(type_id)) {
            return Err(SnapshotSchemaError::DuplicateType { name: name.clone() });
        }
        self.insert(T::spec(), Some(type_id))
    }

    /// Declares a component without a Rust type, whose fields a script sets by name, and returns the schema.
    ///
    /// # Errors
    /// The errors of [`Self::component`], except [`SnapshotSchemaError::DuplicateType`].
    pub fn declare(&mut self, spec: ComponentSpec) -> Result<&mut Self, SnapshotSchemaError> {
        self.insert(spec, None)
    }

    fn insert(
        &mut self,
        spec: ComponentSpec,
        type_id: Option<TypeId>,
    ) -> Result<&mut Self, SnapshotSchemaError> {
        check::component(&spec)?;
        let name = String::from(spec.name.as_ref());
        if self.components.contains_key(&name) {
            return Err(SnapshotSchemaError::DuplicateName { what: "component", name });
        }
        if self.components.len() >= limits::COMPONENTS {
            return Err(SnapshotSchemaError::TooMany { what: "components", limit: limits::COMPONENTS });
        }
        self.components.insert(name, Declared { spec: Arc::new(spec), type_id });
        Ok(self)
    }

    /// Returns the settings of a group, for the caller to change. [`Self::finish`] rejects settings of a group without
    /// components.
    pub fn group(&mut self, name: impl Into<String>) -> &mut GroupSettings {
        self.groups.entry(name.into()).or_default()
    }

    /// Declares a blueprint with its initial values: a tuple of components, or a list of dynamic components. Returns
    /// the schema.
    ///
    /// # Errors
    /// [`SnapshotSchemaError`] if the blueprint's name is taken or not allowed, or there are too many blueprints. The
    /// schema is then unchanged.
    pub fn blueprint(
        &mut self,
        name: impl Into<String>,
        values: impl ComponentValues,
    ) -> Result<&mut Self, SnapshotSchemaError> {
        let name = name.into();
        check::name("blueprint", &name)?;
        if self.blueprints.contains_key(&name) {
            return Err(SnapshotSchemaError::DuplicateName { what: "blueprint", name });
        }
        if self.blueprints.len() >= limits::BLUEPRINTS {
            return Err(SnapshotSchemaError::TooMany { what: "blueprints", limit: limits::BLUEPRINTS });
        }
        self.blueprints.insert(name, values.named_words());
        Ok(self)
    }

    /// Returns the default value of a declared component, as a dynamic value for a blueprint.
    ///
    /// # Errors
    /// [`DynamicError::UnknownComponent`] if the component is not declared yet.
    pub fn dynamic(&self, component: &str) -> Result<DynamicComponent, DynamicError> {
        let declared = self.components.get(component);
        let unknown = || DynamicError::UnknownComponent { component: component.into() };
        declared.map(|declared| DynamicComponent::new(declared.spec.clone())).ok_or_else(unknown)
    }

    /// Checks the whole schema, numbers components, groups and blueprints in the order of their names, and returns the
    /// finished schema.
    ///
    /// # Errors
    /// [`SnapshotSchemaError`] if a group has too many components, if a unit of a group may be too large for a packet,
    /// if the components of a group request different predictions, if the prediction does not suit the group, if a group
    /// with settings has no components, or if a blueprint has a component that is not declared, occurs twice or has other
    /// fields than the schema declares.
    pub fn finish(self) -> Result<WorldSchema, SnapshotSchemaError> {
        finish::finish(self.components, self.groups, self.blueprints, self.ticks_per_second)
    }
}
