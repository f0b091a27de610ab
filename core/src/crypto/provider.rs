//! The two traits of a cryptographic suite, and the types of their arguments and results.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::key::Key;
use super::secret::Secret;
use crate::rng::Rng;

/// The error for bytes that are not authentic. The error gives no reason, because a reason could help an attacker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected;

/// The keys that a completed handshake derives.
#[derive(Clone)]
pub struct SessionKeys {
    /// The secret for packets from the initiator to the responder.
    pub to_responder: Secret,
    /// The secret for packets from the responder to the initiator.
    pub to_initiator: Secret,
    /// A secret that both ends share and that encrypts no packet. Resume tickets are derived from this secret.
    pub exporter: Secret,
}

impl core::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SessionKeys(..)")
    }
}

/// The inputs of one Noise message. The handshake fails unless the prologue and the pre-shared key are equal at
/// both ends.
#[derive(Clone, Copy)]
pub struct HandshakeInput<'a> {
    /// Bytes that both ends mix into the handshake. The handshake fails if the two ends have different bytes.
    pub prologue: &'a [u8],
    /// The pre-shared key: the key of the ticket, or the key that two peers share. All zeros in a handshake without a
    /// credential.
    pub psk: &'a Key,
    /// The bytes that this end's Noise message carries in encrypted form.
    pub payload: &'a [u8],
}

/// A provider of the cryptography that an endpoint uses. The provider creates the keys that seal and open packets,
/// and gives access to the cryptography of handshakes. Implementations hold no mutable state.
pub trait Provider: Send + Sync {
    /// Creates the AEAD of data packets under `key`.
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey>;

    /// Returns the cryptography of handshakes, tickets, cookies and key derivation.
    fn handshake(&self) -> &dyn HandshakeCrypto;
}

/// The cryptography of handshakes, tickets, cookies and key derivation. Implementations hold no mutable state.
pub trait HandshakeCrypto: Send + Sync {
    /// Computes the public key that belongs to an X25519 secret key.
    fn public_key(&self, secret: &Key) -> Key;

    /// Appends the first Noise message (psk, e, es, payload) to `message`. The ephemeral key is generated with `rng`.
    ///
    /// # Errors
    /// [`Rejected`] if `responder` is not a usable public key.
    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected>;

    /// Reads the first Noise message, and appends its payload to `payload`. The function ignores `input.payload`.
    ///
    /// # Errors
    /// [`Rejected`] if the message is not authentic under `secret` and the pre-shared key.
    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected>;

    /// Encrypts `text` in place under XChaCha20-Poly1305 and appends the 16-byte tag.
    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>);

    /// Decrypts a ticket that [`HandshakeCrypto::seal_ticket`] sealed, and leaves the plaintext in `text`.
    ///
    /// # Errors
    /// [`Rejected`] if the key, nonce, associated data or text differ from those with which the ticket was sealed.
    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected>;

    /// Computes the 32-byte keyed BLAKE2s digest of the concatenation of `parts`.
    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key;

    /// Derives a key for the purpose `label` from `secret`, with HKDF-Expand over BLAKE2s.
    fn derive(&self, secret: &Key, label: &[u8]) -> Key;
}

/// A key of the AEAD that seals and opens data packets.
pub trait PacketKey: Send + Sync {
    /// Encrypts `packet` in place, except for its final 16 bytes, and writes the tag into those 16 bytes. The tag also
    /// authenticates `header`. A `packet` shorter than 16 bytes is left unchanged.
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]);

    /// Decrypts `packet` (ciphertext and tag) in place and returns the length of the plaintext, in bytes.
    ///
    /// # Errors
    /// [`Rejected`] if the packet, header or packet number differ from those with which the packet was sealed. The
    /// content of `packet` is then unspecified.
    fn open(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) -> Result<usize, Rejected>;
}

/// The state of an initiator that waits for the second Noise message.
pub trait Initiator: Send + Sync {
    /// Reads the second Noise message and appends its payload to `payload`. A rejected message changes nothing, because
    /// the authentic message may still arrive.
    ///
    /// # Errors
    /// [`Rejected`] if the message does not answer this initiator's first message.
    fn finish(&mut self, message: &[u8], payload: &mut Vec<u8>) -> Result<SessionKeys, Rejected>;
}

/// The state of a responder that has read the first Noise message.
pub trait Responder: Send + Sync {
    /// Appends the second Noise message (e, ee, payload) to `message`, and derives the session keys.
    ///
    /// # Errors
    /// [`Rejected`] if the initiator's ephemeral key is unusable.
    fn finish(self: Box<Self>, payload: &[u8], message: &mut Vec<u8>) -> Result<SessionKeys, Rejected>;
}

/// Returns the 96-bit nonce of a packet: four zero bytes, then the packet number as 64 bits, little-endian.
pub(super) fn packet_nonce(packet_number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(number) = nonce.last_chunk_mut::<8>() {
        *number = packet_number.to_le_bytes();
    }
    nonce
}
