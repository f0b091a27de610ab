//! A substitute for cryptography that encrypts nothing and verifies checksums.

use tickwire_core::crypto::{
    HandshakeCrypto, HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder, SessionKeys,
};
use tickwire_core::rng::Rng;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed, xxh3_128_with_seed};

/// A provider without cryptography, which is **not secure at all**. Messages have the sizes of the real cipher
/// suite. Checksums keyed with 64 bits let the provider reject corrupted data, a wrong key, a wrong prologue or a
/// wrong pre-shared key. But nothing is secret, and anybody can forge packets. Use this provider for simulations,
/// in which real cryptography would take most of the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullProvider;

const TAG: usize = 16;
const KEY: usize = 32;

impl Provider for NullProvider {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        Box::new(NullKey(xxh3_64_with_seed(key, PACKET)))
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        self
    }
}

impl HandshakeCrypto for NullProvider {
    fn public_key(&self, secret: &Key) -> Key {
        expand(PUBLIC, &[secret])
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        if responder == &[0; KEY] {
            return Err(Rejected);
        }
        let ephemeral = self.public_key(&rng.array());
        let keyed = transcript(responder, &input, &ephemeral);
        write_sealed(&keyed, &ephemeral, input.payload, message);
        Ok(Box::new(NullInitiator { chain: expand(SECOND, &[&keyed, input.payload]) }))
    }

    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        let (ephemeral, _) = message.split_first_chunk::<KEY>().ok_or(Rejected)?;
        let keyed = transcript(&self.public_key(secret), &input, ephemeral);
        let text = read_sealed(&keyed, message)?;
        payload.extend_from_slice(text);
        let chain = expand(SECOND, &[&keyed, text]);
        Ok(Box::new(NullResponder { chain, ephemeral: self.public_key(&rng.array()) }))
    }

    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>) {
        let tag = ticket_tag(key, nonce, associated, text);
        text.extend_from_slice(&tag);
    }

    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        let (clear, tag) = text.split_last_chunk::<TAG>().ok_or(Rejected)?;
        if &ticket_tag(key, nonce, associated, clear) != tag {
            return Err(Rejected);
        }
        let length = clear.len();
        text.truncate(length);
        Ok(())
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        // The trait promises the digest of the concatenation, so the parts are not told apart.
        let mut low = Xxh3::with_seed(DIGEST);
        low.update(key);
        for part in parts {
            low.update(part);
        }
        widen(low.digest128())
    }

    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        expand(DERIVE, &[secret, label])
    }
}

struct NullKey(u64);

impl NullKey {
    /// Computes a checksum in two lanes of folded products. Simulations spend most of their time in this function.
    fn tag(&self, packet_number: u64, header: &[u8], text: &[u8]) -> [u8; TAG] {
        let length = (header.len() as u64) << 32 | text.len() as u64;
        let start = fold(self.0 ^ packet_number, ODD[0] ^ length);
        let (low, high) = absorb(absorb((start, start ^ ODD[1]), header), text);
        let (low, high) = (fold(low, high ^ ODD[2]), fold(high, low ^ ODD[3]));
        (u128::from(low) | u128::from(high) << 64).to_le_bytes()
    }
}

impl PacketKey for NullKey {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        if let Some((text, tag)) = packet.split_last_chunk_mut::<TAG>() {
            *tag = self.tag(packet_number, header, text);
        }
    }

    fn open(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        let (text, tag) = packet.split_last_chunk::<TAG>().ok_or(Rejected)?;
        if &self.tag(packet_number, header, text) == tag { Ok(text.len()) } else { Err(Rejected) }
    }
}

/// Adds bytes to the lanes. The lanes already contain the number of bytes, so the last block may overlap the block
/// before it.
fn absorb(lanes: (u64, u64), bytes: &[u8]) -> (u64, u64) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let lanes = blocks.iter().fold(lanes, absorb_block);
    if rest.is_empty() {
        return lanes;
    }
    if let Some(block) = bytes.last_chunk::<BLOCK>() {
        return absorb_block(lanes, block);
    }
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return (fold(lanes.0 ^ short_word(bytes), ODD[3]), lanes.1);
    };
    let middle = bytes.get(8..).and_then(<[u8]>::first_chunk::<8>).unwrap_or(first);
    let before_last = bytes.len().checked_sub(16).and_then(|at| bytes.get(at..)?.first_chunk::<8>());
    absorb_words(
        lanes,
        [first, middle, before_last.unwrap_or(first), last].map(|word| u64::from_le_bytes(*word)),
    )
}

/// Returns up to eight bytes as one word.
fn short_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

fn absorb_block(lanes: (u64, u64), block: &[u8; BLOCK]) -> (u64, u64) {
    match block.as_chunks::<8>().0 {
        [a, b, c, d] => absorb_words(lanes, [a, b, c, d].map(|word| u64::from_le_bytes(*word))),
        _ => lanes,
    }
}

fn absorb_words((low, high): (u64, u64), [a, b, c, d]: [u64; 4]) -> (u64, u64) {
    (fold(low ^ a, b ^ ODD[2]), fold(high ^ c, d ^ ODD[3]))
}

/// Combines both halves of the product of two words, so that the result depends on every bit of both words.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The number of bytes in one block.
const BLOCK: usize = 32;
const ODD: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93];

struct NullInitiator {
    chain: Key,
}

impl Initiator for NullInitiator {
    fn finish(&mut self, message: &[u8], payload: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        let text = read_sealed(&self.chain, message)?;
        payload.extend_from_slice(text);
        Ok(session_keys(&self.chain, message))
    }
}

struct NullResponder {
    chain: Key,
    ephemeral: Key,
}

impl Responder for NullResponder {
    fn finish(self: Box<Self>, payload: &[u8], message: &mut Vec<u8>) -> Result<SessionKeys, Rejected> {
        let start = message.len();
        write_sealed(&self.chain, &self.ephemeral, payload, message);
        Ok(session_keys(&self.chain, message.get(start..).ok_or(Rejected)?))
    }
}

/// Returns the digest against which the first message is checked. The digest covers everything that the real handshake
/// authenticates.
fn transcript(responder: &Key, input: &HandshakeInput<'_>, ephemeral: &Key) -> Key {
    expand(FIRST, &[responder, input.psk, input.prologue, ephemeral])
}

fn session_keys(chain: &Key, second: &[u8]) -> SessionKeys {
    SessionKeys {
        to_responder: expand(TO_RESPONDER, &[chain, second]).into(),
        to_initiator: expand(TO_INITIATOR, &[chain, second]).into(),
        exporter: expand(EXPORTER, &[chain, second]).into(),
    }
}

fn write_sealed(key: &Key, ephemeral: &Key, payload: &[u8], message: &mut Vec<u8>) {
    let tag = message_tag(key, ephemeral, payload);
    message.extend_from_slice(ephemeral);
    message.extend_from_slice(payload);
    message.extend_from_slice(&tag);
}

fn read_sealed<'a>(key: &Key, message: &'a [u8]) -> Result<&'a [u8], Rejected> {
    let (ephemeral, rest) = message.split_first_chunk::<KEY>().ok_or(Rejected)?;
    let (text, tag) = rest.split_last_chunk::<TAG>().ok_or(Rejected)?;
    if &message_tag(key, ephemeral, text) == tag { Ok(text) } else { Err(Rejected) }
}

fn message_tag(key: &Key, ephemeral: &Key, payload: &[u8]) -> [u8; TAG] {
    hash(MESSAGE, &[key, ephemeral, payload]).to_le_bytes()
}

fn ticket_tag(key: &Key, nonce: &[u8; 24], associated: &[u8], text: &[u8]) -> [u8; TAG] {
    hash(TICKET, &[key, nonce, associated, text]).to_le_bytes()
}

/// Returns 32 bytes that depend on every byte of every part, and on the lengths of the parts.
fn expand(purpose: u64, parts: &[&[u8]]) -> Key {
    widen(hash(purpose, parts))
}

fn widen(half: u128) -> Key {
    let mut out = [0; KEY];
    let (low, high) = out.split_at_mut(KEY / 2);
    low.copy_from_slice(&half.to_le_bytes());
    high.copy_from_slice(&xxh3_128_with_seed(&half.to_le_bytes(), WIDEN).to_le_bytes());
    out
}

fn hash(purpose: u64, parts: &[&[u8]]) -> u128 {
    let mut state = Xxh3::with_seed(purpose);
    for part in parts {
        state.update(&(part.len() as u64).to_le_bytes());
        state.update(part);
    }
    state.digest128()
}

const PACKET: u64 = 1;
const PUBLIC: u64 = 2;
const FIRST: u64 = 3;
const SECOND: u64 = 4;
const MESSAGE: u64 = 5;
const TICKET: u64 = 6;
const DIGEST: u64 = 7;
const DERIVE: u64 = 8;
const WIDEN: u64 = 9;
const TO_RESPONDER: u64 = 10;
const TO_INITIATOR: u64 = 11;
const EXPORTER: u64 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Draws;

    fn input<'a>(prologue: &'a [u8], psk: &'a Key, payload: &'a [u8]) -> HandshakeInput<'a> {
        HandshakeInput { prologue, psk, payload }
    }

    struct Pair {
        client: SessionKeys,
        server: SessionKeys,
        first: Vec<u8>,
        second: Vec<u8>,
    }

    fn handshake(prologue: &[u8], psk: &Key, server_secret: &Key) -> Pair {
        let provider = NullProvider;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let (mut at_server, mut at_client) = (Vec::new(), Vec::new());
        let server_key = provider.public_key(server_secret);
        let mut client_rng = Rng::from_seed([1; 32]);
        let mut server_rng = Rng::from_seed([2; 32]);
        let mut initiator = provider
            .initiate(&mut client_rng, &server_key, input(prologue, psk, b"hello"), &mut first)
            .unwrap();
        let responder = provider
            .respond(&mut server_rng, server_secret, input(prologue, psk, b""), &first, &mut at_server)
            .unwrap();
        let server = responder.finish(b"welcome", &mut second).unwrap();
        let client = initiator.finish(&second, &mut at_client).unwrap();
        assert_eq!((at_server.as_slice(), at_client.as_slice()), (&b"hello"[..], &b"welcome"[..]));
        Pair { client, server, first, second }
    }

    #[test]
    fn both_ends_of_a_null_handshake_derive_the_same_keys() {
        let pair = handshake(b"prologue", &[3; 32], &[4; 32]);
        assert_eq!(pair.client.to_responder, pair.server.to_responder);
        assert_eq!(pair.client.to_initiator, pair.server.to_initiator);
        assert_eq!(pair.client.exporter, pair.server.exporter);
        assert_ne!(pair.client.to_responder, pair.client.to_initiator);
        assert_ne!(pair.client.to_responder, pair.client.exporter);
        assert_eq!((pair.first.len(), pair.second.len()), (48 + 5, 48 + 7));
    }

    #[test]
    fn two_handshakes_with_the_same_inputs_have_different_first_messages() {
        let provider = NullProvider;
        let server_key = provider.public_key(&[4; 32]);
        let mut rng = Rng::from_seed([1; 32]);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let _ = provider.initiate(&mut rng, &server_key, input(b"", &[0; 32], b""), &mut one);
        let _ = provider.initiate(&mut rng, &server_key, input(b"", &[0; 32], b""), &mut other);
        assert_ne!(one, other);
    }

    #[test]
    fn a_first_message_that_is_changed_or_has_a_wrong_key_psk_or_prologue_is_rejected() {
        let provider = NullProvider;
        let first = handshake(b"prologue", &[3; 32], &[4; 32]).first;
        let respond = |secret: &Key, prologue: &[u8], psk: &Key, message: &[u8]| {
            let mut rng = Rng::from_seed([2; 32]);
            let mut payload = Vec::new();
            provider.respond(&mut rng, secret, input(prologue, psk, b""), message, &mut payload).is_ok()
        };
        assert!(respond(&[4; 32], b"prologue", &[3; 32], &first));
        assert!(!respond(&[5; 32], b"prologue", &[3; 32], &first));
        assert!(!respond(&[4; 32], b"prologuE", &[3; 32], &first));
        assert!(!respond(&[4; 32], b"prologue", &[6; 32], &first));
        assert!(!respond(&[4; 32], b"prologue", &[3; 32], &first[..47]));
        for bit in 0..first.len() * 8 {
            let mut changed = first.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!respond(&[4; 32], b"prologue", &[3; 32], &changed), "bit {bit}");
        }
    }

    #[test]
    fn the_authentic_second_message_finishes_a_handshake_after_a_rejected_forgery() {
        let provider = NullProvider;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let server_key = provider.public_key(&[4; 32]);
        let mut rng = Rng::from_seed([1; 32]);
        let mut initiator =
            provider.initiate(&mut rng, &server_key, input(b"", &[0; 32], b""), &mut first).unwrap();
        let mut payload = Vec::new();
        let responder =
            provider.respond(&mut rng, &[4; 32], input(b"", &[0; 32], b""), &first, &mut payload).unwrap();
        let server = responder.finish(b"welcome", &mut second).unwrap();
        for bit in 0..second.len() * 8 {
            let mut changed = second.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(initiator.finish(&changed, &mut payload).is_err(), "bit {bit}");
        }
        assert!(payload.is_empty());
        assert_eq!(initiator.finish(&second, &mut payload).unwrap().exporter, server.exporter);
    }

    #[test]
    fn an_all_zero_server_key_is_rejected() {
        let mut rng = Rng::from_seed([1; 32]);
        let result = NullProvider.initiate(&mut rng, &[0; 32], input(b"", &[0; 32], b""), &mut Vec::new());
        assert!(result.is_err());
    }

    #[test]
    fn a_packet_opens_only_if_unchanged_and_under_its_key_and_number() {
        let key = NullProvider.packet_key(&[9; 32]);
        let mut packet = [b"text".as_slice(), &[0; 16]].concat();
        key.seal(7, b"head", &mut packet);
        assert_eq!(key.open(7, b"head", &mut packet.clone()), Ok(4));
        assert_eq!(key.open(8, b"head", &mut packet.clone()), Err(Rejected));
        assert_eq!(key.open(7, b"heap", &mut packet.clone()), Err(Rejected));
        assert_eq!(NullProvider.packet_key(&[8; 32]).open(7, b"head", &mut packet.clone()), Err(Rejected));
        assert_eq!(key.open(7, b"head", &mut packet[..15].to_vec()), Err(Rejected));
    }

    #[test]
    fn a_million_corrupted_packets_are_never_opened() {
        let key = NullProvider.packet_key(&[9; 32]);
        let mut draws = Draws::new(1);
        for round in 0..1_000_000u64 {
            let length = (round % 61) as usize;
            let mut packet = [0x5a; 80];
            let packet = &mut packet[..length + 16];
            let mut header = round.to_le_bytes();
            key.seal(round, &header, packet);
            let flips = draws.between(1, 8);
            for _ in 0..flips {
                let bit = draws.below((packet.len() + header.len()) as u64 * 8) as usize;
                let (byte, mask) = (bit / 8, 1 << (bit % 8));
                if byte < 8 { header[byte] ^= mask } else { packet[byte - 8] ^= mask }
            }
            let untouched = header == round.to_le_bytes() && {
                let mut again = [0x5a; 80];
                key.seal(round, &header, &mut again[..length + 16]);
                again[..length + 16] == *packet
            };
            assert_eq!(key.open(round, &header, packet).is_ok(), untouched, "round {round}");
        }
    }

    #[test]
    fn a_ticket_opens_only_if_unchanged_and_under_its_key_nonce_and_associated_data() {
        let (key, nonce) = ([1; 32], [2; 24]);
        let mut sealed = b"ticket".to_vec();
        NullProvider.seal_ticket(&key, &nonce, b"ad", &mut sealed);
        assert_eq!(sealed.len(), 6 + 16);
        let mut opened = sealed.clone();
        assert_eq!(NullProvider.open_ticket(&key, &nonce, b"ad", &mut opened), Ok(()));
        assert_eq!(opened, b"ticket");
        assert!(NullProvider.open_ticket(&[3; 32], &nonce, b"ad", &mut sealed.clone()).is_err());
        assert!(NullProvider.open_ticket(&key, &[3; 24], b"ad", &mut sealed.clone()).is_err());
        assert!(NullProvider.open_ticket(&key, &nonce, b"da", &mut sealed.clone()).is_err());
        assert!(NullProvider.open_ticket(&key, &nonce, b"ad", &mut sealed[1..].to_vec()).is_err());
    }

    #[test]
    fn the_digest_of_several_parts_is_the_digest_of_their_concatenation() {
        let key = [1; 32];
        let digest = |parts: &[&[u8]]| NullProvider.digest(&key, parts);
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ac"]));
        assert_ne!(digest(&[b"ab"]), NullProvider.digest(&[2; 32], &[b"ab"]));
        assert_ne!(NullProvider.derive(&key, b"one"), NullProvider.derive(&key, b"two"));
    }
}
