//! The provider in pure Rust, which compiles wherever the core does.

use alloc::boxed::Box;
use alloc::vec::Vec;

use blake2::digest::Mac;
use blake2::{Blake2s256, Blake2sMac256};
use chacha20poly1305::aead::{AeadInPlace, KeyInit, Nonce};
use chacha20poly1305::consts::U16;
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hkdf::SimpleHkdf;
use x25519_dalek::{PublicKey, StaticSecret};

use super::{
    HandshakeCrypto, HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder, noise,
    packet_nonce,
};
use crate::limits::TAG;
use crate::rng::Rng;

/// A provider that uses the RustCrypto crates and snow.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl Provider for RustCrypto {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        Box::new(ChaCha(ChaCha20Poly1305::new(key.into())))
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        self
    }
}

impl HandshakeCrypto for RustCrypto {
    fn public_key(&self, secret: &Key) -> Key {
        PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        noise::initiate(rng, responder, input, message)
    }

    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        noise::respond(rng, secret, input, message, payload)
    }

    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>) {
        let tag = seal(&XChaCha20Poly1305::new(key.into()), nonce.into(), associated, text);
        text.extend_from_slice(&tag);
    }

    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        let length = open(&XChaCha20Poly1305::new(key.into()), nonce.into(), associated, text)?;
        text.truncate(length);
        Ok(())
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        let mac = <Blake2sMac256 as KeyInit>::new(key.into());
        parts.iter().fold(mac, Mac::chain_update).finalize().into_bytes().into()
    }

    #[expect(clippy::expect_used, reason = "the lengths of both keys are constants that HKDF takes")]
    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        let mut key = [0; 32];
        SimpleHkdf::<Blake2s256>::from_prk(secret)
            .expect("HKDF-Expand accepts a key of the digest's length")
            .expand(label, &mut key)
            .expect("HKDF-Expand can derive one block of 32 bytes");
        key
    }
}

struct ChaCha(ChaCha20Poly1305);

impl PacketKey for ChaCha {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        if let Some((text, tag)) = packet.split_last_chunk_mut::<TAG>() {
            *tag = seal(&self.0, &packet_nonce(packet_number).into(), header, text);
        }
    }

    fn open(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        open(&self.0, &packet_nonce(packet_number).into(), header, packet)
    }
}

/// Encrypts `text` in place and returns its tag.
fn seal<A: AeadInPlace<TagSize = U16>>(
    cipher: &A,
    nonce: &Nonce<A>,
    associated: &[u8],
    text: &mut [u8],
) -> [u8; TAG] {
    match cipher.encrypt_in_place_detached(nonce, associated, text) {
        Ok(tag) => tag.into(),
        Err(_) => {
            // Only a text of 256 GiB gets here. Whatever happens, no plaintext leaves.
            text.fill(0);
            [0; TAG]
        }
    }
}

/// Decrypts ciphertext and tag in place and returns the length of the plaintext.
fn open<A: AeadInPlace<TagSize = U16>>(
    cipher: &A,
    nonce: &Nonce<A>,
    associated: &[u8],
    sealed: &mut [u8],
) -> Result<usize, Rejected> {
    let (text, tag) = sealed.split_last_chunk_mut::<TAG>().ok_or(Rejected)?;
    cipher.decrypt_in_place_detached(nonce, associated, text, (&*tag).into()).map_err(|_| Rejected)?;
    Ok(text.len())
}
