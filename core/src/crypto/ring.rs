//! The provider for native targets: ring's assembler for packets, the pure Rust provider for everything rarer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use super::{
    HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder, RustCrypto, Secret,
    packet_nonce,
};
use crate::limits::TAG;
use crate::rng::Rng;

/// Cryptography by ring where it is fastest, and otherwise as [`RustCrypto`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Ring;

impl Provider for Ring {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        Box::new(ChaCha((*key).into()))
    }

    fn public_key(&self, secret: &Key) -> Key {
        RustCrypto.public_key(secret)
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        RustCrypto.initiate(rng, responder, input, message)
    }

    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        RustCrypto.respond(rng, secret, input, message, payload)
    }

    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>) {
        RustCrypto.seal_ticket(key, nonce, associated, text);
    }

    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        RustCrypto.open_ticket(key, nonce, associated, text)
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        RustCrypto.digest(key, parts)
    }

    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        RustCrypto.derive(secret, label)
    }
}

/// The key itself: ring's own form has room for the largest cipher, half a kilobyte, of which this one uses 32 bytes. To make it for each
/// packet is to copy them.
struct ChaCha(Secret);

impl ChaCha {
    #[expect(clippy::expect_used, reason = "a key has the length that the algorithm takes")]
    fn ready(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &*self.0).expect("32 bytes"))
    }
}

impl PacketKey for ChaCha {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        let Some((text, tag)) = packet.split_last_chunk_mut::<TAG>() else { return };
        let nonce = Nonce::assume_unique_for_key(packet_nonce(packet_number));
        match self.ready().seal_in_place_separate_tag(nonce, Aad::from(header), text) {
            Ok(sealed) => tag.copy_from_slice(sealed.as_ref()),
            // Only a text of 256 GiB gets here. Whatever happens, no plaintext leaves.
            Err(_) => text.fill(0),
        }
    }

    fn open(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        let nonce = Nonce::assume_unique_for_key(packet_nonce(packet_number));
        let text = self.ready().open_in_place(nonce, Aad::from(header), packet).map_err(|_| Rejected)?;
        Ok(text.len())
    }
}
