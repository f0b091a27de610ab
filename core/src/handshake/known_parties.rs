//! Questions about a client that an acceptor asks its owner.

use super::half_open::Resume;
use super::welcome::SessionOutcome;
use crate::crypto::Key;
use crate::drop::DropReason;

/// Knows the sessions and peers that are here already. The acceptor asks it before a Diffie-Hellman is spent.
pub(crate) trait KnownParties {
    /// Returns the outcome for the session that a client wants to resume.
    ///
    /// # Errors
    /// The session has seen a later incarnation: this ticket is void, or a copy of one.
    fn session(&self, resume: &Resume) -> Result<SessionOutcome, DropReason>;

    /// Returns whether this end's own attempt to reach the peer with this static key comes before the peer's attempt.
    fn prefers_own_dial(&self, peer_key: &Key) -> bool;
}

/// A server where nobody is, for acceptors that are driven without an endpoint.
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
