//! Counts the bits of a frame by their use.

/// The use of a bit in a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum BitUse {
    /// A bit of the header: the ticks, and the name of the referenced frame.
    Header,
    /// A bit that identifies the slot of a unit in the frame.
    Names,
    /// A bit that identifies the baseline of a unit.
    Baselines,
    /// A bit of a mask that shows which parts of a unit changed.
    Masks,
    /// A bit of the coded change of a part. The number is the index of the part in the layout.
    Part(u16),
    /// A bit of the checksum of the decoded words.
    Audit,
}

/// A counter of bits by their use. The implementation for `()` counts nothing.
pub trait BitTally {
    /// Adds `bits` to the number of bits with the use `of`.
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
