//! From the bytes of a frame to the message that the application gets.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::channel::arena::{Arena, Keep};
use crate::channel::compress::Packed;
use crate::channel::parts::{Complete, Parts};
use crate::event::Violation;
use crate::limits::ARENA_LARGE;

/// A complete payload.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// Inside a packet.
    Borrowed(&'a [u8]),
    /// Put together from fragments.
    Joined(Box<Parts>),
}

/// How the payloads of a channel are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) compressed: bool,
    pub(super) max_message: usize,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// To the application.
    Now(Keep),
    /// To where it waits for earlier ones.
    Later,
}

/// A complete message.
#[derive(Debug)]
pub(super) enum Message {
    /// For the application.
    Now(Bytes),
    /// To wait.
    Later(Complete),
}

impl Reading {
    /// The largest payload: a compressed channel adds one byte.
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

    /// The message. `admit` is told its length before anything is unpacked.
    pub(super) fn into_message(
        self,
        reading: Reading,
        goal: Goal,
        arena: &mut Arena,
        admit: impl FnOnce(usize) -> Result<(), Violation>,
    ) -> Result<Message, Violation> {
        if self.len() as u64 > reading.payload_most() {
            return Err(Violation::MessageTooLarge);
        }
        if reading.compressed {
            return self.unpack(reading.max_message, goal, arena, admit);
        }
        admit(self.len())?;
        Ok(match (self, goal) {
            (Self::Borrowed(bytes), Goal::Now(keep)) => Message::Now(arena.copy(bytes, keep)),
            (Self::Borrowed(bytes), Goal::Later) => Message::Later(arena.spare.store(bytes)),
            (Self::Joined(parts), Goal::Now(keep)) => Message::Now(arena.join(parts, keep)),
            (Self::Joined(parts), Goal::Later) => Message::Later(arena.spare.complete(parts)),
        })
    }

    fn unpack(
        self,
        most: usize,
        goal: Goal,
        arena: &mut Arena,
        admit: impl FnOnce(usize) -> Result<(), Violation>,
    ) -> Result<Message, Violation> {
        let mut joined = core::mem::take(&mut arena.packed);
        let mut unpacked = core::mem::take(&mut arena.unpacked);
        let packed = match self {
            Self::Borrowed(bytes) => bytes,
            Self::Joined(parts) => {
                joined.clear();
                parts.iter().for_each(|part| joined.extend_from_slice(part));
                arena.spare.recycle(parts);
                &joined
            }
        };
        let packed = Packed::open(packed, most)?;
        admit(packed.len())?;
        let bytes = packed.unpack(&mut unpacked)?;
        let message = match goal {
            Goal::Now(keep) => Message::Now(arena.copy(bytes, keep)),
            Goal::Later => Message::Later(arena.spare.store(bytes)),
        };
        arena.packed = kept(joined);
        arena.unpacked = kept(unpacked);
        Ok(message)
    }
}

/// What is worth keeping for the next message.
fn kept(room: Vec<u8>) -> Vec<u8> {
    if room.capacity() > ARENA_LARGE { Vec::new() } else { room }
}
