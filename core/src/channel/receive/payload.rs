//! The conversion of a complete payload to the message that the application receives.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::channel::arena::{Arena, Keep};
use crate::channel::compress::Packed;
use crate::channel::parts::Parts;
use crate::event::Violation;
use crate::limits::ARENA_LARGE;

/// A complete payload.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// The payload is in a received packet.
    Borrowed(&'a [u8]),
    /// The payload was reassembled from fragments.
    Joined(Parts),
}

/// The settings with which the payloads of a channel are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) compressed: bool,
    pub(super) max_message: usize,
}

impl Reading {
    /// Returns the length of the largest payload, in bytes. A compressed channel adds one byte to a message.
    pub(super) const fn payload_most(&self) -> u64 {
        self.max_message as u64 + self.compressed as u64
    }
}

impl Payload<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Borrowed(bytes) => bytes.len(),
            Self::Joined(parts) => parts.total() as usize,
        }
    }

    /// Returns the length of the message in bytes, without decompressing it.
    pub(super) fn message_len(&self, reading: Reading, arena: &mut Arena) -> Result<usize, Violation> {
        if self.len() as u64 > reading.payload_most() {
            return Err(Violation::MessageTooLarge);
        }
        match self {
            _ if !reading.compressed => Ok(self.len()),
            Self::Borrowed(bytes) => Ok(Packed::open(bytes, reading.max_message)?.len()),
            Self::Joined(parts) => {
                let mut joined = core::mem::take(&mut arena.packed);
                gather(parts, &mut joined);
                let length = Packed::open(&joined, reading.max_message).map(|packed| packed.len());
                arena.packed = kept(joined);
                length
            }
        }
    }

    /// Returns the message. Calls `admit` with the length of the message before any decompression.
    pub(super) fn into_message(
        self,
        reading: Reading,
        keep: Keep,
        arena: &mut Arena,
        admit: impl FnOnce(usize) -> Result<(), Violation>,
    ) -> Result<Bytes, Violation> {
        if self.len() as u64 > reading.payload_most() {
            return Err(Violation::MessageTooLarge);
        }
        if reading.compressed {
            return self.unpack(reading.max_message, keep, arena, admit);
        }
        admit(self.len())?;
        Ok(match self {
            Self::Borrowed(bytes) => arena.copy(bytes, keep),
            Self::Joined(parts) => arena.join(parts, keep),
        })
    }

    fn unpack(
        self,
        most: usize,
        keep: Keep,
        arena: &mut Arena,
        admit: impl FnOnce(usize) -> Result<(), Violation>,
    ) -> Result<Bytes, Violation> {
        let mut joined = core::mem::take(&mut arena.packed);
        let mut unpacked = core::mem::take(&mut arena.unpacked);
        let packed = match self {
            Self::Borrowed(bytes) => bytes,
            Self::Joined(parts) => {
                gather(&parts, &mut joined);
                arena.spare.recycle(parts);
                &joined
            }
        };
        let packed = Packed::open(packed, most)?;
        admit(packed.len())?;
        let message = arena.copy(packed.unpack(&mut unpacked)?, keep);
        arena.packed = kept(joined);
        arena.unpacked = kept(unpacked);
        Ok(message)
    }
}

/// Replaces the content of `joined` by the concatenated `parts`.
fn gather(parts: &Parts, joined: &mut Vec<u8>) {
    joined.clear();
    parts.iter().for_each(|part| joined.extend_from_slice(part));
}

/// Returns the buffer for reuse, or an empty buffer if its capacity is above [`ARENA_LARGE`].
fn kept(room: Vec<u8>) -> Vec<u8> {
    if room.capacity() > ARENA_LARGE { Vec::new() } else { room }
}
