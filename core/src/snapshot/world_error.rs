//! The reasons why a method of replicated worlds fails.

use core::fmt;

use super::ids::WorldId;
use super::store::{CommitError, StoreError};

/// The reason why a commit or a viewer was rejected. The rejected call changes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WorldError {
    /// The endpoint's configuration has no `snapshots`.
    NotConfigured,
    /// The endpoint already has its maximum number of worlds.
    TooManyWorlds {
        /// The largest number of worlds.
        most: usize,
    },
    /// The world does not exist, because no changes have been committed to it.
    NoSuchWorld {
        /// The id of the world.
        world: WorldId,
    },
    /// A radius of the viewer is negative, infinite or NaN, `keep` is below `radius`, or a coordinate of the point is
    /// infinite or NaN.
    BadViewer,
    /// The tick is not below 2^32 - 1.
    TickTooLarge {
        /// The tick of the changes.
        tick: u64,
    },
    /// The world cannot be created.
    Store(StoreError),
    /// The world rejects the changes.
    Commit(CommitError),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("the endpoint replicates no worlds; set Config::snapshots"),
            Self::TooManyWorlds { most } => {
                write!(f, "the endpoint already has {most} worlds, which is the limit; commit to one of these worlds")
            }
            Self::NoSuchWorld { world } => {
                write!(f, "world {} does not exist; commit changes to this world before you use it", world.0)
            }
            Self::BadViewer => {
                f.write_str("the radii or the point of the viewer are invalid; set radius to 0 or more, keep to radius or more, and the point to finite numbers")
            }
            Self::TickTooLarge { tick } => {
                write!(f, "tick {tick} is not below 2^32 - 1; count ticks from 0")
            }
            Self::Store(error) => write!(f, "the world cannot be created: {error}"),
            Self::Commit(error) => write!(f, "the changes cannot be committed to the world: {error}"),
        }
    }
}

impl core::error::Error for WorldError {}
