//! The cost of a replicated world on the wire and on the server: rows R1 to R4, in memory on virtual time.

mod field;
mod star;

pub use field::Field;
pub use star::{Paths, Star, Traffic};

/// The number of entities in the world.
pub const ENTITIES: usize = 1000;
/// The number of ticks per second of the world.
pub const TICKS_PER_SECOND: u32 = 20;
