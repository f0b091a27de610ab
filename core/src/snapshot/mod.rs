//! Replicated worlds: a quantised copy of the sender's world, of which each peer is sent the newest state.
//!
//! A *unit* is an entity's group of components. It is packed, acknowledged and shown as a whole. The state of a unit is a row of
//! *words*, whose meaning a [`Layout`] gives.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod changes;
pub mod component;
pub mod delta;
pub mod dynamic;
mod entity_index;
pub mod entropy;
pub mod groups;
pub mod ids;
pub mod layout;
mod predictions;
pub mod quantize;
pub(crate) mod receiver;
#[cfg(all(doctest, feature = "derive"))]
mod refused;
pub mod schema;
pub(crate) mod sender;
mod slot_set;
pub mod store;
mod typed;
pub(crate) mod unit_codec;
pub mod writer;

pub use changes::{Changes, ChangesError, Column, Created, EntitySettings, Gone, Show};
pub use component::{
    ComponentSpec, ComponentWords, FieldKind, FieldSpec, Motion, NetComponent, NetValue, Prediction,
    WordReader,
};
pub use dynamic::{DynamicComponent, DynamicError, DynamicValue};
pub use groups::{ComponentPlace, Group, Groups};
pub use ids::{BlueprintId, ComponentId, GroupId, NetworkId, WorldId};
pub use layout::{Layout, Part, Predictor};
pub use quantize::{Steps, StepsError};
pub use schema::{
    Audience, Blueprint, ComponentValues, GroupSettings, SnapshotSchema, SnapshotSchemaError, WorldSchema,
};
pub use store::{CommitError, Entity, Store, StoreError, StoreStats, UnitId, UnitSet, UnitState, Version};
#[cfg(feature = "derive")]
#[doc(inline)]
pub use tickwire_derive::{NetComponent, NetValue};
pub use writer::{WorldWriter, WriteError};

#[doc(hidden)]
pub mod derived {
    //! Items that the code of the derive macros names.
    pub use super::component::{Angled, Bounded, Rotated, Stepped, integer_words};
    pub use crate::bits::BitsRange;
}
