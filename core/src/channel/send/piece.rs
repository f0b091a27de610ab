//! The choice of the part of a message that fills the space left in a packet.

use crate::channel::ids;
use crate::event::ChannelId;
use crate::limits::{FRAGMENT_MIN, WHOLE_FRAME};
use crate::wire::message::{self, Chain, MessageFrame, MessagePart};
use crate::wire::{Writer, varint_len};

/// A message that is being framed.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramedMessage<'a> {
    pub(super) channel: ChannelId,
    pub(super) id: u64,
    /// Whether its whole frame carries the id; fragments always do.
    pub(super) numbered: bool,
    pub(super) payload: &'a [u8],
}

/// How a message was begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begun {
    /// All of it.
    Whole,
    /// Its bytes up to here.
    Cut(u64),
}

impl<'a> FramedMessage<'a> {
    fn frame(&self, id: Option<u32>, part: MessagePart, data: &'a [u8]) -> MessageFrame<'a> {
        MessageFrame { channel: self.channel, id, part, data }
    }

    /// Writes a message of which nothing was sent, or nothing counts: whole if it fits, else its beginning. A message that fits
    /// an empty packet is left for the next one, unless this one is as empty as it gets.
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

    /// Writes as much of the bytes from `start` to `end` as fits, and says where it stopped. Neither the piece nor what
    /// is left of the range is ever smaller than a range must be, so that no message crumbles.
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
