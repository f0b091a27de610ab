//! Bytes on the wire, for whoever reads along: simulators, tests, dissectors. Byte order is little-endian throughout.
//!
//! [`classify`] tells what a datagram is, [`DataHeader::read`] takes the header of a data packet apart, and [`FrameReader`] the
//! frames of a packet that was decrypted. Frames borrow from the bytes that they were read from.
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
//! // Of another packet, decrypted: PING, then the message "hi" on channel 2.
//! let frames = FrameReader::new(&[0x01, 0xe2, 2, b'h', b'i']).collect::<Result<Vec<_>, Malformed>>()?;
//! assert_eq!(frames.len(), 2);
//! assert!(matches!(frames[1], Frame::Message(message) if message.channel == ChannelId(2) && message.data == b"hi"));
//! # Ok::<(), Malformed>(())
//! ```
//!
//! The functions that write these bytes are public with the feature `wire-writers` only, for tests and fuzzers that
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

pub use ack::{AckFrame, EcnCounts};
pub use frame::{Frame, FrameReader};
pub use header::{Control, DataHeader, PacketKind, classify, decode_packet_number};
pub use message::{MessageFrame, Part};
pub use resume::ResumeFrame;

pub(crate) use ack::AckRanges;
pub(crate) use header::encode_packet_number;
pub(crate) use message::Chain;
pub(crate) use reader::Reader;
pub(crate) use resume::write_resume;
pub(crate) use varint::varint_len;
pub(crate) use writer::{NoRoom, Writer};

#[cfg(feature = "wire-writers")]
pub mod writers {
    //! Functions that write packets, piece by piece: for tests and fuzzers that forge them. They change with every
    //! version.

    pub use super::ack::{ACK, ACK_BITS, ACK_BITS_MARKS, ACK_LAST, AckRanges};
    pub use super::header::{CONTROL, DATA, HELLO, RETRY, WELCOME, encode_packet_number};
    pub use super::message::{Chain, ID_MAX, write as write_message};
    pub use super::reader::Reader;
    pub use super::resume::write_resume;
    pub use super::writer::{NoRoom, Writer};

    use super::ack::EcnCounts;
    use crate::time::{Duration, Instant, Span};

    /// Writes an ACK frame with as many of `ranges` as fit, the newest first, and returns the lowest packet number that it
    /// acknowledges, or [`u64::MAX`] without ranges. `delay` is how long the largest packet number has waited since it was
    /// received at `receive_time`, by the receiver's clock.
    ///
    /// # Errors
    /// [`NoRoom`] if not even the first range fits; nothing is written then.
    pub fn write_ack(
        ranges: &AckRanges,
        delay: Duration,
        receive_time: Instant,
        marks: Option<EcnCounts>,
        writer: &mut Writer<'_>,
    ) -> Result<u64, NoRoom> {
        super::ack::write_ack(ranges, Span::of(delay), receive_time, marks, writer)
    }
}

/// The bytes are not what the format asks for. Noise is counted, so nothing more is said about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;
