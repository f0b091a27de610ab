//! Bytes on the wire: how they are read and written. Byte order is little-endian throughout.
#![deny(clippy::indexing_slicing)]

pub mod ack;
pub mod frame;
pub mod header;
pub mod message;
mod reader;
pub mod resume;
mod varint;
mod writer;

pub use ack::{AckFrame, AckRanges};
pub use frame::{Frame, FrameReader};
pub use header::{Control, DataHeader, PacketKind, classify, decode_packet_number, encode_packet_number};
pub use message::{Chain, MessageFrame, Part};
pub use reader::Reader;
pub use resume::{ResumeFrame, write_resume};
pub use varint::varint_len;
pub use writer::Writer;

/// The bytes are not what the format asks for. Noise is counted, so nothing more is said about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// The buffer is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom;
