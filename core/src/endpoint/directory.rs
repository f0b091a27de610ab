//! Directory of known peers: sessions that may be resumed, and peers that this end dials itself.

use alloc::collections::{BTreeMap, BTreeSet};

use super::members::Members;
use crate::connection::{Connection, Phase};
use crate::crypto::Key;
use crate::drop::DropReason;
use crate::event::ConnectionId;
use crate::handshake::{self, HALF_OPEN_LIFE, Resume, SessionOutcome, initiates, peer_identity};
use crate::time::Instant;

/// A view of the endpoint's tables.
pub(super) struct Directory<'e> {
    pub(super) connections: &'e Members,
    pub(super) sessions: &'e BTreeMap<[u8; 16], ConnectionId>,
    pub(super) dialled: &'e BTreeSet<ConnectionId>,
    pub(super) public_key: Key,
    pub(super) now: Instant,
}

impl Directory<'_> {
    /// Returns the connection that dials the peer of this identity and has not received a packet from the peer yet. Of
    /// several such connections, returns one that the peer answered.
    pub(super) fn crossing(&self, identity: &[u8; 16]) -> Option<Crossing> {
        let mut crossings = self.crossings(identity);
        let first = crossings.next()?;
        if first.phase == Phase::Connected {
            return Some(first);
        }
        Some(crossings.find(|crossing| crossing.phase == Phase::Connected).unwrap_or(first))
    }

    fn crossings(&self, identity: &[u8; 16]) -> impl Iterator<Item = Crossing> {
        self.dialled.iter().filter_map(|id| {
            let state = self.connections.get(*id).filter(|state| state.is_unanswered())?;
            let peer_key = state.peer_key().filter(|key| peer_identity(key) == *identity)?;
            Some(Crossing {
                connection: *id,
                phase: state.phase(),
                has_spoken: state.has_spoken(),
                is_preferred: initiates(&self.public_key, peer_key) && is_hopeful(self.now, state),
            })
        })
    }

    /// Returns the connection that still has the session.
    pub(super) fn holder(&self, resume: &Resume) -> Option<(ConnectionId, &Connection)> {
        let connection = *self.sessions.get(&resume.session)?;
        let state = self.connections.get(connection)?;
        (!state.is_closed()).then_some((connection, state))
    }
}

impl handshake::KnownParties for Directory<'_> {
    fn session(&self, resume: &Resume) -> Result<SessionOutcome, DropReason> {
        match self.holder(resume) {
            None => Ok(SessionOutcome::Lost),
            Some((_, state)) if state.session().accepts(resume.incarnation) => Ok(SessionOutcome::Resumed),
            Some((_, state)) if state.session().is_origin(resume.incarnation) => Ok(SessionOutcome::Lost),
            Some(_) => Err(DropReason::BurntTicket),
        }
    }

    fn prefers_own_dial(&self, peer_key: &Key) -> bool {
        self.crossing(&peer_identity(peer_key)).is_some_and(|crossing| crossing.is_preferred)
    }
}

/// An attempt of this end that may cross the peer's attempt.
pub(super) struct Crossing {
    pub(super) connection: ConnectionId,
    /// The phase of the attempt: connecting, or connected as far as this end knows.
    pub(super) phase: Phase,
    /// `true` if the attempt has sent data that must not be sent twice.
    pub(super) has_spoken: bool,
    /// `true` if this attempt survives instead of the peer's attempt, once both ends know both attempts.
    pub(super) is_preferred: bool,
}

/// The number of unanswered Hellos after which a peer may use its own attempt, if a packet from the peer has arrived
/// meanwhile. The peer may be behind a NAT through which only its own attempt passes.
const HOPEFUL_HELLOS: u32 = 3;

/// Returns `true` if an answer of the peer can be expected. Once the peer has accepted, its half-open handshake expires
/// after a limited time.
fn is_hopeful(now: Instant, state: &Connection) -> bool {
    let fresh_data_is_framed_when_it_leaves = |since: Instant| now < since + HALF_OPEN_LIFE;
    state.hellos().is_none_or(|hellos| hellos <= HOPEFUL_HELLOS)
        && (!state.has_transport() || fresh_data_is_framed_when_it_leaves(state.last_heard()))
}
