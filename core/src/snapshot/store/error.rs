//! Why a world could not be made, or changes were refused.

use core::fmt;

use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::ids::{ComponentId, NetworkId};
use crate::tick::TICKS_PER_SECOND_MAX;

/// Why a [`Store`](super::Store) could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Ticks per second are 1 to [`TICKS_PER_SECOND_MAX`].
    Rate {
        /// The rate that was asked for.
        ticks_per_second: u32,
    },
    /// A world has at most [`limits::ENTITIES_MAX`] entities.
    Entities {
        /// The limit that was asked for.
        max_entities: usize,
    },
    /// A schema has fewer than 65,535 groups.
    Groups {
        /// How many it has.
        groups: usize,
    },
    /// The words of a component do not lie in those of its group.
    Component {
        /// The component.
        component: ComponentId,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { ticks_per_second } => {
                write!(f, "{ticks_per_second} ticks per second; a world has 1 to {TICKS_PER_SECOND_MAX}")
            }
            Self::Entities { max_entities } => {
                let most = limits::ENTITIES_MAX;
                write!(f, "max_entities is {max_entities}; a world has at most {most}")
            }
            Self::Groups { groups } => {
                write!(f, "the schema has {groups} groups; there must be fewer than 65,535")
            }
            Self::Component { component } => {
                write!(f, "the words of component {} do not lie in those of its group", component.0)
            }
        }
    }
}

impl core::error::Error for StoreError {}

/// Why a commit was refused. The store is then as it was before.
///
/// Changes that a [`WorldWriter`](crate::snapshot::WorldWriter) made with the same schema and the same `max_entities` are
/// refused for their tick only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommitError {
    /// The tick is not newer than the one before.
    TickNotNewer {
        /// The tick of the changes.
        tick: u64,
        /// The newest tick of the store.
        newest: u64,
    },
    /// The world would have more entities than it may.
    TooManyEntities {
        /// How many it may have.
        max: usize,
    },
    /// The id of a new entity is not above all earlier ones: it may have been used before.
    IdNotNew {
        /// The id.
        id: NetworkId,
        /// The highest id so far.
        newest: NetworkId,
    },
    /// The changes name an entity that does not exist.
    NoSuchEntity {
        /// The id.
        id: NetworkId,
    },
    /// The changes name a component that the schema does not have.
    NoSuchComponent {
        /// The component.
        component: ComponentId,
    },
    /// The values of a component have another number of words than the schema says.
    WrongWords {
        /// The component.
        component: ComponentId,
        /// How many words the values have.
        given: u16,
        /// How many the schema says.
        expected: u16,
    },
    /// A word of a value is beyond what its part admits.
    OutOfRange {
        /// The entity.
        id: NetworkId,
        /// The component.
        component: ComponentId,
    },
    /// A connection would predict more entities than it may.
    TooManyPredicted {
        /// The connection.
        connection: ConnectionId,
    },
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TickNotNewer { tick, newest } => write!(
                f,
                "tick {tick} was committed after tick {newest}; each commit needs a tick above the one before"
            ),
            Self::TooManyEntities { max } => {
                write!(f, "the world would have more than {max} entities; raise max_entities")
            }
            Self::IdNotNew { id, newest } => write!(
                f,
                "new entity {} is not above {}, the highest id so far; is there a second writer?",
                id.0, newest.0
            ),
            Self::NoSuchEntity { id } => {
                write!(f, "entity {} does not exist in this world", id.0)
            }
            Self::NoSuchComponent { component } => {
                write!(f, "the schema has no component {}; were the changes made with it?", component.0)
            }
            Self::WrongWords { component, given, expected } => write!(
                f,
                "component {} has {expected} words, not {given}; were the changes made with this schema?",
                component.0
            ),
            Self::OutOfRange { id, component } => write!(
                f,
                "component {} of entity {} has a word beyond what the schema admits",
                component.0, id.0
            ),
            Self::TooManyPredicted { connection } => {
                write!(f, "{connection:?} would predict more than {} entities", limits::PREDICTED_ENTITIES)
            }
        }
    }
}

impl core::error::Error for CommitError {}
