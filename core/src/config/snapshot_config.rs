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
    /// The components, groups and blueprints of all worlds. The endpoint adds them to [`Config::schema`](crate::Config::schema).
    pub schema: Arc<WorldSchema>,
    /// The largest number of entities that a world has at a time, and that a peer may show this endpoint at a time.
    ///
    /// Default: 10,000. Range: 1 to 65,536.
    pub max_entities: usize,
    /// The share of a connection's bandwidth that the world gets beside channels that send as well: 2 to the power of
    /// `priority`, as with [`ChannelConfig::priority`](crate::ChannelConfig::priority).
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
