//! The schema of replicated worlds: components, their groups, and blueprints.
//!
//! When the game starts, it declares its components, groups and blueprints in a [`SnapshotSchema`]. Both ends make the same
//! declarations, in any order. [`SnapshotSchema::finish`] checks the whole schema, numbers its items by name, and returns the
//! [`WorldSchema`] that worlds and connections share. The entries of the schema are part of the hash that the handshake compares.

mod blueprint;
mod builder;
mod check;
mod error;
mod finish;
mod group;
mod hash;
mod motion;
mod size;
#[cfg(test)]
mod tests;
mod world_schema;

pub use blueprint::{Blueprint, ComponentValues};
pub use builder::SnapshotSchema;
pub use error::SnapshotSchemaError;
pub use group::{Audience, GroupSettings};
pub use world_schema::WorldSchema;
