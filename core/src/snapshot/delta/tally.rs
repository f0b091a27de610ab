//! Counting a frame's bits by their use.

/// The use of a bit of a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum BitUse {
    /// Ticks, and the frame that this one refers to.
    Header,
    /// Which units the frame has.
    Names,
    /// Which versions they are coded against.
    Baselines,
    /// Which parts of them changed.
    Masks,
    /// The change of the part at this place in its layout.
    Part(u16),
    /// The check of the decoded words.
    Audit,
}

/// Counts bits by their use. `()` counts nothing and costs nothing.
pub trait BitTally {
    /// Adds `bits` bits.
    fn add(&mut self, of: BitUse, bits: usize);
}

impl BitTally for () {
    #[inline]
    fn add(&mut self, _: BitUse, _: usize) {}
}

impl<T: FnMut(BitUse, usize)> BitTally for T {
    fn add(&mut self, of: BitUse, bits: usize) {
        self(of, bits);
    }
}
