//! Writes bits through a 64-bit accumulator.

use alloc::vec::Vec;

use super::ORDER_MAX;

/// A growing buffer to which the codec appends bits.
///
/// ```
/// use tickwire_core::snapshot::entropy::{CodeReader, CodeWriter};
///
/// let mut shared = CodeWriter::new();
/// shared.golomb(1000, 8);
/// let mut writer = CodeWriter::new();
/// writer.put(0b101, 3);
/// writer.append(&shared);
/// let mut bytes = Vec::new();
/// writer.finish_into(&mut bytes);
///
/// let mut reader = CodeReader::new(&bytes);
/// assert_eq!(reader.take(3), Ok(0b101));
/// assert_eq!(reader.golomb(8), Ok(1000));
/// assert_eq!(reader.finish(), Ok(()));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodeWriter {
    /// The bits in complete groups of eight bytes.
    bytes: Vec<u8>,
    /// The bits that do not fill a group yet; the bits above them are zero.
    pending: u64,
    /// The number of pending bits, 0 to 63.
    pending_bits: u32,
}

impl CodeWriter {
    /// Creates a writer without bits.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), pending: 0, pending_bits: 0 }
    }

    /// Creates a writer without bits, with memory for `bytes` bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::new() }
    }

    /// Removes all bits, and keeps the memory for reuse.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.pending, self.pending_bits) = (0, 0);
    }

    /// Returns the number of bits written so far.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.bytes.len() * 8 + self.pending_bits as usize
    }

    /// Writes the lowest `bits` bits of `value`, starting with the lowest bit. A value of `bits` above 64 counts as 64.
    #[inline]
    pub fn put(&mut self, value: u64, bits: u32) {
        let bits = bits.min(64);
        self.push(value & u64::MAX.checked_shr(64 - bits).unwrap_or(0), bits);
    }

    /// Writes a value of at most `bits` bits; `bits` is at most 64.
    #[inline]
    fn push(&mut self, value: u64, bits: u32) {
        self.pending |= value << self.pending_bits;
        let total = self.pending_bits + bits;
        if total < 64 {
            self.pending_bits = total;
        } else {
            self.flush(value, total);
        }
    }

    /// Moves 64 of the `total` pending bits to the bytes. The remaining bits are the highest bits of `value`.
    #[inline(never)]
    fn flush(&mut self, value: u64, total: u32) {
        self.bytes.extend_from_slice(&self.pending.to_le_bytes());
        self.pending = value.checked_shr(64 - self.pending_bits).unwrap_or(0);
        self.pending_bits = total - 64;
    }

    /// Writes a number in the exponential Golomb code of `order`. An order above [`ORDER_MAX`] counts as [`ORDER_MAX`].
    /// The code consists of 0 bits, a 1 bit, and the bits of the sum `value + 2^order` below its highest bit. The number
    /// of 0 bits is the number of bits of the sum, minus `order + 1`. After the largest possible number of 0 bits, the
    /// code omits the 1 bit.
    #[inline]
    pub fn golomb(&mut self, value: u32, order: u32) {
        let (sum, zeros, width) = golomb_shape(value, order);
        if width < 32 {
            let low = sum ^ (1 << width);
            self.push((1 | low << 1) << zeros, zeros + 1 + width);
        } else {
            let low = sum ^ (1 << width);
            self.push(low << zeros, zeros + width);
        }
    }

    /// Appends all bits of the writer `other`.
    pub fn append(&mut self, other: &Self) {
        let (groups, _) = other.bytes.as_chunks::<8>();
        for group in groups {
            self.put(u64::from_le_bytes(*group), 64);
        }
        self.put(other.pending, other.pending_bits);
    }

    /// Appends the bits to `out` as bytes, with zeros in the unused bits of the final byte.
    pub fn finish_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        let rest = self.pending_bits.div_ceil(8) as usize;
        out.extend(self.pending.to_le_bytes().iter().take(rest));
    }
}

/// Returns the number of bits that [`CodeWriter::golomb`] writes for `value` with the same `order`.
#[must_use]
#[inline]
pub const fn golomb_bits(value: u32, order: u32) -> u32 {
    let (_, zeros, width) = golomb_shape(value, order);
    zeros + width + if width < 32 { 1 } else { 0 }
}

/// Returns the sum of `value` and 2^`order`, the number of zeros before the sum, and the number of bits below the
/// highest bit of the sum.
#[inline]
const fn golomb_shape(value: u32, order: u32) -> (u64, u32, u32) {
    let order = if order < ORDER_MAX { order } else { ORDER_MAX };
    let sum = value as u64 + (1 << order);
    let width = 63 - sum.leading_zeros();
    (sum, width - order, width)
}
