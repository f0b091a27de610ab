//! Measures the bytes that a server sends to replicate a world, and the processor time of the server (rows R1 to R4). The
//! network is simulated, and the time is virtual.

mod arena;
pub mod costs;
mod draws;
mod field;
mod freshness;
mod movers;
mod peer;
mod scenery;
mod star;

pub use arena::Arena;
pub use field::Field;
pub use freshness::{Ages, FreshLink, freshness};
pub use movers::{MoverState, Movers};
pub use peer::{Peer, PeerRun};
pub use scenery::Scenery;
pub use star::{Crowd, Paths, Star, Traffic};

/// The number of entities in the world.
pub const ENTITIES: usize = 1000;
/// The number of ticks of the world per second.
pub const TICKS_PER_SECOND: u32 = 20;
