//! The versions of a unit.

use std::collections::VecDeque;

use tickwire_core::snapshot::delta::{StoredVersion, VersionWords};

use super::recording::WORDS;

/// A version of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) tick: u32,
    pub(super) words: [u32; WORDS],
    /// The tick of the baseline of this version.
    pub(super) coded_against: Option<u32>,
}

/// The versions of one unit, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<Entry>);

impl History {
    pub(super) fn new(initial: [u32; WORDS]) -> Self {
        Self([Entry { tick: 0, words: initial, coded_against: None }].into())
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.0.push_back(entry);
    }

    pub(super) fn newest(&self) -> Option<&Entry> {
        self.0.back()
    }

    pub(super) fn at(&self, tick: u32) -> Option<&Entry> {
        // There is one version a tick at most, so this one is no further from the end than the ticks say.
        let back = self.0.back()?.tick.checked_sub(tick)? as usize;
        let first = self.0.len().saturating_sub(1 + back);
        self.0.range(first..).find(|entry| entry.tick >= tick).filter(|entry| entry.tick == tick)
    }

    pub(super) fn newest_before(&self, tick: u32) -> Option<&Entry> {
        self.0.iter().rev().find(|entry| entry.tick < tick)
    }

    /// Returns the versions from this tick on.
    pub(super) fn since(&self, tick: u32) -> impl Iterator<Item = &Entry> {
        self.0.iter().rev().take_while(move |entry| entry.tick >= tick)
    }

    /// Removes all versions below the floor except the newest of them.
    pub(super) fn forget_below(&mut self, floor: u32) {
        while self.0.get(1).is_some_and(|second| second.tick < floor) {
            self.0.pop_front();
        }
    }
}

impl Entry {
    pub(super) fn version(&self) -> VersionWords<'_> {
        VersionWords { tick: self.tick, words: &self.words }
    }

    pub(super) fn stored(&self) -> StoredVersion<'_> {
        StoredVersion { version: self.version(), coded_against: self.coded_against }
    }
}
