//! The Noise handshake, shared by every provider: two messages, and the keys that come out of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use blake2::Blake2s256;
use hkdf::SimpleHkdf;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};

use super::{HandshakeInput, Initiator, Key, Rejected, Responder, SessionKeys};
use crate::limits;
use crate::rng::Rng;

const PATTERN: &str = "Noise_NKpsk0_25519_ChaChaPoly_BLAKE2s";
const EXPORTER_LABEL: &[u8] = b"tickwire exporter";
/// An ephemeral public key and the tag of the payload: what either message adds to its payload.
const MESSAGE_OVERHEAD: usize = 32 + limits::TAG;

/// See [`super::Provider::initiate`].
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
    Ok(Box::new(Waiting(state)))
}

/// See [`super::Provider::respond`].
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
    Ok(Box::new(Answering(state)))
}

struct Waiting(HandshakeState);

impl Initiator for Waiting {
    // snow restores its hash and chaining key when it rejects a message. It leaves the remote ephemeral and the
    // cipher key of the forgery behind, but the first token of the next message replaces both.
    fn finish(&mut self, message: &[u8], payload: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        read(&mut self.0, message, payload)?;
        session_keys(&mut self.0)
    }
}

struct Answering(HandshakeState);

impl Responder for Answering {
    fn finish(mut self: Box<Self>, payload: &[u8], message: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        write(&mut self.0, payload, message)?;
        session_keys(&mut self.0)
    }
}

fn builder<'a>(rng: &mut Rng, input: &HandshakeInput<'a>) -> Result<Builder<'a>, Rejected> {
    let pattern = PATTERN.parse().map_err(|_| Rejected)?;
    Builder::with_resolver(pattern, Box::new(Resolver { ephemeral: rng.array() }))
        .prologue(input.prologue)
        .and_then(|builder| builder.psk(0, input.psk))
        .map_err(|_| Rejected)
}

/// Appends a Noise message to `message`, or nothing.
fn write(state: &mut HandshakeState, payload: &[u8], message: &mut Vec<u8>) -> Result<(), Rejected> {
    let start = message.len();
    message.resize(start + payload.len() + MESSAGE_OVERHEAD, 0);
    let room = message.get_mut(start..).unwrap_or_default();
    let written = state.write_message(payload, room).map_err(|_| Rejected);
    message.truncate(start + written.unwrap_or(0));
    written.map(|_| ())
}

/// Appends the payload of a Noise message to `payload`, or nothing.
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
    let (_, exporter) = {
        let mut extract = hkdf::SimpleHkdfExtract::<Blake2s256>::new(Some(state.get_handshake_hash()));
        extract.input_ikm(&to_responder);
        extract.input_ikm(&to_initiator);
        extract.finalize()
    };
    Ok(SessionKeys { to_responder, to_initiator, exporter: expand(&exporter, EXPORTER_LABEL)? })
}

fn expand(secret: &SimpleHkdf<Blake2s256>, label: &[u8]) -> Result<Key, Rejected> {
    let mut key = [0; 32];
    secret.expand(label, &mut key).map_err(|_| Rejected)?;
    Ok(key)
}

/// Gives snow an ephemeral secret drawn from the endpoint's own generator, and the pure Rust primitives.
struct Resolver {
    ephemeral: Key,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Ephemeral(Some(self.ephemeral))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice).map(|inner| Box::new(Contributory(inner)) as _)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// A generator that yields one key: NKpsk0 generates one ephemeral per side, and none may be used twice.
struct Ephemeral(Option<Key>);

impl Random for Ephemeral {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        let key = self.0.take().ok_or(snow::Error::Rng)?;
        if out.len() != key.len() {
            return Err(snow::Error::Rng);
        }
        out.copy_from_slice(&key);
        Ok(())
    }
}

/// X25519 that refuses the all-zero secret, which public keys of low order lead to (RFC 7748 section 6.1). snow's own
/// accepts it, and then anybody could compute the keys of such a handshake.
struct Contributory(Box<dyn Dh>);

impl Dh for Contributory {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn pub_len(&self) -> usize {
        self.0.pub_len()
    }

    fn priv_len(&self) -> usize {
        self.0.priv_len()
    }

    fn set(&mut self, secret: &[u8]) {
        self.0.set(secret);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        self.0.generate(rng)
    }

    fn pubkey(&self) -> &[u8] {
        self.0.pubkey()
    }

    fn privkey(&self) -> &[u8] {
        self.0.privkey()
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        self.0.dh(public, out)?;
        let bits = out.iter().fold(0, |bits, byte| bits | byte);
        if bits == 0 { Err(snow::Error::Dh) } else { Ok(()) }
    }
}
