use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::*;

fn bytes_of(writer: &CodeWriter) -> Vec<u8> {
    let mut bytes = Vec::new();
    writer.finish_into(&mut bytes);
    bytes
}

#[test]
fn a_number_in_any_golomb_order_takes_the_computed_bits_and_round_trips() {
    fn property(numbers: Vec<(u32, u8, u64, u8)>) {
        let mut writer = CodeWriter::new();
        for (value, order, raw, bits) in &numbers {
            let before = writer.bits();
            let (value, order) = (value >> (bits % 32), u32::from(order % 32));
            writer.golomb(value, order);
            assert_eq!(writer.bits() - before, golomb_bits(value, order) as usize);
            writer.put(*raw, u32::from(bits % 65));
        }
        let bytes = bytes_of(&writer);
        assert_eq!(bytes.len(), writer.bits().div_ceil(8));
        let mut reader = CodeReader::new(&bytes);
        for (value, order, raw, bits) in &numbers {
            assert_eq!(reader.golomb(u32::from(order % 32)), Ok(value >> (bits % 32)));
            let mask = u64::MAX.checked_shr(64 - u32::from(bits % 65)).unwrap_or(0);
            assert_eq!(reader.take(u32::from(bits % 65)), Ok(raw & mask));
        }
        assert_eq!(reader.position(), writer.bits());
        assert_eq!(reader.finish(), Ok(()));
    }
    quickcheck(property as fn(Vec<(u32, u8, u64, u8)>));
}

#[test]
fn the_code_of_the_largest_number_fits_64_bits_in_every_golomb_order() {
    for order in 0..=ORDER_MAX {
        assert!(golomb_bits(u32::MAX, order) <= 64);
        let mut writer = CodeWriter::new();
        writer.golomb(u32::MAX, order);
        assert_eq!(CodeReader::new(&bytes_of(&writer)).golomb(order), Ok(u32::MAX), "{order}");
    }
}

#[test]
fn coded_numbers_equal_the_published_exponential_golomb_codes() {
    let bits = |value, order| {
        let mut writer = CodeWriter::new();
        writer.golomb(value, order);
        let bytes = bytes_of(&writer);
        (bytes[0], writer.bits())
    };
    assert_eq!(bits(0, 0), (0b1, 1));
    assert_eq!(bits(1, 0), (0b010, 3));
    assert_eq!(bits(2, 0), (0b110, 3));
    assert_eq!(bits(5, 2), (0b0_0110, 5));
}

#[test]
fn a_coded_number_above_32_bits_is_refused() {
    for order in 0..=ORDER_MAX {
        // All 32 low bits are set: the number is 2^33 - 1, less 2^order.
        let mut writer = CodeWriter::new();
        writer.put(0, 32 - order);
        writer.put(u64::from(u32::MAX), 32);
        assert_eq!(CodeReader::new(&bytes_of(&writer)).golomb(order), Err(CodeError::TooLarge), "{order}");
    }
}

#[test]
fn a_code_reader_never_reads_beyond_truncated_bytes() {
    let mut writer = CodeWriter::new();
    for value in 0..40 {
        writer.golomb(value * value * 100_000, value % 9);
    }
    let bytes = bytes_of(&writer);
    for length in 0..bytes.len() {
        let mut reader = CodeReader::new(&bytes[..length]);
        let read = (0..40).take_while(|order| reader.golomb(order % 9).is_ok()).count();
        assert!(read < 40 && reader.position() <= length * 8);
    }
    assert_eq!(CodeReader::new(&[1]).take(9), Err(CodeError::Truncated));
    assert_eq!(CodeReader::new(&[1; 8]).take(64), Ok(0x0101_0101_0101_0101));
}

#[test]
fn nonzero_bits_after_the_final_code_are_refused() {
    let mut reader = CodeReader::new(&[0b0001_0111, 0]);
    assert_eq!((reader.take(5), reader.finish()), (Ok(0b10111), Err(CodeError::Trailing)));
    let mut reader = CodeReader::new(&[0b0001_0111]);
    assert_eq!((reader.take(4), reader.finish()), (Ok(0b0111), Err(CodeError::Trailing)));
    assert_eq!((reader.take(1), reader.finish()), (Ok(1), Ok(())));
}

#[test]
fn appending_coded_bits_equals_coding_the_same_numbers_in_place() {
    fn property(before: u8, values: Vec<u32>) {
        let write = |writer: &mut CodeWriter| values.iter().for_each(|value| writer.golomb(*value, 5));
        let mut part = CodeWriter::new();
        write(&mut part);
        let (mut appended, mut whole) = (CodeWriter::new(), CodeWriter::new());
        for writer in [&mut appended, &mut whole] {
            writer.put(u64::MAX, u32::from(before % 65));
        }
        appended.append(&part);
        write(&mut whole);
        assert_eq!(appended, whole);
    }
    quickcheck(property as fn(u8, Vec<u32>));
}

#[test]
fn zigzag_maps_numbers_of_small_magnitude_to_small_codes() {
    assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
    assert_eq!([i32::MIN, i32::MAX].map(zigzag), [u32::MAX, u32::MAX - 1]);
    quickcheck((|value| unzigzag(zigzag(value)) == value) as fn(i32) -> bool);
}
