//! A provider that counts what it spends on the handshakes of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickwire_core::crypto::{HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder};
use tickwire_core::rng::Rng;

/// Another provider, and how many first Noise messages it read.
pub(crate) struct Counting {
    inner: Arc<dyn Provider>,
    responses: Arc<AtomicU64>,
}

impl Counting {
    pub(crate) fn around(inner: Arc<dyn Provider>, responses: Arc<AtomicU64>) -> Arc<dyn Provider> {
        Arc::new(Self { inner, responses })
    }
}

impl Provider for Counting {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        self.inner.packet_key(key)
    }

    fn public_key(&self, secret: &Key) -> Key {
        self.inner.public_key(secret)
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        self.inner.initiate(rng, responder, input, message)
    }

    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        self.responses.fetch_add(1, Ordering::Relaxed);
        self.inner.respond(rng, secret, input, message, payload)
    }

    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>) {
        self.inner.seal_ticket(key, nonce, associated, text);
    }

    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        self.inner.open_ticket(key, nonce, associated, text)
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        self.inner.digest(key, parts)
    }

    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        self.inner.derive(secret, label)
    }
}
