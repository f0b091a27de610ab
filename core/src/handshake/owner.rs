//! The owner of a connection, as far as the handshake proved it.

use super::half_open::ShownCredential;
use super::peer::ExpectedPeers;
use crate::config::Access;

/// The holder of a proven key or ticket. A client that showed nothing but a cookie is nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Owner {
    /// The peer whose static key begins so.
    Peer([u8; 16]),
    /// The identity that a backend's ticket names, or that the authenticator gave to the ticket's holder.
    Ticket([u8; 16]),
}

impl Owner {
    /// The owner that `credential` proves, together with the identity that goes with it.
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
