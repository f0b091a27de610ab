//! The worlds of an endpoint.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::ids::WorldId;
use super::interest::{ShowRules, SpatialGrid};
use super::schema::WorldSchema;
use super::sender::FrameScratch;
use super::store::{Store, StoreError};
use super::unit_codec::UnitCodec;

/// All worlds of an endpoint, and the memory that their connections share.
pub(crate) struct Worlds {
    schema: Arc<WorldSchema>,
    codec: Arc<UnitCodec>,
    max_entities: usize,
    worlds: BTreeMap<WorldId, World>,
}

/// A world, and the positions of its units.
struct World {
    store: Store,
    grid: SpatialGrid,
    rules: ShowRules,
    scratch: FrameScratch,
}

impl Worlds {
    /// Creates an endpoint's state without worlds. Each world can have `max_entities` entities.
    pub(crate) fn new(schema: Arc<WorldSchema>, max_entities: usize) -> Self {
        let codec = Arc::new(UnitCodec::new(&schema));
        Self { schema, codec, max_entities, worlds: BTreeMap::new() }
    }

    pub(crate) const fn codec(&self) -> &Arc<UnitCodec> {
        &self.codec
    }

    pub(crate) const fn max_entities(&self) -> usize {
        self.max_entities
    }

    /// Returns the number of worlds.
    pub(crate) fn len(&self) -> usize {
        self.worlds.len()
    }

    pub(crate) fn get(&self, world: WorldId) -> Option<&Store> {
        self.worlds.get(&world).map(|world| &world.store)
    }

    /// Returns a world and the positions in the world.
    pub(crate) fn get_mut(
        &mut self,
        world: WorldId,
    ) -> Option<(&mut Store, &mut SpatialGrid, &mut ShowRules)> {
        self.worlds.get_mut(&world).map(|world| (&mut world.store, &mut world.grid, &mut world.rules))
    }

    /// Adds an empty world.
    pub(crate) fn insert(&mut self, world: WorldId) -> Result<(), StoreError> {
        let store = self.schema.store(self.max_entities)?;
        let grid = SpatialGrid::new(&self.schema);
        self.worlds
            .insert(world, World { store, grid, rules: ShowRules::default(), scratch: FrameScratch::new() });
        Ok(())
    }

    pub(crate) fn remove(&mut self, world: WorldId) {
        self.worlds.remove(&world);
    }

    /// Returns a world, and the memory for building a frame.
    pub(crate) fn lend(&mut self, world: WorldId) -> Option<(&Store, &mut FrameScratch)> {
        self.worlds.get_mut(&world).map(|world| (&world.store, &mut world.scratch))
    }

    /// Returns the heap memory of all worlds, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let memory = |world: &World| {
            world.store.memory() + world.grid.memory() + world.rules.memory() + world.scratch.memory()
        };
        self.worlds.values().map(memory).sum()
    }
}
