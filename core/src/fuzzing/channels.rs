//! Both sides of a connection's channels, without the connection.

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

/// The effect of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Taken {
    /// It was new.
    New,
    /// It was received before.
    Duplicate,
    /// A newer message was received before it.
    Stale,
    /// There is no room.
    Refused,
}

impl Receiving {
    /// The receiving side with the window that goes with `max_message`, whose first message on each channel is `first_id`.
    #[must_use]
    pub fn new(channels: &[ChannelConfig], max_message: usize, first_id: u64) -> Self {
        let window = receive_window(max_message);
        Self {
            side: ReceiveSide::with_first_id(channels.into(), max_message, window, first_id),
            arena: Arena::default(),
        }
    }

    /// The receive window that goes with a largest message.
    #[must_use]
    pub fn window(max_message: usize) -> u64 {
        receive_window(max_message)
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// A [`Violation`], after which this is of no more use.
    pub fn take(&mut self, now: Instant, frame: &MessageFrame<'_>) -> Result<Taken, Violation> {
        self.side.on_message(now, frame, &mut self.arena).map(|receipt| match receipt {
            Receipt::Taken => Taken::New,
            Receipt::Duplicate => Taken::Duplicate,
            Receipt::Stale => Taken::Stale,
            Receipt::Refused => Taken::Refused,
        })
    }

    /// The next message for the application.
    pub fn pop(&mut self) -> Option<(ChannelId, Bytes)> {
        self.side.pop()
    }

    /// Whether [`Receiving::pop`] would return one.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.side.has_messages()
    }

    /// Bytes held.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.side.memory()
    }

    /// The grant that is due, which is thereby sent.
    pub fn grant(&mut self) -> Option<u64> {
        let total = self.side.grant_due()?;
        self.side.on_grant_sent(total);
        Some(total)
    }

    /// Gives up unreliable messages that waited too long.
    pub fn expire(&mut self, now: Instant) {
        self.side.expire(now, &mut self.arena);
    }

    /// When [`Receiving::expire`] may have something to do.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.side.next_expiry()
    }

    /// The transport is replaced.
    pub fn begin_resume(&mut self) {
        self.side.begin_resume();
    }

    /// The floor and the ranges that a RESUME frame reports for a channel.
    #[must_use]
    pub fn received(&self, channel: ChannelId) -> Option<(u32, Vec<Range<u32>>)> {
        self.side.floor(channel).map(|floor| (floor, self.side.ranges(channel).collect()))
    }
}

/// The content of one frame of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Piece(PieceRecord);

/// The sending side of a connection's channels.
#[derive(Debug)]
pub struct Sending(SendSide, VirtualClock);

impl Sending {
    /// The sending side with `credit` granted, whose first message on each channel is `first_id`.
    #[must_use]
    pub fn new(channels: &[ChannelConfig], max_message: usize, credit: u64, first_id: u64) -> Self {
        Self(SendSide::with_first_id(channels.into(), max_message, credit, first_id), VirtualClock::default())
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError`], with the message.
    pub fn enqueue(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: Bytes,
    ) -> Result<MessageId, SendError> {
        self.0.enqueue(now, channel, message)
    }

    /// Fills `buffer` with frames, and says how many bytes they take and what they carried.
    pub fn packet(&mut self, now: Instant, buffer: &mut [u8]) -> (usize, Vec<Piece>) {
        let mut writer = Writer::new(buffer);
        let mut pieces = Vec::new();
        self.0.write_pieces(now, &mut self.1, &mut writer, |piece| pieces.push(Piece(piece)));
        (writer.written(), pieces)
    }

    /// The packet that carried `piece` was acknowledged.
    pub fn on_acked(&mut self, piece: Piece) {
        self.0.on_acked(piece.0);
    }

    /// The packet that carried `piece` was lost.
    pub fn on_lost(&mut self, piece: Piece) {
        self.0.on_lost(piece.0);
    }

    /// The peer granted so much in total.
    pub fn on_credit(&mut self, total: u64) {
        self.0.on_credit(total);
    }

    /// The next message that was delivered on a channel with receipts.
    pub fn delivered(&mut self) -> Option<(ChannelId, MessageId)> {
        self.0.take_delivered()
    }

    /// The messages that were not delivered.
    #[must_use]
    pub fn unconfirmed(&self) -> Vec<Unconfirmed> {
        self.0.unconfirmed()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.0.is_drained()
    }

    /// The transport is replaced.
    pub fn begin_resume(&mut self) {
        self.0.begin_resume();
    }

    /// The peer's state of one channel is in.
    ///
    /// # Errors
    /// [`Violation::BadResume`] if it contradicts what was sent.
    pub fn on_resume(&mut self, frame: &ResumeFrame<'_>) -> Result<(), Violation> {
        self.0.on_resume(frame.channel, frame.floor, frame.ranges())
    }

    /// The peer's state of all channels is in.
    pub fn end_resume(&mut self) {
        self.0.end_resume();
    }
}
