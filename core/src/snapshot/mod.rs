//! Replicated worlds: a quantised copy of the sender's world, of which each peer is sent the newest state.
//!
//! A *unit* is an entity's group of components. It is packed, acknowledged and shown as a whole. The state of a unit is a row of
//! *words*, whose meaning a [`Layout`] gives.

pub mod delta;
pub mod entropy;
pub mod groups;
pub mod ids;
pub mod layout;

pub use groups::{ComponentPlace, Group, Groups};
pub use ids::{ComponentId, GroupId, NetworkId, WorldId};
pub use layout::{Layout, Part, Predictor};
