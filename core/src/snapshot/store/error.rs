//! The reasons why a store cannot be created, and why a store rejects changes.

use core::fmt;

use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::ids::{ComponentId, NetworkId};
use crate::tick::TICKS_PER_SECOND_MAX;

/// The reason why a [`Store`](super::Store) could not be created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The number of ticks per second is not in the range 1 to [`TICKS_PER_SECOND_MAX`].
    Rate {
        /// The number of ticks per second that the caller passed.
        ticks_per_second: u32,
    },
    /// The limit of entities is above [`limits::ENTITIES_MAX`].
    Entities {
        /// The limit of entities that the caller passed.
        max_entities: usize,
    },
    /// The schema has more than 65,534 groups.
    Groups {
        /// The number of groups in the schema.
        groups: usize,
    },
    /// The words of a component do not fit in a unit of the component's group.
    Component {
        /// The id of the component.
        component: ComponentId,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { ticks_per_second } => {
                write!(
                    f,
                    "ticks_per_second is {ticks_per_second}, outside its range of 1 to {TICKS_PER_SECOND_MAX}; set a value in the range"
                )
            }
            Self::Entities { max_entities } => {
                let most = limits::ENTITIES_MAX;
                write!(
                    f,
                    "max_entities is {max_entities}, but a world has at most {most} entities; set a smaller value"
                )
            }
            Self::Groups { groups } => {
                write!(f, "the schema has {groups} groups, but at most 65,534 are allowed; merge some groups")
            }
            Self::Component { component } => {
                write!(
                    f,
                    "the words of component {} do not fit in a unit of its group; take the groups from \
                     WorldSchema::groups",
                    component.0
                )
            }
        }
    }
}

impl core::error::Error for StoreError {}

/// The reason why a commit was rejected. The store is then unchanged.
///
/// If the store gets all changes of one [`WorldWriter`](crate::snapshot::WorldWriter) with the same schema and the same
/// `max_entities`, the only possible reasons are a tick that does not ascend, and a word out of range that the game set
/// with a method that takes or returns words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommitError {
    /// The tick is not above the tick of the latest commit.
    TickNotNewer {
        /// The tick of the rejected changes.
        tick: u64,
        /// The tick of the latest commit.
        newest: u64,
    },
    /// The world would have more entities than the limit allows.
    TooManyEntities {
        /// The limit of entities in the world.
        max: usize,
    },
    /// The id of a new entity is not above all earlier ids, so an earlier entity may have had the same id.
    IdNotNew {
        /// The id of the new entity.
        id: NetworkId,
        /// The highest id that an entity has had so far.
        newest: NetworkId,
    },
    /// The changes contain an entity that does not exist.
    NoSuchEntity {
        /// The id of the entity that does not exist.
        id: NetworkId,
    },
    /// The changes contain a component that is not in the schema.
    NoSuchComponent {
        /// The id of the component that is not in the schema.
        component: ComponentId,
    },
    /// The values of a component do not have the number of words that the schema states.
    WrongWords {
        /// The id of the component.
        component: ComponentId,
        /// The number of words that each value has.
        given: u16,
        /// The number of words that the schema states.
        expected: u16,
    },
    /// A word of a value is outside the range of its part.
    OutOfRange {
        /// The id of the entity.
        id: NetworkId,
        /// The id of the component.
        component: ComponentId,
    },
    /// A connection would predict more entities than [`limits::PREDICTED_ENTITIES`] allows.
    TooManyPredicted {
        /// The id of the connection.
        connection: ConnectionId,
    },
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TickNotNewer { tick, newest } => {
                write!(
                    f,
                    "tick {tick} is not newer than the latest committed tick {newest}; commit a newer tick"
                )
            }
            Self::TooManyEntities { max } => {
                write!(f, "the world would have more than {max} entities; raise max_entities")
            }
            Self::IdNotNew { id, newest } => write!(
                f,
                "the id {} of a new entity is not above {}, the highest id so far; use only one writer for each world",
                id.0, newest.0
            ),
            Self::NoSuchEntity { id } => {
                write!(
                    f,
                    "entity {} does not exist in this world; commit the changes of every tick from the writer of this world",
                    id.0
                )
            }
            Self::NoSuchComponent { component } => {
                write!(
                    f,
                    "the schema has no component {}; use a writer with the schema of this world",
                    component.0
                )
            }
            Self::WrongWords { component, given, expected } => write!(
                f,
                "component {} has {expected} words, not {given}; use a writer with the schema of this world",
                component.0
            ),
            Self::OutOfRange { id, component } => write!(
                f,
                "component {} of entity {} has a word outside the range that the schema defines; set a value in the range",
                component.0, id.0
            ),
            Self::TooManyPredicted { connection } => {
                write!(
                    f,
                    "{connection:?} would predict more than {} entities; stop predicting some of its entities",
                    limits::PREDICTED_ENTITIES
                )
            }
        }
    }
}

impl core::error::Error for CommitError {}
