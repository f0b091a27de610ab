//! The owner of a connection, as far as the handshake proved it.

use super::half_open::ShownCredential;
use super::peer::ExpectedPeers;
use crate::config::Access;

/// The holder of a proved key or ticket. A client that showed only a cookie has no owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Owner {
    /// The peer whose static key begins with these bytes.
    Peer([u8; 16]),
    /// The identity in the backend's ticket, or the identity that the authenticator gave to the holder of the
    /// ticket.
    Ticket([u8; 16]),
}

impl Owner {
    /// Returns the owner that `credential` proves, together with the identity that belongs to it.
    pub(super) fn of(
        access: Access,
        peers: &ExpectedPeers,
        credential: &ShownCredential,
        identity: [u8; 16],
    ) -> Option<Self> {
        match credential {
            ShownCredential::Open => None,
            ShownCredential::Peer { hint } => peers.identity(hint).map(Self::Peer),
            // A session that a peer began goes on as the peer's.
            ShownCredential::Resume(_) if access == Access::Peers || peers.expects(&identity) => {
                Some(Self::Peer(identity))
            }
            ShownCredential::Resume(_) if access != Access::Tickets => None,
            ShownCredential::Resume(_) | ShownCredential::Ticket { .. } => {
                (identity != [0; 16]).then_some(Self::Ticket(identity))
            }
        }
    }
}
