//! Writes values of Rust types to a world's writer, and reads them from its store.

use core::any::{TypeId, type_name};

use super::component::{ComponentWords, NetComponent, WordReader};
use super::dynamic::DynamicComponent;
use super::ids::NetworkId;
use super::schema::WorldSchema;
use super::store::{Store, StoreError};
use super::writer::{WorldWriter, WriteError};

impl WorldSchema {
    /// Creates a writer of an empty world, with which the game changes the world.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use tickwire_core::snapshot::{EntitySettings, NetComponent, SnapshotSchema};
    ///
    /// #[derive(NetComponent, PartialEq, Debug)]
    /// #[net(name = "crab")]
    /// struct Crab {
    ///     #[net(range = -64.0..=64.0, step = 0.25)]
    ///     at: [f32; 2],
    ///     claws: u8,
    /// }
    ///
    /// let mut schema = SnapshotSchema::new();
    /// schema.component::<Crab>()?;
    /// let schema = schema.finish()?;
    /// let (mut world, mut store) = (schema.writer(), schema.store(1000)?);
    ///
    /// let crab = world.create(EntitySettings::new())?;
    /// world.set(crab, &Crab { at: [1.2, -3.0], claws: 2 })?;
    /// let changes = world.finish(1);
    /// store.commit(&changes)?;
    /// world.reuse(changes);
    ///
    /// // 1.2 lies between two steps, and 1.25 is the nearest step.
    /// assert_eq!(schema.read(&store, crab), Some(Crab { at: [1.25, -3.0], claws: 2 }));
    /// # }
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn writer(&self) -> WorldWriter {
        let mut writer = WorldWriter::new(self.groups());
        writer.types.clone_from(&self.types);
        writer
    }

    /// Creates a store for at most `max_entities` entities, with the schema's number of ticks per second.
    ///
    /// # Errors
    /// [`StoreError::Entities`] if `max_entities` exceeds [`limits::ENTITIES_MAX`](crate::limits::ENTITIES_MAX), or
    /// [`StoreError::Rate`] if the schema has more than 10,000 ticks per second.
    pub fn store(&self, max_entities: usize) -> Result<Store, StoreError> {
        Store::new(self.groups().clone(), self.ticks_per_second().into(), max_entities)
    }

    /// Returns the committed value of an entity's component. Returns `None` if the entity does not exist or does not
    /// have the component.
    #[must_use]
    pub fn read<T: NetComponent>(&self, store: &Store, id: NetworkId) -> Option<T> {
        let place = *self.groups().component(self.component_id::<T>()?)?;
        let group = self.groups().group(place.group)?;
        let words = store.state(store.unit(id, place.group)?)?.version.words;
        if group.has_presence() && words.first()? >> place.bit & 1 == 0 {
            return None;
        }
        let from = usize::from(place.first_word);
        let words = words.get(from..from + usize::from(place.words))?;
        Some(T::restore(&mut WordReader::new(words)))
    }
}

impl WorldWriter {
    /// Sets the value of an entity's component.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity does not exist; [`WriteError::NoSuchType`] if the component is not in
    /// the schema, or [`WorldSchema::writer`] did not create the writer.
    pub fn set<T: NetComponent>(&mut self, id: NetworkId, value: &T) -> Result<(), WriteError> {
        let component = self.component_of::<T>()?;
        let mut words = ComponentWords::new(self.words_mut(id, component)?);
        value.quantise(&mut words);
        words.finish();
        Ok(())
    }

    /// Sets the value of an entity's component from a dynamic value. `schema` must be the schema that created the
    /// writer.
    ///
    /// # Errors
    /// [`WriteError::NoSuchEntity`] if the entity does not exist; [`WriteError::WrongWords`] or
    /// [`WriteError::NoSuchType`] if the value belongs to a different schema.
    pub fn set_dynamic(
        &mut self,
        schema: &WorldSchema,
        id: NetworkId,
        value: &DynamicComponent,
    ) -> Result<(), WriteError> {
        let component = schema.component_named(&value.spec().name);
        let component =
            component.ok_or_else(|| WriteError::NoSuchType { name: type_name::<DynamicComponent>() })?;
        self.set_words(id, component, value.words())
    }

    /// Removes a component from an entity. The call has no effect if the entity does not have the component.
    ///
    /// # Errors
    /// The errors of [`Self::set`], in the same cases.
    pub fn remove<T: NetComponent>(&mut self, id: NetworkId) -> Result<(), WriteError> {
        let component = self.component_of::<T>()?;
        self.remove_component(id, component)
    }

    fn component_of<T: NetComponent>(&self) -> Result<super::ids::ComponentId, WriteError> {
        let of_type = TypeId::of::<T>();
        let place = self.types.binary_search_by(|(other, _)| other.cmp(&of_type)).ok();
        let found = place.and_then(|place| self.types.get(place)).map(|(_, id)| *id);
        found.ok_or_else(|| WriteError::NoSuchType { name: type_name::<T>() })
    }
}

#[cfg(feature = "derive")]
#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::super::changes::EntitySettings;
    use super::super::schema::SnapshotSchema;
    use super::*;
    use crate::snapshot::dynamic::DynamicValue;

    #[derive(tickwire_derive::NetComponent, PartialEq, Debug)]
    #[net(name = "pose", group = "body", crate = crate)]
    struct Pose {
        #[net(range = -8.0..=8.0, step = 0.5)]
        at: [f32; 2],
    }

    #[derive(tickwire_derive::NetComponent, PartialEq, Debug)]
    #[net(name = "armour", group = "body", crate = crate)]
    struct Armour {
        plates: u8,
    }

    #[derive(tickwire_derive::NetComponent, PartialEq, Debug)]
    #[net(name = "stray", crate = crate)]
    struct Stray;

    fn schema() -> WorldSchema {
        let mut schema = SnapshotSchema::new();
        schema.component::<Pose>().unwrap();
        schema.component::<Armour>().unwrap();
        schema.finish().unwrap()
    }

    #[test]
    fn components_of_one_group_are_set_and_removed_by_type() {
        let schema = schema();
        let (mut world, mut store) = (schema.writer(), schema.store(10).unwrap());
        let id = world.create(EntitySettings::new().hz(0)).unwrap();
        world.set(id, &Pose { at: [1.0, -0.5] }).unwrap();
        store.commit(&world.finish(1)).unwrap();
        assert_eq!(schema.read(&store, id), Some(Pose { at: [1.0, -0.5] }));
        assert_eq!(schema.read::<Armour>(&store, id), None);

        world.set(id, &Armour { plates: 0 }).unwrap();
        world.remove::<Pose>(id).unwrap();
        store.commit(&world.finish(2)).unwrap();
        assert_eq!(schema.read(&store, id), Some(Armour { plates: 0 }));
        assert_eq!(schema.read::<Pose>(&store, id), None);
    }

    #[test]
    fn a_value_set_by_component_name_equals_the_value_of_the_rust_type() {
        let schema = schema();
        let (mut world, mut store) = (schema.writer(), schema.store(10).unwrap());
        let id = world.create(EntitySettings::new()).unwrap();
        let mut armour = schema.dynamic("armour").unwrap();
        armour.set("plates", &DynamicValue::Int(7)).unwrap();
        world.set_dynamic(&schema, id, &armour).unwrap();
        store.commit(&world.finish(1)).unwrap();
        assert_eq!(schema.read(&store, id), Some(Armour { plates: 7 }));
    }

    #[test]
    fn the_error_about_a_type_missing_from_the_schema_names_the_type_and_the_remedy() {
        let mut world = schema().writer();
        let id = world.create(EntitySettings::new()).unwrap();
        let text = world.set(id, &Stray).unwrap_err().to_string();
        assert!(text.contains("Stray`; declare the type with `SnapshotSchema::component`"), "{text}");
    }
}
