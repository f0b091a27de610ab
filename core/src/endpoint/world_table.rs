//! The worlds of an endpoint, and the connections to which the endpoint sends each world.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::Config;
use crate::event::ConnectionId;
use crate::snapshot::WorldId;
use crate::snapshot::spare_changes::SpareChanges;
use crate::snapshot::worlds::Worlds;

/// The worlds of an endpoint, and the connections to which each world is sent.
#[derive(Default)]
pub(super) struct EndpointWorlds {
    pub(super) table: Option<Worlds>,
    /// The connections to which each world is sent.
    pub(super) viewers: BTreeMap<WorldId, Vec<ConnectionId>>,
    pub(super) spare: SpareChanges,
}

impl EndpointWorlds {
    pub(super) fn new(config: &Config) -> Self {
        let table = config.snapshots.as_ref();
        let table = table.map(|snapshots| Worlds::new(Arc::clone(&snapshots.schema), snapshots.max_entities));
        Self { table, ..Self::default() }
    }
}
