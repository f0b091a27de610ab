//! Peers: two equal ends that received a pre-shared key and each other's static key from a signalling server.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::error::ConnectError;

/// The size of a hint, in bytes.
pub(super) const HINT: usize = 16;

/// The hint that a peer's Hello contains instead of a ticket. The acceptor finds the pre-shared key by the hint. To
/// anybody else the hint reveals nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PeerHint(pub(super) [u8; HINT]);

impl PeerHint {
    /// Returns the hint of a Hello from the holder of `initiator_key` to the holder of `responder_key`. Both are public
    /// keys.
    pub(crate) fn new(
        provider: &dyn HandshakeCrypto,
        psk: &Key,
        initiator_key: &Key,
        responder_key: &Key,
    ) -> Self {
        let digest = provider.digest(psk, &[b"tickwire peer", initiator_key, responder_key]);
        Self(first_half(&digest))
    }
}

/// Returns `true` if, after two Hellos crossed, the holder of `ours` stays the initiator. The other end drops its own
/// attempt and answers.
pub(crate) fn initiates(ours: &Key, theirs: &Key) -> bool {
    ours < theirs
}

/// A peer that may connect.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) psk: Secret,
    pub(super) peer_key: Key,
}

/// The peers that may connect. Only the application adds peers, never the network.
#[derive(Default)]
pub(super) struct ExpectedPeers(BTreeMap<[u8; HINT], Box<Expected>>);

impl ExpectedPeers {
    pub(super) fn expect(
        &mut self,
        provider: &dyn HandshakeCrypto,
        psk: Secret,
        peer_key: Key,
        our_key: &Key,
    ) -> Result<PeerHint, ConnectError> {
        if psk.is_zero() {
            return Err(ConnectError::ZeroPresharedKey);
        }
        let hint = PeerHint::new(provider, &psk, &peer_key, our_key);
        self.0.insert(hint.0, Box::new(Expected { psk, peer_key }));
        Ok(hint)
    }

    pub(super) fn forget(&mut self, hint: &PeerHint) {
        self.0.remove(&hint.0);
    }

    /// Returns the identity of the peer to which a hint belongs.
    pub(super) fn identity(&self, hint: &[u8]) -> Option<[u8; 16]> {
        self.find(hint).map(|peer| identity(&peer.peer_key))
    }

    /// Returns `true` if a peer with this identity may connect.
    pub(super) fn expects(&self, name: &[u8; 16]) -> bool {
        self.0.values().any(|peer| identity(&peer.peer_key) == *name)
    }

    pub(super) fn find(&self, hint: &[u8]) -> Option<&Expected> {
        self.0.get(hint).map(Box::as_ref)
    }
}

/// Returns the identity of a peer's connection: the first half of its public key.
pub(crate) fn identity(peer_key: &Key) -> [u8; 16] {
    first_half(peer_key)
}

fn first_half(key: &Key) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;

    #[test]
    fn a_peer_hint_depends_on_the_secret_and_on_the_order_of_both_keys() {
        let hint = |psk, from, to| PeerHint::new(&RustCrypto, &[psk; 32], &[from; 32], &[to; 32]);
        assert_eq!(hint(1, 2, 3), hint(1, 2, 3));
        assert_ne!(hint(1, 2, 3), hint(1, 3, 2));
        assert_ne!(hint(1, 2, 3), hint(4, 2, 3));
        assert_ne!(hint(1, 2, 3), hint(1, 4, 3));
    }

    #[test]
    fn the_peer_with_the_lower_key_initiates_when_hellos_cross() {
        assert!(initiates(&[1; 32], &[2; 32]));
        assert!(!initiates(&[2; 32], &[1; 32]));
    }

    #[test]
    fn expecting_a_peer_with_an_all_zero_pre_shared_key_is_refused() {
        let mut peers = ExpectedPeers::default();
        let expected = peers.expect(&RustCrypto, [0; 32].into(), [1; 32], &[2; 32]);
        assert_eq!(expected, Err(ConnectError::ZeroPresharedKey));
    }
}
