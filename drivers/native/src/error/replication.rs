//! The reason why changes of a replicated world, or a viewer of it, were not accepted.

use std::fmt;

use tickwire_core::snapshot::{WorldError, WorldId};

/// The reason why changes of a replicated world, or a viewer of it, were not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReplicationError {
    /// The endpoint refused changes of the world. The world lacks the refused changes, so the endpoint may refuse later changes
    /// too: stop replicating the world, or begin a new world with a new writer and another id.
    Refused {
        /// The id of the world.
        world: WorldId,
        /// The tick of the refused changes.
        tick: u64,
        /// The endpoint's reason.
        error: WorldError,
    },
    /// The endpoint refused to show the world to a connection.
    NoViewer {
        /// The id of the world.
        world: WorldId,
        /// The endpoint's reason.
        error: WorldError,
    },
    /// An accept policy called the method. The policy runs on the network thread, which would wait for itself.
    OnNetworkThread,
    /// The endpoint is stopped.
    Stopped,
}

impl fmt::Display for ReplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { world, error: error @ WorldError::NotConfigured, .. } => {
                write!(f, "world {} was not committed: {error}, or call Options::snapshots", world.0)
            }
            Self::Refused { world, tick, error } => write!(
                f,
                "the changes of tick {tick} of world {} were refused, and the world lacks them: {error}; begin a new world with a \
                 new writer and another id",
                world.0
            ),
            Self::NoViewer { world, error } => {
                write!(f, "the endpoint cannot send world {} to the connection: {error}", world.0)
            }
            Self::OnNetworkThread => f.write_str(
                "an accept policy runs on the network thread, which cannot wait for itself; call the method from another thread",
            ),
            Self::Stopped => f.write_str("the client, server or peer has stopped; start a new one"),
        }
    }
}

impl std::error::Error for ReplicationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replication_error_names_its_world_and_a_remedy() {
        let world = WorldId(3);
        let refused = |error| ReplicationError::Refused { world, tick: 9, error }.to_string();
        let text = refused(WorldError::NotConfigured);
        assert!(text.contains("world 3") && text.contains("Options::snapshots"), "{text}");
        let text = refused(WorldError::TooManyWorlds { most: 1024 });
        assert!(text.contains("tick 9 of world 3") && text.ends_with("another id"), "{text}");
        let text = ReplicationError::NoViewer { world, error: WorldError::NoSuchWorld { world } }.to_string();
        assert!(text.contains("commit changes to this world before you use it"), "{text}");
    }
}
