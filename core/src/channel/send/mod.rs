//! The sending side of a connection's channels: queues, messages in flight, and the choice of the channel that
//! sends next.

mod outgoing;
mod piece;
mod queue;
mod record;
mod report;
#[cfg(test)]
mod tests;
mod window;
mod writing;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::ops::Range;

use bytes::Bytes;

use self::outgoing::{Outgoing, Wish};
use self::record::Kind;
pub(crate) use self::record::PieceRecord;
use self::window::SentPart;
use super::compress::Compressor;
use super::lazy::Channels;
use crate::config::{ChannelConfig, Overflow};
use crate::error::SendError;
use crate::event::{ChannelId, MessageId, Violation};
use crate::limits::{CHANNELS, MESSAGE_OVERHEAD};
use crate::time::Instant;

/// The sending side of a connection's channels.
#[derive(Debug)]
pub(crate) struct SendSide {
    channels: Channels<Outgoing>,
    /// A bit for each channel that may have a frame to send. The bit is set for every channel that has one.
    wishing: u32,
    /// A bit for each channel whose messages have a lifetime.
    mortal: u32,
    /// A bit for each channel that drops its oldest messages in favour of newer messages. No bit is set before the
    /// rate of the path is known.
    yielding: u32,
    /// A bit for each channel of `yielding` with messages that the path has delayed.
    held: u32,
    max_message: usize,
    credit: Credit,
    /// The receipts to report, in the order of delivery.
    delivered: VecDeque<(ChannelId, MessageId)>,
    /// A bit for each channel that rejected a message and must report when its queue has space.
    refused: u32,
    /// `true` between [`Self::begin_resume`] and [`Self::end_resume`].
    resuming: bool,
    /// The number of transports used so far, modulo 256. The sender ignores records of earlier transports.
    transport: u8,
    /// The first message on a compressed channel creates the compressor.
    compressor: Option<Box<Compressor>>,
}

/// Flow-control credit: the total number of reliable bytes that the peer permits, and the number that is used.
#[derive(Debug)]
struct Credit {
    granted: u64,
    used: u64,
}

impl SendSide {
    /// Creates the sending side of `channels`, for messages of up to `max_message` bytes. `credit` is the peer's
    /// initial flow-control credit, in bytes.
    pub(crate) fn new(channels: Arc<[ChannelConfig]>, max_message: usize, credit: u64) -> Self {
        Self::with_first_id(channels, max_message, credit, 0)
    }

    /// Creates the sending side as [`Self::new`] does, but the first message on each channel has the id `first_id`.
    pub(crate) fn with_first_id(
        channels: Arc<[ChannelConfig]>,
        max_message: usize,
        credit: u64,
        first_id: u64,
    ) -> Self {
        let mortal =
            channels.iter().take(CHANNELS).enumerate().filter(|(_, config)| config.lifetime.is_some());
        Self {
            wishing: 0,
            mortal: mortal.map(|(index, _)| 1 << index).sum(),
            yielding: 0,
            held: 0,
            channels: Channels::new(channels, first_id),
            max_message,
            credit: Credit { granted: credit, used: 0 },
            delivered: VecDeque::new(),
            refused: 0,
            resuming: false,
            transport: 0,
            compressor: None,
        }
    }

    /// Queues a message for sending.
    ///
    /// # Errors
    /// [`SendError::NoSuchChannel`] if the channel does not exist; [`SendError::TooLarge`] if the message exceeds the
    /// largest message; [`SendError::Full`] if the queue has no space. After `Full`, [`Self::take_ready`] returns the
    /// channel when the queue has space again.
    pub(crate) fn enqueue(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: Bytes,
    ) -> Result<MessageId, SendError> {
        let Some(outgoing) = self.channels.make(usize::from(channel.0)) else {
            return Err(SendError::NoSuchChannel(message));
        };
        if message.len() > self.max_message {
            return Err(SendError::TooLarge { message, most: self.max_message });
        }
        // A compressed channel's payload is one byte longer at worst.
        let most = cost(message.len() + usize::from(outgoing.compress));
        if !outgoing.queue.has_room(most, outgoing.receipts_waiting) {
            if self.yielding & 1 << channel.0 == 0 {
                self.refused |= 1 << channel.0;
                outgoing.on_full(most);
                return Err(SendError::Full(message));
            }
            outgoing.make_room(most);
        }
        let length = message.len();
        let payload = if outgoing.compress {
            self.compressor.get_or_insert_default().payload(&message)
        } else {
            message
        };
        // The peer holds the message unpacked, and charges for that.
        let cost = cost(payload.len().max(length));
        let number = outgoing.queue.push(now, payload, cost);
        self.wishing |= 1 << channel.0;
        if self.held & 1 << channel.0 != 0 {
            outgoing.give_way(now);
        }
        Ok(MessageId(number))
    }

    /// Records that the packet with the frames in `record` was acknowledged.
    pub(crate) fn on_acked(&mut self, record: PieceRecord) {
        let Some(outgoing) = current(&mut self.channels, self.transport, record) else { return };
        let delivered = &mut self.delivered;
        let mut numbers = 0;
        let report = outgoing.receipts;
        let mut note = |number| {
            numbers += 1;
            if report {
                delivered.push_back((record.channel, MessageId(number)));
            }
        };
        match record.kind {
            Kind::Whole(_) => outgoing.window.on_acked_whole(record.id, record.end.into(), &mut note),
            _ => outgoing.window.on_acked(&record.sent(), &mut note),
        }
        outgoing.on_delivered(numbers);
        // A full window may have room again.
        if outgoing.wish() != Wish::Nothing {
            self.wishing |= 1 << record.channel.0;
        }
    }

    /// Records that the packet with the frames in `record` is lost or may be lost. The sender resends the content
    /// unless the peer acknowledged it. A later acknowledgement of the packet still counts.
    pub(crate) fn on_lost(&mut self, record: PieceRecord) {
        let Some(outgoing) = current(&mut self.channels, self.transport, record) else { return };
        let sent = record.sent();
        let ids = if sent.whole.is_some() { u64::from(record.end) } else { 1 };
        for id in (sent.id..).take(ids as usize) {
            outgoing.window.on_lost(&SentPart { id, ..sent });
        }
        self.wishing |= 1 << record.channel.0;
    }

    /// Takes the next receipt: the channel and the number of a delivered message, in the order of delivery.
    pub(crate) fn take_delivered(&mut self) -> Option<(ChannelId, MessageId)> {
        let (channel, message) = self.delivered.pop_front()?;
        if let Some(outgoing) = self.channels.get_mut(usize::from(channel.0)) {
            outgoing.receipts_waiting = outgoing.receipts_waiting.saturating_sub(1);
        }
        Some((channel, message))
    }

    /// Returns whether a receipt waits for the application.
    pub(crate) fn has_delivered(&self) -> bool {
        !self.delivered.is_empty()
    }

    /// Takes a channel that rejected a message and whose queue has since drained to half. Returns each such channel
    /// once.
    pub(crate) fn take_ready(&mut self) -> Option<ChannelId> {
        let mut left = self.refused;
        while left != 0 {
            let index = left.trailing_zeros();
            left &= left - 1;
            let outgoing = self.channels.get_mut(index as usize)?;
            if outgoing.queue.take_ready(outgoing.receipts_waiting) {
                self.refused &= !(1 << index);
                return Some(ChannelId(index as u8));
            }
        }
        None
    }

    /// Drops the messages whose lifetime passed before their first transmission.
    pub(crate) fn expire(&mut self, now: Instant) {
        for index in bits(self.mortal) {
            let Some(outgoing) = self.channels.get_mut(index) else { continue };
            let count = outgoing.queue.expire(now);
            outgoing.on_expired(count);
        }
    }

    /// Permits the channels with [`Overflow::DropOldest`] to drop old unreliable messages, because the rate of the
    /// path is now known or limited.
    pub(crate) fn on_path_known(&mut self) {
        if self.yielding == 0 {
            let configs = (0..CHANNELS).map_while(|index| self.channels.config(index)).enumerate();
            let yields = |config: &ChannelConfig| {
                !config.delivery.is_reliable() && config.overflow == Overflow::DropOldest
            };
            self.yielding = configs.filter(|(_, config)| yields(config)).map(|(index, _)| 1 << index).sum();
        }
    }

    /// Marks the waiting messages of channels with [`Overflow::DropOldest`] as delayed, because the path cannot take a
    /// packet now. Newer messages can then
    /// displace the delayed messages.
    pub(crate) fn hold_back(&mut self, now: Instant) {
        for index in bits(self.yielding & self.wishing) {
            if self.channels.get_mut(index).is_some_and(|outgoing| outgoing.hold_back(now)) {
                self.held |= 1 << index;
            }
        }
    }

    /// Drops the delayed messages that newer messages displace.
    fn give_way(&mut self, now: Instant) {
        for index in bits(self.held) {
            if !self.channels.get_mut(index).is_some_and(|outgoing| outgoing.give_way(now)) {
                self.held &= !(1 << index);
            }
        }
    }

    /// Returns the time at which [`Self::expire`] must be called, or `None`.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        bits(self.mortal).filter_map(|index| self.channels.get(index)?.queue.next_expiry()).min()
    }

    /// Releases unused memory. The caller calls this method after a period without sent packets.
    pub(crate) fn rest(&mut self) {
        self.channels.iter_mut().for_each(Outgoing::rest);
        self.channels.summarize();
        self.delivered.shrink_to_fit();
        self.compressor = None;
    }

    /// Raises the flow-control credit to `total` reliable bytes, counted since the session began. A lower `total`
    /// changes nothing.
    pub(crate) fn on_credit(&mut self, total: u64) {
        self.credit.granted = self.credit.granted.max(total);
    }

    /// Prepares for a new transport. The sender resends each unacknowledged message from its beginning, and sends no
    /// reliable message before [`Self::end_resume`]. Records of the old transport have no effect from now on.
    pub(crate) fn begin_resume(&mut self) {
        self.resuming = true;
        self.transport = self.transport.wrapping_add(1);
        self.channels.iter_mut().for_each(Outgoing::restart);
        self.wishing = u32::MAX;
    }

    /// Processes the peer's resume state of one channel. The peer received all messages below `floor`, and the
    /// messages in `ranges`, which are distances from the floor.
    ///
    /// # Errors
    /// [`Violation::BadResume`] if the channel is not reliable, if the state contains a message that was never sent,
    /// or if the state lacks a message that the peer acknowledged.
    pub(crate) fn on_resume(
        &mut self,
        channel: ChannelId,
        floor: u32,
        mut ranges: impl Iterator<Item = Range<u32>>,
    ) -> Result<(), Violation> {
        let index = usize::from(channel.0);
        let Some(outgoing) = self.channels.resume(index) else {
            // Nothing was sent on this channel, so the peer has nothing of it.
            let is_reliable = self.channels.config(index).is_some_and(|config| config.delivery.is_reliable());
            let is_unused =
                floor == super::ids::truncate(self.channels.first_id()) && ranges.next().is_none();
            return if is_reliable && is_unused { Ok(()) } else { Err(Violation::BadResume) };
        };
        if !outgoing.is_reliable() {
            return Err(Violation::BadResume);
        }
        let (delivered, report) = (&mut self.delivered, outgoing.receipts);
        let mut numbers = 0;
        let result = outgoing.window.on_received(floor, ranges, &mut |number| {
            numbers += 1;
            if report {
                delivered.push_back((channel, MessageId(number)));
            }
        });
        outgoing.on_delivered(numbers);
        self.wishing |= 1 << channel.0;
        result
    }

    /// Permits reliable messages again, after the resume states of all channels were processed.
    pub(crate) fn end_resume(&mut self) {
        self.resuming = false;
    }
}

/// Returns the index of each bit that is set, the lowest first.
fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = (set != 0).then_some(set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        lowest
    })
}

/// Returns the number of bytes that a message of `length` bytes costs in every budget.
const fn cost(length: usize) -> u64 {
    length as u64 + MESSAGE_OVERHEAD
}

/// Returns the channel of `record`, if the record is of a reliable message and of the transport with the number
/// `transport`.
fn current(channels: &mut Channels<Outgoing>, transport: u8, record: PieceRecord) -> Option<&mut Outgoing> {
    let is_current = record.is_repeated() && record.transport == transport;
    channels.get_mut(usize::from(record.channel.0)).filter(|_| is_current)
}
