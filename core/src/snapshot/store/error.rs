//! The reasons that a store could not be created, or that changes were refused.

use core::fmt;

use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::ids::{ComponentId, NetworkId};
use crate::tick::TICKS_PER_SECOND_MAX;

/// The reason that a [`Store`](super::Store) could not be created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The number of ticks per second is not from 1 to [`TICKS_PER_SECOND_MAX`].
    Rate {
        /// The number that the caller asked for.
        ticks_per_second: u32,
    },
    /// The limit is above [`limits::ENTITIES_MAX`], the largest number of entities of a world.
    Entities {
        /// The limit that the caller asked for.
        max_entities: usize,
    },
    /// The schema has 65,535 groups or more.
    Groups {
        /// The number of groups of the schema.
        groups: usize,
    },
    /// The words of a component lie outside the words of the component's group.
    Component {
        /// The component.
        component: ComponentId,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { ticks_per_second } => {
                write!(f, "ticks_per_second is {ticks_per_second}; a world has 1 to {TICKS_PER_SECOND_MAX}")
            }
            Self::Entities { max_entities } => {
                let most = limits::ENTITIES_MAX;
                write!(f, "max_entities is {max_entities}; a world has at most {most}")
            }
            Self::Groups { groups } => {
                write!(f, "the schema has {groups} groups; there must be fewer than 65,535")
            }
            Self::Component { component } => {
                write!(f, "the words of component {} lie outside the words of its group", component.0)
            }
        }
    }
}

impl core::error::Error for StoreError {}

/// The reason that a commit was refused. The store then stays as it was.
///
/// Changes from a [`WorldWriter`](crate::snapshot::WorldWriter) with the same schema and the same `max_entities` are refused only
/// because of their tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommitError {
    /// The tick is not newer than the tick of the last commit.
    TickNotNewer {
        /// The tick of the changes.
        tick: u64,
        /// The newest tick of the store.
        newest: u64,
    },
    /// The world would exceed its limit of entities.
    TooManyEntities {
        /// The limit of entities.
        max: usize,
    },
    /// The id of a new entity is not above all earlier ids, so an earlier entity may have had it.
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
    /// The values of a component do not have the number of words that the schema defines.
    WrongWords {
        /// The component.
        component: ComponentId,
        /// The number of words of the values.
        given: u16,
        /// The number of words that the schema defines.
        expected: u16,
    },
    /// A word of a value lies outside the range of its part.
    OutOfRange {
        /// The entity.
        id: NetworkId,
        /// The component.
        component: ComponentId,
    },
    /// A connection would exceed the limit of predicted entities.
    TooManyPredicted {
        /// The connection.
        connection: ConnectionId,
    },
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TickNotNewer { tick, newest } => {
                write!(f, "tick {tick} was committed after tick {newest}; each commit needs a newer tick")
            }
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
                write!(
                    f,
                    "the schema has no component {}; were the changes made with this schema?",
                    component.0
                )
            }
            Self::WrongWords { component, given, expected } => write!(
                f,
                "component {} has {expected} words, not {given}; were the changes made with this schema?",
                component.0
            ),
            Self::OutOfRange { id, component } => write!(
                f,
                "component {} of entity {} has a word outside the range that the schema defines",
                component.0, id.0
            ),
            Self::TooManyPredicted { connection } => {
                write!(f, "{connection:?} would predict more than {} entities", limits::PREDICTED_ENTITIES)
            }
        }
    }
}

impl core::error::Error for CommitError {}
