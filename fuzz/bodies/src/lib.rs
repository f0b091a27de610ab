//! The bodies of the fuzz targets. Each body gets arbitrary bytes, and panics if the code under test breaks a promise.
//!
//! [`TARGETS`] lists the bodies. Ordinary tests replay the corpus in `fuzz/corpus`, and the inputs in `fuzz/regressions`, with
//! which a fuzzer found bugs.
#![forbid(unsafe_code)]
// A body speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod channels;
pub mod corpus;
pub mod datagram;
pub mod endpoint;
pub mod game;
mod gullible;
pub mod handshake;
pub mod hostile;
pub mod message;
pub mod packets;
mod script;
pub mod snapshot_frame;
pub mod traffic;
pub mod watch;
pub mod wire;
pub mod world_link;
pub mod worlds;

pub use gullible::Gullible;
pub use script::Script;

/// The body of a fuzz target: a function of the fuzzer's input.
pub type Body = fn(&[u8]);

/// The bodies of all targets, each with its name.
pub const TARGETS: &[(&str, Body)] = &[
    ("ack_frame", wire::ack_frame),
    ("ack_ranges", wire::ack_ranges),
    ("answer", handshake::answer),
    ("channel_pair", channels::channel_pair),
    ("datagram", datagram::datagram),
    ("dial", handshake::dial),
    ("endpoint", endpoint::endpoint),
    ("frame", wire::frame),
    ("handshake_messages", handshake::handshake_messages),
    ("header", wire::header),
    ("hostile_client", hostile::hostile_client),
    ("hostile_server", hostile::hostile_server),
    ("message", message::message),
    ("reassembly", channels::reassembly),
    ("replay", packets::replay),
    ("sent", packets::sent),
    ("snapshot_frame", snapshot_frame::snapshot_frame),
    ("ticket", handshake::ticket_text),
    ("world_link", world_link::world_link),
    ("worlds", worlds::worlds),
];

/// Returns whether `name` is a name that a fuzzer gives to a corpus file: the SHA-1 of the content, in 40 hexadecimal
/// digits.
#[must_use]
pub fn is_found(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
