//! The Noise handshake that every provider shares: two messages, and the keys derived from them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use blake2::Blake2s256;
use hkdf::SimpleHkdf;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{HandshakeInput, Initiator, Key, Rejected, Responder, Secret, SessionKeys};
use crate::limits;
use crate::rng::Rng;

const PATTERN: &str = "Noise_NKpsk0_25519_ChaChaPoly_BLAKE2s";
const EXPORTER_LABEL: &[u8] = b"tickwire exporter";
/// The number of bytes that each message adds to its payload: an ephemeral public key, and the tag of the payload.
const MESSAGE_OVERHEAD: usize = 32 + limits::TAG;

/// Implements [`super::HandshakeCrypto::initiate`].
pub(super) fn initiate(
    rng: &mut Rng,
    responder: &Key,
    input: HandshakeInput<'_>,
    message: &mut Vec<u8>,
) -> Result<Box<dyn Initiator>, Rejected> {
    let mut state = builder(rng, &input)?
        .remote_public_key(responder)
        .and_then(Builder::build_initiator)
        .map_err(|_| Rejected)?;
    write(&mut state, input.payload, message)?;
    Ok(Box::new(WaitingInitiator(Wiped(state))))
}

/// Implements [`super::HandshakeCrypto::respond`].
pub(super) fn respond(
    rng: &mut Rng,
    secret: &Key,
    input: HandshakeInput<'_>,
    message: &[u8],
    payload: &mut Vec<u8>,
) -> Result<Box<dyn Responder>, Rejected> {
    let mut state = builder(rng, &input)?
        .local_private_key(secret)
        .and_then(Builder::build_responder)
        .map_err(|_| Rejected)?;
    read(&mut state, message, payload)?;
    Ok(Box::new(WaitingResponder(Wiped(state))))
}

/// A handshake state that overwrites its pre-shared key when it is dropped, because snow drops its copy of the key
/// without overwriting it.
struct Wiped(HandshakeState);

impl Drop for Wiped {
    fn drop(&mut self) {
        // The length is right, and the pattern has this place.
        let _known = self.0.set_psk(0, &[0; 32]);
    }
}

struct WaitingInitiator(Wiped);

impl Initiator for WaitingInitiator {
    // snow restores its hash and chaining key when it rejects a message. It leaves the remote ephemeral and the
    // cipher key of the forgery behind, but the first token of the next message replaces both.
    fn finish(&mut self, message: &[u8], payload: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        read(&mut self.0.0, message, payload)?;
        session_keys(&mut self.0.0)
    }
}

struct WaitingResponder(Wiped);

impl Responder for WaitingResponder {
    fn finish(mut self: Box<Self>, payload: &[u8], message: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        write(&mut self.0.0, payload, message)?;
        session_keys(&mut self.0.0)
    }
}

fn builder<'a>(rng: &mut Rng, input: &HandshakeInput<'a>) -> Result<Builder<'a>, Rejected> {
    let pattern = PATTERN.parse().map_err(|_| Rejected)?;
    Builder::with_resolver(pattern, Box::new(Resolver { ephemeral: rng.array().into() }))
        .prologue(input.prologue)
        .and_then(|builder| builder.psk(0, input.psk))
        .map_err(|_| Rejected)
}

/// Appends a Noise message to `message`. After an error, `message` is unchanged.
fn write(state: &mut HandshakeState, payload: &[u8], message: &mut Vec<u8>) -> Result<(), Rejected> {
    let start = message.len();
    message.resize(start + payload.len() + MESSAGE_OVERHEAD, 0);
    let room = message.get_mut(start..).unwrap_or_default();
    let written = state.write_message(payload, room).map_err(|_| Rejected);
    message.truncate(start + written.unwrap_or(0));
    written.map(|_| ())
}

/// Appends the payload of a Noise message to `payload`. After an error, `payload` is unchanged.
fn read(state: &mut HandshakeState, message: &[u8], payload: &mut Vec<u8>) -> Result<(), Rejected> {
    let start = payload.len();
    payload.resize(start + message.len().saturating_sub(MESSAGE_OVERHEAD), 0);
    let room = payload.get_mut(start..).unwrap_or_default();
    let read = state.read_message(message, room).map_err(|_| Rejected);
    payload.truncate(start + read.unwrap_or(0));
    read.map(|_| ())
}

fn session_keys(state: &mut HandshakeState) -> Result<SessionKeys, Rejected> {
    let (to_responder, to_initiator) = state.dangerously_get_raw_split();
    let (to_responder, to_initiator) = (Secret::new(to_responder), Secret::new(to_initiator));
    let (_, exporter) = {
        let mut extract = hkdf::SimpleHkdfExtract::<Blake2s256>::new(Some(state.get_handshake_hash()));
        extract.input_ikm(&*to_responder);
        extract.input_ikm(&*to_initiator);
        extract.finalize()
    };
    Ok(SessionKeys { to_responder, to_initiator, exporter: expand(&exporter, EXPORTER_LABEL)? })
}

fn expand(secret: &SimpleHkdf<Blake2s256>, label: &[u8]) -> Result<Secret, Rejected> {
    let mut key = [0; 32];
    secret.expand(label, &mut key).map_err(|_| Rejected)?;
    Ok(key.into())
}

/// Provides snow with the pure Rust primitives, and with an ephemeral secret from the endpoint's own generator.
struct Resolver {
    ephemeral: Secret,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Ephemeral(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(Curve::default()) as _)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice).map(|inner| Box::new(WipedCipher(inner)) as _)
    }
}

/// A generator that yields one key. NKpsk0 generates one ephemeral key per side, and no ephemeral key may be used twice.
struct Ephemeral(Option<Secret>);

impl Random for Ephemeral {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        let key = self.0.take().ok_or(snow::Error::Rng)?;
        if out.len() != key.len() {
            return Err(snow::Error::Rng);
        }
        out.copy_from_slice(&*key);
        Ok(())
    }
}

/// The cipher of snow, with a key that is overwritten when the cipher is dropped.
struct WipedCipher(Box<dyn Cipher>);

impl Drop for WipedCipher {
    fn drop(&mut self) {
        self.0.set(&[0; 32]);
    }
}

impl Cipher for WipedCipher {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn set(&mut self, key: &Key) {
        self.0.set(key);
    }

    fn encrypt(&self, nonce: u64, associated: &[u8], text: &[u8], out: &mut [u8]) -> usize {
        self.0.encrypt(nonce, associated, text, out)
    }

    fn decrypt(
        &self,
        nonce: u64,
        associated: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, snow::Error> {
        self.0.decrypt(nonce, associated, sealed, out)
    }
}

/// An X25519 key pair that overwrites its secret when it is dropped, and that rejects the all-zero result of public keys
/// of low order (RFC 7748 section 6.1). The implementation in snow accepts this result, and anybody could then compute
/// the keys of the handshake.
struct Curve {
    secret: Secret,
    public: Key,
}

impl Default for Curve {
    fn default() -> Self {
        Self { secret: Secret::new([0; 32]), public: [0; 32] }
    }
}

impl Curve {
    fn secret(&self) -> StaticSecret {
        StaticSecret::from(*self.secret)
    }
}

impl Dh for Curve {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        if let Ok(secret) = Key::try_from(secret) {
            self.secret = secret.into();
            self.public = PublicKey::from(&self.secret()).to_bytes();
        }
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = Secret::new([0; 32]);
        rng.try_fill_bytes(secret.bytes_mut())?;
        self.set(&*secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.secret
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public: Key = public.first_chunk().copied().ok_or(snow::Error::Dh)?;
        let shared = self.secret().diffie_hellman(&public.into());
        // snow's buffer is as long as the longest hash.
        let out = out.first_chunk_mut::<32>().ok_or(snow::Error::Dh)?;
        *out = shared.to_bytes();
        if shared.was_contributory() { Ok(()) } else { Err(snow::Error::Dh) }
    }
}
