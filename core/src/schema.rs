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
