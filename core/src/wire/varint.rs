//! Prefix-coded integers: the number of leading one bits in the first byte is the number of bytes that follow.
//!
//! Values below 128 take one byte, below 2^14 two, and so on to nine bytes for 64 bits. The bits after the prefix
//! are little-endian. Only the shortest form is valid, so that every value has one encoding.

/// Returns the length of the encoded `value`, 1 to 9 bytes.
#[must_use]
pub(crate) const fn varint_len(value: u64) -> usize {
    if value < 1 << 7 {
        return 1;
    }
    let bits = 64 - value.leading_zeros() as usize;
    if bits > 56 { 9 } else { bits.div_ceil(7) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Malformed, Reader, Writer};

    fn encode(value: u64) -> ([u8; 9], usize) {
        let mut buffer = [0; 9];
        let mut writer = Writer::new(&mut buffer);
        writer.varint(value).unwrap();
        let length = writer.written();
        (buffer, length)
    }

    #[test]
    fn varints_at_every_length_boundary_take_the_shortest_form_and_decode_as_encoded() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1, u64::MAX >> shift] {
                let (buffer, length) = encode(value);
                assert_eq!(length, varint_len(value), "{value}");
                let mut reader = Reader::new(&buffer[..length]);
                assert_eq!(reader.varint(), Ok(value));
                assert_eq!(reader.finish(), Ok(()));
            }
        }
    }

    #[test]
    fn a_varint_grows_by_one_byte_at_128_and_at_16384() {
        assert_eq!((varint_len(127), varint_len(128), varint_len(16_383), varint_len(16_384)), (1, 2, 2, 3));
    }

    #[test]
    fn varints_longer_than_necessary_are_malformed() {
        assert_eq!(Reader::new(&[0x80, 0x00]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0xc0, 0x01]).varint(), Err(Malformed));
    }
}
