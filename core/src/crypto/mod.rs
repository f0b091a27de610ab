//! The cryptography that the protocol needs: one suite behind two traits. A [`Provider`] seals and opens packets, and
//! returns the [`HandshakeCrypto`] for handshakes, tickets and key derivation.
//!
//! The suite consists of Noise_NKpsk0_25519_ChaChaPoly_BLAKE2s for the handshake, ChaCha20-Poly1305 for packets,
//! XChaCha20-Poly1305 for tickets, keyed BLAKE2s for cookies and digests, and HKDF over BLAKE2s for key derivation. All
//! providers produce the same bytes. The providers differ in speed and in the targets on which they compile.

mod fastest;
mod key;
mod keys;
mod noise;
mod provider;
mod public_key;
mod replay;
#[cfg(feature = "ring")]
mod ring;
mod rustcrypto;
mod secret;
#[cfg(test)]
mod tests;

pub use fastest::default_provider;
pub use key::{Key, ParseKeyError};
pub(crate) use keys::{PacketKeys, first_key};
use provider::packet_nonce;
pub use provider::{
    HandshakeCrypto, HandshakeInput, Initiator, PacketKey, Provider, Rejected, Responder, SessionKeys,
};
pub use public_key::PublicKey;
pub(crate) use replay::ReplayWindow;
#[cfg(feature = "ring")]
pub use ring::Ring;
pub use rustcrypto::RustCrypto;
pub use secret::Secret;
