//! The dialling end of a connection: it sends the Hello and handles the answers.

use alloc::boxed::Box;

use super::{Attempt, Connection, Dial, DialPlan, Phase};
use crate::address::Path;
use crate::channel::{ReceiveSide, SendSide};
use crate::crypto::Key;
use crate::drop::DropReason;
use crate::error::{ConnectError, ResumeOverError};
use crate::event::{CloseReason, ConnectionId, Refusal, ResumeOverFailure};
use crate::handshake::{Accepted, Answer, ServerKey};
use crate::rng::Rng;
use crate::time::Instant;

impl Connection {
    /// Creates a connection that dials by `plan`, and sends at most `bandwidth` bytes per second. `None` sets the limit of
    /// all connections.
    pub(crate) fn dialling(
        id: ConnectionId,
        (send, receive): (SendSide, ReceiveSide),
        plan: Option<Box<DialPlan>>,
        dial: Option<Box<Dial>>,
        bandwidth: Option<u64>,
    ) -> Self {
        Self { plan, dial, bandwidth, ..Self::new(id, send, receive) }
    }

    /// Returns the next attempt to resume.
    pub(crate) fn next_attempt(&self) -> Option<Attempt> {
        self.plan.as_deref().map(|plan| plan.attempt(plan.timeout))
    }

    /// Returns an attempt that moves the connected session to `path`.
    pub(crate) fn attempt_over(&self, path: Path) -> Result<Attempt, ResumeOverError> {
        let plan = self.plan.as_deref().filter(|_| self.phase == Phase::Connected);
        let plan = plan.ok_or(ResumeOverError::NotConnected)?;
        if self.dial.is_some() || self.wants_dial {
            return Err(ResumeOverError::AlreadyDialling);
        }
        if plan.resume.is_none() {
            return Err(ResumeOverError::NoResumeTicket);
        }
        Ok(Attempt { path, ..plan.attempt(plan.timeout) })
    }

    /// Starts a dial that moves the connected session to another path.
    pub(crate) fn dial_beside(&mut self, mut dial: Dial) {
        dial.is_beside = true;
        self.dial = Some(Box::new(dial));
    }

    /// Returns `true` if `dial` would move the session, and the session is still connected over its present path.
    fn is_beside(&self, dial: &Dial) -> bool {
        dial.is_beside && self.phase == Phase::Connected
    }

    /// Returns `true` if the session continues over its present path although the server accepted `dial` without
    /// resuming the session. Drops the dial then.
    pub(crate) fn keeps_session(&mut self, dial: &Dial) -> bool {
        if self.is_beside(dial) {
            self.fail_beside(dial, ResumeOverFailure::SessionLost);
            return true;
        }
        let was_heard = self.was_heard_since(dial.began_at);
        if was_heard {
            // Only a server that holds the keys can be heard: an Unknown that was forged made us ask.
            self.discard(dial);
        }
        was_heard
    }

    /// Ends a dial beside the present path. The session continues over this path.
    pub(super) fn fail_beside(&mut self, dial: &Dial, failure: ResumeOverFailure) {
        self.discard(dial);
        self.notices.resume_over_failed(dial.path.remote, failure);
    }

    /// Takes the dial, if it is one beside the present path.
    pub(super) fn take_dial_beside(&mut self) -> Option<Box<Dial>> {
        let is_beside = self.dial.as_deref().is_some_and(|dial| self.is_beside(dial));
        if is_beside { self.dial.take() } else { None }
    }

    /// Records the path over which the server resumed the session. Later attempts dial this path.
    pub(crate) fn on_dialled_path(&mut self, path: Path) {
        if let Some(plan) = self.plan.as_deref_mut() {
            plan.path = path;
        }
    }

    /// Starts the next dial, or waits for a later attempt if `dial` is an error.
    pub(crate) fn dial(&mut self, now: Instant, dial: Result<Dial, ConnectError>, rng: &mut Rng) {
        match dial {
            Ok(dial) => self.dial = Some(Box::new(dial)),
            Err(_) => self.retry_dial_later(now, rng),
        }
    }

    /// Processes a handshake message for the dial. Returns the handshake that the server accepted. An error gives the
    /// reason for dropping the message.
    pub(crate) fn on_answer(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        datagram: &[u8],
    ) -> Result<Option<Box<Accepted>>, DropReason> {
        let dial = self.dial.as_deref_mut().ok_or(DropReason::UnexpectedHandshake)?;
        let resumes = dial.dialer.shows_resume_ticket();
        match dial.dialer.handle(now, rng, datagram) {
            Answer::Ignored(reason) => return Err(reason),
            Answer::Noted => {}
            Answer::Progress => dial.on_progress(),
            Answer::Refused(refusal) => self.on_refused(now, refusal, resumes, rng),
            Answer::Accepted(accepted) => return Ok(Some(accepted)),
        }
        Ok(None)
    }

    /// Processes the refusal of an attempt. `resumes` is `true` if the attempt showed a resume ticket.
    fn on_refused(&mut self, now: Instant, refusal: Refusal, resumes: bool, rng: &mut Rng) {
        if let Some(dial) = self.take_dial_beside() {
            self.fail_beside(&dial, ResumeOverFailure::Refused(refusal));
            return;
        }
        // A server that has the session resumes it, so it says this only of one that is gone.
        if refusal == Refusal::Expired && resumes && self.fall_back() {
            return;
        }
        let has_no_place = matches!(refusal, Refusal::Full | Refusal::TooManyFromAddress);
        match self.phase {
            // Whatever made us ask, the connection that we have still stands; or the server may have a place when it answers the
            // next packet.
            Phase::Connected if !resumes || has_no_place => self.drop_dial(),
            Phase::Interrupted if has_no_place => {
                // A server that has just come back may be busy with everyone at once.
                self.drop_dial();
                self.retry_dial_later(now, rng);
            }
            _ => self.finish(CloseReason::Refused(refusal)),
        }
    }

    /// Returns the dial that the server accepted. From now on only the server's key of this dial is trusted.
    pub(crate) fn take_dial(&mut self, server_key: Key) -> Option<Box<Dial>> {
        let dial = self.dial.take()?;
        if let Some(plan) = self.plan.as_deref_mut() {
            plan.server_key = ServerKey::Pinned(server_key);
        }
        Some(dial)
    }

    /// Drops a dial that was accepted but leads to no connection.
    pub(crate) fn discard(&mut self, dial: &Dial) {
        self.retired_ids.push(dial.local_id);
    }

    /// Records that `dial` makes this connection from now on.
    pub(crate) fn on_dial_counts(&mut self, dial: &Dial) {
        if let Some(plan) = self.plan.as_deref_mut() {
            plan.order = dial.order;
        }
    }

    /// Ends the connection because the server lost the session. Returns the dial plan for the connection that replaces this
    /// one.
    ///
    /// If the session `is_lost`, the resume ticket that was shown stays valid until the first ticket of the new session is
    /// acknowledged. A resume ticket that was set aside belongs to another session, which the server may still have.
    pub(crate) fn hand_over(&mut self, is_lost: bool) -> (Option<Box<DialPlan>>, Option<u64>) {
        let mut plan = self.plan.take();
        if let Some(plan) = plan.as_mut().filter(|_| !is_lost) {
            plan.resume = None;
        }
        self.finish(CloseReason::SessionLost);
        (plan, self.bandwidth)
    }
}
