//! A provider that records every seal of another provider, and detects a pair of key and nonce that is used twice.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tickwire_core::crypto::{
    HandshakeCrypto, HandshakeInput, Initiator, Key, PacketKey, Provider, Rejected, Responder,
};
use tickwire_core::rng::Rng;
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

/// The log of each pair of key and nonce with which the [`RecordingProvider`]s of one run sealed a packet or a ticket.
/// The log counts the pairs that were used twice ([`NonceCounts::repeated`]). Clones share the log. All nodes and all
/// their incarnations use the same log, so it also detects a pair that a node uses again after a restart.
#[derive(Clone, Debug, Default)]
pub struct NonceLog(Arc<Mutex<Seen>>);

/// The counts of a nonce log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NonceCounts {
    /// The number of packets sealed.
    pub sealed: u64,
    /// The number of packets decrypted.
    pub opened: u64,
    /// The number of packets whose authentication failed.
    pub rejected: u64,
    /// The number of tickets sealed.
    pub tickets: u64,
    /// The number of packets that were sealed with a pair of key and nonce that had sealed a packet before, plus the
    /// number of tickets that were sealed with a pair that had sealed a different ticket before.
    pub repeated: u64,
}

impl NonceLog {
    /// Returns the counts of the log so far.
    #[must_use]
    pub fn counts(&self) -> NonceCounts {
        self.seen().counts
    }

    /// Locks the counters. The method ignores poisoning, because the panic of the other thread is reported elsewhere.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Seen {
    counts: NonceCounts,
    // Only ever asked for membership; the order of a hash table never shows.
    /// The packet numbers sealed under each key, as ascending ranges with both ends included. Most keys have one range.
    packets: HashMap<u128, Vec<(u64, u64)>, Prehashed>,
    texts: HashMap<u128, u128, Prehashed>,
}

impl Seen {
    fn packet(&mut self, key: u128, packet_number: u64) {
        self.counts.sealed += 1;
        if !insert(self.packets.entry(key).or_default(), packet_number) {
            self.counts.repeated += 1;
        }
    }

    fn ticket(&mut self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &[u8]) {
        self.counts.tickets += 1;
        let pair = chain(&[key, nonce]);
        // Sealing the same bytes twice gives the same ticket twice, and gives nothing away.
        let content = chain(&[associated, text]);
        if *self.texts.entry(pair).or_insert(content) != content {
            self.counts.repeated += 1;
        }
    }
}

/// Adds `number` to ascending ranges. Returns `false` if the ranges already contained the number.
fn insert(ranges: &mut Vec<(u64, u64)>, number: u64) -> bool {
    let place = ranges.partition_point(|&(_, end)| end < number);
    if ranges.get(place).is_some_and(|&(start, _)| start <= number) {
        return false;
    }
    let joins_before = place > 0 && ranges[place - 1].1 + 1 == number;
    let joins_after = ranges.get(place).is_some_and(|&(start, _)| start - 1 == number);
    match (joins_before, joins_after) {
        (true, true) => {
            ranges[place - 1].1 = ranges[place].1;
            ranges.remove(place);
        }
        (true, false) => ranges[place - 1].1 = number,
        (false, true) => ranges[place].0 = number,
        (false, false) => ranges.insert(place, (number, number)),
    }
    true
}

/// A provider that forwards all calls to another provider. It records each packet and ticket that is sealed, and each
/// packet that is decrypted or rejected.
pub struct RecordingProvider {
    inner: Arc<dyn Provider>,
    log: NonceLog,
}

impl RecordingProvider {
    /// Creates a provider that forwards all calls to `inner`, and records packets and tickets in `log`.
    #[must_use]
    pub const fn new(inner: Arc<dyn Provider>, log: NonceLog) -> Self {
        Self { inner, log }
    }
}

impl core::fmt::Debug for RecordingProvider {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecordingProvider(..)")
    }
}

impl Provider for RecordingProvider {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        let inner = self.inner.packet_key(key);
        Box::new(RecordingKey { inner, key: xxh3_128(key), log: self.log.clone() })
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        self
    }
}

impl HandshakeCrypto for RecordingProvider {
    fn public_key(&self, secret: &Key) -> Key {
        self.inner.handshake().public_key(secret)
    }

    fn initiate(
        &self,
        rng: &mut Rng,
        responder: &Key,
        input: HandshakeInput<'_>,
        message: &mut Vec<u8>,
    ) -> Result<Box<dyn Initiator>, Rejected> {
        self.inner.handshake().initiate(rng, responder, input, message)
    }

    fn respond(
        &self,
        rng: &mut Rng,
        secret: &Key,
        input: HandshakeInput<'_>,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Box<dyn Responder>, Rejected> {
        self.inner.handshake().respond(rng, secret, input, message, payload)
    }

    fn seal_ticket(&self, key: &Key, nonce: &[u8; 24], associated: &[u8], text: &mut Vec<u8>) {
        self.log.seen().ticket(key, nonce, associated, text);
        self.inner.handshake().seal_ticket(key, nonce, associated, text);
    }

    fn open_ticket(
        &self,
        key: &Key,
        nonce: &[u8; 24],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Rejected> {
        self.inner.handshake().open_ticket(key, nonce, associated, text)
    }

    fn digest(&self, key: &Key, parts: &[&[u8]]) -> Key {
        self.inner.handshake().digest(key, parts)
    }

    fn derive(&self, secret: &Key, label: &[u8]) -> Key {
        self.inner.handshake().derive(secret, label)
    }
}

struct RecordingKey {
    inner: Box<dyn PacketKey>,
    key: u128,
    log: NonceLog,
}

impl PacketKey for RecordingKey {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        self.log.seen().packet(self.key, packet_number);
        self.inner.seal(packet_number, header, packet);
    }

    fn open(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        let result = self.inner.open(packet_number, header, packet);
        let counts = &mut self.log.seen().counts;
        match result {
            Ok(_) => counts.opened += 1,
            Err(Rejected) => counts.rejected += 1,
        }
        result
    }
}

fn chain(parts: &[&[u8]]) -> u128 {
    parts.iter().fold(0, |state: u128, part| {
        let low = xxh3_128_with_seed(part, state as u64);
        low ^ (state >> 64).wrapping_mul(SPREAD)
    })
}

/// A multiplier. The number is odd, so that the multiplication maps different states to different values.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

type Prehashed = BuildHasherDefault<LowBits>;

/// A hasher that returns the low bits of a key, because the keys are hashes already.
#[derive(Default)]
struct LowBits(u64);

impl Hasher for LowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = (value ^ (value >> 64)) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::NullProvider;

    fn recorded() -> (RecordingProvider, NonceLog) {
        let log = NonceLog::default();
        (RecordingProvider::new(Arc::new(NullProvider), log.clone()), log)
    }

    #[test]
    fn a_hundred_thousand_different_nonces_are_not_reported_as_repeated() {
        let (provider, log) = recorded();
        for key in 0..10 {
            let key = provider.packet_key(&[key; 32]);
            for number in 0..10_000 {
                key.seal(number, b"", &mut [0; 20]);
            }
        }
        assert_eq!((log.counts().sealed, log.counts().repeated), (100_000, 0));
    }

    #[test]
    fn a_nonce_used_again_under_the_same_key_by_a_second_instance_is_reported() {
        let (provider, log) = recorded();
        provider.packet_key(&[1; 32]).seal(7, b"", &mut [0; 20]);
        provider.packet_key(&[2; 32]).seal(7, b"", &mut [0; 20]);
        assert_eq!(log.counts().repeated, 0);
        provider.packet_key(&[1; 32]).seal(7, b"", &mut [0; 20]);
        assert_eq!(log.counts().repeated, 1);
    }

    #[test]
    fn packet_numbers_inserted_in_any_order_are_reported_only_if_they_repeat() {
        let (mut ranges, mut known) = (Vec::new(), std::collections::BTreeSet::new());
        let mut draws = crate::rng::Draws::new(1);
        for _ in 0..20_000 {
            let number = draws.below(8_000);
            assert_eq!(insert(&mut ranges, number), known.insert(number));
        }
        assert!(insert(&mut ranges, u64::MAX) && !insert(&mut ranges, u64::MAX));
        let apart = |pair: &[(u64, u64)]| pair[0].1 + 1 < pair[1].0;
        assert!(ranges.windows(2).all(apart));
    }

    #[test]
    fn opened_and_rejected_packets_are_counted_separately() {
        let (provider, log) = recorded();
        let key = provider.packet_key(&[1; 32]);
        let mut packet = [0; 20];
        key.seal(7, b"", &mut packet);
        assert!(key.open(7, b"", &mut packet.clone()).is_ok());
        assert!(key.open(8, b"", &mut packet).is_err());
        assert_eq!((log.counts().opened, log.counts().rejected), (1, 1));
    }

    #[test]
    fn two_different_tickets_sealed_under_one_nonce_are_reported() {
        let (provider, log) = recorded();
        provider.seal_ticket(&[1; 32], &[2; 24], b"", &mut b"one".to_vec());
        provider.seal_ticket(&[1; 32], &[2; 24], b"", &mut b"one".to_vec());
        assert_eq!(log.counts().repeated, 0);
        provider.seal_ticket(&[1; 32], &[2; 24], b"", &mut b"other".to_vec());
        assert_eq!(log.counts().repeated, 1);
    }
}
