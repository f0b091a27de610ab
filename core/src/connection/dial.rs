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
    /// The expiry by the server's wall clock. Only the server checks the expiry.
    pub(crate) expiry: u64,
}

/// The parameters of the first dial and of all later dials of a connection.
pub(crate) struct DialPlan {
    pub(crate) path: Path,
    pub(crate) server_key: ServerKey,
    pub(crate) ticket: Option<Ticket>,
    pub(crate) peer: Option<Box<Credential>>,
    pub(crate) resume: Option<ResumeCredential>,
    /// The time limit of each attempt to reconnect.
    pub(crate) timeout: Span,
    /// The position of the dial that made the connection, among all dials of this endpoint. Later dials have larger
    /// numbers.
    pub(crate) order: u64,
    /// `true` if the endpoint dials again after the connection is lost.
    pub(crate) reconnect: bool,
    /// The number of attempts to reconnect since the connection was lost.
    pub(crate) attempts: u32,
    /// `true` if the latest attempt found that the path does not carry the datagrams of a handshake.
    pub(crate) is_path_narrow: bool,
    /// The time at which the endpoint stops dialling.
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
    /// Returns the next attempt, which may take `timeout`.
    pub(crate) fn attempt(&self, timeout: Span) -> Attempt {
        Attempt {
            path: self.path,
            server_key: self.server_key.clone(),
            credential: self.credential(),
            timeout,
        }
    }

    /// Returns the credential of the next attempt: the resume ticket until the server refuses it. This end does not
    /// check the expiry, because the server opens and answers each resume ticket that it sealed.
    pub(crate) fn credential(&self) -> Credential {
        if let Some(ResumeCredential { sealed, psk, expiry, .. }) = self.resume.clone() {
            return Credential::Resume { sealed, psk, expiry };
        }
        if let Some(peer) = &self.peer {
            return (**peer).clone();
        }
        self.ticket.clone().map_or(Credential::Open, Credential::Ticket)
    }

    /// Returns `true` if another attempt can succeed. A ticket admits its holder once. After that, only a resume ticket
    /// does.
    pub(crate) const fn can_come_back(&self) -> bool {
        self.resume.is_some() || self.ticket.is_none()
    }

    /// Extends the time for attempts after the endpoint was called `late` after its deadline. If the host was suspended,
    /// no attempt took place in that time, so the time for attempts starts again.
    pub(crate) fn excuse(&mut self, late: Span) {
        if late >= SLEPT {
            self.give_up_at += late;
        }
    }

    /// Returns the wait before the next attempt: 250 ms, doubled each time, at most 1 s. `jitter` is below 2^16.
    pub(crate) fn back_off(&self, jitter: u64) -> Span {
        let step = Span::from_millis(250).as_micros() << self.attempts.min(2);
        Span::from_micros(step - step / 4 + (step / 2) * (jitter & 0xffff) / 0x1_0000)
    }
}

/// The lateness of a call that shows that the host was suspended. Drivers that call every few seconds are less late.
const SLEPT: Span = Span::from_secs(10);

/// A handshake in progress.
pub(crate) struct Dial {
    pub(crate) dialer: Dialer,
    pub(crate) path: Path,
    pub(crate) local_id: u32,
    pub(crate) began_at: Instant,
    /// The position of this dial among all dials of this endpoint. Later dials have larger numbers.
    pub(crate) order: u64,
    /// The time at which the only Hello since the latest answer was sent. `None` once the Hello was repeated (Karn's
    /// algorithm).
    pub(crate) hello_sent: Option<Instant>,
    hellos: u32,
    /// `true` if the dial moves a connected session to another path.
    pub(crate) is_beside: bool,
}

impl Dial {
    pub(crate) const fn new(now: Instant, dialer: Dialer, path: Path, local_id: u32, order: u64) -> Self {
        Self { dialer, path, local_id, began_at: now, order, hello_sent: None, hellos: 0, is_beside: false }
    }

    /// Writes the next message of the attempt, and returns its size in bytes.
    pub(crate) fn write(&mut self, now: Instant, rng: &mut Rng, buffer: &mut [u8]) -> Option<usize> {
        let is_hello = !self.dialer.is_size_query_due();
        let size = self.dialer.write(now, rng, buffer)?;
        if is_hello {
            self.hellos = self.hellos.saturating_add(1);
            self.hello_sent = (self.hellos == 1).then_some(now);
        }
        Some(size)
    }

    /// Returns the number of Hellos sent since the latest answer.
    pub(crate) const fn hellos(&self) -> u32 {
        self.hellos
    }

    /// Records that the server answered and requested another Hello.
    pub(crate) fn on_progress(&mut self) {
        self.hellos = 0;
        self.hello_sent = None;
    }
}
