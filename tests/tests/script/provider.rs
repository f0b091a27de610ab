//! Providers for scripts: a fast one, one that believes everything, and one that counts Diffie-Hellmans.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickwire_core::crypto::{HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder};
use tickwire_core::rng::Rng;
use tickwire_sim::provider::NullProvider;

/// What a [`Wrapped`] provider does besides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quirks {
    /// Every packet counts as authentic: whoever forges one is a peer gone bad.
    pub gullible: bool,
    /// How often a first Noise message was read, or a public key computed.
    pub responses: Arc<AtomicU64>,
}

/// Another provider, with quirks.
pub(crate) struct Wrapped {
    inner: Arc<dyn Provider>,
    quirks: Quirks,
}

impl Wrapped {
    pub(crate) fn new(inner: Arc<dyn Provider>, quirks: Quirks) -> Arc<dyn Provider> {
        Arc::new(Self { inner, quirks })
    }
}

/// Fast, checked, not secret.
pub(crate) fn null() -> Arc<dyn Provider> {
    Arc::new(NullProvider)
}

/// Fast, and not even checked.
pub(crate) fn gullible() -> Arc<dyn Provider> {
    Wrapped::new(null(), Quirks { gullible: true, ..Quirks::default() })
}

struct GullibleKey(Box<dyn PacketKey>);

impl PacketKey for GullibleKey {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        self.0.seal(packet_number, header, packet);
    }

    fn open(&self, _: u64, _: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        packet.len().checked_sub(16).ok_or(Rejected)
    }
}

impl Provider for Wrapped {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        let inner = self.inner.packet_key(key);
        if self.quirks.gullible { Box::new(GullibleKey(inner)) } else { inner }
    }

    fn public_key(&self, secret: &Key) -> Key {
        self.quirks.responses.fetch_add(1, Ordering::Relaxed);
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
        self.quirks.responses.fetch_add(1, Ordering::Relaxed);
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
