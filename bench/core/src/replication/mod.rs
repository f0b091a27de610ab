//! Measures replicated worlds in memory and on virtual time: their bytes and the server's processor time (rows R1 to R4).

mod field;
mod star;

pub use field::Field;
pub use star::{Paths, Star, Traffic};

/// The number of entities in the world.
pub const ENTITIES: usize = 1000;
/// The number of ticks of the world per second.
pub const TICKS_PER_SECOND: u32 = 20;
