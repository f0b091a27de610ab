//! The settings of replicated worlds.

use alloc::sync::Arc;

use crate::limits;
use crate::snapshot::WorldSchema;

/// The settings of replicated worlds. Both ends need the same schema.
///
/// ```
/// use tickwire_core::snapshot::{ComponentSpec, FieldKind, FieldSpec, SnapshotSchema};
/// use tickwire_core::{Config, SnapshotConfig};
///
/// let mut schema = SnapshotSchema::new();
/// schema.declare(ComponentSpec::new("health").field(FieldSpec::new("points", FieldKind::integer(0, 100))))?;
/// let mut config = Config::new(7);
/// config.snapshots = Some(SnapshotConfig::new(schema.finish()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotConfig {
    /// The schema of all worlds: components, groups and blueprints. The endpoint adds an entry for each of them to
    /// [`Config::schema`](crate::Config::schema).
    pub schema: Arc<WorldSchema>,
    /// The largest number of entities that may exist in a world at the same time. From a peer, this endpoint accepts up to
    /// twice this number, because new entities may arrive before the removal of old entities.
    ///
    /// Default: 10,000. Range: 1 to 65,536.
    pub max_entities: usize,
    /// The priority of the world. The world and the channels of a connection share the bandwidth in proportion to the
    /// weight 2^priority, as with [`ChannelConfig::priority`](crate::ChannelConfig::priority).
    ///
    /// Default: 3. Range: 0 to 7.
    pub priority: u8,
}

impl SnapshotConfig {
    /// Creates the default settings for worlds of `schema`.
    #[must_use]
    pub fn new(schema: impl Into<Arc<WorldSchema>>) -> Self {
        Self { schema: schema.into(), max_entities: limits::ENTITIES, priority: 3 }
    }
}
