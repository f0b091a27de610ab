//! Access to the core's internals for fuzzing, and a peer that breaks every rule.
//!
//! **Not part of the API**: it may change at any time, and only the feature `fuzzing` compiles it. The wrappers expose
//! internals and check nothing; the fuzz targets state the invariants.

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
pub use self::worlds::{FrameResult, ReceivedWorld, SentWorld, some_connection};
