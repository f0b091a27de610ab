//! An attempt to connect, and how the next one would be made.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Connection, Phase};
use crate::address::Path;
use crate::channel::{ReceiveSide, SendSide};
use crate::crypto::{Key, Secret};
use crate::drop::DropReason;
use crate::error::ConnectError;
use crate::event::{CloseReason, ConnectionId, Refusal};
use crate::handshake::{Accepted, Answer, Credential, Dialer, ServerKey, Ticket};
use crate::rng::Rng;
use crate::time::{Duration, Instant, micros};

/// What a client keeps in order to come back to a session.
#[derive(Clone)]
pub(crate) struct ResumeCredential {
    pub(crate) sequence: u32,
    pub(crate) sealed: Vec<u8>,
    pub(crate) psk: Secret,
    /// As the server's wall clock goes. Only the server judges it.
    pub(crate) expiry: u64,
}

/// How a connection is dialled, now and again.
pub(crate) struct DialPlan {
    pub(crate) path: Path,
    pub(crate) server_key: ServerKey,
    pub(crate) ticket: Option<Ticket>,
    pub(crate) peer: Option<Box<Credential>>,
    pub(crate) resume: Option<ResumeCredential>,
    /// How long each attempt to come back may take.
    pub(crate) timeout: Duration,
    /// The place of the dial that made the connection among all of this endpoint: a later one has a larger number.
    pub(crate) order: u64,
    /// Whether to dial again when the connection is lost.
    pub(crate) reconnect: bool,
    /// Attempts to reconnect since the connection was lost.
    pub(crate) attempts: u32,
    /// Whether the last attempt found that the path carries less than a handshake takes.
    pub(crate) is_path_narrow: bool,
    /// When to stop trying.
    pub(crate) give_up_at: Instant,
}

/// What one attempt is made with.
pub(crate) struct Attempt {
    pub(crate) path: Path,
    pub(crate) server_key: ServerKey,
    pub(crate) credential: Credential,
    pub(crate) timeout: Duration,
}

impl DialPlan {
    /// What the next attempt is made with, one that may take so long.
    pub(crate) fn attempt(&self, timeout: Duration) -> Attempt {
        Attempt {
            path: self.path,
            server_key: self.server_key.clone(),
            credential: self.credential(),
            timeout,
        }
    }

    /// The credential of the next attempt: the resume ticket until the server refuses it. No clock of this end decides
    /// that, since the server opens each resume ticket that it ever sealed, and answers it.
    pub(crate) fn credential(&self) -> Credential {
        if let Some(ResumeCredential { sealed, psk, expiry, .. }) = self.resume.clone() {
            return Credential::Resume { sealed, psk, expiry };
        }
        if let Some(peer) = &self.peer {
            return (**peer).clone();
        }
        self.ticket.clone().map_or(Credential::Open, Credential::Ticket)
    }

    /// Whether another attempt has a chance. A ticket lets its holder in once; after that only a resume ticket does.
    pub(crate) const fn can_come_back(&self) -> bool {
        self.resume.is_some() || self.ticket.is_none()
    }

    /// The endpoint was called `late` after the time that it had asked for. If its host slept, nobody tried to reconnect
    /// meanwhile, so the time to try for goes on from here.
    pub(crate) fn excuse(&mut self, late: Duration) {
        if late >= SLEPT {
            self.give_up_at += late;
        }
    }

    /// How long to wait before the next attempt: from 250 ms, doubled each time, at most 1 s. `jitter` is below 2^16.
    pub(crate) fn back_off(&self, jitter: u64) -> Duration {
        let step = micros(Duration::from_millis(250)) << self.attempts.min(2);
        Duration::from_micros(step - step / 4 + (step / 2) * (jitter & 0xffff) / 0x1_0000)
    }
}

/// An endpoint that was called as late as this has slept. Drivers that call every few seconds have not.
const SLEPT: Duration = Duration::from_secs(10);

/// A handshake underway.
pub(crate) struct Dial {
    pub(crate) dialer: Dialer,
    pub(crate) path: Path,
    pub(crate) local_id: u32,
    pub(crate) began_at: Instant,
    /// Its place among all dials of this endpoint: a later one has a larger number.
    pub(crate) order: u64,
    /// When the only Hello since the last answer was sent; `None` once it was repeated (Karn's rule).
    pub(crate) hello_sent: Option<Instant>,
    hellos: u32,
}

impl Dial {
    pub(crate) const fn new(now: Instant, dialer: Dialer, path: Path, local_id: u32, order: u64) -> Self {
        Self { dialer, path, local_id, began_at: now, order, hello_sent: None, hellos: 0 }
    }

    /// Writes what the attempt has to say, and says how many bytes.
    pub(crate) fn write(&mut self, now: Instant, rng: &mut Rng, buffer: &mut [u8]) -> Option<usize> {
        let is_hello = !self.dialer.is_size_query_due();
        let size = self.dialer.write(now, rng, buffer)?;
        if is_hello {
            self.hellos = self.hellos.saturating_add(1);
            self.hello_sent = (self.hellos == 1).then_some(now);
        }
        Some(size)
    }

    /// Hellos sent since the last answer.
    pub(crate) const fn hellos(&self) -> u32 {
        self.hellos
    }

    /// The server answered, and asks for another Hello.
    pub(crate) fn on_progress(&mut self) {
        self.hellos = 0;
        self.hello_sent = None;
    }
}

impl Connection {
    /// A connection that dials by `plan`, and sends so many bytes per second at most, if not what all do.
    pub(crate) fn dialling(
        id: ConnectionId,
        (send, receive): (SendSide, ReceiveSide),
        plan: Option<Box<DialPlan>>,
        dial: Option<Box<Dial>>,
        bandwidth: Option<u64>,
    ) -> Self {
        Self { plan, dial, bandwidth, ..Self::new(id, send, receive) }
    }

    /// What another attempt to come back is made with.
    pub(crate) fn next_attempt(&self) -> Option<Attempt> {
        self.plan.as_deref().map(|plan| plan.attempt(plan.timeout))
    }

    /// Dials again, or waits where no attempt could be begun.
    pub(crate) fn dial(&mut self, now: Instant, dial: Result<Dial, ConnectError>, rng: &mut Rng) {
        match dial {
            Ok(dial) => self.dial = Some(Box::new(dial)),
            Err(_) => self.retry_dial_later(now, rng),
        }
    }

    /// A handshake message for the dial. Returns what the server accepted; an error says why it was dropped.
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

    /// The server refused an attempt; `resumes` if it was shown a resume ticket.
    fn on_refused(&mut self, now: Instant, refusal: Refusal, resumes: bool, rng: &mut Rng) {
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

    /// The dial that the server accepted. Whatever key was trusted at first is the one to trust from now on.
    pub(crate) fn take_dial(&mut self, server_key: Key) -> Option<Box<Dial>> {
        let dial = self.dial.take()?;
        if let Some(plan) = self.plan.as_deref_mut() {
            plan.server_key = ServerKey::Pinned(server_key);
        }
        Some(dial)
    }

    /// A dial that was accepted comes to nothing.
    pub(crate) fn discard(&mut self, dial: &Dial) {
        self.retired_ids.push(dial.local_id);
    }

    /// It is made by `dial` from now on.
    pub(crate) fn on_dial_counts(&mut self, dial: &Dial) {
        if let Some(plan) = self.plan.as_deref_mut() {
            plan.order = dial.order;
        }
    }

    /// Ends because the server lost the session, and hands over what the connection is dialled by that takes its place.
    ///
    /// The resume ticket that was shown stays good until the new session's first one is acknowledged, if the session `is_lost`. One
    /// that was set aside is of another session, which the server may still have.
    pub(crate) fn hand_over(&mut self, is_lost: bool) -> (Option<Box<DialPlan>>, Option<u64>) {
        let mut plan = self.plan.take();
        if let Some(plan) = plan.as_mut().filter(|_| !is_lost) {
            plan.resume = None;
        }
        self.finish(CloseReason::SessionLost);
        (plan, self.bandwidth)
    }
}
