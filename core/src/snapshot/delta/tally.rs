//! Counts the bits of a frame by their use.

/// The use of a bit of a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum BitUse {
    /// The ticks, and the frame that this frame refers to.
    Header,
    /// The slots of the units that the frame carries.
    Names,
    /// The versions that the units are coded against.
    Baselines,
    /// The masks of the parts that changed.
    Masks,
    /// The change of the part at this place in its layout.
    Part(u16),
    /// The checksum of the decoded words.
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
