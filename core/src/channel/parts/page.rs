//! The places of a message's bytes in the pages of the arena.

use alloc::boxed::Box;

/// Where the bytes of an extent lie.
#[derive(Debug)]
pub(super) enum Page {
    /// In the place of a length: a few bytes take no allocation.
    Inline([u8; size_of::<usize>()]),
    Own(Box<[u8]>),
}

impl Page {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }

    /// Bytes of the heap.
    pub(super) const fn memory(&self) -> usize {
        match self {
            Self::Inline(_) => 0,
            Self::Own(bytes) => bytes.len(),
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::Inline([0; size_of::<usize>()])
    }
}
