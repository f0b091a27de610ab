//! Measures what the parts of replicating a world cost, each by itself: instructions and allocations per component or unit.

mod case;
mod flock;
mod network;
mod scene;

pub use case::{WORLD_CASES, WorldCase};
pub use scene::{WorldScene, WorldTally};
