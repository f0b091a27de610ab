//! Rows of words of one length, in memory that is reused.

use alloc::vec::Vec;

/// The rows of one group's units.
#[derive(Clone, Debug)]
pub(super) struct RowPool {
    stride: usize,
    words: Vec<u32>,
    rows: u32,
    free: Vec<u32>,
}

impl RowPool {
    pub(super) const fn new(stride: usize) -> Self {
        Self { stride, words: Vec::new(), rows: 0, free: Vec::new() }
    }

    pub(super) fn get(&self, row: u32) -> &[u32] {
        let first = row as usize * self.stride;
        self.words.get(first..first + self.stride).unwrap_or_default()
    }

    /// Stores a copy of `words`, which must have the length of a row. Returns the number of the row.
    pub(super) fn insert(&mut self, words: &[u32]) -> u32 {
        let row = self.free.pop().unwrap_or_else(|| {
            self.words.resize(self.words.len() + self.stride, 0);
            self.rows += 1;
            self.rows - 1
        });
        let first = row as usize * self.stride;
        let own = self.words.get_mut(first..first + self.stride).unwrap_or_default();
        own.iter_mut().zip(words).for_each(|(to, from)| *to = *from);
        row
    }

    pub(super) fn remove(&mut self, row: u32) {
        self.free.push(row);
    }

    /// Returns the number of words in the rows that are in use.
    pub(super) const fn used(&self) -> usize {
        (self.rows as usize - self.free.len()) * self.stride
    }

    /// Returns the heap memory of the rows, in bytes.
    pub(super) const fn memory(&self) -> usize {
        (self.words.capacity() + self.free.capacity()) * size_of::<u32>()
    }
}
