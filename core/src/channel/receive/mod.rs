//! The receiving side of a connection's channels, which turns frames into messages.

mod grants;
mod holding;
mod inbox;
mod loose;
mod ordered;
mod payload;
mod reassembly;
mod reliable;
mod sequenced;
#[cfg(test)]
mod tests;
mod unordered;

use alloc::sync::Arc;
use core::ops::Range;

use bytes::Bytes;

use self::grants::Grants;
pub(crate) use self::holding::Receipt;
use self::inbox::Inbox;
use self::loose::Loose;
use self::ordered::Ordered;
use self::payload::{Payload, Reading};
use self::reassembly::Fragment;
use self::reliable::{Body, Context, Order, Reliable, Shared};
use self::sequenced::Sequenced;
use self::unordered::Unordered;
use super::arena::{Arena, Keep};
use super::ids;
use super::lazy::{Channels, PerChannel};
use crate::config::{ChannelConfig, Delivery};
use crate::event::{ChannelId, Violation};
use crate::stats::ChannelReceived;
use crate::time::Instant;
use crate::wire::message::{MessageFrame, MessagePart};

/// The receiving side of a connection's channels.
#[derive(Debug)]
pub(crate) struct ReceiveSide {
    channels: Channels<Incoming>,
    shared: Shared,
    loose: Loose,
    max_message: usize,
}

/// One channel of the receiving side.
#[derive(Debug)]
struct Incoming {
    compressed: bool,
    mode: ChannelState,
    counters: ChannelReceived,
}

/// The receive state of a channel.
#[derive(Debug)]
enum ChannelState {
    Unreliable,
    Sequenced(Sequenced),
    Reliable(Reliable),
}

impl ReceiveSide {
    /// Creates the receiving side of `channels`, for messages of up to `max_message` bytes. `window` is the initial
    /// flow-control credit of the peer in bytes, which must suffice for at least one message.
    pub(crate) fn new(channels: Arc<[ChannelConfig]>, max_message: usize, window: u64) -> Self {
        Self::with_first_id(channels, max_message, window, 0)
    }

    /// Creates the receiving side as [`Self::new`] does, but the first message on each channel has the id `first_id`.
    pub(crate) fn with_first_id(
        channels: Arc<[ChannelConfig]>,
        max_message: usize,
        window: u64,
        first_id: u64,
    ) -> Self {
        Self {
            channels: Channels::new(channels, first_id),
            shared: Shared { inbox: Inbox::default(), grants: Grants::new(window), account: None },
            loose: Loose::new(max_message),
            max_message,
        }
    }

    /// Processes a frame of an authenticated packet.
    ///
    /// # Errors
    /// A [`Violation`] if the frame breaks the protocol. The caller must then end the connection and stop using this
    /// value.
    pub(crate) fn on_message(
        &mut self,
        now: Instant,
        frame: &MessageFrame<'_>,
        arena: &mut Arena,
    ) -> Result<Receipt, Violation> {
        arena.is_used = true;
        let incoming = self.channels.make(usize::from(frame.channel.0)).ok_or(Violation::BadChannel)?;
        let reading = Reading { compressed: incoming.compressed, max_message: self.max_message };
        let data = frame.data;
        let body = match frame.part {
            MessagePart::Whole => Body::Whole(data),
            MessagePart::Fragment { total, offset } => {
                Body::Fragment(Fragment { total, offset, data, total_most: reading.payload_most() })
            }
        };
        let receipt = match (&mut incoming.mode, frame.id, body) {
            (ChannelState::Reliable(reliable), Some(id), body) => {
                let shared = &mut self.shared;
                reliable.take(Context { now, channel: frame.channel, reading, shared, arena }, id, body)?
            }
            (ChannelState::Unreliable, None, Body::Whole(data)) => {
                self.pass(frame.channel, Payload::Borrowed(data), reading, arena)?;
                Receipt::Taken
            }
            (ChannelState::Unreliable, Some(id), Body::Fragment(fragment)) => {
                self.reassemble(now, frame.channel, u64::from(id), fragment, reading, arena)?
            }
            (ChannelState::Sequenced(sequenced), Some(id), body) => {
                let id = ids::expand(id, sequenced.next());
                if id < sequenced.next() {
                    Receipt::Stale
                } else {
                    match body {
                        Body::Whole(data) => {
                            self.pass_newest(frame.channel, id, Payload::Borrowed(data), reading, arena)?;
                            Receipt::Taken
                        }
                        Body::Fragment(fragment) => {
                            self.reassemble(now, frame.channel, id, fragment, reading, arena)?
                        }
                    }
                }
            }
            _ => return Err(Violation::BadChannel),
        };
        self.count(frame.channel, receipt);
        Ok(receipt)
    }

    /// Takes the next message for the application. The credit of the message returns to the peer.
    pub(crate) fn pop(&mut self) -> Option<(ChannelId, Bytes)> {
        let ready = self.shared.inbox.pop()?;
        self.shared.grants.consume(ready.charge);
        if let Some(incoming) = self.channels.get_mut(usize::from(ready.channel.0)) {
            incoming.counters.messages += 1;
            incoming.counters.bytes += ready.message.len() as u64;
        }
        Some((ready.channel, ready.message))
    }

    /// Returns whether a message is ready for the application.
    pub(crate) fn has_messages(&self) -> bool {
        !self.shared.inbox.is_empty()
    }

    /// Returns the total credit to advertise, in bytes, if the credit grew by at least a quarter of the window or the
    /// most recent CREDIT frame was lost.
    pub(crate) fn grant_due(&self) -> Option<u64> {
        self.shared.grants.due()
    }

    /// Records that a CREDIT frame with `total` bytes was sent.
    pub(crate) fn on_grant_sent(&mut self, total: u64) {
        self.shared.grants.on_sent(total);
    }

    /// Records that a packet with a CREDIT frame was lost.
    pub(crate) fn on_grant_lost(&mut self) {
        self.shared.grants.on_lost();
    }

    /// Drops unreliable messages that have been incomplete for too long. Returns `true` if a reliable message has
    /// exceeded its time with the reserved memory while other connections wait for the reserve.
    pub(crate) fn expire(&mut self, now: Instant, arena: &mut Arena) -> bool {
        let channels = &mut self.channels;
        if !self.loose.is_empty() {
            let mut holding = self.shared.holding(arena);
            self.loose.expire(now, &mut holding, |channel| count_abandoned(channels, channel, 1));
        }
        self.shared.account.as_mut().is_some_and(|account| account.is_overdue(now, &mut arena.room))
    }

    /// Returns the time at which [`Self::expire`] must be called, or `None`.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let reserved_until = self.shared.account.as_ref().and_then(|account| account.reserved_until());
        match (self.loose.next_expiry(), reserved_until) {
            (Some(loose), Some(reserved)) => Some(loose.min(reserved)),
            (loose, reserved) => loose.or(reserved),
        }
    }

    /// Returns the low 24 bits of the lowest message id not received on a channel, or `None` if the channel is not
    /// reliable.
    pub(crate) fn floor(&self, channel: ChannelId) -> Option<u32> {
        let index = usize::from(channel.0);
        let floor = self.channels.read(index, |incoming| incoming.reliable().map(Reliable::floor));
        let unused = || {
            let config = self.channels.config(index)?;
            config.delivery.is_reliable().then(|| self.channels.first_id())
        };
        floor.flatten().or_else(unused).map(ids::truncate)
    }

    /// Returns the messages received above the floor of a reliable channel, as distances from the floor: at most
    /// [`crate::limits::RESUME_RANGES`] ranges.
    pub(crate) fn ranges(&self, channel: ChannelId) -> impl Iterator<Item = Range<u32>> + Clone {
        self.reliable_on(channel).into_iter().flat_map(Reliable::ranges)
    }

    /// Prepares for a new transport: drops all messages in reassembly, refunds their credit, and makes a CREDIT frame
    /// due.
    pub(crate) fn begin_resume(&mut self) {
        let channels = &mut self.channels;
        let loose = self.loose.clear(|channel| count_abandoned(channels, channel, 1));
        self.shared.release(loose);
        for incoming in self.channels.iter_mut() {
            if let ChannelState::Reliable(reliable) = &mut incoming.mode {
                reliable.drop_partial(&mut self.shared);
            }
        }
        if let Some(account) = &mut self.shared.account {
            account.give_back_reserve();
        }
        self.shared.grants.on_lost();
    }

    /// Releases all incomplete and early messages after the final packet. Messages that are ready for the application
    /// remain.
    pub(crate) fn finish(&mut self) {
        self.begin_resume();
        for incoming in self.channels.iter_mut() {
            if let ChannelState::Reliable(reliable) = &mut incoming.mode {
                reliable.drop_early(&mut self.shared);
            }
        }
    }

    /// Releases unused memory. The caller calls this method after a period without received packets.
    pub(crate) fn rest(&mut self) {
        self.shared.rest();
        self.loose.rest();
        for incoming in self.channels.iter_mut() {
            if let ChannelState::Reliable(reliable) = &mut incoming.mode {
                reliable.rest();
            }
        }
        // Incomplete and ready messages count in the statistics of their channels, so these channels must stay.
        if self.loose.is_empty() && self.shared.inbox.is_empty() {
            self.channels.summarize();
        }
    }

    /// Removes the connection from the queue for the reserved memory, because the connection ended.
    pub(crate) fn leave(&mut self, arena: &mut Arena) {
        if let Some(account) = &mut self.shared.account {
            arena.room.forget(account);
        }
    }

    /// Returns the number of bytes held for the peer: the heap memory of incomplete and early messages, plus the
    /// messages that are ready for the application, each with an overhead of [`crate::limits::MESSAGE_OVERHEAD`]
    /// bytes.
    pub(crate) fn memory(&self) -> u64 {
        let held = self.shared.account.as_ref().map_or(0, |account| account.held());
        held as u64 + self.shared.inbox.memory()
    }

    /// Returns the counters of the messages received on one channel, or `None` if the channel does not exist.
    pub(crate) fn stats(&self, channel: ChannelId) -> Option<ChannelReceived> {
        let index = usize::from(channel.0);
        let used = || self.channels.read(index, |incoming| incoming.counters).unwrap_or_default();
        self.channels.has(index).then(used)
    }

    fn reassemble(
        &mut self,
        now: Instant,
        channel: ChannelId,
        id: u64,
        fragment: Fragment<'_>,
        reading: Reading,
        arena: &mut Arena,
    ) -> Result<Receipt, Violation> {
        let channels = &mut self.channels;
        let abandoned = |channel| count_abandoned(channels, channel, 1);
        let mut holding = self.shared.holding(arena);
        if let Some(parts) = self.loose.insert(now, (channel, id), fragment, &mut holding, abandoned)? {
            self.pass_newest(channel, id, Payload::Joined(parts), reading, arena)?;
        }
        Ok(Receipt::Taken)
    }

    /// Delivers an unreliable message to the inbox. On a sequenced channel, older messages become stale.
    fn pass_newest(
        &mut self,
        channel: ChannelId,
        id: u64,
        payload: Payload<'_>,
        reading: Reading,
        arena: &mut Arena,
    ) -> Result<(), Violation> {
        if let Some(Incoming { mode: ChannelState::Sequenced(sequenced), counters, .. }) =
            self.channels.get_mut(usize::from(channel.0))
        {
            sequenced.take(id);
            if !self.loose.is_empty() {
                counters.abandoned += self.loose.give_up_below(channel, id, &mut self.shared.holding(arena));
            }
        }
        self.pass(channel, payload, reading, arena)
    }

    fn pass(
        &mut self,
        channel: ChannelId,
        payload: Payload<'_>,
        reading: Reading,
        arena: &mut Arena,
    ) -> Result<(), Violation> {
        let message = payload.into_message(reading, Keep::Passing, arena, |_| Ok(()))?;
        let channels = &mut self.channels;
        self.shared.inbox.push_passing(channel, message, |channel| {
            if let Some(incoming) = channels.get_mut(usize::from(channel.0)) {
                incoming.counters.dropped += 1;
            }
        });
        Ok(())
    }

    fn count(&mut self, channel: ChannelId, receipt: Receipt) {
        let Some(incoming) = self.channels.get_mut(usize::from(channel.0)) else { return };
        match receipt {
            Receipt::Duplicate => incoming.counters.duplicates += 1,
            Receipt::Stale => incoming.counters.stale += 1,
            Receipt::Taken | Receipt::Refused => {}
        }
    }

    fn reliable_on(&self, channel: ChannelId) -> Option<&Reliable> {
        self.channels.get(usize::from(channel.0)).and_then(Incoming::reliable)
    }
}

/// The part of a channel's state that remains while the channel has no messages.
#[derive(Debug)]
struct IncomingSummary {
    /// The id of the next message. A channel with unreliable messages has none.
    next_id: u64,
    counters: ChannelReceived,
}

impl PerChannel for Incoming {
    type Summary = IncomingSummary;

    fn new(_: ChannelId, config: &ChannelConfig, first_id: u64) -> Self {
        let reliable = |order| ChannelState::Reliable(Reliable::new(order));
        let mode = match config.delivery {
            Delivery::Unreliable => ChannelState::Unreliable,
            Delivery::Sequenced => ChannelState::Sequenced(Sequenced::new(first_id)),
            Delivery::ReliableUnordered => reliable(Order::Unordered(Unordered::new(first_id))),
            Delivery::ReliableOrdered => reliable(Order::Ordered(Ordered::new(first_id))),
        };
        Self { compressed: config.compress, mode, counters: ChannelReceived::default() }
    }

    fn summary(&self) -> Option<IncomingSummary> {
        let next_id = match &self.mode {
            ChannelState::Unreliable => 0,
            ChannelState::Sequenced(sequenced) => sequenced.next(),
            ChannelState::Reliable(reliable) => reliable.idle_floor()?,
        };
        Some(IncomingSummary { next_id, counters: self.counters })
    }

    fn from_summary(channel: ChannelId, config: &ChannelConfig, summary: &IncomingSummary) -> Self {
        Self { counters: summary.counters, ..Self::new(channel, config, summary.next_id) }
    }
}

impl Incoming {
    const fn reliable(&self) -> Option<&Reliable> {
        match &self.mode {
            ChannelState::Reliable(reliable) => Some(reliable),
            _ => None,
        }
    }
}

fn count_abandoned(channels: &mut Channels<Incoming>, channel: ChannelId, count: u64) {
    if let Some(incoming) = channels.get_mut(usize::from(channel.0)) {
        incoming.counters.abandoned += count;
    }
}
