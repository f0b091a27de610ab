//! Prefix-coded integers: the number of leading one bits of the first byte says how many bytes follow.
//!
//! Values below 128 take one byte, below 2^14 two, and so on to nine bytes for 64 bits. The bits after the prefix
//! are little-endian. Only the shortest form is valid, so that every value has one encoding.

use super::{Malformed, NoRoom, Reader, Writer};

/// The bytes that `value` takes, 1 to 9.
#[must_use]
pub(crate) const fn varint_len(value: u64) -> usize {
    if value < 1 << 7 {
        return 1;
    }
    let bits = 64 - value.leading_zeros() as usize;
    if bits > 56 { 9 } else { bits.div_ceil(7) }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let first = reader.u8()?;
    if first < 0x80 {
        return Ok(first.into());
    }
    let following = first.leading_ones() as usize;
    let mut tail = [0u8; 8];
    let (used, _) = tail.split_at_mut_checked(following).ok_or(Malformed)?;
    used.copy_from_slice(reader.take(following)?);
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

pub(super) fn write(writer: &mut Writer<'_>, value: u64) -> Result<(), NoRoom> {
    if value < 1 << 7 {
        return writer.u8(value as u8);
    }
    let following = varint_len(value) - 1;
    if writer.remaining() <= following {
        return Err(NoRoom);
    }
    let prefix = !(0xffu32 >> following) as u8;
    let (first, rest) = if following >= 7 {
        (prefix, value)
    } else {
        let low_bits = 7 - following as u32;
        (prefix | (value & ((1u64 << low_bits) - 1)) as u8, value >> low_bits)
    };
    writer.u8(first)?;
    let bytes = rest.to_le_bytes();
    let (used, _) = bytes.split_at_checked(following).ok_or(NoRoom)?;
    writer.bytes(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(value: u64) -> ([u8; 9], usize) {
        let mut buffer = [0; 9];
        let mut writer = Writer::new(&mut buffer);
        writer.varint(value).unwrap();
        let length = writer.written();
        (buffer, length)
    }

    #[test]
    fn every_boundary_round_trips_in_its_shortest_form() {
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
    fn lengths_below_128_take_one_byte() {
        assert_eq!((varint_len(127), varint_len(128), varint_len(16_383), varint_len(16_384)), (1, 2, 2, 3));
    }

    #[test]
    fn longer_forms_of_small_values_are_malformed() {
        assert_eq!(Reader::new(&[0x80, 0x00]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0xc0, 0x01]).varint(), Err(Malformed));
    }
}
