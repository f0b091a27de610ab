//! Other protocol implementations, each used as its documentation describes, in the same harness as tickwire.

mod enet;
mod quinn;
mod renet;

pub use self::enet::Enet;
pub use self::quinn::Quinn;
pub use self::renet::Renet;
