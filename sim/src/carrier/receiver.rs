//! The receiving half of a byte stream: bytes in order, and the datagrams cut from them.

use std::collections::BTreeMap;

/// Orders bytes, and cuts them into datagrams. Number 0 is the peer's request to open, and the peer's bytes follow from
/// number 1 on.
#[derive(Debug)]
pub(super) struct Receiver {
    next: u64,
    /// Bytes that arrived before earlier bytes, by the number of their first byte.
    ahead: BTreeMap<u64, Vec<u8>>,
    ahead_bytes: usize,
    /// The largest number of bytes that may arrive early.
    ahead_most: usize,
    /// The bytes of datagrams that are not complete.
    bytes: Vec<u8>,
    /// The number of bytes at the start of `bytes` whose datagrams were returned.
    taken: usize,
}

impl Receiver {
    pub(super) const fn new(ahead_most: usize) -> Self {
        Self { next: 0, ahead: BTreeMap::new(), ahead_bytes: 0, ahead_most, bytes: Vec::new(), taken: 0 }
    }

    /// The number of the next expected byte: the cumulative acknowledgement.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Handles the peer's request to open.
    pub(super) const fn on_open(&mut self) {
        if self.next == 0 {
            self.next = 1;
        }
    }

    /// Handles bytes, the first of which has the number `first`.
    pub(super) fn on_bytes(&mut self, first: u64, payload: &[u8]) {
        if payload.is_empty() || first == 0 || first.saturating_add(payload.len() as u64) <= self.next {
            return;
        }
        if first > self.next && self.ahead_bytes + payload.len() > self.ahead_most {
            return;
        }
        let known = self.ahead.get(&first).map_or(0, Vec::len);
        if payload.len() > known {
            self.ahead_bytes += payload.len() - known;
            self.ahead.insert(first, payload.to_vec());
        }
        while self.next > 0
            && let Some(entry) = self.ahead.first_entry().filter(|entry| *entry.key() <= self.next)
        {
            let (first, piece) = entry.remove_entry();
            self.ahead_bytes -= piece.len();
            let known = usize::try_from(self.next - first).unwrap_or(usize::MAX);
            if let Some(fresh) = piece.get(known..) {
                self.bytes.extend_from_slice(fresh);
                self.next += fresh.len() as u64;
            }
        }
    }

    /// Takes the next complete datagram.
    pub(super) fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        let waiting = self.bytes.get(self.taken..).unwrap_or_default();
        let datagram = waiting.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::from(u16::from_le_bytes(*length));
            rest.get(..length).map(<[u8]>::to_vec)
        });
        match &datagram {
            Some(datagram) => self.taken += PREFIX + datagram.len(),
            None => _ = self.bytes.drain(..core::mem::take(&mut self.taken)),
        }
        datagram
    }
}

/// The size of the length before each datagram, in bytes.
pub(super) const PREFIX: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(receiver: &mut Receiver) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| receiver.poll_datagram()).collect()
    }

    #[test]
    fn no_datagram_is_delivered_before_all_earlier_bytes_arrived() {
        let mut receiver = Receiver::new(100);
        receiver.on_open();
        // Three datagrams: "ab", "c", "def".
        let stream = b"\x02\0ab\x01\0c\x03\0def";
        receiver.on_bytes(5, &stream[4..]);
        assert!(drain(&mut receiver).is_empty());
        receiver.on_bytes(1, &stream[..2]);
        assert!(drain(&mut receiver).is_empty());
        receiver.on_bytes(3, &stream[2..6]);
        assert_eq!(drain(&mut receiver), [&b"ab"[..], b"c", b"def"]);
        assert_eq!(receiver.next(), 1 + stream.len() as u64);
    }

    #[test]
    fn datagrams_are_rebuilt_from_repeated_overlapping_and_reordered_segments() {
        let sent: Vec<Vec<u8>> = (0..20u8).map(|number| vec![number; usize::from(number) * 3]).collect();
        let mut stream = Vec::new();
        for datagram in &sent {
            stream.extend_from_slice(&(datagram.len() as u16).to_le_bytes());
            stream.extend_from_slice(datagram);
        }
        for seed in 0..200 {
            let mut draws = crate::rng::Draws::new(seed);
            let mut pieces: Vec<(usize, usize)> = (0..stream.len()).step_by(7).map(|at| (at, 7)).collect();
            pieces.extend(
                (0..50).map(|_| (draws.below(stream.len() as u64) as usize, draws.below(90) as usize)),
            );
            for index in (1..pieces.len()).rev() {
                pieces.swap(index, draws.below(index as u64 + 1) as usize);
            }
            let mut receiver = Receiver::new(1 << 20);
            let mut given = Vec::new();
            receiver.on_bytes(1, &stream[..9]);
            receiver.on_open();
            for (at, length) in pieces {
                receiver.on_bytes(1 + at as u64, &stream[at..(at + length).min(stream.len())]);
                given.extend(drain(&mut receiver));
            }
            assert_eq!(given, sent, "seed {seed}");
        }
    }

    #[test]
    fn a_stream_receiver_buffers_no_more_out_of_order_bytes_than_its_limit() {
        let mut receiver = Receiver::new(100);
        receiver.on_open();
        for first in 0..1000 {
            receiver.on_bytes(10 + first * 10, &[0; 10]);
        }
        assert!(receiver.ahead_bytes <= 100);
    }
}
