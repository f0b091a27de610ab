//! Replicated worlds: a quantised copy of the sender's world, of which each peer is sent the newest state.
//!
//! A *unit* is an entity's group of components. It is packed, acknowledged and shown as a whole. The state of a unit is a row of
//! *words*, whose meaning a [`Layout`] gives.

pub mod component;
pub mod dynamic;
pub mod groups;
pub mod ids;
pub mod layout;
pub mod quantize;
#[cfg(all(doctest, feature = "derive"))]
mod refused;
pub mod schema;

pub use component::{
    ComponentSpec, ComponentWords, FieldKind, FieldSpec, Motion, NetComponent, NetValue, Prediction,
    WordReader,
};
pub use dynamic::{DynamicComponent, DynamicError, DynamicValue};
pub use groups::{ComponentPlace, Group, Groups};
pub use ids::{ComponentId, GroupId, NetworkId, WorldId};
pub use layout::{Layout, Part, Predictor};
pub use quantize::{Steps, StepsError};
pub use schema::{
    Audience, Blueprint, ComponentValues, GroupSettings, SnapshotSchema, SnapshotSchemaError, WorldSchema,
};
#[cfg(feature = "derive")]
#[doc(inline)]
pub use tickwire_derive::{NetComponent, NetValue};

#[doc(hidden)]
pub mod derived {
    //! Items that the code of the derive macros names.
    pub use super::component::{Angled, Bounded, Rotated, Stepped, integer_words};
    pub use crate::bits::BitsRange;
}
