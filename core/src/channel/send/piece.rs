//! The choice of the part of a message that fills the space left in a packet.

use crate::channel::ids;
use crate::event::ChannelId;
use crate::limits::{FRAGMENT_MIN, WHOLE_FRAME};
use crate::wire::message::{self, Chain, MessageFrame, MessagePart};
use crate::wire::{Writer, varint_len};

/// A message and the values that its frames carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramedMessage<'a> {
    pub(super) channel: ChannelId,
    pub(super) id: u64,
    /// `true` if a frame with the whole message carries the id. Fragments always carry the id.
    pub(super) numbered: bool,
    pub(super) payload: &'a [u8],
}

/// The part of a message that its first frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begun {
    /// The whole message.
    Whole,
    /// The bytes of the message before this offset.
    Cut(u64),
}

impl<'a> FramedMessage<'a> {
    fn frame(&self, id: Option<u32>, part: MessagePart, data: &'a [u8]) -> MessageFrame<'a> {
        MessageFrame { channel: self.channel, id, part, data }
    }

    /// Writes the first frame of a message: the whole message if it fits, or else a fragment. Returns `None` if the
    /// message does not fit after other frames but would fit into an empty packet.
    pub(super) fn begin(&self, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<Begun> {
        let id = self.numbered.then(|| ids::truncate(self.id));
        if message::write(&self.frame(id, MessagePart::Whole, self.payload), writer, chain).is_ok() {
            return Some(Begun::Whole);
        }
        let length = self.payload.len();
        let header = message::header_len(self.channel, id, MessagePart::Whole, length, &Chain::default());
        if chain.is_started() && header + length <= WHOLE_FRAME {
            return None;
        }
        self.fragment(0, length as u64, writer, chain).map(Begun::Cut)
    }

    /// Writes a fragment with as many of the bytes from `start` to `end` as fit, and returns the end of the fragment.
    /// Neither the fragment nor the remaining bytes of the range are shorter than [`FRAGMENT_MIN`], unless the whole
    /// range is. A message thus never divides into many tiny fragments.
    pub(super) fn fragment(
        &self,
        start: u64,
        end: u64,
        writer: &mut Writer<'_>,
        chain: &mut Chain,
    ) -> Option<u64> {
        let range = self.payload.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
        let part = MessagePart::Fragment { total: self.payload.len() as u64, offset: start };
        let id = ids::truncate(self.id);
        let fixed = message::header_len(self.channel, Some(id), part, 0, chain) - varint_len(0);
        let room = writer.remaining().checked_sub(fixed)?;
        let fitting = (1..=3usize).find_map(|prefix| {
            let length = range.len().min(room.checked_sub(prefix)?);
            (varint_len(length as u64) <= prefix).then_some(length)
        })?;
        let length = if fitting == range.len() {
            fitting
        } else {
            let least_left = range.len().checked_sub(FRAGMENT_MIN)?;
            let length = fitting.min(least_left);
            if length < FRAGMENT_MIN {
                return None;
            }
            length
        };
        let data = range.get(..length).filter(|data| !data.is_empty())?;
        message::write(&self.frame(Some(id), part, data), writer, chain).ok()?;
        Some(start + length as u64)
    }
}
