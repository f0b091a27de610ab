//! Reports of the sending side about its messages.

use alloc::vec::Vec;

use super::SendSide;
use super::outgoing::{Outgoing, Wish};
use crate::event::{ChannelId, Fate, MessageId, Unconfirmed};
use crate::stats::ChannelSent;

impl SendSide {
    /// The fate of a message. `None` for a message that was never queued, and, on channels with a lifetime, for one so
    /// old that its expiry is no longer on record. On ordered channels a message is delivered when all before it are.
    /// An unreliable message is `Unknown` from its first transmission on, because its acknowledgement is not tracked.
    pub(crate) fn fate(&self, channel: ChannelId, message: MessageId) -> Option<Fate> {
        self.channels.get(usize::from(channel.0))?.fate(message.0)
    }

    /// Reliable messages that were neither delivered nor dropped when their lifetime passed, sorted.
    pub(crate) fn unconfirmed(&self) -> Vec<Unconfirmed> {
        let reliable = self.channels.iter().filter(|(_, outgoing)| outgoing.is_reliable());
        reliable
            .flat_map(|(index, outgoing)| {
                let channel = ChannelId(index as u8);
                let begun = outgoing.window.unconfirmed().map(|number| (number, Fate::Unknown));
                let queued = outgoing.queue.numbers().map(|number| (number, Fate::NotSent));
                begun.chain(queued).map(move |(number, fate)| Unconfirmed {
                    channel,
                    message: MessageId(number),
                    fate,
                })
            })
            .collect()
    }

    /// Whether a reliable message was begun and is not acknowledged.
    pub(crate) fn has_unacked_reliable(&self) -> bool {
        self.channels.iter().any(|(_, outgoing)| !outgoing.window.is_empty())
    }

    /// Whether nothing waits to be sent, and nothing reliable to be acknowledged.
    pub(crate) fn is_drained(&self) -> bool {
        let is_drained = |outgoing: &Outgoing| outgoing.wish() == Wish::Nothing && outgoing.window.is_empty();
        self.channels.iter().all(|(_, outgoing)| is_drained(outgoing))
    }

    /// Counters of the messages sent on one channel.
    pub(crate) fn stats(&self, channel: ChannelId) -> Option<ChannelSent> {
        let index = usize::from(channel.0);
        let used = || self.channels.get(index).map(Outgoing::stats).unwrap_or_default();
        self.channels.has(index).then(used)
    }

    /// Bytes that wait for their first transmission, overhead included.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.channels.iter().map(|(_, outgoing)| outgoing.queue.bytes()).sum()
    }
}
