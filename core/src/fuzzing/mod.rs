//! Access to the core's internals for fuzzing, and a peer that can violate every rule of the protocol.
//!
//! **Not part of the API**: this module may change in any release, and is compiled only with the feature `fuzzing`. The
//! wrappers expose internals and check nothing. The fuzz targets check the invariants.

mod age;
mod channels;
mod handshake;
mod packets;
mod peer;
mod worlds;

pub use self::age::age;
pub use self::channels::{Piece, Receiving, Sending, Taken};
pub use self::handshake::{
    Answered, Answering, Dialling, HalfOpenHandle, Proof, Reaction, rewrite_handshake, rewrite_parameters,
};
pub use self::packets::{Replay, Sent};
pub use self::peer::{Claims, HostilePeer};
pub use self::worlds::{FrameResult, ReceivedWorld, SentWorld, absolute_bytes, some_connection};
