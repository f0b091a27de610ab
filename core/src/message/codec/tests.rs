#![cfg(feature = "std")]

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::collections::HashMap;

use quickcheck::QuickCheck;

use crate::limits;
use crate::message::{Codec, DecodeError, EncodeError, Json, MessagePack, ScriptValue};

fn encode<C: Codec<T>, T>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    C::encode(value, &mut out, 1 << 20)?;
    Ok(out)
}

fn unpack<T>(bytes: &[u8]) -> Result<T, DecodeError>
where
    MessagePack: Codec<T>,
{
    MessagePack::decode(bytes)
}

fn parse<T>(text: &str) -> Result<T, DecodeError>
where
    Json: Codec<T>,
{
    Json::decode(text.as_bytes())
}

/// Returns a script value that consists of `depth` nested lists.
fn nested(depth: usize) -> ScriptValue {
    (0..depth).fold(ScriptValue::Nil, |inner, _| ScriptValue::List(vec![inner]))
}

#[test]
fn message_pack_lengths_that_exceed_the_remaining_bytes_are_refused() {
    let claims: [&[u8]; 4] = [
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0x10, 0x00, 0x00, 0x00],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0, 0, 0, 2, 0xdd, 0xff, 0xff, 0xff, 0xff],
    ];
    for bytes in claims {
        assert_eq!(unpack::<Vec<u64>>(bytes), Err(DecodeError::Truncated));
        assert_eq!(unpack::<Vec<Vec<u64>>>(bytes), Err(DecodeError::Truncated));
        assert_eq!(unpack::<HashMap<u64, u64>>(bytes), Err(DecodeError::Truncated));
        assert_eq!(unpack::<ScriptValue>(bytes), Err(DecodeError::Truncated));
    }
}

#[test]
fn message_pack_and_json_accept_values_at_the_depth_limit_and_refuse_deeper_values() {
    let (most, beyond) = (nested(limits::MESSAGE_DEPTH), nested(limits::MESSAGE_DEPTH + 1));
    assert_eq!(unpack(&encode::<MessagePack, _>(&most).unwrap()), Ok(most.clone()));
    assert_eq!(Json::decode(&encode::<Json, _>(&most).unwrap()), Ok(most));
    assert_eq!(encode::<MessagePack, _>(&beyond), Err(EncodeError::TooDeep));
    assert_eq!(encode::<Json, _>(&beyond), Err(EncodeError::TooDeep));
    let mut deep = vec![0x91; 700];
    deep.push(0xc0);
    assert_eq!(unpack::<ScriptValue>(&deep), Err(DecodeError::TooDeep));
    assert_eq!(parse::<ScriptValue>(&"[".repeat(700)), Err(DecodeError::TooDeep));
    assert_eq!(parse::<ScriptValue>(&"{\"a\":".repeat(700)), Err(DecodeError::TooDeep));
}

#[test]
fn unknown_fields_nested_beyond_the_limit_are_refused() {
    let mut bytes = vec![0x82, 0xa1, b'a', 1, 0xa1, b'z'];
    bytes.extend(vec![0x91; 700]);
    bytes.push(0xc0);
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Known {
        a: u8,
    }
    assert_eq!(unpack::<Known>(&bytes), Err(DecodeError::TooDeep));
}

#[test]
fn message_pack_and_json_refuse_to_encode_more_values_than_the_limit() {
    let list = |items: usize| vec![0u8; items];
    let most = limits::MESSAGE_ITEMS - 1;
    assert_eq!(unpack(&encode::<MessagePack, _>(&list(most)).unwrap()), Ok(list(most)));
    assert_eq!(Json::decode(&encode::<Json, _>(&list(most)).unwrap()), Ok(list(most)));
    assert_eq!(encode::<MessagePack, _>(&list(most + 1)), Err(EncodeError::TooManyItems));
    assert_eq!(encode::<Json, _>(&list(most + 1)), Err(EncodeError::TooManyItems));
}

#[test]
fn bytes_after_a_decoded_value_are_refused() {
    assert_eq!(unpack::<u8>(&[1, 2]), Err(DecodeError::Trailing));
    assert_eq!(parse::<u8>("1 2"), Err(DecodeError::Invalid));
    assert_eq!(parse::<u8>("1"), Ok(1));
    assert_eq!(parse::<Vec<u8>>("[1"), Err(DecodeError::Truncated));
    assert_eq!(unpack::<u8>(&[]), Err(DecodeError::Truncated));
    assert_eq!(parse::<u8>(""), Err(DecodeError::Truncated));
}

#[test]
fn brackets_inside_a_json_string_do_not_count_towards_the_nesting_depth() {
    let text =
        String::from("[[[[[[[[[[[[[[[[[[[[\\\"{{{{{{{{{{{{{{{{{{\"") + &",".repeat(limits::MESSAGE_ITEMS);
    assert_eq!(Json::decode(&encode::<Json, _>(&text).unwrap()), Ok(text));
}

#[test]
fn a_list_with_fewer_or_more_items_than_the_type_has_fields_is_refused() {
    assert_eq!(unpack::<(u8, u8)>(&[0x91, 1]), Err(DecodeError::Invalid));
    assert_eq!(unpack::<(u8, u8)>(&[0x93, 1, 2, 3]), Err(DecodeError::Invalid));
    assert_eq!(unpack::<(u8, u8)>(&[0x92, 1, 2]), Ok((1, 2)));
}

#[test]
fn arbitrary_bytes_decode_to_a_script_value_or_are_refused_without_a_panic() {
    fn the_bytes_decode_or_are_refused(bytes: Vec<u8>) -> bool {
        let again = |value: &ScriptValue| {
            unpack::<ScriptValue>(&encode::<MessagePack, _>(value).unwrap()).as_ref() == Ok(value)
        };
        let _ = unpack::<BTreeMap<String, Option<f32>>>(&bytes);
        let _ = Json::decode(&bytes).map(|value: ScriptValue| value);
        match unpack::<ScriptValue>(&bytes) {
            // NaN is the one value that differs from itself.
            Ok(value) => again(&value) || alloc::format!("{value:?}").contains("NaN"),
            Err(_) => true,
        }
    }
    QuickCheck::new().tests(5000).quickcheck(the_bytes_decode_or_are_refused as fn(Vec<u8>) -> bool);
}

#[test]
fn every_finite_float_round_trips_through_json_with_all_its_bits() {
    fn the_float_keeps_its_bits(bits: u64) -> bool {
        let value = f64::from_bits(bits);
        let kept = |bytes: Vec<u8>| Json::decode(&bytes).map(f64::to_bits) == Ok(bits);
        !value.is_finite() || encode::<Json, _>(&value).is_ok_and(kept)
    }
    QuickCheck::new().tests(1000).quickcheck(the_float_keeps_its_bits as fn(u64) -> bool);
}
