//! The content of a tick's changes.

use alloc::vec::Vec;

use super::column::Column;
use crate::event::ConnectionId;
use crate::snapshot::ids::{BlueprintId, ComponentId, NetworkId};

/// The settings by which an entity is replicated.
///
/// ```
/// use tickwire_core::snapshot::EntitySettings;
///
/// // A bystander: five updates a second at most, and half of the usual weight when not everything fits.
/// let settings = EntitySettings::new().hz(5).weight(64);
/// assert_eq!((settings.hz, settings.weight, settings.blueprint), (Some(5), 64, None));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntitySettings {
    /// The blueprint whose values the first update is coded against. Without a blueprint, the first update is coded against zeros.
    pub blueprint: Option<BlueprintId>,
    /// The rate in Hz at which changes are committed, in place of the rate of each group. 0 commits on every tick.
    pub hz: Option<u16>,
    /// The weight of the entity's changes relative to those of other entities, 0 to 255. Default: 128. Entities of weight 0 are
    /// sent only when no other change waits.
    pub weight: u8,
}

impl EntitySettings {
    /// The default weight.
    pub const WEIGHT: u8 = 128;

    /// Settings without a blueprint, with the rate of each group and the default weight.
    #[must_use]
    pub const fn new() -> Self {
        Self { blueprint: None, hz: None, weight: Self::WEIGHT }
    }

    /// Sets the blueprint.
    #[must_use]
    pub const fn blueprint(self, blueprint: BlueprintId) -> Self {
        Self { blueprint: Some(blueprint), ..self }
    }

    /// Sets a rate in Hz, in place of the rate of each group. 0 commits on every tick.
    #[must_use]
    pub const fn hz(self, hz: u16) -> Self {
        Self { hz: Some(hz), ..self }
    }

    /// Sets the weight.
    #[must_use]
    pub const fn weight(self, weight: u8) -> Self {
        Self { weight, ..self }
    }
}

impl Default for EntitySettings {
    fn default() -> Self {
        Self::new()
    }
}

/// The reason that an entity is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Gone {
    /// The entity no longer exists.
    Destroyed,
    /// The entity still exists, but this viewer no longer sees it.
    OutOfSight,
}

/// The rule that decides whether a connection sees an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Show {
    /// The distance decides.
    #[default]
    ByDistance,
    /// The connection always sees the entity.
    Always,
    /// The connection never sees the entity.
    Never,
}

/// A new entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Created {
    /// The entity's id, which no entity of the world had before.
    pub id: NetworkId,
    /// The settings by which the entity is replicated.
    pub settings: EntitySettings,
}

/// The changes of one tick of a world, component by component.
///
/// A [`WorldWriter`](super::super::WorldWriter) makes changes, and [`Changes::read`] restores them from a file. Changes are
/// consistent: the ids of new and of destroyed entities ascend, and no change is listed twice. Cleared changes keep their memory
/// for the next tick.
///
/// ```
/// use tickwire_core::snapshot::{Changes, ComponentId, ComponentPlace, EntitySettings, Group, Groups, WorldWriter};
///
/// let place = ComponentPlace { words: 2, ..ComponentPlace::default() };
/// let groups = Groups { groups: vec![Group::default()], components: vec![place] };
/// let mut world = WorldWriter::new(&groups);
/// let id = world.create(EntitySettings::new())?;
/// world.set_words(id, ComponentId(0), &[7, 8])?;
/// let changes = world.finish(1);
///
/// let mut file = Vec::new();
/// changes.write(&mut file);
/// let (again, rest) = Changes::read(&file)?;
/// assert_eq!((again, rest.len()), (changes, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub(in crate::snapshot) tick: u64,
    /// Ascending by id.
    pub(in crate::snapshot) created: Vec<Created>,
    /// Ascending by component. Empty columns are kept only for their memory.
    pub(in crate::snapshot) columns: Vec<Column>,
    /// Ascending by id.
    pub(in crate::snapshot) owners: Vec<(NetworkId, Option<ConnectionId>)>,
    /// Ascending by connection and id.
    pub(in crate::snapshot) shows: Vec<(ConnectionId, NetworkId, Show)>,
    /// Ascending by connection and id.
    pub(in crate::snapshot) predictions: Vec<(ConnectionId, NetworkId, bool)>,
    /// Ascending by id.
    pub(in crate::snapshot) destroyed: Vec<(NetworkId, Gone)>,
}

impl Changes {
    /// The tick.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// The new entities, ascending by id.
    #[must_use]
    pub fn created(&self) -> &[Created] {
        &self.created
    }

    /// The columns that hold changes, ascending by component.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_empty())
    }

    /// The column of `component`. `None` if the component has no changes.
    #[must_use]
    pub fn column(&self, component: ComponentId) -> Option<&Column> {
        let place = self.columns.binary_search_by_key(&component, Column::component).ok()?;
        self.columns.get(place).filter(|column| !column.is_empty())
    }

    /// The entities whose owner changed, ascending by id. `None` stands for an entity without an owner.
    #[must_use]
    pub fn owners(&self) -> &[(NetworkId, Option<ConnectionId>)] {
        &self.owners
    }

    /// The entities whose visibility rule for a connection changed, ascending by connection and id.
    #[must_use]
    pub fn shows(&self) -> &[(ConnectionId, NetworkId, Show)] {
        &self.shows
    }

    /// The entities that connections start (`true`) or stop (`false`) predicting, ascending by connection and id.
    #[must_use]
    pub fn predictions(&self) -> &[(ConnectionId, NetworkId, bool)] {
        &self.predictions
    }

    /// The entities that are gone, ascending by id. Values that were set in the same tick are their last values.
    #[must_use]
    pub fn destroyed(&self) -> &[(NetworkId, Gone)] {
        &self.destroyed
    }

    /// `true` if nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns().next().is_none()
            && self.created.is_empty()
            && self.owners.is_empty()
            && self.shows.is_empty()
            && self.predictions.is_empty()
            && self.destroyed.is_empty()
    }

    /// Removes all changes and keeps the memory.
    pub fn clear(&mut self) {
        self.tick = 0;
        self.created.clear();
        self.columns.iter_mut().for_each(Column::clear);
        self.owners.clear();
        self.shows.clear();
        self.predictions.clear();
        self.destroyed.clear();
    }

    /// The heap memory of the changes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.created.capacity() * size_of::<Created>()
            + self.columns.capacity() * size_of::<Column>()
            + self.columns.iter().map(Column::memory).sum::<usize>()
            + self.owners.capacity() * size_of::<(NetworkId, Option<ConnectionId>)>()
            + self.shows.capacity() * size_of::<(ConnectionId, NetworkId, Show)>()
            + self.predictions.capacity() * size_of::<(ConnectionId, NetworkId, bool)>()
            + self.destroyed.capacity() * size_of::<(NetworkId, Gone)>()
    }
}

/// Two values are equal if they list the same changes in the same order. Columns without changes make no difference.
impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        self.tick == other.tick
            && self.created == other.created
            && self.columns().eq(other.columns())
            && self.owners == other.owners
            && self.shows == other.shows
            && self.predictions == other.predictions
            && self.destroyed == other.destroyed
    }
}

impl Eq for Changes {}
