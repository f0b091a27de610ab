//! Questions that an endpoint asks a connection about its peer, and actions that only the endpoint can take for
//! the connection.

use smallvec::SmallVec;

use super::timers::TimeoutCause;
use super::{Connection, Phase, Settings};
use crate::address::Address;
use crate::crypto::Key;
use crate::handshake::{Credential, Resume, ResumeContents};
use crate::time::Instant;

impl Connection {
    /// Whether it is over for the application, whether or not `Closed` was told.
    pub(crate) const fn is_closed(&self) -> bool {
        self.notices.is_closed()
    }

    // ---- The peer ----

    /// When the peer was last heard, on this transport or on one before.
    pub(crate) fn last_heard(&self) -> Instant {
        self.transport.as_deref().map_or(self.heard_before, |transport| transport.last_heard)
    }

    /// Whether there is a way to the peer.
    pub(crate) const fn has_transport(&self) -> bool {
        self.transport.is_some()
    }

    /// A client was told that it resumes the session: it may send its first Data until `until`.
    pub(crate) const fn promise(&mut self, until: Instant) {
        self.promised_until = until;
    }

    /// Whether the peer has shown that it holds the keys of the transport.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.transport.as_deref().is_some_and(|transport| transport.is_confirmed)
    }

    /// Whether the peer has shown after `moment` that it still holds the keys of this connection.
    pub(crate) fn was_heard_since(&self, moment: Instant) -> bool {
        self.phase == Phase::Connected && self.transport.is_some() && self.last_heard() > moment
    }

    /// Whether the first attempt to connect may still cross the peer's: even a Welcome does not show that the peer will hear
    /// what follows.
    pub(crate) fn is_unanswered(&self) -> bool {
        match self.phase {
            Phase::Connecting => true,
            Phase::Connected => {
                let transport = self.transport.as_deref();
                transport.is_some_and(|transport| !transport.is_confirmed && !transport.is_resumed)
            }
            _ => false,
        }
    }

    /// Whether something is under way that would be doubled if another connection sent it too.
    pub(crate) fn has_spoken(&self) -> bool {
        self.transport.as_deref().is_some_and(|transport| transport.sent.has_what_matters())
    }

    /// Whether this end sent the datagram that `echo` is of, to `remote` and for the connection id `id` there.
    pub(crate) fn has_sent(&self, id: u32, remote: Address, echo: &[u8; 8]) -> bool {
        self.transport.as_deref().is_some_and(|transport| {
            transport.remote_id == id
                && transport.path.remote == remote
                && transport.recent.as_ref().is_some_and(|recent| recent.contains(echo))
        })
    }

    /// Asks the peer at once whether it is there, if there is a way to it.
    pub(crate) fn ask(&mut self) {
        self.with_transport(super::Transport::ask);
    }

    // ---- The dial ----

    /// The place of the dial that made the connection among all of this endpoint: a later one has a larger number.
    pub(crate) fn order(&self) -> Option<u64> {
        self.plan.as_ref().map(|plan| plan.order)
    }

    /// The key of the peer that it dials, if it is a peer.
    pub(crate) fn peer_key(&self) -> Option<&Key> {
        match self.plan.as_ref()?.peer.as_deref()? {
            Credential::Peer { peer_key, .. } => Some(peer_key),
            _ => None,
        }
    }

    /// Hellos since the last answer, while it dials.
    pub(crate) fn hellos(&self) -> Option<u32> {
        self.dial.as_ref().map(|dial| dial.hellos())
    }

    /// It is no dial any more but the answering end of the peer's, with a session that begins, or resumes from `resume`.
    pub(crate) fn become_answering(&mut self, now: Instant, resume: Resume) {
        self.drop_dial();
        self.plan = None;
        self.is_contending = false;
        self.session.begin(now, resume);
    }

    /// It was dialled for a peer that may have other connections: once the peer is heard on it, those are over.
    pub(crate) const fn contend(&mut self) {
        self.is_contending = true;
    }

    // ---- What only the endpoint can do ----

    /// Whether the connection does anything but exchange messages: the endpoint then looks after it at once.
    pub(crate) fn is_special(&self) -> bool {
        self.phase != Phase::Connected
            || self.dial.is_some()
            || self.farewell.is_some()
            || (self.wants_dial | self.wants_ticket | self.is_disowned | self.is_found | self.is_contending)
            || !self.retired_ids.is_empty()
            || self.notices.is_pending()
    }

    /// Whether nobody may come back to the session, once.
    pub(crate) const fn take_disowned(&mut self) -> bool {
        core::mem::replace(&mut self.is_disowned, false)
    }

    /// Connection ids that no longer lead here.
    pub(crate) fn take_retired_ids(&mut self) -> SmallVec<[u32; 2]> {
        core::mem::take(&mut self.retired_ids)
    }

    /// Whether the peer was found where it was not known to be, once.
    pub(crate) const fn take_found(&mut self) -> bool {
        core::mem::replace(&mut self.is_found, false)
    }

    /// Whether the endpoint should dial again, once.
    pub(crate) const fn take_wants_dial(&mut self) -> bool {
        core::mem::replace(&mut self.wants_dial, false)
    }

    /// Whether the peer of a contending connection was heard, once.
    pub(crate) fn take_proven(&mut self) -> bool {
        let is_proven = self.is_contending && self.is_confirmed();
        self.is_contending &= !is_proven;
        is_proven
    }

    /// The endpoint should make a resume ticket.
    pub(crate) const fn want_ticket(&mut self) {
        self.wants_ticket = true;
    }

    /// Whether the endpoint should make a resume ticket, once.
    pub(crate) const fn take_wants_ticket(&mut self) -> bool {
        core::mem::replace(&mut self.wants_ticket, false)
    }

    /// The contents of the next resume ticket, which expires at `expiry`.
    pub(crate) fn next_ticket(&mut self, expiry: u64, settings: &Settings) -> Option<ResumeContents> {
        let transport = self.transport.as_deref()?;
        Some(self.session.next_ticket(|sequence| transport.resume_psk(settings, sequence), expiry))
    }

    // ---- What it does next ----

    /// Why the earliest of its timers goes off.
    pub(crate) fn next_cause(&self) -> TimeoutCause {
        self.timers.next_cause()
    }

    /// See [`crate::fuzzing::age`]. Says whether there is a transport.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn age(&mut self, sent: u64, received: u64) -> bool {
        self.transport.as_deref_mut().map(|transport| transport.age(sent, received)).is_some()
    }
}
