//! Peers: two equal ends that dial each other with a secret from a signalling server.
//!
//! If only one Hello arrives, its sender is the initiator. If the Hellos cross, the end with the lower static key is the
//! initiator, and the attempt of the other end becomes the responder of the same connection.

use super::Endpoint;
use crate::crypto::{Key, PublicKey, Secret};
use crate::error::ConnectError;
use crate::handshake::PeerHint;

impl Endpoint {
    /// Accepts the peer that holds `psk` and the secret of `peer_key`, under every [`crate::Access`] except
    /// [`crate::Access::Closed`]. The endpoint also accepts each peer that it dials.
    ///
    /// # Errors
    /// [`ConnectError::ZeroPresharedKey`] if `psk` is all zeros.
    pub fn expect_peer(
        &mut self,
        psk: impl Into<Secret>,
        peer_key: impl Into<PublicKey>,
    ) -> Result<(), ConnectError> {
        let ours = self.public_key;
        self.acceptor.expect_peer(psk.into(), peer_key.into().to_bytes(), &ours).map(|_| ())
    }

    /// Withdraws the permission that [`Endpoint::expect_peer`] gave. An established connection to the peer continues.
    pub fn forget_peer(&mut self, psk: &Key, peer_key: &Key) {
        let ours = self.public_key;
        self.acceptor.forget_peer(&PeerHint::new(self.settings.provider.handshake(), psk, peer_key, &ours));
    }
}
