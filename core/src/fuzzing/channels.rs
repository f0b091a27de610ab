//! Both sides of a connection's channels, without the connection around them.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::channel::{Arena, PieceRecord, Receipt, ReceiveSide, SendSide};
use crate::config::{ChannelConfig, receive_window};
use crate::error::SendError;
use crate::event::{ChannelId, MessageId, Unconfirmed, Violation};
use crate::fair::VirtualClock;
use crate::time::Instant;
use crate::wire::{MessageFrame, ResumeFrame, Writer};

/// The receiving side of a connection's channels.
#[derive(Debug)]
pub struct Receiving {
    side: ReceiveSide,
    arena: Arena,
}

/// The effect of a received frame on the receiving side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Taken {
    /// The frame brought new data.
    New,
    /// All data of the frame had already arrived.
    Duplicate,
    /// The receiver dropped the frame, because a newer message of the sequenced channel had already arrived.
    Stale,
    /// The receiver has no memory left for the frame.
    Refused,
}

impl Receiving {
    /// Creates a receiving side with the receive window for messages of at most `max_message` bytes. The first message on
    /// each channel has the id `first_id`.
    #[must_use]
    pub fn new(channels: &[ChannelConfig], max_message: usize, first_id: u64) -> Self {
        let window = receive_window(max_message);
        Self {
            side: ReceiveSide::with_first_id(channels.into(), max_message, window, first_id),
            arena: Arena::default(),
        }
    }

    /// Returns the receive window, in bytes, for messages of at most `max_message` bytes.
    #[must_use]
    pub fn window(max_message: usize) -> u64 {
        receive_window(max_message)
    }

    /// Processes one received frame.
    ///
    /// # Errors
    /// A [`Violation`] if the frame breaks the protocol. The receiving side is then unusable.
    pub fn take(&mut self, now: Instant, frame: &MessageFrame<'_>) -> Result<Taken, Violation> {
        self.side.on_message(now, frame, &mut self.arena).map(|receipt| match receipt {
            Receipt::Taken => Taken::New,
            Receipt::Duplicate => Taken::Duplicate,
            Receipt::Stale => Taken::Stale,
            Receipt::Refused => Taken::Refused,
        })
    }

    /// Removes the next message for the application from the queue, and returns its channel and content. Returns `None` if
    /// no message waits.
    pub fn pop(&mut self) -> Option<(ChannelId, Bytes)> {
        self.side.pop()
    }

    /// Returns whether [`Receiving::pop`] would return a message.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.side.has_messages()
    }

    /// Returns the memory that incomplete messages, and messages that wait for the application, occupy, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.side.memory()
    }

    /// Returns the total flow-control credit to advertise, in bytes, and counts it as sent. Returns `None` if no CREDIT
    /// frame is due.
    pub fn grant(&mut self) -> Option<u64> {
        let total = self.side.grant_due()?;
        self.side.on_grant_sent(total);
        Some(total)
    }

    /// Drops unreliable messages whose missing fragments did not arrive in time.
    pub fn expire(&mut self, now: Instant) {
        self.side.expire(now, &mut self.arena);
    }

    /// Returns the earliest time at which [`Receiving::expire`] has a message to drop. Returns `None` if no message can
    /// expire.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.side.next_expiry()
    }

    /// Prepares the channels for a resumption on a new transport: drops all incomplete messages, and makes a CREDIT
    /// frame due.
    pub fn begin_resume(&mut self) {
        self.side.begin_resume();
    }

    /// Returns the content of a RESUME frame for `channel`: the low 24 bits of the lowest message id that was not
    /// received (the floor), and the ranges of the messages received above the floor. Returns `None` if the channel is
    /// not reliable.
    #[must_use]
    pub fn received(&self, channel: ChannelId) -> Option<(u32, Vec<Range<u32>>)> {
        self.side.floor(channel).map(|floor| (floor, self.side.ranges(channel).collect()))
    }
}

/// The record of one frame that was written into a packet.
#[derive(Clone, Copy, Debug)]
pub struct Piece(PieceRecord);

/// The sending side of a connection's channels.
#[derive(Debug)]
pub struct Sending(SendSide, VirtualClock);

impl Sending {
    /// Creates a sending side with `credit` bytes of flow-control credit. The first message on each channel has the id
    /// `first_id`.
    #[must_use]
    pub fn new(channels: &[ChannelConfig], max_message: usize, credit: u64, first_id: u64) -> Self {
        Self(SendSide::with_first_id(channels.into(), max_message, credit, first_id), VirtualClock::default())
    }

    /// Queues a message for sending.
    ///
    /// # Errors
    /// [`SendError`] with the message, if the message cannot be queued.
    pub fn enqueue(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: Bytes,
    ) -> Result<MessageId, SendError> {
        self.0.enqueue(now, channel, message)
    }

    /// Fills `buffer` with frames. Returns the number of bytes written, and a record of each frame.
    pub fn packet(&mut self, now: Instant, buffer: &mut [u8]) -> (usize, Vec<Piece>) {
        let mut writer = Writer::new(buffer);
        let mut pieces = Vec::new();
        self.0.write_pieces(now, &mut self.1, &mut writer, |piece| pieces.push(Piece(piece)));
        (writer.written(), pieces)
    }

    /// Reports that the packet with `piece` was acknowledged.
    pub fn on_acked(&mut self, piece: Piece) {
        self.0.on_acked(piece.0);
    }

    /// Reports that the packet with `piece` was lost.
    pub fn on_lost(&mut self, piece: Piece) {
        self.0.on_lost(piece.0);
    }

    /// Raises the total flow-control credit, which the peer has granted since the session began, to `total` bytes.
    pub fn on_credit(&mut self, total: u64) {
        self.0.on_credit(total);
    }

    /// Returns the channel and the id of the next message that was delivered on a channel with receipts. Returns `None` if
    /// all such messages were returned before.
    pub fn delivered(&mut self) -> Option<(ChannelId, MessageId)> {
        self.0.take_delivered()
    }

    /// Returns the reliable messages whose delivery the peer has not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> Vec<Unconfirmed> {
        self.0.unconfirmed()
    }

    /// Returns whether no message waits to be sent, and no reliable message waits to be acknowledged.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.0.is_drained()
    }

    /// Prepares the channels for a resumption on a new transport: each unacknowledged message is resent from its first
    /// byte, and no reliable message is sent before [`Sending::end_resume`].
    pub fn begin_resume(&mut self) {
        self.0.begin_resume();
    }

    /// Processes the peer's resume state of one channel.
    ///
    /// # Errors
    /// [`Violation::BadResume`] if the state contradicts the messages that this end sent.
    pub fn on_resume(&mut self, frame: &ResumeFrame<'_>) -> Result<(), Violation> {
        self.0.on_resume(frame.channel, frame.floor, frame.ranges())
    }

    /// Ends the resumption. Call this method after the peer's resume states of all channels have been processed.
    pub fn end_resume(&mut self) {
        self.0.end_resume();
    }
}
