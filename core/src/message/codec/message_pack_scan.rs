//! Checks MessagePack without building values, so that a decoder can trust the lengths in the bytes.

use smallvec::SmallVec;

use crate::limits;
use crate::message::DecodeError;
use crate::wire::{Malformed, Reader};

/// Checks that `bytes` are one whole value within the limits of depth and number of parts. The bytes that follow each
/// length prove the length, so a decoder that reserves memory for the length reserves no more than the value needs.
pub(super) fn scan(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    // Values still to come in each open container, innermost last.
    let mut open: SmallVec<[u64; limits::MESSAGE_DEPTH]> = SmallVec::new();
    let mut items = 0;
    loop {
        items += 1;
        if items > limits::MESSAGE_ITEMS {
            return Err(DecodeError::TooManyItems);
        }
        match part(&mut reader)? {
            ScannedPart::Leaf(length) => {
                let length = usize::try_from(length).map_err(|_| DecodeError::Truncated)?;
                reader.take(length)?;
            }
            ScannedPart::Container(count) => {
                if open.len() >= limits::MESSAGE_DEPTH {
                    return Err(DecodeError::TooDeep);
                }
                if count > reader.remaining() as u64 {
                    return Err(DecodeError::Truncated);
                }
                open.push(count);
            }
        }
        // The value just begun is counted in its container by whoever closes it.
        while open.last() == Some(&0) {
            open.pop();
        }
        let Some(left) = open.last_mut() else { break };
        *left -= 1;
    }
    reader.finish().map_err(|Malformed| DecodeError::Trailing)
}

/// The kind of a part, which the first byte of the part states.
enum ScannedPart {
    /// A part without inner parts, which ends after this number of further bytes.
    Leaf(u64),
    /// A part that contains this number of inner parts.
    Container(u64),
}

fn part(reader: &mut Reader<'_>) -> Result<ScannedPart, DecodeError> {
    let marker = reader.u8()?;
    Ok(match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => ScannedPart::Leaf(0),
        0x80..=0x8f => ScannedPart::Container(2 * u64::from(marker & 0x0f)),
        0x90..=0x9f => ScannedPart::Container(u64::from(marker & 0x0f)),
        0xa0..=0xbf => ScannedPart::Leaf(u64::from(marker & 0x1f)),
        0xc1 => return Err(DecodeError::Invalid),
        0xc4 | 0xd9 => ScannedPart::Leaf(length_8(reader)?),
        0xc5 | 0xda => ScannedPart::Leaf(length_16(reader)?),
        0xc6 | 0xdb => ScannedPart::Leaf(length_32(reader)?),
        0xc7 => ScannedPart::Leaf(length_8(reader)? + 1),
        0xc8 => ScannedPart::Leaf(length_16(reader)? + 1),
        0xc9 => ScannedPart::Leaf(length_32(reader)? + 1),
        0xcc | 0xd0 => ScannedPart::Leaf(1),
        0xcd | 0xd1 => ScannedPart::Leaf(2),
        0xca | 0xce | 0xd2 => ScannedPart::Leaf(4),
        0xcb | 0xcf | 0xd3 => ScannedPart::Leaf(8),
        0xd4 => ScannedPart::Leaf(2),
        0xd5 => ScannedPart::Leaf(3),
        0xd6 => ScannedPart::Leaf(5),
        0xd7 => ScannedPart::Leaf(9),
        0xd8 => ScannedPart::Leaf(17),
        0xdc => ScannedPart::Container(length_16(reader)?),
        0xdd => ScannedPart::Container(length_32(reader)?),
        0xde => ScannedPart::Container(2 * length_16(reader)?),
        0xdf => ScannedPart::Container(2 * length_32(reader)?),
    })
}

// MessagePack is big-endian.

fn length_8(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    Ok(u64::from(reader.u8()?))
}

fn length_16(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    Ok(u64::from(u16::from_be_bytes(reader.array()?)))
}

fn length_32(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    Ok(u64::from(u32::from_be_bytes(reader.array()?)))
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_message_pack_marker_is_scanned_as_the_message_pack_specification_defines() {
        // Marker, the bytes that complete the smallest value that it begins.
        let cases: &[(u8, &[u8])] = &[
            (0x7f, &[]),
            (0x81, &[0, 0]),
            (0x91, &[0]),
            (0xa2, b"ab"),
            (0xc0, &[]),
            (0xc2, &[]),
            (0xc4, &[1, 9]),
            (0xc5, &[0, 1, 9]),
            (0xc6, &[0, 0, 0, 1, 9]),
            (0xc7, &[1, 5, 9]),
            (0xc8, &[0, 1, 5, 9]),
            (0xc9, &[0, 0, 0, 1, 5, 9]),
            (0xca, &[0; 4]),
            (0xcb, &[0; 8]),
            (0xcc, &[0; 1]),
            (0xcd, &[0; 2]),
            (0xce, &[0; 4]),
            (0xcf, &[0; 8]),
            (0xd0, &[0; 1]),
            (0xd1, &[0; 2]),
            (0xd2, &[0; 4]),
            (0xd3, &[0; 8]),
            (0xd4, &[0; 2]),
            (0xd5, &[0; 3]),
            (0xd6, &[0; 5]),
            (0xd7, &[0; 9]),
            (0xd8, &[0; 17]),
            (0xd9, &[1, b'a']),
            (0xda, &[0, 1, b'a']),
            (0xdb, &[0, 0, 0, 1, b'a']),
            (0xdc, &[0, 1, 0]),
            (0xdd, &[0, 0, 0, 1, 0]),
            (0xde, &[0, 1, 0, 0]),
            (0xdf, &[0, 0, 0, 1, 0, 0]),
            (0xff, &[]),
        ];
        for (marker, rest) in cases {
            let whole: Vec<u8> = [&[*marker], *rest].concat();
            assert_eq!(scan(&whole), Ok(()), "{marker:#x}");
            assert_eq!(scan(&whole[..whole.len() - 1]), Err(DecodeError::Truncated), "{marker:#x}");
            assert_eq!(scan(&[&*whole, &[0]].concat()), Err(DecodeError::Trailing), "{marker:#x}");
        }
        assert_eq!(scan(&[0xc1]), Err(DecodeError::Invalid));
    }

    #[test]
    fn empty_containers_nested_beyond_the_limit_are_refused() {
        let nested = |depth: usize| {
            let mut bytes = vec![0x91; depth - 1];
            bytes.push(0x90);
            bytes
        };
        assert_eq!(scan(&nested(limits::MESSAGE_DEPTH)), Ok(()));
        assert_eq!(scan(&nested(limits::MESSAGE_DEPTH + 1)), Err(DecodeError::TooDeep));
    }

    #[test]
    fn all_items_of_a_list_count_towards_the_limit_on_values() {
        let list = |count: u32| {
            let mut bytes = vec![0xdd];
            bytes.extend_from_slice(&count.to_be_bytes());
            bytes.resize(5 + count as usize, 0xc0);
            bytes
        };
        let most = limits::MESSAGE_ITEMS as u32 - 1;
        assert_eq!(scan(&list(most)), Ok(()));
        assert_eq!(scan(&list(most + 1)), Err(DecodeError::TooManyItems));
    }

    #[test]
    fn a_container_length_that_exceeds_the_remaining_bytes_is_refused() {
        assert_eq!(scan(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
        assert_eq!(scan(&[0xdf, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
        assert_eq!(scan(&[0xc6, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
    }

    #[test]
    fn the_scan_continues_after_the_final_item_of_a_nested_container() {
        assert_eq!(scan(&[0x93, 0x92, 1, 2, 0x90, 0x81, 3, 0x91, 4]), Ok(()));
        assert_eq!(scan(&[0x93, 0x92, 1, 2, 0x90]), Err(DecodeError::Truncated));
        assert_eq!(scan(&[]), Err(DecodeError::Truncated));
    }
}
