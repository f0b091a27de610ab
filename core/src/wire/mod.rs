//! Bytes on the wire: how they are read and written. Byte order is little-endian throughout.
#![deny(clippy::indexing_slicing)]

pub mod ack;
pub mod header;
pub mod frame;
pub mod message;
mod reader;
mod varint;
mod writer;

pub use ack::{AckFrame, AckRanges};
pub use frame::{Frame, FrameReader, ResumeFrame};
pub use header::{Control, DataHeader, PacketKind, classify, decode_packet_number, encode_packet_number};
pub use message::{Chain, MessageFrame, Part};
pub use reader::Reader;
pub use varint::varint_len;
pub use writer::Writer;

/// The bytes are not what the format asks for. Noise is counted, so nothing more is said about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// The buffer is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom;
