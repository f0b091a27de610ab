//! Sealed tickets: XChaCha20-Poly1305 under a synthetic nonce.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::limits::TAG;
use crate::rng::Rng;

const NONCE: usize = 24;
/// The number of bytes that sealing adds to a text.
pub(super) const OVERHEAD: usize = NONCE + TAG;

/// The two keys that sealing derives from one key.
pub(super) struct SealingKey {
    seal: Secret,
    nonce: Secret,
}

impl SealingKey {
    pub(super) fn new(provider: &dyn HandshakeCrypto, key: &Key) -> Self {
        let derive = |label| provider.derive(key, label).into();
        Self { seal: derive(b"tickwire seal"), nonce: derive(b"tickwire nonce") }
    }

    /// Appends the nonce, ciphertext and tag of `text` to `out`.
    ///
    /// The nonce is a keyed digest of the randomness and the text. Even if the randomness repeats, a nonce repeats
    /// only together with its text.
    pub(super) fn seal(
        &self,
        provider: &dyn HandshakeCrypto,
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

    /// Returns the sealed text, or `None` if the sealed bytes are not authentic.
    pub(super) fn open(
        &self,
        provider: &dyn HandshakeCrypto,
        associated: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let mut text = text.to_vec();
        provider.open_ticket(&self.seal, nonce, associated, &mut text).ok()?;
        Some(Zeroizing::new(text))
    }
}

/// Returns the bytes that are authenticated with a ticket: its kind, its format, its application, and its expiry.
pub(super) fn associated(kind: &[u8; 16], format: u8, application: u64, expiry: u64) -> [u8; 33] {
    let mut out = [0; 33];
    let fields =
        kind.iter().copied().chain([format]).chain(application.to_le_bytes()).chain(expiry.to_le_bytes());
    out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;

    fn seal(seed: u8, associated: &[u8], text: &[u8]) -> Vec<u8> {
        let key = SealingKey::new(&RustCrypto, &[1; 32]);
        let mut out = Vec::new();
        key.seal(&RustCrypto, &mut Rng::from_seed([seed; 32]), associated, text.to_vec(), &mut out);
        out
    }

    #[test]
    fn the_sealing_nonce_depends_on_the_randomness_the_associated_data_and_the_text() {
        let nonce = |seed, associated, text| seal(seed, associated, text)[..NONCE].to_vec();
        let base = nonce(1, b"a", b"text");
        assert_eq!(base, nonce(1, b"a", b"text"));
        assert_ne!(base, nonce(2, b"a", b"text"));
        assert_ne!(base, nonce(1, b"b", b"text"));
        assert_ne!(base, nonce(1, b"a", b"texT"));
        // The border between associated data and text counts too.
        assert_ne!(base, nonce(1, b"at", b"ext"));
    }

    #[test]
    fn sealing_adds_exactly_the_documented_overhead() {
        let sealed = seal(1, b"a", b"text");
        assert_eq!(sealed.len(), OVERHEAD + 4);
        let key = SealingKey::new(&RustCrypto, &[1; 32]);
        assert_eq!(key.open(&RustCrypto, b"a", &sealed).unwrap().as_slice(), b"text");
        assert_eq!(key.open(&RustCrypto, b"b", &sealed), None);
        assert_eq!(SealingKey::new(&RustCrypto, &[2; 32]).open(&RustCrypto, b"a", &sealed), None);
    }
}
