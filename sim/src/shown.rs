//! A plain model of a replicated world as a peer shows it, for tests that compare the model with the committed world.

use std::collections::BTreeMap;

use tickwire_core::ConnectionId;
use tickwire_core::snapshot::{Changes, ComponentId, Group, NetworkId, Store, UnitState, WorldSchema};

/// The values of an entity's components, indexed by component id. A value consists of 32-bit words.
pub type Components = BTreeMap<ComponentId, Vec<u32>>;

/// An entity as a peer shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShownEntity {
    /// The owner of the entity: the peer's own connection, or the null connection for any other owner. `None` if nobody
    /// owns the entity.
    pub owner: Option<ConnectionId>,
    /// The components that the entity has.
    pub components: Components,
}

/// A replicated world, built from all changes that a peer reported.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShownWorld {
    /// The entities that the peer shows.
    pub entities: BTreeMap<NetworkId, ShownEntity>,
}

impl ShownWorld {
    /// Applies the changes of one event.
    ///
    /// # Errors
    /// A text that names the first change that contradicts the world so far, such as a value of an entity that is not
    /// shown.
    pub fn apply(&mut self, changes: &Changes) -> Result<(), String> {
        let is_back = |id: &NetworkId| changes.created().iter().any(|created| created.id == *id);
        for (id, _) in changes.destroyed().iter().filter(|(id, _)| is_back(id)) {
            self.remove(*id)?;
        }
        for created in changes.created() {
            if self.entities.insert(created.id, ShownEntity::default()).is_some() {
                return Err(format!("{:?} was created although it was shown", created.id));
            }
        }
        for (id, owner) in changes.owners() {
            self.entity(*id)?.owner = *owner;
        }
        for column in changes.columns() {
            for (id, words) in column.values() {
                self.entity(id)?.components.insert(column.component(), words.to_vec());
            }
            for id in column.removed() {
                if self.entity(*id)?.components.remove(&column.component()).is_none() {
                    return Err(format!("{id:?} lost {:?}, which it did not have", column.component()));
                }
            }
        }
        for (id, _) in changes.destroyed().iter().filter(|(id, _)| !is_back(id)) {
            self.remove(*id)?;
        }
        Ok(())
    }

    fn entity(&mut self, id: NetworkId) -> Result<&mut ShownEntity, String> {
        self.entities.get_mut(&id).ok_or_else(|| format!("{id:?} changed although it is not shown"))
    }

    fn remove(&mut self, id: NetworkId) -> Result<(), String> {
        let removed = self.entities.remove(&id);
        removed.map(drop).ok_or_else(|| format!("{id:?} was destroyed although it was not shown"))
    }
}

/// Returns the committed components of an entity.
#[must_use]
pub fn committed_components(schema: &WorldSchema, store: &Store, id: NetworkId) -> Components {
    let states = store.units(id).filter_map(|(_, unit)| store.state(unit));
    states.flat_map(|state| components_of_unit(schema, &state)).collect()
}

/// Returns the components that `unit` contains, with their values, even if the entity of `unit` is destroyed.
#[must_use]
pub fn components_of_unit(schema: &WorldSchema, unit: &UnitState<'_>) -> Components {
    let (group, version) = (unit.group, unit.version);
    let has_presence = schema.groups().group(group).is_some_and(Group::has_presence);
    let components = (0..=u16::MAX).zip(&schema.groups().components);
    let own = components.filter(|(_, place)| place.group == group);
    let present = own.filter_map(|(component, place)| {
        let is_there =
            if has_presence { version.words.first()? >> place.bit & 1 != 0 } else { version.is_present };
        let first = usize::from(place.first_word);
        let words = version.words.get(first..first + usize::from(place.words))?;
        is_there.then(|| (ComponentId(component), words.to_vec()))
    });
    present.collect()
}
