//! The worlds of an endpoint.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::ids::WorldId;
use super::schema::WorldSchema;
use super::sender::FrameScratch;
use super::store::{Store, StoreError};
use super::unit_codec::UnitCodec;

/// All worlds, and what their connections share.
pub(crate) struct Worlds {
    schema: Arc<WorldSchema>,
    codec: Arc<UnitCodec>,
    max_entities: usize,
    stores: BTreeMap<WorldId, Store>,
    scratch: FrameScratch,
}

impl Worlds {
    /// No world yet; each may have `max_entities` entities.
    pub(crate) fn new(schema: Arc<WorldSchema>, max_entities: usize) -> Self {
        let codec = Arc::new(UnitCodec::new(&schema));
        Self { schema, codec, max_entities, stores: BTreeMap::new(), scratch: FrameScratch::new() }
    }

    pub(crate) const fn codec(&self) -> &Arc<UnitCodec> {
        &self.codec
    }

    pub(crate) const fn max_entities(&self) -> usize {
        self.max_entities
    }

    /// How many worlds there are.
    pub(crate) fn len(&self) -> usize {
        self.stores.len()
    }

    pub(crate) fn get(&self, world: WorldId) -> Option<&Store> {
        self.stores.get(&world)
    }

    pub(crate) fn get_mut(&mut self, world: WorldId) -> Option<&mut Store> {
        self.stores.get_mut(&world)
    }

    /// Adds an empty world.
    pub(crate) fn insert(&mut self, world: WorldId) -> Result<(), StoreError> {
        let store = self.schema.store(self.max_entities)?;
        self.stores.insert(world, store);
        Ok(())
    }

    /// A world, and the memory to build a frame in.
    pub(crate) fn lend(&mut self, world: WorldId) -> Option<(&Store, &mut FrameScratch)> {
        Some((self.stores.get(&world)?, &mut self.scratch))
    }

    /// Bytes of the heap.
    pub(crate) fn memory(&self) -> usize {
        self.stores.values().map(Store::memory).sum::<usize>() + self.scratch.memory()
    }
}
