//! A world as a client sees it: the changes that arrived are applied to it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::TypeId;

use super::component_table::ComponentTable;
use super::view_records::ViewRecords;
use crate::event::ConnectionId;
use crate::snapshot::changes::{Changes, Column, Gone};
use crate::snapshot::component::ComponentSpec;
use crate::snapshot::ids::{BlueprintId, ComponentId, NetworkId};
use crate::snapshot::schema::WorldSchema;

/// A world as a client sees it: the newest value of each component, and the earlier values of about one second.
///
/// The view is separate from the game's own state. The game applies the changes of each
/// [`Event::Snapshot`](crate::Event::Snapshot), and reads values by type, or as
/// [`DynamicComponent`](crate::snapshot::DynamicComponent). [`Self::get`] returns the newest value. [`Self::sample`] returns the
/// values before and after a time, between which the game interpolates, so that movement is smooth although updates arrive, for
/// example, only 20 times per second. Use one view for each connection, and call [`Self::clear`] when a new connection replaces
/// the old one.
///
/// A view allocates nothing once it has reached its largest size. The history has at most
/// [`limits::VIEW_VERSIONS`](crate::limits::VIEW_VERSIONS) versions of each component of an entity, and at most
/// [`limits::VIEW_GONE`](crate::limits::VIEW_GONE) entities that are gone.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tickwire_core::snapshot::{EntitySettings, Gone, NetComponent, SnapshotSchema, WorldView};
///
/// #[derive(NetComponent, PartialEq, Debug)]
/// #[net(name = "crab")]
/// struct Crab {
///     #[net(range = -64.0..=64.0, step = 0.25)]
///     at: [f32; 2],
/// }
///
/// let mut schema = SnapshotSchema::new();
/// schema.component::<Crab>()?;
/// let schema = schema.finish()?;
/// let (mut world, mut view) = (schema.writer(), WorldView::new(&schema));
///
/// let crab = world.create(EntitySettings::new())?;
/// world.set(crab, &Crab { at: [0.0, 0.0] })?;
/// view.apply(&world.finish(1));
/// world.set(crab, &Crab { at: [3.0, 0.0] })?;
/// view.apply(&world.finish(4));
/// assert_eq!(view.get(crab), Some(Crab { at: [3.0, 0.0] }));
///
/// // Tick 2.5 is half-way between the ticks 1 and 4.
/// let sample = view.sample::<Crab>(crab, 2.5);
/// let progress = sample.progress(2.5, 4) as f32;
/// let (before, after) = (sample.before.unwrap().value.at[0], sample.after.unwrap().value.at[0]);
/// assert_eq!(before + (after - before) * progress, 1.5);
///
/// world.destroy(crab, Gone::Destroyed)?;
/// view.apply(&world.finish(7));
/// assert_eq!((view.contains(crab), view.gone(crab)), (false, Some((7, Gone::Destroyed))));
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorldView {
    entities: ViewRecords,
    /// Indexed by component.
    pub(super) tables: Vec<ComponentTable>,
    /// Indexed by component.
    pub(super) specs: Vec<Arc<ComponentSpec>>,
    /// The component of each Rust type, sorted by type id.
    pub(super) types: Vec<(TypeId, ComponentId)>,
    pub(super) tick: Option<u64>,
    /// The number of ticks for which the view keeps versions that newer versions replaced.
    history: u64,
    /// Entities that the changes destroy and create again, ascending by id.
    returned: Vec<NetworkId>,
}

impl WorldView {
    /// Creates an empty view of a world of `schema`, with a history of one second.
    #[must_use]
    pub fn new(schema: &WorldSchema) -> Self {
        let components = &schema.groups().components;
        Self {
            entities: ViewRecords::new(),
            tables: components.iter().map(|place| ComponentTable::new(place.words.into())).collect(),
            specs: schema.specs().cloned().collect(),
            types: schema.types.clone(),
            tick: None,
            history: schema.ticks_per_second().into(),
            returned: Vec::new(),
        }
    }

    /// Sets the number of ticks that the history reaches back, and returns the changed view. The limit
    /// [`limits::VIEW_VERSIONS`](crate::limits::VIEW_VERSIONS) still applies.
    #[must_use]
    pub fn with_history(self, ticks: u64) -> Self {
        Self { history: ticks, ..self }
    }

    /// Applies the changes of an [`Event::Snapshot`](crate::Event::Snapshot), or the changes of a tick from a
    /// [`WorldWriter`](crate::snapshot::WorldWriter). Apply changes in the order in which they arrived.
    ///
    /// If the tick is lower than the tick of the previous changes, the peer has switched the connection to another world. The
    /// view then drops its history, and all entities that the changes do not create.
    pub fn apply(&mut self, changes: &Changes) {
        let tick = changes.tick();
        let is_another_world = self.tick.is_some_and(|newest| tick < newest);
        if is_another_world {
            self.clear();
        }
        self.tick = Some(tick);
        let horizon = tick.saturating_sub(self.history);
        // An entity that the view shows, and that the changes both destroy and create, was gone and came back.
        self.returned.clear();
        for (id, gone) in changes.destroyed() {
            let is_created = changes.created().binary_search_by_key(id, |created| created.id).is_ok();
            if is_created && (self.retire(*id, *gone, tick, horizon) || is_another_world) {
                self.returned.push(*id);
            }
        }
        for created in changes.created() {
            self.entities.enter(created.id, created.settings.blueprint);
        }
        for (id, owner) in changes.owners() {
            self.entities.set_owner(*id, *owner);
        }
        changes.columns().for_each(|column| self.apply_column(column, tick, horizon));
        for (id, gone) in changes.destroyed() {
            if self.returned.binary_search(id).is_err() {
                self.retire(*id, *gone, tick, horizon);
            }
        }
        while let Some(id) = self.entities.forget_next(horizon) {
            self.tables.iter_mut().for_each(|table| table.forget(id));
        }
        self.tables.iter_mut().for_each(|table| table.sweep(horizon));
    }

    fn apply_column(&mut self, column: &Column, tick: u64, horizon: u64) {
        let component = usize::from(column.component().0);
        let Some(table) = self.tables.get_mut(component) else { return };
        for (id, words) in column.values().filter(|(id, _)| self.entities.contains(*id)) {
            table.set(id, tick, words, horizon);
        }
        for id in column.removed() {
            table.remove(*id, tick, horizon);
        }
    }

    /// The entity is gone, and lacks its components from `tick` on. Returns whether the entity existed.
    fn retire(&mut self, id: NetworkId, gone: Gone, tick: u64, horizon: u64) -> bool {
        let existed = self.entities.retire(id, tick, gone);
        if existed {
            self.tables.iter_mut().for_each(|table| table.remove(id, tick, horizon));
        }
        existed
    }

    /// Drops all entities and the history, and keeps the memory for reuse.
    pub fn clear(&mut self) {
        self.entities.clear();
        self.tables.iter_mut().for_each(ComponentTable::clear);
        self.tick = None;
    }

    /// Returns the tick of the newest changes. Returns `None` before the first changes.
    #[must_use]
    pub const fn tick(&self) -> Option<u64> {
        self.tick
    }

    /// Returns the ids of the entities in the view, in arbitrary order. The view contains no entity that is gone.
    pub fn entities(&self) -> impl Iterator<Item = NetworkId> {
        self.entities.existing().map(|record| record.id)
    }

    /// Returns the number of entities in the view.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entities.len()
    }

    /// Returns whether the view contains no entity.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the view contains an entity. The view does not contain an entity that is destroyed or out of
    /// sight.
    #[must_use]
    pub fn contains(&self, id: NetworkId) -> bool {
        self.entities.contains(id)
    }

    /// Returns the owner of an entity: the connection itself if this end owns the entity, the null id
    /// (`ConnectionId::default()`) if another peer does. Returns `None` if nobody owns the entity, or the view does not
    /// contain the entity.
    #[must_use]
    pub fn owner(&self, id: NetworkId) -> Option<ConnectionId> {
        self.entities.get(id).filter(|record| record.gone.is_none())?.owner
    }

    /// Returns the blueprint of an entity. Returns `None` if the entity has none, or the view does not contain the
    /// entity.
    #[must_use]
    pub fn blueprint(&self, id: NetworkId) -> Option<BlueprintId> {
        self.entities.get(id).filter(|record| record.gone.is_none())?.blueprint
    }

    /// Returns the tick in which an entity disappeared, and the reason. Returns `None` if the view contains the entity,
    /// never contained the entity, or no longer has the entity in its history.
    #[must_use]
    pub fn gone(&self, id: NetworkId) -> Option<(u64, Gone)> {
        self.entities.get(id)?.gone
    }

    /// Returns the heap memory that the view occupies, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.entities.memory()
            + self.tables.iter().map(ComponentTable::memory).sum::<usize>()
            + self.tables.capacity() * size_of::<ComponentTable>()
            + self.specs.capacity() * size_of::<Arc<ComponentSpec>>()
            + self.types.capacity() * size_of::<(TypeId, ComponentId)>()
            + self.returned.capacity() * size_of::<NetworkId>()
    }
}
