//! Bytes as a sequence of decisions.

/// A reader of a fuzzer's bytes. Reads beyond the end return zeros. A prefix of an input therefore gives the same
/// values as the whole input, up to the end of the prefix.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    /// Creates a script at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns whether all bytes have been read.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads one byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// Reads two bytes, little-endian.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Reads a number below `bound`, and at most 255, from one byte. Returns 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()).checked_rem(bound).unwrap_or(0)
    }

    /// Reads an arbitrary number. A number below 128 takes one byte. Every other number takes two bytes: the first
    /// selects a power of two, or a power of two minus one, and the second is the signed distance (-128 to 127) from
    /// this value. Numbers at which arithmetic overflows are thus frequent.
    pub fn number(&mut self) -> u64 {
        let first = self.byte();
        let shift = u32::from(first & 63);
        let base = match first {
            0..0x80 => return first.into(),
            0x80..0xc0 => 1u64 << shift,
            0xc0.. => u64::MAX >> (63 - shift),
        };
        base.saturating_add_signed(i64::from(self.byte() as i8))
    }

    /// Reads the next `length` bytes, or all remaining bytes if there are fewer.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Reads a length of one byte, and then as many bytes as the length states, or all remaining bytes if there are
    /// fewer.
    pub fn sized(&mut self) -> &'a [u8] {
        let length = self.byte();
        self.take(length.into())
    }

    /// Reads all remaining bytes.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_number_can_be_zero_the_maximum_or_near_any_power_of_two() {
        let number = |bytes: &[u8]| Script::new(bytes).number();
        assert_eq!(number(&[]), 0);
        assert_eq!(number(&[0x7f]), 127);
        assert_eq!(number(&[0xff]), u64::MAX);
        assert_eq!(number(&[0xff, 0xff]), u64::MAX - 1);
        assert_eq!(number(&[0x80 | 16, 0xff]), 65_535);
        assert_eq!(number(&[0x80 | 16, 1]), 65_537);
        assert_eq!(number(&[0xc0 | 31]), u64::from(u32::MAX));
    }

    #[test]
    fn reading_beyond_the_end_of_a_script_gives_zero_bytes() {
        let mut script = Script::new(&[5, 1]);
        assert_eq!(script.sized(), [1]);
        assert_eq!((script.byte(), script.short(), script.number(), script.below(0)), (0, 0, 0, 0));
        assert!(script.is_over());
    }
}
