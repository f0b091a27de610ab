//! Measures replicated worlds in memory and on virtual time: their bytes and the server's processor time (rows R1 to R4).

mod arena;
mod draws;
mod field;
mod freshness;
mod scenery;
mod star;

pub use arena::Arena;
pub use field::Field;
pub use freshness::{Ages, FreshLink, freshness};
pub use scenery::Scenery;
pub use star::{Crowd, Paths, Star, Traffic};

/// The number of entities in the world.
pub const ENTITIES: usize = 1000;
/// The number of ticks of the world per second.
pub const TICKS_PER_SECOND: u32 = 20;
