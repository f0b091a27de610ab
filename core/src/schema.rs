//! What both ends must have been built with: message types and channels, as hashes.

use alloc::string::String;
use alloc::vec::Vec;

/// A message type or channel, by name, with the hash of its shape.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SchemaEntry {
    /// The name that both ends agree on, at most 64 bytes.
    pub name: String,
    /// The stable hash of its shape: the same on every target and in every build.
    pub hash: u32,
}

/// The schema that an endpoint presents in its handshakes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    /// Its entries, sorted by name.
    pub entries: Vec<SchemaEntry>,
}

/// How two schemas differ, from the point of view of the end that was refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaDifference {
    /// Names that only the server knows.
    pub missing_here: Vec<String>,
    /// Names that only this end knows.
    pub missing_there: Vec<String>,
    /// Names whose shapes differ.
    pub different: Vec<String>,
    /// The server had more entries than a refusal can carry; the lists may be incomplete.
    pub truncated: bool,
}

/// FNV-1a with 64 bits: the same for the same bytes on every target and in every build.
#[derive(Clone, Debug)]
pub(crate) struct StableHasher(u64);

impl StableHasher {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    pub(crate) const fn new() -> Self {
        Self(Self::BASIS)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// Eight bytes, little-endian.
    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// The length in eight bytes, then the text: no two sequences of texts give the same bytes.
    pub(crate) fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub(crate) const fn finish(&self) -> u64 {
        self.0
    }

    /// Both halves, exclusive-ored (the reduction that FNV's authors recommend).
    pub(crate) const fn finish_32(&self) -> u32 {
        (self.0 >> 32) as u32 ^ self.0 as u32
    }
}
