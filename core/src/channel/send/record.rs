//! The entries that channels leave in the record of a sent packet.

use super::window::SentPart;
use crate::event::ChannelId;

/// The message, or part of one, in one frame of a packet. The packet's record keeps it until the packet is acknowledged or lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PieceRecord {
    pub(super) id: u64,
    start: u32,
    pub(super) end: u32,
    pub(super) channel: ChannelId,
    pub(super) transport: u8,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Sent once, forgotten.
    Once,
    /// Reliable messages, each for the nth time: `id` and the `end` - 1 after it.
    Whole(u8),
    /// Some bytes of a reliable message.
    Fragment,
}

const _: () = assert!(size_of::<PieceRecord>() <= 24);

impl PieceRecord {
    /// The record of what a channel wrote; `None` stands for what is forgotten once it is sent.
    pub(super) fn new(channel: ChannelId, transport: u8, sent: Option<SentPart>) -> Self {
        match sent {
            None => Self { id: 0, start: 0, end: 0, channel, transport, kind: Kind::Once },
            Some(sent) => Self {
                id: sent.id,
                start: sent.start as u32,
                end: if sent.whole.is_some() { 1 } else { sent.end as u32 },
                channel,
                transport,
                kind: sent.whole.map_or(Kind::Fragment, Kind::Whole),
            },
        }
    }

    /// Whether it is sent again if it is lost.
    pub(crate) fn is_repeated(&self) -> bool {
        self.kind != Kind::Once
    }

    /// The message in the frame; the first, if the record stands for several messages.
    pub(super) fn sent(&self) -> SentPart {
        let whole = match self.kind {
            Kind::Whole(sends) => Some(sends),
            Kind::Once | Kind::Fragment => None,
        };
        SentPart { id: self.id, start: self.start.into(), end: self.end.into(), whole, repeated: false }
    }

    /// Takes in the record of the next frame of the packet, if one record can stand for both: a packet full of messages
    /// leaves one behind.
    pub(crate) fn extend(&mut self, next: &Self) -> bool {
        let follows = matches!(self.kind, Kind::Whole(_))
            && next.kind == self.kind
            && next.channel == self.channel
            && next.transport == self.transport
            && next.id == self.id + u64::from(self.end);
        if follows {
            self.end += next.end;
        }
        follows
    }
}
