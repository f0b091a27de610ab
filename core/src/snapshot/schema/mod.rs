//! The schema of replicated worlds: components, their groups, and blueprints.
//!
//! A [`SnapshotSchema`] is filled by the game when it starts, the same at both ends, in any order. [`SnapshotSchema::finish`] checks
//! the whole and numbers all of it by name, and gives the [`WorldSchema`] that worlds and connections share. Its entries join the
//! hash that the handshake compares.

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
