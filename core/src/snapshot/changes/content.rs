//! The content of a tick's changes.

use alloc::vec::Vec;

use super::column::Column;
use crate::event::ConnectionId;
use crate::snapshot::ids::{BlueprintId, ComponentId, NetworkId};

/// How an entity is replicated.
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
    /// The values that a first sending is coded against; zeros without a blueprint.
    pub blueprint: Option<BlueprintId>,
    /// How often changes are committed, in Hz, in place of what each group says. 0: on every tick.
    pub hz: Option<u16>,
    /// How urgent changes are beside those of other entities, in proportion: 0 to 255, by default 128. Entities of weight 0 are
    /// sent when nothing else waits.
    pub weight: u8,
}

impl EntitySettings {
    /// The default weight.
    pub const WEIGHT: u8 = 128;

    /// No blueprint, the rate of each group, the default weight.
    #[must_use]
    pub const fn new() -> Self {
        Self { blueprint: None, hz: None, weight: Self::WEIGHT }
    }

    /// The same with a blueprint.
    #[must_use]
    pub const fn blueprint(self, blueprint: BlueprintId) -> Self {
        Self { blueprint: Some(blueprint), ..self }
    }

    /// The same with a rate in Hz, in place of what each group says. 0: on every tick.
    #[must_use]
    pub const fn hz(self, hz: u16) -> Self {
        Self { hz: Some(hz), ..self }
    }

    /// The same with a weight.
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

/// Why an entity is no longer there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Gone {
    /// It does not exist any more.
    Destroyed,
    /// It still exists, but this viewer does not see it any more.
    OutOfSight,
}

/// Whether a connection sees an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Show {
    /// The distance decides.
    #[default]
    ByDistance,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A new entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Created {
    /// Its id, which no entity of the world had before.
    pub id: NetworkId,
    /// How it is replicated.
    pub settings: EntitySettings,
}

/// The changes of one tick of a world, component by component.
///
/// A [`WorldWriter`](super::super::WorldWriter) makes them, and [`Changes::read`] restores them from a file. What is in them
/// is consistent in itself: ids of new and of destroyed entities ascend, and nothing is said twice. Cleared changes keep their
/// memory for the next tick.
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
    /// By ascending id.
    pub(in crate::snapshot) created: Vec<Created>,
    /// By ascending component. Empty ones are there for their memory only.
    pub(in crate::snapshot) columns: Vec<Column>,
    /// By ascending id.
    pub(in crate::snapshot) owners: Vec<(NetworkId, Option<ConnectionId>)>,
    /// By ascending connection and id.
    pub(in crate::snapshot) shows: Vec<(ConnectionId, NetworkId, Show)>,
    /// By ascending connection and id.
    pub(in crate::snapshot) predictions: Vec<(ConnectionId, NetworkId, bool)>,
    /// By ascending id.
    pub(in crate::snapshot) destroyed: Vec<(NetworkId, Gone)>,
}

impl Changes {
    /// The tick.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// The new entities, by ascending id.
    #[must_use]
    pub fn created(&self) -> &[Created] {
        &self.created
    }

    /// The changes of each component that has any, by ascending component.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_empty())
    }

    /// The changes of one component, if it has any.
    #[must_use]
    pub fn column(&self, component: ComponentId) -> Option<&Column> {
        let place = self.columns.binary_search_by_key(&component, Column::component).ok()?;
        self.columns.get(place).filter(|column| !column.is_empty())
    }

    /// The entities that have another owner, by ascending id. `None`: nobody owns the entity any more.
    #[must_use]
    pub fn owners(&self) -> &[(NetworkId, Option<ConnectionId>)] {
        &self.owners
    }

    /// The entities that connections are shown in another way than before, by ascending connection and id.
    #[must_use]
    pub fn shows(&self) -> &[(ConnectionId, NetworkId, Show)] {
        &self.shows
    }

    /// The entities that connections begin (`true`) or cease to predict, by ascending connection and id.
    #[must_use]
    pub fn predictions(&self) -> &[(ConnectionId, NetworkId, bool)] {
        &self.predictions
    }

    /// The entities that are gone, by ascending id. Values that were set in the same tick are their last ones.
    #[must_use]
    pub fn destroyed(&self) -> &[(NetworkId, Gone)] {
        &self.destroyed
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns().next().is_none()
            && self.created.is_empty()
            && self.owners.is_empty()
            && self.shows.is_empty()
            && self.predictions.is_empty()
            && self.destroyed.is_empty()
    }

    /// Takes everything out, and keeps the memory.
    pub fn clear(&mut self) {
        self.tick = 0;
        self.created.clear();
        self.columns.iter_mut().for_each(Column::clear);
        self.owners.clear();
        self.shows.clear();
        self.predictions.clear();
        self.destroyed.clear();
    }

    /// Bytes of the heap.
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

/// Changes are equal if they say the same in the same order; memory for components that did not change makes no difference.
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
