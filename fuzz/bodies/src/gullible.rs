//! A provider that accepts every packet as authentic, so that a fuzzer reaches the code behind authentication.

use tickwire_core::crypto::{
    HandshakeCrypto, HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder, SessionKeys,
};
use tickwire_core::rng::Rng;
use tickwire_sim::provider::NullProvider;

/// A provider that accepts every packet with space for a tag (and, in handshakes, for a key) as authentic. Tags and
/// keys have the sizes of the real cipher suite.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gullible;

const TAG: usize = 16;
const KEY: usize = 32;

impl Provider for Gullible {
    fn packet_key(&self, _: &Key) -> Box<dyn PacketKey> {
        Box::new(Self)
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        self
    }
}

impl HandshakeCrypto for Gullible {
    fn public_key(&self, secret: &Key) -> Key {
        NullProvider.public_key(secret)
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        _: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        message.extend_from_slice(&rng.array::<KEY>());
        message.extend_from_slice(input.payload);
        message.extend_from_slice(&[0; TAG]);
        Ok(Box::new(Self))
    }

    fn respond(
        &self,
        _: &mut Rng,
        _: &Key,
        _: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        payload.extend_from_slice(text(message)?);
        Ok(Box::new(Self))
    }

    fn seal_ticket(&self, _: &Key, _: &[u8; 24], _: &[u8], text: &mut Vec<u8>) {
        text.extend_from_slice(&[0; TAG]);
    }

    fn open_ticket(&self, _: &Key, _: &[u8; 24], _: &[u8], text: &mut Vec<u8>) -> Result<(), Rejected> {
        let length = text.len().checked_sub(TAG).ok_or(Rejected)?;
        text.truncate(length);
        Ok(())
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        // Without a key it tells Noise messages apart; with one it makes cookies, which are all the same here.
        if *key == [0; KEY] { NullProvider.digest(key, parts) } else { [7; KEY] }
    }

    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        NullProvider.derive(secret, label)
    }
}

impl PacketKey for Gullible {
    fn seal(&self, _: u64, _: &[u8], packet: &mut [u8]) {
        if let Some(tag) = packet.last_chunk_mut::<TAG>() {
            *tag = [0; TAG];
        }
    }

    fn open(&self, _: u64, _: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        packet.len().checked_sub(TAG).ok_or(Rejected)
    }
}

impl Initiator for Gullible {
    fn finish(&mut self, message: &[u8], payload: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        payload.extend_from_slice(text(message)?);
        Ok(keys())
    }
}

impl Responder for Gullible {
    fn finish(self: Box<Self>, payload: &[u8], message: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        message.extend_from_slice(&[5; KEY]);
        message.extend_from_slice(payload);
        message.extend_from_slice(&[0; TAG]);
        Ok(keys())
    }
}

/// Returns the text between the ephemeral key and the tag of a message.
fn text(message: &[u8]) -> Result<&[u8], Rejected> {
    let rest = message.get(KEY..).ok_or(Rejected)?;
    let length = rest.len().checked_sub(TAG).ok_or(Rejected)?;
    rest.get(..length).ok_or(Rejected)
}

fn keys() -> SessionKeys {
    SessionKeys { to_responder: [1; KEY].into(), to_initiator: [2; KEY].into(), exporter: [3; KEY].into() }
}
