//! Counts the bits of a frame by their use.

/// The use of a bit in a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum BitUse {
    /// A bit of the header: the ticks, and the name of the referenced frame.
    Header,
    /// A bit of the slots of the units that the frame carries.
    Names,
    /// A bit of the choice of the versions against which the units are coded.
    Baselines,
    /// A bit of the masks that show which parts changed.
    Masks,
    /// A bit of the change of the part with this index in the layout.
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
