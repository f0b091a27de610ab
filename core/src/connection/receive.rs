//! Handles authentic packets: passes each frame to the part of the session that it concerns.

use super::migration;
use super::settle;
use super::world_exchange::SnapshotDrop;
use super::{Connection, Opened, Phase, Resources, ResumeCredential, Settings, Transport};
use crate::address::{Ecn, Path};
use crate::channel::Receipt;
use crate::drop::DropReason;
use crate::event::{CloseReason, Violation};
use crate::planted::{self, Bug};
use crate::time::{Instant, Span};
use crate::wire::{AckFrame, DataHeader, Frame, FrameReader, ResumeFrame, SNAPSHOT};

/// The path, the ECN bits and the arrival time of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reception {
    pub(crate) from: Path,
    pub(crate) ecn: Ecn,
    /// The time at which the datagram reached this host, now or a little earlier.
    pub(crate) at: Instant,
}

impl Connection {
    /// Processes a datagram for this connection's current id. An error gives the reason for dropping the datagram.
    #[inline(always)]
    pub(crate) fn handle_data(
        &mut self,
        now: Instant,
        reception: &Reception,
        header: &DataHeader,
        datagram: &mut [u8],
        lent: &mut Resources<'_>,
    ) -> Result<(), DropReason> {
        let transport = self.transport.as_deref_mut().ok_or(DropReason::Closed)?;
        let opened = match transport.open(now, header, datagram) {
            Ok(opened) => opened,
            Err(reason) => {
                if transport.keys.exhausted() {
                    self.finish(CloseReason::KeysExhausted);
                }
                return Err(reason);
            }
        };
        self.handle_opened(now, reception, opened, datagram, lent)
    }

    /// Processes a datagram that is authentic and decrypted.
    pub(crate) fn handle_opened(
        &mut self,
        now: Instant,
        reception: &Reception,
        opened: Opened,
        datagram: &[u8],
        lent: &mut Resources<'_>,
    ) -> Result<(), DropReason> {
        let transport = self.transport.as_deref_mut().ok_or(DropReason::Closed)?;
        let (from, size) = (&reception.from, datagram.len() as u64);
        transport.on_authentic(now, &opened);
        self.session.traffic.on_received(size);
        let sighting = transport
            .migration
            .on_packet(&transport.path, from, size, opened.is_highest, || lent.rng.array());
        transport.on_heard_from(from, size);
        if sighting == migration::Sighting::Candidate {
            transport.ping_due = true;
        }
        let payload = datagram.get(opened.payload_from..opened.payload_from + opened.payload_len);
        let payload = payload.unwrap_or_default();
        let outcome = self.handle_payload(now, reception, payload, lent);
        match outcome {
            Ok(PacketSummary { eliciting, busy, acks, closes, refused: false }) => {
                let substantial = busy || acks;
                // With this, the answer to a CLOSE shows that it is one.
                if let Some(transport) = self.transport.as_deref_mut().filter(|_| closes) {
                    transport.acks.on_silent(reception.at, opened.number);
                }
                // An end that is closing takes in no messages any more, and acknowledges none.
                if let Some(transport) =
                    self.transport.as_deref_mut().filter(|_| self.phase == Phase::Connected)
                {
                    if eliciting {
                        transport.heartbeat.on_activity();
                    }
                    if busy {
                        transport.busy_at = now;
                    }
                    // No data follows a lone heartbeat, so delaying its ACK would only cost a second wake-up.
                    // Congestion is reported at once (RFC 9000 13.2.1).
                    let is_marked = transport.marks.on_received(reception.ecn);
                    let delay = if substantial && !is_marked { lent.settings.ack_delay } else { Span::ZERO };
                    if eliciting {
                        let rhythm = &transport.rhythm;
                        transport
                            .acks
                            .on_eliciting(reception.at, opened.number, delay, || rhythm.goes_on(now, delay));
                    } else {
                        transport.acks.on_silent(reception.at, opened.number);
                    }
                }
                if !busy {
                    self.rest_if_idle(now);
                }
                Ok(())
            }
            Ok(_) => Err(DropReason::NoRoom),
            Err(SnapshotDrop::Dropped(reason)) => Err(reason),
            Err(SnapshotDrop::Violation(violation)) => {
                self.violate(violation);
                Err(DropReason::Violation)
            }
        }
    }

    /// Processes the frames of a packet. A snapshot frame is processed first.
    #[inline(always)]
    fn handle_payload(
        &mut self,
        now: Instant,
        reception: &Reception,
        payload: &[u8],
        lent: &mut Resources<'_>,
    ) -> Result<PacketSummary, SnapshotDrop> {
        let (payload, has_snapshot) = if payload.first() == Some(&SNAPSHOT) {
            self.take_snapshot(payload, lent)?
        } else {
            (payload, false)
        };
        self.handle_frames(now, reception, payload, has_snapshot, lent).map_err(SnapshotDrop::Violation)
    }

    fn handle_frames(
        &mut self,
        now: Instant,
        reception: &Reception,
        payload: &[u8],
        has_snapshot: bool,
        lent: &mut Resources<'_>,
    ) -> Result<PacketSummary, Violation> {
        let mut outcome =
            PacketSummary { eliciting: has_snapshot, busy: has_snapshot, ..PacketSummary::default() };
        let mut acked = None;
        let mut frames = FrameReader::new(payload);
        loop {
            // Most frames are messages.
            while self.phase == Phase::Connected
                && let Some(message) = frames.next_message()
            {
                let message = message.map_err(|_| Violation::MalformedFrame)?;
                (outcome.eliciting, outcome.busy) = (true, true);
                outcome.refused |= self.session.on_message(now, &message, lent.arena)? == Receipt::Refused;
            }
            let Some(frame) = frames.next() else { return Ok(outcome) };
            let frame = frame.map_err(|_| Violation::MalformedFrame)?;
            let is_connected = self.phase == Phase::Connected;
            if let Frame::Ack(ack) = &frame {
                if is_connected {
                    self.on_ack(now, reception.at, ack)?;
                    outcome.acks = true;
                } else {
                    acked = self.transport.as_deref().and_then(|transport| transport.largest_named(ack));
                    if self.has_untold_fates() {
                        self.on_ack_while_closing(now, reception.at, ack);
                    }
                }
                continue;
            }
            let is_close = matches!(frame, Frame::Close { .. });
            outcome.closes |= is_close;
            if !is_connected {
                if is_close {
                    self.on_close_again(now, acked);
                }
                continue;
            }
            let is_eliciting = is_eliciting(&frame);
            outcome.eliciting |= is_eliciting;
            outcome.busy |= is_eliciting && !matches!(frame, Frame::Ping);
            match frame {
                Frame::Padding | Frame::Ping | Frame::Ack(_) => {}
                Frame::Close { code, text } => self.on_close(now, code, text, lent.settings),
                Frame::Challenge(data) => self.on_challenge(reception.from, data),
                Frame::Response(data) => self.on_response(now, &data),
                Frame::Credit(total) => self.session.on_credit(total),
                Frame::Ticket { sequence, expiry, sealed } => {
                    self.on_ticket((sequence, expiry), sealed, lent.settings);
                }
                Frame::Resume(resume) => self.on_resume(&resume)?,
                Frame::Snapshot(_) => return Err(Violation::MalformedFrame),
                Frame::SnapshotReset { view, name } => self.session.worlds.on_reset(view, name)?,
                Frame::ViewComplete { view } => self.session.worlds.on_complete(view),
                Frame::Clock(time) => self.session.clock.on_clock(reception.at, time),
                Frame::Message(message) => {
                    outcome.refused |=
                        self.session.on_message(now, &message, lent.arena)? == Receipt::Refused;
                }
            }
        }
    }

    /// Processes the snapshot frame with which a packet may begin, before the other frames. If the snapshot frame cannot be
    /// stored, the whole packet counts as lost. Returns the other frames, and whether the packet began with a snapshot
    /// frame.
    #[cold]
    #[inline(never)]
    fn take_snapshot<'a>(
        &mut self,
        payload: &'a [u8],
        lent: &Resources<'_>,
    ) -> Result<(&'a [u8], bool), SnapshotDrop> {
        if self.phase != Phase::Connected {
            return Ok((payload, false));
        }
        let malformed = SnapshotDrop::Violation(Violation::MalformedFrame);
        let mut frames = FrameReader::new(payload);
        let Some(Ok(Frame::Snapshot(frame))) = frames.next() else { return Err(malformed) };
        let rest = payload.len() - frames.remaining();
        // Only the end that dialled is sent worlds.
        let Some(worlds) = lent.worlds.filter(|_| self.plan.is_some()) else {
            return Err(SnapshotDrop::Violation(Violation::BadSnapshot));
        };
        let stored = self.session.worlds.on_frame(&frame, worlds.codec(), worlds.max_entities());
        if !planted::is_planted(Bug::SnapshotAckedUnstored) {
            stored?;
        }
        Ok((payload.get(rest..).unwrap_or_default(), true))
    }

    pub(super) fn with_transport(&mut self, act: impl FnOnce(&mut Transport)) {
        if let Some(transport) = self.transport.as_deref_mut() {
            act(transport);
        }
    }

    /// Processes an ACK while this end closes, because the ACK may confirm messages that `Closed` has yet to report. A
    /// violation in the ACK is ignored, because the connection has ended. After `Closed`, the ACK would create receipts
    /// that contradict the reported fates.
    #[cold]
    #[inline(never)]
    fn on_ack_while_closing(&mut self, now: Instant, at: Instant, ack: &AckFrame<'_>) {
        let _ = self.on_ack(now, at, ack);
    }

    /// Processes an ACK frame that reached this host at `at`.
    #[inline(always)]
    fn on_ack(&mut self, now: Instant, at: Instant, ack: &AckFrame<'_>) -> Result<(), Violation> {
        let Some(transport) = self.transport.as_deref_mut() else { return Ok(()) };
        let sent_at = settle::on_ack((now, at), ack, transport, &mut self.session)?;
        if transport.mtu.is_too_narrow() {
            self.finish_for_narrow_path();
            return Ok(());
        }
        self.tell_rate(now);
        if let Some(sent_at) = sent_at {
            self.session.clock.on_ack(at.max(sent_at), sent_at, ack.receive_time_low24, ack.delay);
        }
        Ok(())
    }

    fn on_challenge(&mut self, from: Path, data: [u8; 8]) {
        self.with_transport(|transport| {
            transport.migration.on_challenge(from, data);
            transport.marks.on_challenge();
        });
    }

    fn on_response(&mut self, now: Instant, data: &[u8; 8]) {
        let Some(transport) = self.transport.as_deref_mut() else { return };
        self.is_found |= transport.unproven.take_if(|unproven| unproven.is_answer(data)).is_some();
        let Some((path, sample)) = transport.migration.on_response(now, data) else { return };
        settle::give_up_flight(transport, &mut self.session);
        transport.move_to(now, path, sample);
        self.is_found = true;
        self.notices.moved(path.remote);
    }

    fn on_ticket(&mut self, (sequence, expiry): (u64, u64), sealed: &[u8], settings: &Settings) {
        let (Some(transport), Some(plan)) = (self.transport.as_deref(), self.plan.as_deref_mut()) else {
            return;
        };
        let Ok(sequence) = u32::try_from(sequence) else { return };
        if plan.resume.as_ref().is_some_and(|known| known.sequence >= sequence) {
            return;
        }
        let psk = transport.resume_psk(settings, sequence);
        plan.resume = Some(ResumeCredential { sequence, sealed: sealed.to_vec(), psk, expiry });
    }

    fn on_resume(&mut self, frame: &ResumeFrame<'_>) -> Result<(), Violation> {
        let is_resumed = self.transport.as_deref().is_some_and(|transport| transport.is_resumed);
        if !is_resumed {
            return Err(Violation::BadResume);
        }
        self.session.on_resume(frame)
    }
}

/// The properties of a packet that result from all its frames.
#[derive(Clone, Copy, Debug, Default)]
struct PacketSummary {
    eliciting: bool,
    /// `true` if a frame requests an acknowledgement and is no PING, so the connection is in use.
    busy: bool,
    /// `true` if the packet contains an ACK. The ACK shows that the peer receives from us, so more of our packets will
    /// follow that can carry our own ACK.
    acks: bool,
    /// `true` if the packet contains a CLOSE.
    closes: bool,
    refused: bool,
}

const fn is_eliciting(frame: &Frame<'_>) -> bool {
    !matches!(
        frame,
        Frame::Padding
            | Frame::Ack(_)
            | Frame::Clock(_)
            | Frame::Close { .. }
            | Frame::Challenge(_)
            | Frame::Response(_)
    )
}
