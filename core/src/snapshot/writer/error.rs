//! The reasons why a call to a world's writer changes nothing.

use core::fmt;

use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::ids::{ComponentId, NetworkId};

/// The reason why a call to a [`WorldWriter`](super::WorldWriter) changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The entity was never created, or was destroyed.
    NoSuchEntity {
        /// The id of the entity.
        id: NetworkId,
    },
    /// The component is not in the schema.
    NoSuchComponent {
        /// The id of the component.
        component: ComponentId,
    },
    /// The Rust type is not a component in the schema, or
    /// [`WorldSchema::writer`](crate::snapshot::WorldSchema::writer) did not create the writer.
    NoSuchType {
        /// The name of the Rust type.
        name: &'static str,
    },
    /// The value does not have the number of words of its component.
    WrongWords {
        /// The id of the component.
        component: ComponentId,
        /// The number of words that the caller passed.
        given: usize,
        /// The number of words that the component has.
        expected: u16,
    },
    /// The world already has as many entities as its limit allows.
    TooManyEntities {
        /// The limit of entities in the world.
        max: usize,
    },
    /// All 4,294,967,295 ids of the world have been used. Ids are never reused, so the game must create a new world.
    IdsExhausted,
    /// The connection already predicts [`limits::PREDICTED_ENTITIES`] entities.
    TooManyPredicted {
        /// The id of the connection.
        connection: ConnectionId,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchEntity { id } => {
                write!(
                    f,
                    "entity {} does not exist: it was never created in this world, or was destroyed; \
                     create the entity first",
                    id.0
                )
            }
            Self::NoSuchComponent { component } => {
                write!(f, "the schema has no component {}; declare the component in the schema", component.0)
            }
            Self::NoSuchType { name } => write!(
                f,
                "the schema has no component `{name}`; declare the type with `SnapshotSchema::component` and make the writer with \
                 `WorldSchema::writer`"
            ),
            Self::WrongWords { component, given, expected } => write!(
                f,
                "component {} has {expected} words, not {given}; make the value with the schema of this writer",
                component.0
            ),
            Self::TooManyEntities { max } => {
                write!(
                    f,
                    "the world has {max} entities, which is its limit; destroy some of them, or raise max_entities"
                )
            }
            Self::IdsExhausted => f.write_str("all ids of this world were used; create a new world"),
            Self::TooManyPredicted { connection } => write!(
                f,
                "{connection:?} predicts {} entities, which is the limit; stop predicting some of them",
                limits::PREDICTED_ENTITIES
            ),
        }
    }
}

impl core::error::Error for WriteError {}
