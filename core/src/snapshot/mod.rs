//! Replicated worlds: a quantised copy of the sender's world, of which each peer is sent the newest state.
//!
//! A *unit* is an entity's group of components. It is packed, acknowledged and shown as a whole. The state of a unit is a row of
//! *words*, whose meaning a [`Layout`] gives.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod changes;
mod entity_index;
pub mod groups;
pub mod ids;
pub mod layout;
mod predictions;
pub mod store;
pub mod writer;

pub use changes::{Changes, ChangesError, Column, Created, EntitySettings, Gone, Show};
pub use groups::{ComponentPlace, Group, Groups};
pub use ids::{BlueprintId, ComponentId, GroupId, NetworkId, WorldId};
pub use layout::{Layout, Part, Predictor};
pub use store::{CommitError, Entity, Store, StoreError, StoreStats, UnitId, UnitSet, UnitState, Version};
pub use writer::{WorldWriter, WriteError};
