//! The peers, each driven as its documentation says, in the same harness.

mod enet;
mod quinn;
mod renet;

pub use self::enet::Enet;
pub use self::quinn::Quinn;
pub use self::renet::Renet;
