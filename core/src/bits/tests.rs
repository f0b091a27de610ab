use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::*;
use crate::limits;
use crate::message::{Bits, BoundedBytes, BoundedString, BoundedVec, Codec};
use crate::shape::{NetShape, Shape, Shapes};

fn encode<T: NetSerialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    Bits::encode(value, &mut out, 1 << 16)?;
    Ok(out)
}

fn decode<T: NetSerialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    Bits::decode(bytes)
}

/// A sequence of values and widths, each value within its width.
#[derive(Clone, Debug)]
struct Script(Vec<(u64, u32)>);

impl Arbitrary for Script {
    fn arbitrary(g: &mut Gen) -> Self {
        let steps = Vec::<(u64, u32)>::arbitrary(g).into_iter().map(|(value, bits)| {
            let bits = bits % 65;
            (value.checked_shr(64 - bits).unwrap_or(0), bits)
        });
        Self(steps.collect())
    }

    fn shrink(&self) -> alloc::boxed::Box<dyn Iterator<Item = Self>> {
        let steps = self.0.clone();
        alloc::boxed::Box::new((0..steps.len()).map(move |without| {
            let mut fewer = steps.clone();
            fewer.remove(without);
            Self(fewer)
        }))
    }
}

#[test]
fn a_bit_reader_returns_the_written_values_of_any_width() {
    fn the_values_read_are_those_written(script: Script) -> bool {
        let mut out = vec![0xaa];
        let mut writer = BitWriter::new(&mut out, usize::MAX);
        for (value, bits) in &script.0 {
            writer.put(*value, *bits).unwrap();
        }
        writer.finish().unwrap();
        let total: u32 = script.0.iter().map(|(_, bits)| bits).sum();
        let mut reader = BitReader::new(&out[1..]);
        out[0] == 0xaa
            && out.len() == 1 + total.div_ceil(8) as usize
            && script.0.iter().all(|(value, bits)| reader.take(*bits) == Ok(*value))
            && reader.finish() == Ok(())
    }
    QuickCheck::new().quickcheck(the_values_read_are_those_written as fn(Script) -> bool);
}

#[test]
fn the_first_bit_written_is_the_least_significant_bit_of_the_first_byte() {
    assert_eq!(encode(&(true, 0x80u8, false)), Ok(vec![0b0000_0001, 0b0000_0001]));
    assert_eq!(encode(&0x1234u16), Ok(vec![0x34, 0x12]));
}

#[test]
fn a_value_that_needs_more_bits_than_its_field_has_is_refused() {
    let mut out = Vec::new();
    let mut writer = BitWriter::new(&mut out, 8);
    assert_eq!(writer.put(4, 2), Err(EncodeError::out_of_range(4, 0, 3)));
    assert!(matches!(writer.put(0, 65), Err(EncodeError::OutOfRange(_))));
    assert_eq!(BitReader::new(&[0; 16]).take(65), Err(DecodeError::OutOfRange));
}

#[test]
fn a_bit_writer_refuses_the_first_byte_above_its_limit() {
    let mut out = vec![1, 2, 3];
    assert_eq!(Bits::encode(&0u64, &mut out, 7), Err(EncodeError::TooLarge { limit: 7 }));
    assert_eq!(Bits::encode(&(0u32, true), &mut Vec::new(), 4), Err(EncodeError::TooLarge { limit: 4 }));
    assert_eq!(Bits::encode(&0u64, &mut Vec::new(), 8), Ok(()));
}

#[test]
fn nonzero_bits_or_whole_bytes_after_a_decoded_value_are_refused() {
    assert_eq!(decode::<(bool, bool)>(&[0b11]), Ok((true, true)));
    assert_eq!(decode::<(bool, bool)>(&[0b111]), Err(DecodeError::Trailing));
    assert_eq!(decode::<(bool, bool)>(&[0b11, 0]), Err(DecodeError::Trailing));
    assert_eq!(decode::<()>(&[0]), Err(DecodeError::Trailing));
    assert_eq!(decode::<u16>(&[0]), Err(DecodeError::Truncated));
}

#[test]
fn a_signed_integer_is_encoded_as_its_difference_from_the_minimum_of_its_range() {
    assert_eq!(encode(&i8::MIN), Ok(vec![0]));
    assert_eq!(encode(&0i8), Ok(vec![0x80]));
    assert_eq!(encode(&i64::MAX), Ok(vec![0xff; 8]));
}

#[test]
fn every_integer_within_its_range_round_trips() {
    fn an_integer_round_trips_in_its_range(value: i64, low: i64, high: i64) -> bool {
        let (low, high) = (low.min(high), low.max(high));
        let mut out = Vec::new();
        let mut writer = BitWriter::new(&mut out, 16);
        let written = put_integer(&mut writer, value, low, high);
        if !(low..=high).contains(&value) {
            return matches!(written, Err(EncodeError::OutOfRange(_)));
        }
        writer.finish().unwrap();
        take_integer(&mut BitReader::new(&out), low, high) == Ok(value)
    }
    QuickCheck::new().quickcheck(an_integer_round_trips_in_its_range as fn(i64, i64, i64) -> bool);
    assert!(
        an_integer_round_trips_in_its_range(i64::MIN, i64::MIN, i64::MAX)
            && an_integer_round_trips_in_its_range(i64::MAX, i64::MIN, i64::MAX)
    );
}

#[test]
fn decoding_an_integer_above_its_range_fails() {
    assert_eq!(take_integer(&mut BitReader::new(&[0b11]), 5u8, 7), Err(DecodeError::OutOfRange));
    assert_eq!(take_integer(&mut BitReader::new(&[0b10]), 5u8, 7), Ok(7));
}

#[test]
fn every_nan_is_encoded_as_the_same_bits() {
    let odd = f32::from_bits(0xffc0_1234);
    assert_eq!(encode(&odd), Ok(vec![0, 0, 0xc0, 0x7f]));
    assert_eq!(decode::<f32>(&0xffc0_1234u32.to_le_bytes()).map(f32::to_bits), Ok(0x7fc0_0000));
    let odd = 0xfff8_0000_0000_0001u64;
    assert_eq!(encode(&f64::from_bits(odd)), Ok(0x7ff8_0000_0000_0000u64.to_le_bytes().to_vec()));
    assert_eq!(decode::<f64>(&odd.to_le_bytes()).map(f64::to_bits), Ok(0x7ff8_0000_0000_0000));
}

#[test]
fn every_float_except_nan_round_trips_with_all_its_bits() {
    fn a_float_keeps_its_bits(bits: u64) -> bool {
        let value = f64::from_bits(bits);
        value.is_nan() || decode::<f64>(&encode(&value).unwrap()).unwrap().to_bits() == bits
    }
    QuickCheck::new().quickcheck(a_float_keeps_its_bits as fn(u64) -> bool);
    assert!(a_float_keeps_its_bits((-0.0f64).to_bits()));
}

#[test]
fn decoding_a_surrogate_code_point_as_a_character_fails() {
    assert_eq!(decode::<char>(&encode(&'🦀').unwrap()), Ok('🦀'));
    assert_eq!(decode::<char>(&0xd800u32.to_le_bytes()[..3]), Err(DecodeError::OutOfRange));
}

type Everything =
    ((bool, Option<u8>, i32, [u16; 3]), (BoundedVec<BoundedString<9>, 5>, BoundedBytes<300>, char));

#[test]
fn tuples_arrays_lists_and_options_round_trip() {
    fn the_values_round_trip(
        flag: bool,
        small: Option<u8>,
        number: i32,
        texts: Vec<String>,
        blob: Vec<u8>,
    ) -> bool {
        let texts: Vec<_> = texts.iter().take(5).map(|text| BoundedString::truncated(text)).collect();
        let value: Everything = (
            (flag, small, number, [1, 2, u16::MAX]),
            (texts.try_into().unwrap(), blob.try_into().unwrap(), 'é'),
        );
        decode::<Everything>(&encode(&value).unwrap()) == Ok(value)
    }
    QuickCheck::new()
        .quickcheck(the_values_round_trip as fn(bool, Option<u8>, i32, Vec<String>, Vec<u8>) -> bool);
}

#[test]
fn encoding_a_decoded_value_gives_the_original_bytes() {
    fn the_bytes_are_the_only_encoding(bytes: Vec<u8>) -> bool {
        decode::<Everything>(&bytes).is_ok_and(|value| encode(&value) == Ok(bytes.clone()))
            || decode::<Everything>(&bytes).is_err()
    }
    QuickCheck::new().tests(2000).quickcheck(the_bytes_are_the_only_encoding as fn(Vec<u8>) -> bool);
}

#[test]
fn list_items_that_take_no_bits_count_towards_the_limit_on_items() {
    type Nothings = BoundedVec<(), 0xffff_ffff>;
    let nothings = |count: usize| Nothings::try_from(vec![(); count]).unwrap();
    let most = 32 + limits::MESSAGE_FREE_ITEMS;
    assert_eq!(decode::<Nothings>(&encode(&nothings(most)).unwrap()), Ok(nothings(most)));
    assert_eq!(encode(&nothings(most + 1)), Err(EncodeError::TooManyItems));
    assert_eq!(decode::<Nothings>(&(most as u32 + 1).to_le_bytes()), Err(DecodeError::TooManyItems));
    assert_eq!(decode::<Nothings>(&[0xff; 4]), Err(DecodeError::TooManyItems));
}

#[derive(Clone, PartialEq, Debug)]
struct Tree(BoundedVec<Self, 1>);

impl NetShape for Tree {
    fn shape(shapes: &mut Shapes) -> Shape {
        shapes.of::<BoundedVec<Self, 1>>()
    }
}

impl NetSerialize for Tree {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        self.0.encode(writer)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        BoundedVec::decode(reader).map(Self)
    }
}

#[test]
fn a_recursive_value_beyond_the_depth_limit_is_neither_encoded_nor_decoded() {
    let grow = |depth: usize| {
        let leaf = Tree(BoundedVec::new());
        (1..depth).fold(leaf, |tree, _| Tree(vec![tree].try_into().unwrap()))
    };
    let deepest = grow(limits::MESSAGE_DEPTH);
    assert_eq!(decode::<Tree>(&encode(&deepest).unwrap()), Ok(deepest));
    assert_eq!(encode(&grow(limits::MESSAGE_DEPTH + 1)), Err(EncodeError::TooDeep));
    assert_eq!(decode::<Tree>(&[0xff; 100]), Err(DecodeError::TooDeep));
}
