//! An attempt to connect, and the parameters of the next attempt.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::address::Path;
use crate::crypto::Secret;
use crate::handshake::{Credential, Dialer, ServerKey, Ticket};
use crate::rng::Rng;
use crate::time::{Instant, Span};

/// The credential that a client keeps in order to resume a session.
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
    pub(crate) timeout: Span,
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

/// The path, server key, credential and timeout of one attempt.
pub(crate) struct Attempt {
    pub(crate) path: Path,
    pub(crate) server_key: ServerKey,
    pub(crate) credential: Credential,
    pub(crate) timeout: Span,
}

impl DialPlan {
    /// The next attempt, which may take `timeout`.
    pub(crate) fn attempt(&self, timeout: Span) -> Attempt {
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
    /// meanwhile, so the time to try for counts from here.
    pub(crate) fn excuse(&mut self, late: Span) {
        if late >= SLEPT {
            self.give_up_at += late;
        }
    }

    /// How long to wait before the next attempt: from 250 ms, doubled each time, at most 1 s. `jitter` is below 2^16.
    pub(crate) fn back_off(&self, jitter: u64) -> Span {
        let step = Span::from_millis(250).as_micros() << self.attempts.min(2);
        Span::from_micros(step - step / 4 + (step / 2) * (jitter & 0xffff) / 0x1_0000)
    }
}

/// An endpoint that was called as late as this has slept. Drivers that call every few seconds have not.
const SLEPT: Span = Span::from_secs(10);

/// A handshake in progress.
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
