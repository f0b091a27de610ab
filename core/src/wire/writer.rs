//! Writing of bytes into a caller's buffer, never past its end.

use super::varint_len;

/// The error for a value that does not fit into the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom;

/// A writer of values to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    written: usize,
}

impl<'a> Writer<'a> {
    /// Moves the bytes from the offset `from` on to the start of the buffer.
    pub(crate) fn move_to_front(&mut self, from: usize) {
        if let Some(written) = self.buffer.get_mut(..self.written) {
            written.rotate_left(from.min(self.written));
        }
    }

    /// Creates a writer at the start of `buffer`.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, written: 0 }
    }

    /// Returns the number of bytes written so far.
    #[must_use]
    pub const fn written(&self) -> usize {
        self.written
    }

    /// Returns the number of bytes that the buffer still has space for.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buffer.len().saturating_sub(self.written)
    }

    /// Removes all bytes after the first `length` bytes. A `length` beyond the written bytes changes nothing.
    pub const fn truncate(&mut self, length: usize) {
        if length < self.written {
            self.written = length;
        }
    }

    /// Appends `bytes` to the buffer.
    ///
    /// # Errors
    /// [`NoRoom`] if `bytes` do not fit. The buffer then stays unchanged.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.slot(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Appends `length` bytes, and returns a mutable slice of these bytes, which the caller must fill.
    ///
    /// # Errors
    /// [`NoRoom`] if `length` bytes do not fit. The buffer then stays unchanged.
    pub fn slot(&mut self, length: usize) -> Result<&mut [u8], NoRoom> {
        let end = self.written.checked_add(length).ok_or(NoRoom)?;
        let slot = self.buffer.get_mut(self.written..end).ok_or(NoRoom)?;
        self.written = end;
        Ok(slot)
    }

    /// Appends one byte.
    ///
    /// # Errors
    /// [`NoRoom`] if the buffer is full.
    pub fn u8(&mut self, value: u8) -> Result<(), NoRoom> {
        self.bytes(&[value])
    }

    /// Appends two bytes, little-endian.
    ///
    /// # Errors
    /// [`NoRoom`] if the value does not fit.
    pub fn u16(&mut self, value: u16) -> Result<(), NoRoom> {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends the low three bytes of `value`, little-endian.
    ///
    /// # Errors
    /// [`NoRoom`] if the value does not fit.
    pub fn u24(&mut self, value: u32) -> Result<(), NoRoom> {
        let [a, b, c, _] = value.to_le_bytes();
        self.bytes(&[a, b, c])
    }

    /// Appends four bytes, little-endian.
    ///
    /// # Errors
    /// [`NoRoom`] if the value does not fit.
    pub fn u32(&mut self, value: u32) -> Result<(), NoRoom> {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends eight bytes, little-endian.
    ///
    /// # Errors
    /// [`NoRoom`] if the value does not fit.
    pub fn u64(&mut self, value: u64) -> Result<(), NoRoom> {
        self.bytes(&value.to_le_bytes())
    }

    /// Appends a variable-length integer (1 to 9 bytes, whose first byte determines the length).
    ///
    /// # Errors
    /// [`NoRoom`] if the value does not fit. The buffer then stays unchanged.
    pub fn varint(&mut self, value: u64) -> Result<(), NoRoom> {
        if value < 1 << 7 {
            return self.u8(value as u8);
        }
        let following = varint_len(value) - 1;
        if self.remaining() <= following {
            return Err(NoRoom);
        }
        let prefix = !(0xffu32 >> following) as u8;
        let (first, rest) = if following >= 7 {
            (prefix, value)
        } else {
            let low_bits = 7 - following as u32;
            (prefix | (value & ((1u64 << low_bits) - 1)) as u8, value >> low_bits)
        };
        self.u8(first)?;
        let bytes = rest.to_le_bytes();
        let (used, _) = bytes.split_at_checked(following).ok_or(NoRoom)?;
        self.bytes(used)
    }

    /// Appends the length of `bytes` as a varint, then `bytes`.
    ///
    /// # Errors
    /// [`NoRoom`] if the length and `bytes` do not both fit. The buffer then stays unchanged.
    pub fn sized(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let start = self.written;
        self.varint(bytes.len() as u64)?;
        self.bytes(bytes).inspect_err(|_| self.written = start)
    }
}
