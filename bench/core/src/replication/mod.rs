//! Measures replicated worlds in memory on virtual time: their bytes and the server's time, rows R1 to R4.

mod field;
mod star;

pub use field::Field;
pub use star::{Paths, Star, Traffic};

/// Entities of the world.
pub const ENTITIES: usize = 1000;
/// Ticks per second of the world.
pub const TICKS_PER_SECOND: u32 = 20;
