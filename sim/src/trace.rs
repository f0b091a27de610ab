//! The trace of a run: a hash of all events, and also their text if the settings request it.

use core::fmt::{self, Write as _};
use core::net::SocketAddr;

use tickwire_core::time::Instant;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::network::address_word;
use crate::rng::mix;

/// A running hash of numbers and bytes, which gives the same result on every target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TraceHash(u64);

impl TraceHash {
    /// Adds a number to the hash.
    pub const fn word(&mut self, word: u64) {
        self.0 = mix(self.0.rotate_left(23), word);
    }

    /// Adds bytes and their number to the hash.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// Adds the debug text of a value to the hash.
    pub fn debug(&mut self, value: &impl fmt::Debug) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{value:?}");
        self.bytes(text.as_bytes());
    }

    /// Returns the 64-bit hash of all values added so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// The kinds of entries of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    Sent,
    Delivered,
    Event,
    Timeout,
    Boot,
}

/// The trace of a run: a hash, and also a textual log if the settings request the log.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: TraceHash,
    text: Option<String>,
}

impl Trace {
    pub(crate) fn new(with_text: bool) -> Self {
        Self { hash: TraceHash::default(), text: with_text.then(String::new) }
    }

    /// Returns the hash of every datagram, time and event of the run.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash.value()
    }

    /// Returns the text of the trace, with one line for each datagram sent or delivered, each timeout, event and start
    /// of a host, and each begin and end of a fault. The text is empty unless the settings of the world request the
    /// text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or("")
    }

    pub(crate) fn datagram(
        &mut self,
        entry: Entry,
        at: Instant,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) {
        self.hash.word(entry as u64);
        self.hash.word(at.as_micros());
        self.hash.word(address_word(from));
        self.hash.word(address_word(to));
        self.hash.bytes(bytes);
        if let Some(text) = &mut self.text {
            let sign = if entry == Entry::Sent { '>' } else { '<' };
            let digest = xxh3_64_with_seed(bytes, 0) as u32;
            let _ = writeln!(text, "{at:?} {sign} {from} {to} {} B {digest:08x}", bytes.len());
        }
    }

    /// Records an entry for a node. `digest` adds the details to the hash.
    pub(crate) fn node(
        &mut self,
        entry: Entry,
        at: Instant,
        node: usize,
        digest: impl FnOnce(&mut TraceHash),
        details: fmt::Arguments<'_>,
    ) {
        self.hash.word(entry as u64);
        self.hash.word(at.as_micros());
        self.hash.word(node as u64);
        digest(&mut self.hash);
        if let Some(text) = &mut self.text {
            let _ = writeln!(text, "{at:?} {entry:?} node {node} {details}");
        }
    }

    /// Writes a line to the text of the trace, without a change of the hash.
    pub(crate) fn note(&mut self, at: Instant, details: fmt::Arguments<'_>) {
        if let Some(text) = &mut self.text {
            let _ = writeln!(text, "{at:?} {details}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(act: impl FnOnce(&mut TraceHash)) -> u64 {
        let mut hash = TraceHash::default();
        act(&mut hash);
        hash.value()
    }

    #[test]
    fn the_trace_hash_is_the_same_on_every_target() {
        let value = hash(|hash| {
            hash.word(1);
            hash.bytes(b"some bytes that are longer than one block of sixteen");
            hash.bytes(&[7; 700]);
        });
        assert_eq!(value, 3_612_181_448_572_322_219);
    }

    #[test]
    fn the_trace_hash_depends_on_the_boundaries_and_the_order_of_its_parts() {
        let one = hash(|hash| {
            hash.bytes(b"ab");
            hash.bytes(b"c");
        });
        let other = hash(|hash| {
            hash.bytes(b"a");
            hash.bytes(b"bc");
        });
        assert_ne!(one, other);
        let swapped = |a, b| {
            hash(|hash| {
                hash.word(a);
                hash.word(b);
            })
        };
        assert_ne!(swapped(1, 2), swapped(2, 1));
    }
}
