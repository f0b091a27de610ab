//! The id of the replicated world.

use tickwire_core::snapshot::WorldId;

/// The id of the world that a dedicated server replicates.
pub const WORLD: WorldId = WorldId(0);
