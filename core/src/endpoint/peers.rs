//! Peers: two equals that dial each other with a secret from signalling.
//!
//! Whichever Hello arrives first may win; when they cross, the lower static key initiates, and the other end's attempt
//! becomes the answering end of the same connection.

use super::Endpoint;
use crate::connection::Phase;
use crate::crypto::Key;
use crate::error::ConnectError;
use crate::event::ConnectionId;
use crate::handshake::{Candidate, Credential, PeerHint, initiates, peer_identity};

impl Endpoint {
    /// Lets the peer in that holds `psk` and the secret of `peer_key`, whatever `Config::access` says of others (but
    /// [`crate::Access::Closed`] keeps it out too). Dialling a peer does this by itself.
    ///
    /// # Errors
    /// [`ConnectError::ZeroPresharedKey`].
    pub fn expect_peer(&mut self, psk: Key, peer_key: Key) -> Result<(), ConnectError> {
        let ours = self.public_key();
        self.acceptor.expect_peer(psk, peer_key, &ours).map(|_| ())
    }

    /// Undoes [`Endpoint::expect_peer`]. A connection that was made goes on.
    pub fn forget_peer(&mut self, psk: &Key, peer_key: &Key) {
        let ours = self.public_key();
        self.acceptor.forget_peer(&PeerHint::new(&*self.settings.provider, psk, peer_key, &ours));
    }

    /// Whether a peer's Hello loses against ours.
    pub(super) fn prefers_own_dial(&self, candidate: &Candidate) -> bool {
        candidate.peer_key.is_some_and(|theirs| {
            self.crossing(&peer_identity(&theirs)).is_some() && initiates(&self.public_key(), &theirs)
        })
    }

    /// The connection that dials the peer of this identity for the first time.
    pub(super) fn crossing(&self, identity: &[u8; 16]) -> Option<ConnectionId> {
        self.dialled.iter().copied().find(|id| {
            self.connections.get(*id).is_some_and(|state| {
                let credential = state.plan.as_ref().and_then(|plan| plan.peer.as_deref());
                state.phase == Phase::Connecting
                    && matches!(credential, Some(Credential::Peer { peer_key, .. }) if peer_identity(peer_key) == *identity)
            })
        })
    }
}
