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
    /// Returns `true` if the connection has ended for the application, whether or not `Closed` was reported.
    pub(crate) const fn is_closed(&self) -> bool {
        self.notices.is_closed()
    }

    // ---- The peer ----

    /// Returns the time of the latest packet from the peer, on this transport or an earlier one.
    pub(crate) fn last_heard(&self) -> Instant {
        self.transport.as_deref().map_or(self.heard_before, |transport| transport.last_heard)
    }

    /// Returns `true` if the connection has a transport.
    pub(crate) const fn has_transport(&self) -> bool {
        self.transport.is_some()
    }

    /// Records that this end accepted a client's resumption. The client may send its first Data until `until`.
    pub(crate) const fn promise(&mut self, until: Instant) {
        self.promised_until = until;
    }

    /// Returns `true` if the peer has proved that it holds the keys of the transport.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.transport.as_deref().is_some_and(|transport| transport.is_confirmed)
    }

    /// Returns `true` if the peer has proved after `moment` that it still holds the keys of this connection.
    pub(crate) fn was_heard_since(&self, moment: Instant) -> bool {
        self.phase == Phase::Connected && self.transport.is_some() && self.last_heard() > moment
    }

    /// Returns `true` if the first attempt to connect can still cross the peer's attempt. Even a Welcome does not prove
    /// that the peer will receive later packets.
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

    /// Returns `true` if this connection has sent data that another connection must not send again.
    pub(crate) fn has_spoken(&self) -> bool {
        self.transport.as_deref().is_some_and(|transport| transport.sent.has_what_matters())
    }

    /// Returns `true` if this end sent the datagram that contains `echo`, to `remote` and to the peer's connection id `id`.
    pub(crate) fn has_sent(&self, id: u32, remote: Address, echo: &[u8; 8]) -> bool {
        self.transport.as_deref().is_some_and(|transport| {
            transport.remote_id == id
                && transport.path.remote == remote
                && transport.recent.as_ref().is_some_and(|recent| recent.contains(echo))
        })
    }

    /// Asks the peer for an immediate answer, if the connection has a transport.
    pub(crate) fn ask(&mut self) {
        self.with_transport(super::Transport::ask);
    }

    // ---- The dial ----

    /// Returns the position of the dial that made the connection, among all dials of this endpoint. Later dials have larger
    /// numbers.
    pub(crate) fn order(&self) -> Option<u64> {
        self.plan.as_ref().map(|plan| plan.order)
    }

    /// Returns the key of the peer that this connection dials, or `None` if it dials a server.
    pub(crate) fn peer_key(&self) -> Option<&Key> {
        match self.plan.as_ref()?.peer.as_deref()? {
            Credential::Peer { peer_key, .. } => Some(peer_key),
            _ => None,
        }
    }

    /// Returns the number of Hellos since the latest answer, while the connection dials.
    pub(crate) fn hellos(&self) -> Option<u32> {
        self.dial.as_ref().map(|dial| dial.hellos())
    }

    /// Turns this dialling connection into the answering end of the peer's dial. Its session is new, or resumes from
    /// `resume`.
    pub(crate) fn become_answering(&mut self, now: Instant, resume: Resume) {
        self.drop_dial();
        self.plan = None;
        self.is_contending = false;
        self.session.begin(now, resume);
    }

    /// Marks this connection as dialled for a peer that may have other connections. The first packet from the peer on this
    /// connection ends the other connections.
    pub(crate) const fn contend(&mut self) {
        self.is_contending = true;
    }

    // ---- What only the endpoint can do ----

    /// Returns `true` if the connection does more than exchange messages. The endpoint then updates its indexes at once.
    pub(crate) fn is_special(&self) -> bool {
        self.phase != Phase::Connected
            || self.dial.is_some()
            || self.farewell.is_some()
            || (self.wants_dial | self.wants_ticket | self.is_disowned | self.is_found | self.is_contending)
            || !self.retired_ids.is_empty()
            || self.notices.is_pending()
    }

    /// Returns `true` at the first call after this end closed the session, which can then no longer be resumed.
    pub(crate) const fn take_disowned(&mut self) -> bool {
        core::mem::replace(&mut self.is_disowned, false)
    }

    /// Returns the connection ids that no longer lead to this connection, and forgets them.
    pub(crate) fn take_retired_ids(&mut self) -> SmallVec<[u32; 2]> {
        core::mem::take(&mut self.retired_ids)
    }

    /// Returns `true` if the peer was found at an address where it was not known to be. Later calls return `false`.
    pub(crate) const fn take_found(&mut self) -> bool {
        core::mem::replace(&mut self.is_found, false)
    }

    /// Returns `true` if the endpoint should dial again. Later calls return `false`.
    pub(crate) const fn take_wants_dial(&mut self) -> bool {
        core::mem::replace(&mut self.wants_dial, false)
    }

    /// Returns `true` if the peer of a connection that contends with others has proved its keys. Later calls return
    /// `false`.
    pub(crate) fn take_proven(&mut self) -> bool {
        let is_proven = self.is_contending && self.is_confirmed();
        self.is_contending &= !is_proven;
        is_proven
    }

    /// Requests a resume ticket from the endpoint.
    pub(crate) const fn want_ticket(&mut self) {
        self.wants_ticket = true;
    }

    /// Returns `true` if the endpoint should make a resume ticket. Later calls return `false`.
    pub(crate) const fn take_wants_ticket(&mut self) -> bool {
        core::mem::replace(&mut self.wants_ticket, false)
    }

    /// Returns the contents of the next resume ticket, which expires at `expiry`.
    pub(crate) fn next_ticket(&mut self, expiry: u64, settings: &Settings) -> Option<ResumeContents> {
        let transport = self.transport.as_deref()?;
        Some(self.session.next_ticket(|sequence| transport.resume_psk(settings, sequence), expiry))
    }

    // ---- What it does next ----

    /// Returns the cause of the earliest timer.
    pub(crate) fn next_cause(&self) -> TimeoutCause {
        self.timers.next_cause()
    }

    /// Changes the packet numbers as [`crate::fuzzing::age`] describes. Returns `true` if the connection has a transport.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn age(&mut self, sent: u64, received: u64) -> bool {
        self.transport.as_deref_mut().map(|transport| transport.age(sent, received)).is_some()
    }
}
