//! Questions about a client that an acceptor asks its owner.

use super::half_open::Resume;
use super::welcome::SessionOutcome;
use crate::crypto::Key;
use crate::drop::DropReason;

/// Knows the sessions and peers that already exist. The acceptor queries it before it computes a Diffie-Hellman.
pub(crate) trait KnownParties {
    /// Returns the outcome for the session that a client wants to resume.
    ///
    /// # Errors
    /// The reason for dropping the Hello, if the session has accepted a ticket of a later incarnation. The client's
    /// ticket, or its copy, is then no longer valid.
    fn session(&self, resume: &Resume) -> Result<SessionOutcome, DropReason>;

    /// Returns `true` if this end's own attempt to reach the peer with this static key has priority over the peer's
    /// attempt.
    fn prefers_own_dial(&self, peer_key: &Key) -> bool;
}

/// A server without sessions and peers, for acceptors that run without an endpoint.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) struct Deserted;

#[cfg(any(test, feature = "fuzzing"))]
impl KnownParties for Deserted {
    fn session(&self, _: &Resume) -> Result<SessionOutcome, DropReason> {
        Ok(SessionOutcome::Lost)
    }

    fn prefers_own_dial(&self, _: &Key) -> bool {
        false
    }
}
