//! A provider that counts the Diffie-Hellman operations of handshakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickwire_core::crypto::{
    HandshakeCrypto, HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder,
};
use tickwire_core::rng::Rng;

/// Counters of the responses to handshakes and of the public keys that a provider has computed with Diffie-Hellman
/// operations. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct DiffieHellmans {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    responses: AtomicU64,
    public_keys: AtomicU64,
}

impl DiffieHellmans {
    /// Returns the number of first Noise messages that responders processed, authentic or not.
    #[must_use]
    pub fn responses(&self) -> u64 {
        self.counts.responses.load(Ordering::Relaxed)
    }

    /// Returns the number of public keys that the provider has computed.
    #[must_use]
    pub fn public_keys(&self) -> u64 {
        self.counts.public_keys.load(Ordering::Relaxed)
    }
}

/// A provider that forwards all calls to another provider, and counts the calls to respond to a handshake and to
/// compute a public key. The provider does not count the operations of initiators.
pub struct CountingProvider {
    inner: Arc<dyn Provider>,
    counts: Arc<Counts>,
}

impl CountingProvider {
    /// Creates a provider that forwards all calls to `inner`, and counts responses and public keys in `spent`.
    #[must_use]
    pub fn new(inner: Arc<dyn Provider>, spent: &DiffieHellmans) -> Self {
        Self { inner, counts: Arc::clone(&spent.counts) }
    }
}

impl core::fmt::Debug for CountingProvider {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CountingProvider(..)")
    }
}

impl Provider for CountingProvider {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        self.inner.packet_key(key)
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        self
    }
}

impl HandshakeCrypto for CountingProvider {
    fn public_key(&self, secret: &Key) -> Key {
        self.counts.public_keys.fetch_add(1, Ordering::Relaxed);
        self.inner.handshake().public_key(secret)
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        self.inner.handshake().initiate(rng, responder, input, message)
    }

    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        self.counts.responses.fetch_add(1, Ordering::Relaxed);
        self.inner.handshake().respond(rng, secret, input, message, payload)
    }

    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>) {
        self.inner.handshake().seal_ticket(key, nonce, associated, text);
    }

    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        self.inner.handshake().open_ticket(key, nonce, associated, text)
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        self.inner.handshake().digest(key, parts)
    }

    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        self.inner.handshake().derive(secret, label)
    }
}
