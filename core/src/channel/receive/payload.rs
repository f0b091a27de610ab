//! From the bytes of a frame to the message that the application gets.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::channel::arena::{Arena, Keep};
use crate::channel::compress::Packed;
use crate::event::Violation;

/// A complete payload.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// Inside a packet.
    Borrowed(&'a [u8]),
    /// Put together from fragments.
    Owned(Vec<u8>),
}

/// How the payloads of a channel are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) compressed: bool,
    pub(super) max_message: usize,
}

impl Reading {
    /// The largest payload: a compressed channel adds one byte.
    pub(super) const fn payload_most(&self) -> u64 {
        self.max_message as u64 + self.compressed as u64
    }
}

impl Payload<'_> {
    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Bytes of the message, as far as the payload's beginning says.
    pub(super) fn message_len(&self, reading: Reading) -> Result<usize, Violation> {
        if self.len() as u64 > reading.payload_most() {
            Err(Violation::MessageTooLarge)
        } else if reading.compressed {
            Packed::open(self.bytes(), reading.max_message).map(|packed| packed.len())
        } else {
            Ok(self.len())
        }
    }

    /// The message.
    pub(super) fn into_message(
        self,
        reading: Reading,
        keep: Keep,
        arena: &mut Arena,
    ) -> Result<Bytes, Violation> {
        if reading.compressed {
            return Packed::open(self.bytes(), reading.max_message)?.unpack(arena, keep);
        }
        Ok(match self {
            Self::Borrowed(bytes) => arena.copy(bytes, keep),
            Self::Owned(bytes) => bytes.into(),
        })
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}
