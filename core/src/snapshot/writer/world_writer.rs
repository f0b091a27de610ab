//! The game's side of a world: the game sets values, and the writer returns each tick's [`Changes`].

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::any::TypeId;

use super::error::WriteError;
use super::marks::Marks;
use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::{Changes, Column, Created, EntitySettings, Gone, Show};
use crate::snapshot::entity_index::EntityIndex;
use crate::snapshot::groups::Groups;
use crate::snapshot::ids::{ComponentId, NetworkId};
use crate::snapshot::predictions::Predictions;

/// A writer of a world: collects the changes that a game makes in a tick. A game can use the writer in any thread.
///
/// If a value is set several times in one tick, the latest value counts. The game may set an unchanged value again in
/// each tick, because the store ignores values that did not change. A call for an entity that does not exist
/// returns [`WriteError::NoSuchEntity`] and changes nothing. A system that runs after an entity was destroyed in
/// the same tick can thus ignore the error with `.ok()`.
///
/// ```
/// use tickwire_core::snapshot::{
///     ComponentId, ComponentPlace, EntitySettings, Gone, Group, Groups, Layout, Part, Predictor, Store, WorldWriter,
/// };
///
/// // A schema makes these: one group with one component, a health of 0 to 100.
/// let health = Part::Numbers { words: 1, max: 100, threshold: 0 };
/// let layout = Layout::new(vec![health], Predictor::Last);
/// let groups = Groups {
///     groups: vec![Group { layout, components: 1, hz: 20 }],
///     components: vec![ComponentPlace { words: 1, ..ComponentPlace::default() }],
/// };
///
/// let mut world = WorldWriter::new(&groups);
/// let mut store = Store::new(groups, 60, 10_000)?;
/// let crab = world.create(EntitySettings::new())?;
/// world.set_words(crab, ComponentId(0), &[100])?;
/// let changes = world.finish(1);
/// store.commit(&changes)?;
/// world.reuse(changes); // the next tick's changes need no new memory
///
/// world.destroy(crab, Gone::Destroyed)?;
/// assert!(world.set_words(crab, ComponentId(0), &[99]).is_err());
/// store.commit(&world.finish(2))?;
/// assert_eq!(store.entities().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorldWriter {
    entities: EntityIndex,
    max_entities: usize,
    newest: u32,
    /// The free slots. A slot keeps its entity until the end of the tick in which the entity is destroyed.
    free: Vec<u32>,
    slots: u32,
    leaving: Vec<u32>,
    /// The changes of each component in this tick, indexed by component.
    marks: Vec<Marks>,
    predictions: Predictions,
    /// The tick's changes of rare kinds, in the order of [`Changes`].
    owners: BTreeMap<NetworkId, Option<ConnectionId>>,
    shows: BTreeMap<(ConnectionId, NetworkId), Show>,
    predicted: BTreeMap<(ConnectionId, NetworkId), bool>,
    changes: Changes,
    spare: Option<Changes>,
    /// The component of each Rust type, sorted by type id. Empty for a writer without a schema.
    pub(in crate::snapshot) types: Vec<(TypeId, ComponentId)>,
}

/// Returns empty columns, one for each component.
fn columns(groups: &Groups) -> Vec<Column> {
    let components = (0..=u16::MAX).zip(&groups.components);
    components.map(|(id, place)| Column::new(ComponentId(id), place.words)).collect()
}

impl WorldWriter {
    /// Creates a writer of an empty world with at most [`limits::ENTITIES`] entities.
    #[must_use]
    pub fn new(groups: &Groups) -> Self {
        Self {
            entities: EntityIndex::new(),
            max_entities: limits::ENTITIES,
            newest: 0,
            free: Vec::new(),
            slots: 0,
            leaving: Vec::new(),
            marks: vec![Marks::default(); groups.components.len()],
            predictions: Predictions::new(),
            owners: BTreeMap::new(),
            shows: BTreeMap::new(),
            predicted: BTreeMap::new(),
            changes: Changes { columns: columns(groups), ..Changes::default() },
            spare: None,
            types: Vec::new(),
        }
    }

    /// Sets the limit of entities, and returns the changed writer. Pass the limit of the world's store. A limit above
    /// [`limits::ENTITIES_MAX`] counts as [`limits::ENTITIES_MAX`].
    #[must_use]
    pub fn with_max_entities(self, max_entities: usize) -> Self {
        Self { max_entities: max_entities.min(limits::ENTITIES_MAX), ..self }
    }

    /// Returns whether the entity exists.
    #[must_use]
    pub fn contains(&self, id: NetworkId) -> bool {
        self.entities.get(id).is_some()
    }

    /// Creates an entity without components, and returns its id. Ids count from 1 and are never reused in a world. At 1000
    /// new entities a second, the ids suffice for 49 days.
    ///
    /// # Errors
    /// [`WriteError::TooManyEntities`] if the world has reached its limit of entities, and [`WriteError::IdsExhausted`]
    /// if all ids were used.
    pub fn create(&mut self, settings: EntitySettings) -> Result<NetworkId, WriteError> {
        if self.entities.len() >= self.max_entities {
            return Err(WriteError::TooManyEntities { max: self.max_entities });
        }
        let id = NetworkId(self.newest.checked_add(1).ok_or(WriteError::IdsExhausted)?);
        self.newest = id.0;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        });
        self.entities.insert(id, slot);
        self.changes.created.push(Created { id, settings });
        Ok(id)
    }

    /// Sets the words of an entity's component. The method does not check their range:
    /// [`Store::commit`](crate::snapshot::Store::commit) rejects a word out of range.
    ///
    /// # Errors
    /// [`WriteError`] if the entity or the component does not exist, or the component has a different number of words.
    pub fn set_words(
        &mut self,
        id: NetworkId,
        component: ComponentId,
        words: &[u32],
    ) -> Result<(), WriteError> {
        let (slot, column, marks) = self.place(id, component)?;
        if usize::from(column.width()) != words.len() {
            return Err(WriteError::WrongWords { component, given: words.len(), expected: column.width() });
        }
        marks.set_to(column, slot, id, words);
        Ok(())
    }

    /// Sets an entity's component, and returns its words for the caller to overwrite. The returned words have the
    /// values that were set earlier in the same tick, or zeros if no value was set.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] or [`WriteError::NoSuchComponent`] if the entity or the component does not exist.
    pub fn words_mut(&mut self, id: NetworkId, component: ComponentId) -> Result<&mut [u32], WriteError> {
        let (slot, column, marks) = self.place(id, component)?;
        Ok(marks.set(column, slot, id))
    }

    /// Removes a component from an entity. The call has no effect if the entity does not have the component.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] or [`WriteError::NoSuchComponent`] if the entity or the component does not exist.
    pub fn remove_component(&mut self, id: NetworkId, component: ComponentId) -> Result<(), WriteError> {
        let (slot, column, marks) = self.place(id, component)?;
        marks.remove(column, slot, id);
        Ok(())
    }

    /// Destroys an entity. Values that were set in the same tick are the entity's final values. The id of the entity is
    /// never reused.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity was never created, or was destroyed before.
    pub fn destroy(&mut self, id: NetworkId, gone: Gone) -> Result<(), WriteError> {
        let slot = self.entities.remove(id).ok_or(WriteError::NoSuchEntity { id })?;
        self.leaving.push(slot);
        self.predictions.remove_entity(id);
        self.changes.destroyed.push((id, gone));
        Ok(())
    }

    /// Sets the rule that determines whether a connection sees an entity. Default: [`Show::ByDistance`].
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity does not exist.
    pub fn show(&mut self, connection: ConnectionId, id: NetworkId, show: Show) -> Result<(), WriteError> {
        self.slot(id)?;
        self.shows.insert((connection, id), show);
        Ok(())
    }

    /// Sets the connection that owns an entity. `None` removes the owner.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity does not exist.
    pub fn set_owner(&mut self, id: NetworkId, owner: Option<ConnectionId>) -> Result<(), WriteError> {
        self.slot(id)?;
        self.owners.insert(id, owner);
        Ok(())
    }

    /// Marks an entity as predicted by a connection. The store then commits the entity's values exactly, without
    /// thresholds, and also on every tick unless the entity has an owner.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity does not exist; [`WriteError::TooManyPredicted`] if the connection
    /// already predicts [`limits::PREDICTED_ENTITIES`] entities.
    pub fn predict(&mut self, connection: ConnectionId, id: NetworkId) -> Result<(), WriteError> {
        self.slot(id)?;
        if self.predictions.contains(connection, id) {
            return Ok(());
        }
        if self.predictions.count(connection) >= limits::PREDICTED_ENTITIES {
            return Err(WriteError::TooManyPredicted { connection });
        }
        self.predictions.insert(connection, id);
        self.predicted.insert((connection, id), true);
        Ok(())
    }

    /// Marks an entity as no longer predicted by a connection.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity does not exist.
    pub fn stop_predicting(&mut self, connection: ConnectionId, id: NetworkId) -> Result<(), WriteError> {
        self.slot(id)?;
        if self.predictions.remove(connection, id) {
            self.predicted.insert((connection, id), false);
        }
        Ok(())
    }

    /// Removes all predictions of a connection that has ended. The connection remains the owner of its entities until
    /// [`Self::set_owner`] changes the owner.
    pub fn forget_connection(&mut self, connection: ConnectionId) {
        for id in self.predictions.remove_connection(connection) {
            self.predicted.insert((connection, id), false);
        }
    }

    /// Ends the tick, and returns the changes of the tick. `tick` must be above the tick of the previous call, but need
    /// not be the next tick. [`Store::commit`](crate::snapshot::Store::commit) rejects changes of a tick that is not
    /// above the latest committed tick.
    #[must_use]
    pub fn finish(&mut self, tick: u64) -> Changes {
        for marks in &mut self.marks {
            marks.clear();
        }
        self.free.append(&mut self.leaving);
        let mut changes = {
            let next = self.next();
            core::mem::replace(&mut self.changes, next)
        };
        changes.tick = tick;
        changes.destroyed.sort_unstable_by_key(|(id, _)| *id);
        changes.owners.extend(core::mem::take(&mut self.owners));
        let shows = core::mem::take(&mut self.shows).into_iter();
        changes.shows.extend(shows.map(|((connection, id), show)| (connection, id, show)));
        let predicted = core::mem::take(&mut self.predicted).into_iter();
        changes.predictions.extend(predicted.map(|((connection, id), is)| (connection, id, is)));
        changes
    }

    /// Returns changes from [`Self::finish`] to the writer, which reuses their memory for the changes that begin at the
    /// next call of [`Self::finish`]. The changes of one tick can thus still be in use while the game writes the
    /// changes of the next tick. The writer drops `spare` if its components are not those of the writer.
    pub fn reuse(&mut self, mut spare: Changes) {
        spare.clear();
        let is_alike = spare.columns.len() == self.changes.columns.len()
            && spare.columns.iter().zip(&self.changes.columns).all(|(a, b)| a.is_like(b));
        if is_alike {
            self.spare = Some(spare);
        }
    }

    /// Returns empty changes for the next tick.
    fn next(&mut self) -> Changes {
        self.spare.take().unwrap_or_else(|| {
            let columns = self.changes.columns.iter();
            let columns = columns.map(|column| Column::new(column.component(), column.width())).collect();
            Changes { columns, ..Changes::default() }
        })
    }

    fn slot(&self, id: NetworkId) -> Result<u32, WriteError> {
        self.entities.get(id).ok_or(WriteError::NoSuchEntity { id })
    }

    fn place(
        &mut self,
        id: NetworkId,
        component: ComponentId,
    ) -> Result<(u32, &mut Column, &mut Marks), WriteError> {
        let slot = self.slot(id)?;
        let place = usize::from(component.0);
        match (self.changes.columns.get_mut(place), self.marks.get_mut(place)) {
            (Some(column), Some(marks)) => Ok((slot, column, marks)),
            _ => Err(WriteError::NoSuchComponent { component }),
        }
    }
}

#[cfg(test)]
mod tests;
