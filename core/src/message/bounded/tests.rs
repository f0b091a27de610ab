use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::message::{Bits, Codec};

#[test]
fn a_bounded_collection_refuses_an_addition_that_exceeds_its_bound() {
    let mut list = BoundedVec::<u8, 2>::new();
    assert_eq!((list.push(1), list.push(2), list.push(3)), (Ok(()), Ok(()), Err(Full(3))));
    assert_eq!(BoundedVec::<u8, 2>::try_from(vec![1, 2, 3]), Err(Full(vec![1, 2, 3])));
    assert_eq!(BoundedString::<3>::try_from("four"), Err(Full("four")));
    assert_eq!(BoundedBytes::<1>::new().extend_from_slice(&[1, 2]), Err(Full(())));
    let mut text = BoundedString::<3>::try_from("ab").unwrap();
    assert_eq!((text.push_str("cd"), text.push_str("c")), (Err(Full(())), Ok(())));
    assert_eq!(text.as_str(), "abc");
}

#[test]
fn a_bounded_string_is_truncated_between_two_characters() {
    assert_eq!(BoundedString::<4>::truncated("aéé").as_str(), "aé");
    assert_eq!(BoundedString::<9>::truncated("aéé").as_str(), "aéé");
}

#[test]
fn a_decoded_length_above_the_bound_of_a_collection_is_refused() {
    assert_eq!(<Bits as Codec<BoundedVec<bool, 5>>>::decode(&[0b110]), Err(DecodeError::OutOfRange));
    assert_eq!(<Bits as Codec<BoundedString<5>>>::decode(&[0b111]), Err(DecodeError::OutOfRange));
    assert_eq!(<Bits as Codec<BoundedBytes<5>>>::decode(&[0b111]), Err(DecodeError::OutOfRange));
}

#[test]
fn a_length_that_exceeds_the_remaining_bytes_is_refused() {
    assert_eq!(<Bits as Codec<BoundedString<0xffff_ffff>>>::decode(&[0xff; 4]), Err(DecodeError::Truncated));
    assert_eq!(<Bits as Codec<BoundedBytes<255>>>::decode(&[2, 0]), Err(DecodeError::Truncated));
}

#[test]
fn a_decoded_string_that_is_not_utf_8_is_refused() {
    assert_eq!(<Bits as Codec<BoundedString<255>>>::decode(&[1, 0xff]), Err(DecodeError::NotUtf8));
}

#[test]
fn serde_refuses_a_collection_longer_than_its_bound() {
    assert_eq!(serde_json::from_str::<BoundedVec<u8, 2>>("[1,2]").unwrap().into_inner(), vec![1, 2]);
    assert!(serde_json::from_str::<BoundedVec<u8, 2>>("[1,2,3]").is_err());
    assert_eq!(serde_json::from_str::<BoundedString<2>>("\"\\u00e9\"").unwrap().into_inner(), "é");
    assert!(serde_json::from_str::<BoundedString<1>>("\"\\u00e9\"").is_err());
    assert_eq!(serde_json::from_str::<BoundedBytes<2>>("[1,2]").unwrap().into_inner(), vec![1, 2]);
    assert!(serde_json::from_str::<BoundedBytes<2>>("[1,2,3]").is_err());
    assert!(serde_json::from_str::<BoundedBytes<2>>("[256]").is_err());
}

#[test]
fn a_bounded_collection_dereferences_to_its_items() {
    let list = BoundedVec::<u8, 4>::try_from(vec![3, 1, 2]).unwrap();
    assert_eq!(list.iter().sum::<u8>(), 6);
    assert_eq!(list.into_iter().collect::<Vec<_>>(), [3, 1, 2]);
    assert_eq!(String::from(&*BoundedString::<3>::truncated("abc")), "abc");
}
