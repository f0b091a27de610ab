//! The content of a tick's changes.

use alloc::vec::Vec;

use super::column::Column;
use crate::event::ConnectionId;
use crate::snapshot::ids::{BlueprintId, ComponentId, NetworkId};

/// The settings for the replication of one entity.
///
/// ```
/// use tickwire_core::snapshot::EntitySettings;
///
/// // A bystander: at most five updates a second, and half of the default weight when a packet cannot carry all changes.
/// let settings = EntitySettings::new().hz(5).weight(64);
/// assert_eq!((settings.hz, settings.weight, settings.blueprint), (Some(5), 64, None));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntitySettings {
    /// The blueprint against whose values the entity's first update is coded. Without a blueprint, the first update is
    /// coded against zeros.
    pub blueprint: Option<BlueprintId>,
    /// The rate in Hz at which the entity's changes are committed. 0 commits changes on every tick. `None` uses the rates
    /// of the entity's groups.
    pub hz: Option<u16>,
    /// The weight of the entity's changes, 0 to 255, if a connection cannot carry all changes before the next commit. The
    /// urgency of a change is the product of the weight, the entity's nearness and the waiting time, so a change of weight
    /// 0 has the lowest urgency. Default: 128.
    pub weight: u8,
}

impl EntitySettings {
    /// The default weight of an entity's changes.
    pub const WEIGHT: u8 = 128;

    /// Creates settings without a blueprint, with the rates of the groups and the default weight.
    #[must_use]
    pub const fn new() -> Self {
        Self { blueprint: None, hz: None, weight: Self::WEIGHT }
    }

    /// Sets the entity's blueprint, and returns the changed settings.
    #[must_use]
    pub const fn blueprint(self, blueprint: BlueprintId) -> Self {
        Self { blueprint: Some(blueprint), ..self }
    }

    /// Sets the rate in Hz at which the entity's changes are committed, and returns the changed settings. 0 commits
    /// changes on every tick.
    #[must_use]
    pub const fn hz(self, hz: u16) -> Self {
        Self { hz: Some(hz), ..self }
    }

    /// Sets the weight of the entity's changes, and returns the changed settings.
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

/// The reason why an entity is gone from a world or a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Gone {
    /// The entity was destroyed.
    Destroyed,
    /// The entity still exists, but this viewer no longer sees the entity.
    OutOfSight,
}

/// The rule that decides whether a connection sees an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Show {
    /// The distance between the entity and the eyes of the connection's [`Viewer`](crate::snapshot::Viewer) decides. A
    /// viewer without eyes sees all entities.
    #[default]
    ByDistance,
    /// The connection always sees the entity.
    Always,
    /// The connection never sees the entity.
    Never,
}

/// An entity that was created in the tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Created {
    /// The id of the entity, which the world never gives to another entity.
    pub id: NetworkId,
    /// The settings for the replication of the entity.
    pub settings: EntitySettings,
}

/// The changes of one tick of a world, component by component.
///
/// A [`WorldWriter`](super::super::WorldWriter) creates changes, and [`Changes::read`] reads them from a file.
/// Changes are consistent: the ids of created and of destroyed entities ascend, and no change is listed twice.
/// Cleared changes keep their memory for the next tick.
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
    /// The created entities, ascending by id.
    pub(in crate::snapshot) created: Vec<Created>,
    /// The columns, ascending by component. Empty columns are kept only for their memory.
    pub(in crate::snapshot) columns: Vec<Column>,
    /// The entities with a new owner, ascending by id.
    pub(in crate::snapshot) owners: Vec<(NetworkId, Option<ConnectionId>)>,
    /// The changed visibility rules, ascending by connection and id.
    pub(in crate::snapshot) shows: Vec<(ConnectionId, NetworkId, Show)>,
    /// The changed predictions, ascending by connection and id.
    pub(in crate::snapshot) predictions: Vec<(ConnectionId, NetworkId, bool)>,
    /// The destroyed entities, ascending by id.
    pub(in crate::snapshot) destroyed: Vec<(NetworkId, Gone)>,
}

impl Changes {
    /// Returns the tick of the changes.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Returns the entities that were created in the tick, ascending by id.
    #[must_use]
    pub fn created(&self) -> &[Created] {
        &self.created
    }

    /// Returns the columns that contain changes, ascending by component id.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_empty())
    }

    /// Returns the column of `component`. Returns `None` if the component has no changes.
    #[must_use]
    pub fn column(&self, component: ComponentId) -> Option<&Column> {
        let place = self.columns.binary_search_by_key(&component, Column::component).ok()?;
        self.columns.get(place).filter(|column| !column.is_empty())
    }

    /// Returns each entity whose owner changed, with its new owner, ascending by id. `None` means that the entity no longer
    /// has an owner.
    #[must_use]
    pub fn owners(&self) -> &[(NetworkId, Option<ConnectionId>)] {
        &self.owners
    }

    /// Returns the changed visibility rules, ascending by connection and entity id.
    #[must_use]
    pub fn shows(&self) -> &[(ConnectionId, NetworkId, Show)] {
        &self.shows
    }

    /// Returns the entities that connections begin to predict (`true`) or stop predicting (`false`), ascending by connection
    /// and entity id.
    #[must_use]
    pub fn predictions(&self) -> &[(ConnectionId, NetworkId, bool)] {
        &self.predictions
    }

    /// Returns the destroyed entities with the reasons, ascending by id. Values that were set in the same tick are the
    /// final values of these entities.
    #[must_use]
    pub fn destroyed(&self) -> &[(NetworkId, Gone)] {
        &self.destroyed
    }

    /// Returns whether the tick has no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns().next().is_none()
            && self.created.is_empty()
            && self.owners.is_empty()
            && self.shows.is_empty()
            && self.predictions.is_empty()
            && self.destroyed.is_empty()
    }

    /// Removes all changes and keeps the memory for reuse.
    pub fn clear(&mut self) {
        self.tick = 0;
        self.created.clear();
        self.columns.iter_mut().for_each(Column::clear);
        self.owners.clear();
        self.shows.clear();
        self.predictions.clear();
        self.destroyed.clear();
    }

    /// Returns the heap memory that the changes occupy, in bytes.
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

/// Two values are equal if they list the same changes in the same order. Columns without changes are ignored.
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
