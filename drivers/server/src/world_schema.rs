//! The schema of a game's replicated world.

use std::sync::Arc;

use tickwire_core::snapshot::{SnapshotSchema, SnapshotSchemaError, WorldSchema};
use tickwire_core::{Config, SnapshotConfig};

use crate::game::Game;

/// Returns the settings of the game's world. None if the game declares no component.
pub(crate) fn snapshots<G: Game>() -> Result<Option<SnapshotConfig>, SnapshotSchemaError> {
    let mut schema = SnapshotSchema::new();
    G::schema(&mut schema)?;
    let schema = schema.finish()?;
    Ok((!schema.groups().components.is_empty()).then(|| SnapshotConfig::new(schema)))
}

/// Returns the settings of the replicated world of game `G`, for clients that make their own
/// [`Config`]. [`client_options`](crate::client_options) includes them. Returns `None` if the game declares no components.
///
/// # Errors
/// [`SnapshotSchemaError`] if a component cannot be declared.
pub fn snapshot_config<G: Game>() -> Result<Option<SnapshotConfig>, SnapshotSchemaError> {
    let mut config = Config::new(G::APPLICATION);
    config.snapshots = snapshots::<G>()?;
    G::configure(&mut config);
    Ok(config.snapshots)
}

/// Returns the schema of the replicated world of game `G`, for clients' [views](tickwire_core::snapshot::WorldView).
/// [`client_options`](crate::client_options) includes it.
///
/// # Errors
/// [`SnapshotSchemaError`] if a component cannot be declared.
pub fn world_schema<G: Game>() -> Result<Arc<WorldSchema>, SnapshotSchemaError> {
    let mut schema = SnapshotSchema::new();
    G::schema(&mut schema)?;
    schema.finish().map(Arc::new)
}
