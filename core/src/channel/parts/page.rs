//! Pages: the memory of extents.

use alloc::boxed::Box;

/// The memory that stores the bytes of an extent.
#[derive(Debug)]
pub(super) enum Page {
    /// The bytes are stored in the extent itself, so a few bytes need no allocation.
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

    /// Returns the heap memory of the page, in bytes.
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
