//! The bytes on the wire, for simulators, tests and dissectors. The byte order is little-endian throughout.
//!
//! [`classify`] returns the kind of a datagram, [`DataHeader::read`] parses the header of a data packet, and
//! [`FrameReader`] the frames of a decrypted packet. Frames borrow from the bytes that they were read from.
//!
//! ```
//! use tickwire_core::ChannelId;
//! use tickwire_core::wire::{DataHeader, Frame, FrameReader, Malformed, PacketKind, classify};
//!
//! let datagram = [0x08, 1, 0, 0, 42];
//! assert_eq!(classify(&datagram), Some(PacketKind::Data));
//! let header = DataHeader::read(&datagram)?;
//! assert_eq!((header.id, header.packet_number), (1, 42));
//!
//! // The plaintext of a different packet: a PING frame, then the message "hi" on channel 2.
//! let frames = FrameReader::new(&[0x01, 0xe2, 2, b'h', b'i']).collect::<Result<Vec<_>, Malformed>>()?;
//! assert_eq!(frames.len(), 2);
//! assert!(matches!(frames[1], Frame::Message(message) if message.channel == ChannelId(2) && message.data == b"hi"));
//! # Ok::<(), Malformed>(())
//! ```
//!
//! The functions that write these bytes are public only with the feature `wire-writers`, for tests and fuzzers that
//! forge packets.
#![deny(clippy::indexing_slicing)]
#![cfg_attr(
    not(feature = "wire-writers"),
    allow(unreachable_pub, unnameable_types, reason = "public with the feature `wire-writers`")
)]

pub(crate) mod ack;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod message;
mod reader;
pub(crate) mod resume;
mod varint;
mod writer;
#[cfg(feature = "wire-writers")]
pub mod writers;

pub use ack::{AckFrame, EcnCounts};
pub use frame::{Frame, FrameReader, SnapshotFrame};
pub use header::{Control, DataHeader, PacketKind, classify, decode_packet_number};
pub use message::{MessageFrame, MessagePart};
pub use resume::ResumeFrame;

pub(crate) use ack::AckRanges;
pub(crate) use frame::SNAPSHOT;
pub(crate) use header::encode_packet_number;
pub(crate) use message::Chain;
pub(crate) use reader::Reader;
pub(crate) use resume::write_resume;
pub(crate) use varint::varint_len;
pub(crate) use writer::{NoRoom, Writer};

/// The error for bytes that violate the wire format. The error has no details, because the endpoint only counts invalid
/// datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;
