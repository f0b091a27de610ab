//! The versions of all components of one kind: a list for each entity, in memory that is used again.

use alloc::vec::Vec;

/// The number that stands for no version and no row.
pub(super) const NONE: u32 = u32::MAX;

/// The versions of a component, which all entities share.
#[derive(Clone, Debug)]
pub(super) struct VersionPool {
    width: usize,
    versions: Vec<VersionLink>,
    words: Vec<u32>,
    /// The first free version; each names the next as its older one.
    free: u32,
}

#[derive(Clone, Copy, Debug)]
struct VersionLink {
    tick: u64,
    older: u32,
    newer: u32,
    /// `false` if the entity lacks the component from this tick on.
    is_present: bool,
}

/// The versions of one entity's component, from the newest to the oldest.
#[derive(Clone, Copy, Debug)]
pub(super) struct VersionList {
    newest: u32,
    oldest: u32,
    length: u32,
}

/// A version with its words; without words, the entity lacks the component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeptVersion<'a> {
    pub(super) tick: u64,
    pub(super) words: Option<&'a [u32]>,
}

impl VersionList {
    pub(super) const EMPTY: Self = Self { newest: NONE, oldest: NONE, length: 0 };
}

impl VersionPool {
    pub(super) const fn new(width: usize) -> Self {
        Self { width, versions: Vec::new(), words: Vec::new(), free: NONE }
    }

    /// Adds the version of `tick` to a list. A version of the same tick and kind gets the new words instead. A list of `most`
    /// versions drops its oldest.
    pub(super) fn push(&mut self, list: &mut VersionList, tick: u64, words: Option<&[u32]>, most: u32) {
        let newest = self.versions.get(list.newest as usize);
        if newest.is_some_and(|newest| newest.tick == tick && newest.is_present == words.is_some()) {
            self.write(list.newest, words);
            return;
        }
        if list.length >= most {
            self.drop_oldest(list);
        }
        let version = VersionLink { tick, older: list.newest, newer: NONE, is_present: words.is_some() };
        let number = self.insert(version);
        self.write(number, words);
        match self.versions.get_mut(list.newest as usize) {
            Some(newest) => newest.newer = number,
            None => list.oldest = number,
        }
        list.newest = number;
        list.length += 1;
    }

    fn insert(&mut self, version: VersionLink) -> u32 {
        let number = self.free;
        if let Some(place) = self.versions.get_mut(number as usize) {
            self.free = place.older;
            *place = version;
            return number;
        }
        self.versions.push(version);
        self.words.resize(self.versions.len() * self.width, 0);
        self.versions.len() as u32 - 1
    }

    fn write(&mut self, number: u32, words: Option<&[u32]>) {
        let first = number as usize * self.width;
        if let (Some(own), Some(words)) = (self.words.get_mut(first..first + self.width), words)
            && own.len() == words.len()
        {
            own.copy_from_slice(words);
        }
    }

    fn drop_oldest(&mut self, list: &mut VersionList) {
        let number = list.oldest;
        let Some(oldest) = self.versions.get_mut(number as usize) else { return };
        let newer = oldest.newer;
        oldest.older = self.free;
        self.free = number;
        list.oldest = newer;
        list.length -= 1;
        match self.versions.get_mut(newer as usize) {
            Some(newer) => newer.older = NONE,
            None => list.newest = NONE,
        }
    }

    /// Drops the versions that were replaced at `horizon` or before.
    pub(super) fn drop_before(&mut self, list: &mut VersionList, horizon: u64) {
        while let Some(oldest) = self.versions.get(list.oldest as usize)
            && self.versions.get(oldest.newer as usize).is_some_and(|newer| newer.tick <= horizon)
        {
            self.drop_oldest(list);
        }
    }

    /// Drops all versions of a list.
    pub(super) fn clear(&mut self, list: &mut VersionList) {
        while list.length > 0 {
            self.drop_oldest(list);
        }
    }

    /// Returns the newest version.
    pub(super) fn newest(&self, list: &VersionList) -> Option<KeptVersion<'_>> {
        self.get(list.newest)
    }

    /// Returns the newest version that is not later than `time`, and the version after it.
    pub(super) fn around(
        &self,
        list: &VersionList,
        time: f64,
    ) -> (Option<KeptVersion<'_>>, Option<KeptVersion<'_>>) {
        let (mut number, mut later) = (list.newest, NONE);
        while let Some(version) = self.versions.get(number as usize) {
            if version.tick as f64 <= time {
                break;
            }
            (later, number) = (number, version.older);
        }
        (self.get(number), self.get(later))
    }

    fn get(&self, number: u32) -> Option<KeptVersion<'_>> {
        let version = self.versions.get(number as usize)?;
        let first = number as usize * self.width;
        let words = self.words.get(first..first + self.width).filter(|_| version.is_present);
        Some(KeptVersion { tick: version.tick, words })
    }

    /// Returns the heap memory of the versions, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.versions.capacity() * size_of::<VersionLink>() + self.words.capacity() * size_of::<u32>()
    }
}
