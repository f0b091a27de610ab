//! A session: the state of a connection that outlives each transport. A session contains the channels and the status of
//! their messages, the peer's identity, counters, the resume ticket, and the exchange by which two ends agree after a
//! resumption on the messages that arrived.
//!
//! A transport carries the session's frames, and reports each frame as a [`SentFrame`] that was acknowledged or lost.

use alloc::vec::Vec;

use super::clock_sync::{ClockSync, PeerClock};
use super::control::{ResumeExchange, TicketPush};
use super::sent::SentFrame;
use super::world_exchange::WorldExchange;
use super::world_turn::WorldTurn;
use crate::channel::{Arena, Receipt, ReceiveSide, SendSide};
use crate::crypto::Secret;
use crate::error::SendError;
use crate::event::{ChannelId, ConnectionId, Event, Fate, MessageId, PeerInfo, Unconfirmed, Violation};
use crate::fair::VirtualClock;
use crate::handshake::{Resume, ResumeContents};
use crate::snapshot::spare_changes::SpareChanges;
use crate::stats::{ChannelStats, ConnectionStats, Traffic};
use crate::time::Instant;
use crate::wire::message::MessageFrame;
use crate::wire::{Chain, Frame, ResumeFrame, Writer, write_resume};

/// The state of a connection that outlives its transports.
pub(crate) struct Session {
    /// The name under which the peer can resume the session, or all zeros at the dialling end.
    name: [u8; 16],
    peer: PeerInfo,
    pub(super) send: SendSide,
    /// The virtual time by which the channels and the world take turns to send.
    shares: VirtualClock,
    pub(super) receive: ReceiveSide,
    pub(super) ticket: TicketPush,
    resume: ResumeExchange,
    pub(super) clock: ClockSync,
    pub(super) traffic: Traffic,
    connected_at: Option<Instant>,
    pub(super) worlds: WorldExchange,
    /// A channel that accepts messages again, in a reserved place until the event is reported.
    ready: Option<ChannelId>,
}

impl Session {
    pub(crate) fn new(send: SendSide, receive: ReceiveSide) -> Self {
        Self {
            name: [0; 16],
            peer: PeerInfo::default(),
            send,
            shares: VirtualClock::default(),
            receive,
            ticket: TicketPush::default(),
            resume: ResumeExchange::default(),
            clock: ClockSync::default(),
            traffic: Traffic::default(),
            connected_at: None,
            worlds: WorldExchange::default(),
            ready: None,
        }
    }

    // ---- Identity ----

    pub(crate) const fn name(&self) -> &[u8; 16] {
        &self.name
    }

    pub(crate) const fn peer(&self) -> &PeerInfo {
        &self.peer
    }

    /// Records that `peer` is the identity of the peer.
    pub(super) fn on_peer_known(&mut self, peer: PeerInfo) {
        self.peer = peer;
    }

    /// Begins the session at the accepting end. If the peer has a ticket of a lost session, this session replaces that
    /// session.
    pub(crate) fn begin(&mut self, now: Instant, resume: Resume) {
        self.name = resume.session;
        self.ticket.go_on_from(resume.incarnation);
        self.connected_at = Some(now);
    }

    /// Records that the session is connected for the first time.
    pub(super) const fn on_connected(&mut self, now: Instant) {
        self.connected_at = Some(now);
    }

    /// Returns the contents of the next ticket, whose key `psk` derives. The holder of the ticket may resume the session
    /// until `expiry`.
    pub(super) fn next_ticket(&mut self, psk: impl FnOnce(u32) -> Secret, expiry: u64) -> ResumeContents {
        self.ticket.sequence = self.ticket.sequence.saturating_add(1);
        ResumeContents {
            session: self.name,
            incarnation: self.ticket.sequence,
            identity: self.peer.identity,
            user_data: self.peer.user_data.to_vec(),
            psk: psk(self.ticket.sequence),
            expiry,
        }
    }

    /// Sends the sealed ticket.
    pub(crate) fn offer_ticket(&mut self, sealed: Vec<u8>, expiry: u64) {
        self.ticket.offer(sealed, expiry);
    }

    /// Returns the expiry of the newest ticket, in microseconds of wall-clock time, or 0 without a ticket.
    pub(crate) const fn ticket_expiry(&self) -> u64 {
        self.ticket.expiry
    }

    /// Returns `true` if a ticket of this sequence can resume the session.
    pub(crate) const fn accepts(&self, sequence: u32) -> bool {
        self.ticket.accepts(sequence)
    }

    /// Returns `true` if the ticket of this sequence began the session, and the client has shown no ticket of the session
    /// itself.
    pub(crate) const fn is_origin(&self, sequence: u32) -> bool {
        self.ticket.is_origin(sequence)
    }

    // ---- What waits ----

    /// Returns `true` if a frame waits that requests an acknowledgement.
    pub(super) fn has_eliciting(&self) -> bool {
        self.has_control() || self.send.has_sendable(self.shares) || self.worlds.has_frame()
    }

    /// Returns `true` if a frame waits that belongs to no message.
    fn has_control(&self) -> bool {
        self.ticket.is_due
            || self.resume.unsent != 0
            || self.receive.grant_due().is_some()
            || self.worlds.has_control()
    }

    /// Returns `true` if this end waits for the outcome of its messages, or for the peer's resume state.
    pub(super) fn awaits(&self) -> bool {
        self.send.has_unacked_reliable() || self.resume.awaited != 0
    }

    /// Returns the time at which the lifetime of a message ends, or the time limit for its fragments.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        match (self.send.next_expiry(), self.receive.next_expiry()) {
            (Some(sent), Some(received)) => Some(sent.min(received)),
            (sent, received) => sent.or(received),
        }
    }

    /// Drops expired messages. Returns `true` if the peer has not finished a message in time for which other messages wait.
    pub(super) fn expire(&mut self, now: Instant, arena: &mut Arena) -> bool {
        self.send.expire(now);
        self.worlds.on_time(now);
        self.receive.expire(now, arena)
    }

    /// Releases memory that past traffic needed.
    pub(super) fn rest(&mut self) {
        self.send.rest();
        self.receive.rest();
    }

    // ---- Writing ----

    /// Fills the rest of a packet, and passes each frame whose outcome matters to `note`. A snapshot frame moves to the
    /// front. Its receiver processes it first, because the packet counts as lost if the frame cannot be stored.
    pub(super) fn write(
        &mut self,
        now: Instant,
        writer: &mut Writer<'_>,
        lent: Option<WorldTurn<'_>>,
        mut note: impl FnMut(SentFrame),
    ) {
        self.write_control(writer, &mut note);
        let Some(mut lent) = lent.filter(|_| self.worlds.has_frame()) else {
            self.write_pieces(now, writer, &mut note);
            return;
        };
        let turn = self.worlds.turn(self.shares);
        let is_first =
            self.send.next_start(self.shares).is_none_or(|start| turn.is_some_and(|turn| turn <= start));
        if !is_first {
            self.write_pieces(now, writer, &mut note);
        }
        let from = writer.written();
        self.worlds.write(&mut self.shares, writer, &mut lent, &mut note);
        writer.move_to_front(from);
        if is_first {
            self.write_pieces(now, writer, &mut note);
        }
    }

    fn write_pieces(&mut self, now: Instant, writer: &mut Writer<'_>, note: &mut impl FnMut(SentFrame)) {
        self.send.write_pieces(now, &mut self.shares, writer, |piece| {
            // Nothing asks for the fate of a piece that is sent only once.
            if piece.is_repeated() {
                note(SentFrame::Piece(piece));
            }
        });
    }

    fn write_control(&mut self, writer: &mut Writer<'_>, note: &mut impl FnMut(SentFrame)) {
        while let Some(channel) = self.resume.next_unsent() {
            let id = ChannelId(channel);
            let floor = self.receive.floor(id).unwrap_or(0);
            if write_resume(writer, id, floor, self.receive.ranges(id)).is_err() {
                break;
            }
            self.resume.on_sent(channel);
            note(SentFrame::Resume(channel));
        }
        if let Some(total) = self.receive.grant_due()
            && put(writer, &Frame::Credit(total))
        {
            self.receive.on_grant_sent(total);
            note(SentFrame::Credit);
        }
        let ticket = &mut self.ticket;
        let sequence = u64::from(ticket.sequence);
        if ticket.is_due
            && put(writer, &Frame::Ticket { sequence, expiry: ticket.expiry, sealed: &ticket.sealed })
        {
            ticket.is_due = false;
            note(SentFrame::Ticket(ticket.sequence));
        }
        self.worlds.write_control(writer, note);
    }

    // ---- What became of it ----

    pub(super) fn on_acked(&mut self, frame: SentFrame) {
        match frame {
            SentFrame::Piece(piece) => self.send.on_acked(piece),
            SentFrame::Ticket(sequence) => self.ticket.on_acked(sequence),
            SentFrame::Snapshot { view, frame } => self.worlds.on_acked(view, frame),
            SentFrame::SnapshotReset(number) => self.worlds.on_reset_acked(number),
            SentFrame::ViewComplete(view) => self.worlds.on_complete_acked(view),
            SentFrame::Credit | SentFrame::Resume(_) | SentFrame::Ack(_) => {}
        }
    }

    pub(super) fn on_lost(&mut self, frame: SentFrame) {
        match frame {
            SentFrame::Piece(piece) => self.send.on_lost(piece),
            SentFrame::Credit => self.receive.on_grant_lost(),
            SentFrame::Ticket(sequence) => self.ticket.on_lost(sequence),
            SentFrame::Resume(channel) => self.resume.on_lost(channel),
            SentFrame::Snapshot { view, frame } => self.worlds.on_lost(view, frame),
            SentFrame::SnapshotReset(number) => self.worlds.on_reset_lost(number),
            SentFrame::ViewComplete(view) => self.worlds.on_complete_lost(view),
            SentFrame::Ack(_) => {}
        }
    }

    // ---- What the peer says ----

    pub(super) fn on_message(
        &mut self,
        now: Instant,
        message: &MessageFrame<'_>,
        arena: &mut Arena,
    ) -> Result<Receipt, Violation> {
        self.receive.on_message(now, message, arena)
    }

    /// Records that the peer has granted `total` bytes of credit for reliable messages since the session began.
    pub(crate) fn on_credit(&mut self, total: u64) {
        self.send.on_credit(total);
    }

    pub(super) fn on_resume(&mut self, frame: &ResumeFrame<'_>) -> Result<(), Violation> {
        if self.resume.on_received(frame.channel.0) {
            self.send.on_resume(frame.channel, frame.floor, frame.ranges())?;
            if self.resume.awaited == 0 {
                self.send.end_resume();
            }
        }
        Ok(())
    }

    // ---- Transports ----

    /// Handles the loss of the transport. Its frames in flight are sent again on the next transport, after the peer has
    /// reported the messages that it has.
    pub(super) fn suspend(&mut self) {
        self.send.begin_resume();
        self.receive.begin_resume();
    }

    /// Resumes the session over another transport. Both ends report the messages that they have of each channel in
    /// `reliable`, which has one bit per channel.
    pub(super) fn resume(&mut self, reliable: u32) {
        self.suspend();
        self.resume.begin(reliable);
        self.worlds.on_resumed();
        if reliable == 0 {
            self.send.end_resume();
        }
    }

    /// Ends all receiving. Incomplete messages are dropped and no longer expire.
    pub(super) fn finish(&mut self) {
        self.receive.finish();
        self.worlds.finish();
    }

    // ---- The application ----

    /// Queues a message.
    pub(crate) fn enqueue(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: bytes::Bytes,
    ) -> Result<MessageId, SendError> {
        self.send.enqueue(now, channel, message)
    }

    /// Finds a channel that accepts messages again, unless such a channel already waits to be reported.
    pub(super) fn look_for_ready(&mut self) {
        if self.ready.is_none() {
            self.ready = self.send.take_ready();
        }
    }

    /// Returns the next changes of a world, receipt, message or ready channel. A ready channel is not returned if the
    /// connection `is_closed`.
    pub(super) fn next_event(
        &mut self,
        connection: ConnectionId,
        is_closed: bool,
        spare: &mut SpareChanges,
    ) -> Option<Event> {
        while !self.worlds.is_none() && self.worlds.has_changes() {
            let changes = self.worlds.take_changes(connection, spare.take())?;
            if !changes.is_empty() {
                return Some(Event::Snapshot { connection, changes });
            }
            spare.put(changes);
        }
        if self.worlds.take_completion() {
            return Some(Event::ViewComplete { connection });
        }
        if let Some((channel, message)) = self.send.take_delivered() {
            return Some(Event::Delivered { connection, channel, message });
        }
        if let Some((channel, data)) = self.receive.pop() {
            return Some(Event::Message { connection, channel, data });
        }
        let channel = self.ready.take().filter(|_| !is_closed)?;
        Some(Event::SendReady { connection, channel })
    }

    /// Returns `true` if [`Self::next_event`] would return an event.
    pub(super) fn has_event(&self, is_closed: bool) -> bool {
        self.worlds.has_event()
            || self.receive.has_messages()
            || self.send.has_delivered()
            || (!is_closed && self.ready.is_some())
    }

    pub(crate) fn fate(&self, channel: ChannelId, message: MessageId) -> Option<Fate> {
        self.send.fate(channel, message)
    }

    pub(super) fn unconfirmed(&self) -> Vec<Unconfirmed> {
        self.send.unconfirmed()
    }

    /// Returns the peer's clock, or `None` before the first sample.
    pub(crate) const fn peer_clock(&self) -> Option<PeerClock> {
        self.clock.shown()
    }

    /// Returns the counters of the session.
    pub(super) fn stats(&self, now: Instant) -> ConnectionStats {
        let mut stats =
            ConnectionStats::new(&self.traffic, self.connected_at.map(|since| now.since(since).duration()));
        stats.queued_bytes = self.send.queued_bytes();
        stats
    }

    /// Returns the counters of one channel.
    pub(crate) fn channel_stats(&self, channel: ChannelId) -> Option<ChannelStats> {
        Some(ChannelStats { sent: self.send.stats(channel)?, received: self.receive.stats(channel)? })
    }

    /// Returns the number of bytes held on behalf of the peer.
    pub(crate) fn memory(&self) -> u64 {
        self.receive.memory() + self.worlds.memory() as u64
    }

    /// Releases the memory of messages that the application will not receive.
    pub(crate) fn leave(&mut self, arena: &mut Arena) {
        self.receive.leave(arena);
    }
}

/// Appends a frame that is not a MESSAGE. Returns `true` if the frame fits.
fn put(writer: &mut Writer<'_>, frame: &Frame<'_>) -> bool {
    frame.write(writer, &mut Chain::default()).is_ok()
}
