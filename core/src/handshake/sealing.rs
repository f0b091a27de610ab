//! Sealed tickets: XChaCha20-Poly1305 under a synthetic nonce.

use alloc::vec::Vec;

use crate::crypto::{Key, Provider};
use crate::limits::TAG;
use crate::rng::Rng;

const NONCE: usize = 24;
/// Bytes that sealing adds to a text.
pub(super) const OVERHEAD: usize = NONCE + TAG;

/// The two keys that sealing derives from one.
pub(super) struct SealingKey {
    seal: Key,
    nonce: Key,
}

impl SealingKey {
    pub(super) fn new(provider: &dyn Provider, key: &Key) -> Self {
        Self { seal: provider.derive(key, b"tickwire seal"), nonce: provider.derive(key, b"tickwire nonce") }
    }

    /// Appends nonce, ciphertext and tag of `text` to `out`.
    ///
    /// The nonce is a keyed digest over randomness and text: should the randomness ever repeat, nonces repeat only
    /// together with the text.
    pub(super) fn seal(
        &self,
        provider: &dyn Provider,
        rng: &mut Rng,
        associated: &[u8],
        mut text: Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        let randomness: [u8; 32] = rng.array();
        let length = (associated.len() as u64).to_le_bytes();
        let digest = provider.digest(&self.nonce, &[&randomness, &length, associated, &text]);
        let mut nonce = [0; NONCE];
        nonce.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        provider.seal_ticket(&self.seal, &nonce, associated, &mut text);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&text);
    }

    /// The text of what was sealed; `None` if it is not authentic.
    pub(super) fn open(&self, provider: &dyn Provider, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let mut text = text.to_vec();
        provider.open_ticket(&self.seal, nonce, associated, &mut text).ok()?;
        Some(text)
    }
}

/// What is authenticated with a ticket: its kind, its format, the application it is for, and its expiry.
pub(super) fn associated(kind: &[u8; 16], format: u8, application: u64, expiry: u64) -> [u8; 33] {
    let mut out = [0; 33];
    let fields =
        kind.iter().copied().chain([format]).chain(application.to_le_bytes()).chain(expiry.to_le_bytes());
    out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    out
}
