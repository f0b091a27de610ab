//! Why a call on a world's writer changed nothing.

use core::fmt;

use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::ids::{ComponentId, NetworkId};

/// Why a call on a [`WorldWriter`](super::WorldWriter) changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The entity was never created, or was destroyed.
    NoSuchEntity {
        /// The id.
        id: NetworkId,
    },
    /// The schema has no such component.
    NoSuchComponent {
        /// The component.
        component: ComponentId,
    },
    /// The Rust type is no component of the schema.
    NoSuchType {
        /// The name of the type.
        name: &'static str,
    },
    /// A value of this component has another number of words.
    WrongWords {
        /// The component.
        component: ComponentId,
        /// How many words were given.
        given: usize,
        /// How many the component has.
        expected: u16,
    },
    /// The world has as many entities as it may have.
    TooManyEntities {
        /// How many that is.
        max: usize,
    },
    /// All 4,294,967,295 ids of the world were used. No id is used twice, so a new world must begin.
    IdsExhausted,
    /// The connection predicts as many entities as it may.
    TooManyPredicted {
        /// The connection.
        connection: ConnectionId,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchEntity { id } => {
                write!(
                    f,
                    "entity {} does not exist: it was never created in this world, or was destroyed",
                    id.0
                )
            }
            Self::NoSuchComponent { component } => {
                write!(f, "the schema has no component {}", component.0)
            }
            Self::NoSuchType { name } => write!(
                f,
                "the schema has no component `{name}`; declare it by `SnapshotSchema::component` and make the writer by \
                 `WorldSchema::writer`"
            ),
            Self::WrongWords { component, given, expected } => write!(
                f,
                "component {} has {expected} words, not {given}: was the value made with another schema?",
                component.0
            ),
            Self::TooManyEntities { max } => {
                write!(
                    f,
                    "the world has {max} entities, which is its limit; destroy some or raise max_entities"
                )
            }
            Self::IdsExhausted => f.write_str("all ids of this world were used; begin a new world"),
            Self::TooManyPredicted { connection } => write!(
                f,
                "{connection:?} predicts {} entities, which is the limit; stop predicting some",
                limits::PREDICTED_ENTITIES
            ),
        }
    }
}

impl core::error::Error for WriteError {}
