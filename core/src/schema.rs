//! Schemas: hashes of the message types, components and channels, which must be equal at both ends.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::config::{ChannelConfig, Delivery};
use crate::text::{Escaped, PeerText};

/// An entry of a schema, with a name and a hash. The entry describes a message type, a channel, the size of the largest
/// message, or a part of a replicated world's schema.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SchemaEntry {
    /// The name of the entry, equal at both ends, at most 64 bytes.
    pub name: String,
    /// The hash of the described settings, such as the layout of a message type, equal on every target and in every
    /// build. In the entry `limit:max_message`, the hash is the size of the largest message, in bytes.
    pub hash: u32,
}

/// The schema of an endpoint, which the handshake compares with the schema of the peer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    /// The entries of the schema, sorted by name.
    pub entries: Vec<SchemaEntry>,
}

impl Schema {
    /// Creates a schema of `entries`, which the method sorts by name.
    #[must_use]
    pub fn new(mut entries: Vec<SchemaEntry>) -> Self {
        entries.sort();
        Self { entries }
    }

    /// Computes the hash of the whole schema. Equal schemas have equal hashes. A client can forge the hash, so the hash
    /// protects only against mistakes.
    ///
    /// The method computes a 64-bit FNV-1a hash over three values of each entry, in order: the length of the name in
    /// bytes (64 bits little-endian), the name, and the hash of the entry (64 bits little-endian).
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut hash = StableHasher::new();
        for entry in &self.entries {
            hash.text(&entry.name);
            hash.u64(u64::from(entry.hash));
        }
        hash.finish()
    }

    /// Adds an entry `channel:n` for channel number n of `channels`, and returns the changed schema. No message name has
    /// a colon, so the names do not collide.
    #[must_use]
    pub fn with_channels(mut self, channels: &[ChannelConfig]) -> Self {
        let of_channels = channels.iter().enumerate();
        self.entries.extend(of_channels.map(|(place, channel)| SchemaEntry {
            name: format!("channel:{place}"),
            hash: channel_hash(channel),
        }));
        Self::new(self.entries)
    }

    /// Adds entries of replicated worlds, as [`WorldSchema::entries`](crate::snapshot::WorldSchema::entries) returns
    /// them, and returns the changed schema.
    #[must_use]
    pub fn with_entries(mut self, entries: &[SchemaEntry]) -> Self {
        self.entries.extend_from_slice(entries);
        Self::new(self.entries)
    }

    /// Adds an entry `limit:max_message`, and returns the changed schema. The limit must be equal at both ends,
    /// because the receiver must accept the largest message that the sender may send.
    #[must_use]
    pub(crate) fn with_max_message(mut self, max_message: usize) -> Self {
        // `Config::check` keeps it below 2^28.
        self.entries.push(SchemaEntry { name: "limit:max_message".into(), hash: max_message as u32 });
        Self::new(self.entries)
    }

    /// Compares this schema with all entries of the `server`'s schema. `self` is the schema of the end whose connection
    /// the server refused.
    #[must_use]
    pub fn difference(&self, server: &[SchemaEntry]) -> SchemaDifference {
        let by_name = |entries: &[SchemaEntry]| -> BTreeMap<String, u32> {
            entries.iter().map(|entry| (entry.name.clone(), entry.hash)).collect()
        };
        let (here, there) = (by_name(&self.entries), by_name(server));
        let missing = |from: &BTreeMap<String, u32>, of: &BTreeMap<String, u32>| -> Vec<String> {
            of.keys().filter(|name| !from.contains_key(*name)).cloned().collect()
        };
        let differs = |(name, hash): (&String, &u32)| {
            there.get(name).is_some_and(|other| other != hash).then(|| name.clone())
        };
        SchemaDifference {
            missing_here: missing(&here, &there).into_iter().map(PeerText::from).collect(),
            missing_there: missing(&there, &here),
            different: here.iter().filter_map(differs).collect(),
            truncated: false,
        }
    }

    /// Compares this schema with `first`, the start of the sorted entries of a server's schema that was too long to send as
    /// a whole. The method ignores names that sort after the final name of `first`.
    #[must_use]
    pub fn partial_difference(&self, first: &[SchemaEntry]) -> SchemaDifference {
        let last = first.iter().map(|entry| &entry.name).max();
        let known = self.entries.iter().filter(|entry| Some(&entry.name) <= last).cloned();
        let difference = Self { entries: known.collect() }.difference(first);
        SchemaDifference { truncated: true, ..difference }
    }
}

/// Computes the hash of the channel settings that must be equal at both ends: the number of channels, and the
/// delivery and compression of each channel. Each end chooses priorities, queue limits, lifetimes and receipts for
/// itself.
#[must_use]
pub fn channels_hash(channels: &[ChannelConfig]) -> u32 {
    let mut hash = StableHasher::new();
    hash.u64(channels.len() as u64);
    for channel in channels {
        hash.u64(u64::from(channel_hash(channel)));
    }
    hash.finish_32()
}

fn channel_hash(channel: &ChannelConfig) -> u32 {
    let mut hash = StableHasher::new();
    hash.u8(match channel.delivery {
        Delivery::Unreliable => 1,
        Delivery::Sequenced => 2,
        Delivery::ReliableUnordered => 3,
        Delivery::ReliableOrdered => 4,
    });
    hash.u8(u8::from(channel.compress));
    hash.finish_32()
}

/// The difference between two schemas, as seen by the end that the server refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaDifference {
    /// The names of the entries that only the server has.
    pub missing_here: Vec<PeerText>,
    /// The names of the entries that only this end has.
    pub missing_there: Vec<String>,
    /// The names of the entries that have different hashes at the two ends.
    pub different: Vec<String>,
    /// `true` if the server had more entries than a refusal can carry. The lists may then be incomplete.
    pub truncated: bool,
}

impl SchemaDifference {
    /// Returns whether the comparison found no difference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing_here.is_empty() && self.missing_there.is_empty() && self.different.is_empty()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let here = self.missing_there.iter().chain(&self.different).map(String::as_str);
        self.missing_here.iter().map(PeerText::raw).chain(here)
    }
}

/// Describes the difference to a person who can correct it. The text escapes the server's names, because they can
/// contain any characters.
impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() && !self.truncated {
            return f.write_str("both ends have the same message types and channels");
        }
        if self.is_empty() {
            return f.write_str(
                "the message types or channels differ, but not in the part of the list that the server sent; \
                 give both ends the same message types and channels",
            );
        }
        f.write_str("the message types or channels of this end and the server differ")?;
        write_names(f, "only the server has", self.missing_here.iter().map(PeerText::raw))?;
        write_names(f, "only this end has", self.missing_there.iter().map(String::as_str))?;
        write_names(f, "both have, with different layouts", self.different.iter().map(String::as_str))?;
        if self.truncated {
            f.write_str("\n  (the server's list was truncated; there may be more differences)")?;
        }
        let of_worlds = if self.names().any(is_of_worlds) { ", components, groups, blueprints" } else { "" };
        write!(f, "\ngive both ends the same message types{of_worlds}, channels and maximum message size")
    }
}

/// Returns whether an entry belongs to replicated worlds.
fn is_of_worlds(name: &str) -> bool {
    ["component:", "group:", "blueprint:"].iter().any(|start| name.starts_with(start))
}

fn write_names<'a>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    names: impl ExactSizeIterator<Item = &'a str>,
) -> fmt::Result {
    let count = names.len();
    if count == 0 {
        return Ok(());
    }
    write!(f, "\n  {what}: ")?;
    for (place, name) in names.take(NAMES_SHOWN).enumerate() {
        let separator = if place == 0 { "" } else { ", " };
        let (shown, _) = name.split_at(name.floor_char_boundary(NAME_SHOWN));
        write!(f, "{separator}`{}`", Escaped(shown))?;
    }
    match count.saturating_sub(NAMES_SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

const NAMES_SHOWN: usize = 12;
const NAME_SHOWN: usize = 64;

/// A 64-bit FNV-1a hasher. Equal bytes have equal hashes on every target and in every build.
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

    /// Adds a number as eight bytes, little-endian.
    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// Adds the length of a text as eight bytes, and then the text. Different sequences of texts therefore never add
    /// the same bytes.
    pub(crate) fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub(crate) const fn finish(&self) -> u64 {
        self.0
    }

    /// Returns the exclusive or of the two halves of the hash (the reduction to 32 bits that FNV's authors
    /// recommend).
    pub(crate) const fn finish_32(&self) -> u32 {
        (self.0 >> 32) as u32 ^ self.0 as u32
    }
}

#[cfg(test)]
mod tests;
