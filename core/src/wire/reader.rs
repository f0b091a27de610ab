//! Reading of bytes from the wire. The module indexes no slice, so it cannot panic.

use super::{Malformed, varint_len};

/// A reader of values from received bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Creates a reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the number of bytes that are not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Returns whether all bytes are read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the next `length` bytes.
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left. The reader then does not advance.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads the next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`Malformed`] if no byte is left.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads the next byte if `wanted` returns `true` for this byte. Otherwise, returns `None` and does not advance.
    pub fn take_if(&mut self, wanted: impl FnOnce(u8) -> bool) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        wanted(*first).then(|| {
            self.rest = rest;
            *first
        })
    }

    /// Reads two bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// Reads three bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left.
    pub fn u24(&mut self) -> Result<u32, Malformed> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    /// Reads four bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads eight bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a variable-length integer (1 to 9 bytes, whose first byte determines the length).
    ///
    /// # Errors
    /// [`Malformed`] if fewer bytes are left, or the value is not in its shortest form.
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let first = self.u8()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let following = first.leading_ones() as usize;
        let mut tail = [0u8; 8];
        let (used, _) = tail.split_at_mut_checked(following).ok_or(Malformed)?;
        used.copy_from_slice(self.take(following)?);
        let high = u64::from_le_bytes(tail);
        let value = if following >= 7 {
            high
        } else {
            let low_bits = 7 - following as u32;
            let low = u64::from(first) & ((1u64 << low_bits) - 1);
            low | (high << low_bits)
        };
        if varint_len(value) == following + 1 { Ok(value) } else { Err(Malformed) }
    }

    /// Reads a length as a varint, and then as many bytes as the length states.
    ///
    /// # Errors
    /// [`Malformed`] if the length is above `most`, or fewer bytes are left.
    pub fn sized(&mut self, most: usize) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        if length > most { Err(Malformed) } else { self.take(length) }
    }

    /// Reads all bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Checks that no byte is left.
    ///
    /// # Errors
    /// [`Malformed`] if bytes are left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
