//! The entries that channels leave in the record of a sent packet.

use super::window::SentPart;
use crate::event::ChannelId;

/// The messages or the fragment in one frame or several frames of a sent packet. The packet's record keeps this value
/// until the packet is acknowledged or lost.
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
    /// An unreliable message, which is never resent.
    Once,
    /// Whole reliable messages with consecutive ids from `id` on; `end` is the number of messages. The field is the
    /// number of times that each message was sent so far, modulo 256.
    Whole(u8),
    /// A fragment of a reliable message.
    Fragment,
}

const _: () = assert!(size_of::<PieceRecord>() <= 24);

impl PieceRecord {
    /// Creates the record of a written frame. `sent` is `None` for an unreliable message.
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

    /// Returns whether the sender resends the content after a loss.
    pub(crate) fn is_repeated(&self) -> bool {
        self.kind != Kind::Once
    }

    /// Returns the part of a message in the frame. If the record represents several messages, returns the first
    /// message.
    pub(super) fn sent(&self) -> SentPart {
        let whole = match self.kind {
            Kind::Whole(sends) => Some(sends),
            Kind::Once | Kind::Fragment => None,
        };
        SentPart { id: self.id, start: self.start.into(), end: self.end.into(), whole, repeated: false }
    }

    /// Adds the record of the packet's next frame to this record, if both contain whole messages with consecutive
    /// ids. Returns whether the record was added. A packet full of messages thus leaves one record.
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
