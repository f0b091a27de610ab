//! Reports of the sending side about its messages.

use alloc::vec::Vec;

use super::SendSide;
use super::outgoing::{Outgoing, Wish};
use crate::event::{ChannelId, Fate, MessageId, Unconfirmed};
use crate::stats::ChannelSent;

impl SendSide {
    /// Returns the fate of a message. Returns `None` for a message that was never queued, and for a message so old
    /// that the sender no longer knows whether it expired. On an ordered channel, a message counts as delivered only
    /// after all earlier messages. An unreliable message is `Unknown` from its first transmission on, because the
    /// sender does not track its acknowledgement.
    pub(crate) fn fate(&self, channel: ChannelId, message: MessageId) -> Option<Fate> {
        self.channels.read(usize::from(channel.0), |outgoing| outgoing.fate(message.0))?
    }

    /// Returns the reliable messages that were neither delivered nor dropped when their lifetime passed, sorted by
    /// channel and number.
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

    /// Returns whether a reliable message was sent in part or in full and is not acknowledged.
    pub(crate) fn has_unacked_reliable(&self) -> bool {
        self.channels.iter().any(|(_, outgoing)| !outgoing.window.is_empty())
    }

    /// Returns whether no message waits to be sent, and no reliable message waits to be acknowledged.
    pub(crate) fn is_drained(&self) -> bool {
        let is_drained = |outgoing: &Outgoing| outgoing.wish() == Wish::Nothing && outgoing.window.is_empty();
        self.channels.iter().all(|(_, outgoing)| is_drained(outgoing))
    }

    /// Returns the counters of the messages sent on one channel, or `None` if the channel does not exist.
    pub(crate) fn stats(&self, channel: ChannelId) -> Option<ChannelSent> {
        let index = usize::from(channel.0);
        let used = || self.channels.read(index, Outgoing::stats).unwrap_or_default();
        self.channels.has(index).then(used)
    }

    /// Returns the number of bytes that wait for their first transmission, including the overhead.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.channels.iter().map(|(_, outgoing)| outgoing.queue.bytes()).sum()
    }
}
