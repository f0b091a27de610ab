//! Tests of the code that the derive macros write.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;

use quickcheck::QuickCheck;

use super::*;

fn encode<T: NetSerialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    Bits::encode(value, &mut out, 4096)?;
    Ok(out)
}

#[test]
fn every_value_of_a_derived_message_round_trips() {
    fn the_value_round_trips(value: Move) -> bool {
        encode(&value).map(|bytes| Bits::decode(&bytes) == Ok(value)) == Ok(true)
    }
    QuickCheck::new().quickcheck(the_value_round_trips as fn(Move) -> bool);
}

#[test]
fn encoding_a_decoded_value_gives_the_original_bytes() {
    fn the_bytes_are_the_only_encoding(bytes: Vec<u8>) -> bool {
        let decoded: Result<Move, _> = Bits::decode(&bytes);
        decoded.is_ok_and(|value| value.speed.is_nan() || encode(&value) == Ok(bytes.clone()))
            || Bits::decode(&bytes).map(|_: Move| ()).is_err()
    }
    QuickCheck::new().tests(5000).quickcheck(the_bytes_are_the_only_encoding as fn(Vec<u8>) -> bool);
}

#[test]
fn the_error_about_encoding_a_field_outside_its_range_names_the_field_the_value_and_the_range() {
    let refused = |written: Result<Vec<u8>, EncodeError>| written.unwrap_err().to_string();
    assert_eq!(
        refused(encode(&Move { x: 1024, ..a_move() })),
        "the field `x` is 1024, outside its range of 0 to 1023; set a value in the range"
    );
    for (written, field) in [
        (encode(&Move { y: 2048, ..a_move() }), "`y` is 2048"),
        (encode(&Move { level: LATEST + 1, ..a_move() }), "`level` is"),
        (
            encode(&Item::Coins(101)),
            "`Coins.0` is 101, outside its range of 1 to 100; set a value in the range",
        ),
        (encode(&Item::Coins(0)), "`Coins.0` is 0, outside its range of 1 to 100; set a value in the range"),
        (encode(&[Item::Coins(1), Item::Coins(0)]), "`[1].Coins.0` is 0"),
    ] {
        let error = refused(written);
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn decoding_an_unknown_variant_or_a_value_outside_its_range_fails() {
    assert_eq!(<Bits as Codec<Item>>::decode(&[0b11]), Err(DecodeError::OutOfRange));
    // Variant 1, then 100 above the least of 1 to 100.
    assert_eq!(<Bits as Codec<Item>>::decode(&[0b1001_0001, 0b1]), Err(DecodeError::OutOfRange));
    assert_eq!(<Bits as Codec<Item>>::decode(&[0b1000_1101, 0b1]), Ok(Item::Coins(100)));
}

#[derive(NetSerialize, PartialEq, Debug)]
struct Pair<T>(T, T);

#[derive(NetSerialize, PartialEq, Debug)]
struct Unit;

#[derive(NetSerialize, PartialEq, Debug)]
enum Only {
    One,
}

#[derive(NetSerialize, PartialEq, Debug)]
struct Node {
    value: bool,
    next: Option<Box<Self>>,
}

#[test]
fn derived_generic_empty_and_recursive_types_round_trip() {
    assert_eq!(encode(&Pair(1u8, 2)), Ok(vec![1, 2]));
    assert_eq!(encode(&(Unit, Only::One)), Ok(vec![]));
    assert_eq!(Bits::decode(&[]), Ok((Unit, Only::One)));
    let list = Node { value: true, next: Some(Box::new(Node { value: true, next: None })) };
    assert_eq!(encode(&list), Ok(vec![0b0111]));
    assert_eq!(Bits::decode(&[0b0111]), Ok(list));
    assert_eq!(<Bits as Codec<Node>>::decode(&[0xff; 100]), Err(DecodeError::TooDeep));
}

/// Floats with different numbers of possible values: 33, 5 for each of two floats, and 2^32.
#[derive(NetSerialize, Clone, PartialEq, Debug)]
struct Stepped {
    #[net(range = -8.0..=8.0, step = 0.5)]
    one: f32,
    #[net(range = 0..=2, step = 0.5)]
    two: [f64; 2],
    #[net(range = "0..=4_294_967_295.0", step = 1)]
    all: f64,
}

#[test]
fn a_float_with_a_step_is_encoded_in_as_many_bits_as_its_number_of_steps_needs() {
    let value = Stepped { one: -7.5, two: [1.0, 2.0], all: 1.0 };
    let bytes = encode(&value).unwrap();
    // 6 bits: 1; 3 bits each: 2, 4; 32 bits: 1.
    assert_eq!(bytes, [0b1000_0001, 0b0001_1000, 0, 0, 0, 0]);
    assert_eq!(Bits::decode(&bytes), Ok(value));
}

#[test]
fn a_float_beyond_its_range_becomes_the_nearest_end_of_the_range() {
    let beyond = Stepped { one: f32::INFINITY, two: [-1.0, 99.0], all: 1e300 };
    let decoded: Stepped = Bits::decode(&encode(&beyond).unwrap()).unwrap();
    assert_eq!(decoded, Stepped { one: 8.0, two: [0.0, 2.0], all: 4_294_967_295.0 });
    let none = Stepped { one: f32::NAN, two: [-0.0, 0.249], all: f64::NAN };
    let decoded: Stepped = Bits::decode(&encode(&none).unwrap()).unwrap();
    assert_eq!(decoded, Stepped { one: 0.0, two: [0.0, 0.0], all: 0.0 });
}

#[test]
fn decoding_a_step_beyond_the_range_of_a_float_fails() {
    fn property(bytes: Vec<u8>) -> bool {
        let bytes: Vec<u8> = bytes.into_iter().chain([0; 6]).take(6).collect();
        let (one, two) = (bytes[0] & 63, [bytes[0] >> 6 | (bytes[1] & 1) << 2, bytes[1] >> 1 & 7]);
        let is_in_range = one <= 32 && two.iter().all(|step| *step <= 4) && bytes[5] >> 4 == 0;
        match <Bits as Codec<Stepped>>::decode(&bytes) {
            Ok(value) => is_in_range && encode(&value) == Ok(bytes),
            Err(_) => !is_in_range,
        }
    }
    QuickCheck::new().tests(5000).quickcheck(property as fn(Vec<u8>) -> bool);
    assert_eq!(<Bits as Codec<Stepped>>::decode(&[33, 0, 0, 0, 0, 0]), Err(DecodeError::OutOfRange));
}

#[test]
fn the_shape_of_a_recursive_type_refers_to_the_enclosing_type() {
    let shape = Shapes::default().of::<Node>();
    assert!(format!("{shape:?}").contains("Recursive { up: 2 }"), "{shape:?}");
}

#[test]
fn a_derived_message_has_the_name_type_channel_and_size_limit_of_its_attributes() {
    assert_eq!(
        (Move::NAME, Move::TYPE, Move::ROUTE),
        ("move", Some(MessageType(0x1001)), ChannelId(2).into())
    );
    assert_eq!(Move::MAX_SIZE, 300);
    assert_eq!((Chat::TYPE, Chat::ROUTE, Chat::MAX_SIZE), (None, Route::default(), limits::MESSAGE_SIZE));
}

#[test]
fn a_message_selects_its_channel_by_name_or_by_delivery() {
    #[derive(NetMessage)]
    #[net(channel = "state")]
    struct Named;
    #[derive(NetMessage)]
    #[net(delivery = "sequenced")]
    struct Sequenced;
    assert_eq!(Named::ROUTE, Route::Named("state"));
    assert_eq!(Sequenced::ROUTE, Route::Delivery(crate::Delivery::Sequenced));
    let mut registry = Registry::new();
    registry.register::<Named>().unwrap();
    registry.register::<Sequenced>().unwrap();
    let json = registry.schema_json();
    assert!(
        json.contains("\"channel\": \"state\"") && json.contains("\"delivery\": \"sequenced\""),
        "{json}"
    );
}

/// Returns the hash of a type's shape alone.
fn shape_hash<T: NetShape>() -> u64 {
    let mut hash = crate::schema::StableHasher::new();
    Shapes::default().of::<T>().fold(&mut hash);
    hash.finish()
}

mod altered {
    //! One type for each change that must, or must not, alter the hash of `Base`.
    use super::*;

    #[derive(NetSerialize)]
    pub(super) struct Base {
        _a: u16,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct OtherName {
        _a: u16,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct Range {
        #[net(range = 0..=65_534)]
        _a: u16,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct SameRange {
        #[net(bits = 16)]
        _a: u16,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct Type {
        _a: i16,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct FieldName {
        _c: u16,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct Order {
        _b: bool,
        _a: u16,
    }
    #[derive(NetSerialize)]
    pub(super) struct Float {
        _a: f32,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct Steps {
        #[net(range = -8.0..=8.0, step = 0.5)]
        _a: f32,
        _b: bool,
    }
    #[derive(NetSerialize)]
    pub(super) struct OtherSteps {
        #[net(range = -8.0..=8.0, step = 0.25)]
        _a: f32,
        _b: bool,
    }
    #[derive(NetShape)]
    pub(super) struct Opaque {
        #[net(opaque)]
        _a: core::time::Duration,
        _b: bool,
    }
    #[derive(NetShape, Serialize)]
    pub(super) struct Attribute {
        #[serde(rename = "x")]
        _a: u16,
        _b: bool,
    }
    #[derive(NetShape, Serialize)]
    #[serde(transparent)]
    pub(super) struct TypeAttribute {
        _a: u16,
    }
    #[derive(NetShape)]
    pub(super) struct NoTypeAttribute {
        _a: u16,
    }
    #[derive(NetShape)]
    pub(super) enum Numbered {
        _A = 1,
    }
    #[derive(NetShape)]
    pub(super) enum NumberedOtherwise {
        _A = 2,
    }
}

#[test]
fn the_shape_hash_of_a_type_changes_with_its_layout_but_not_with_its_name() {
    use altered::*;
    let base = shape_hash::<Base>();
    assert_eq!(shape_hash::<OtherName>(), base);
    assert_eq!(shape_hash::<SameRange>(), base);
    let different = [
        shape_hash::<Range>(),
        shape_hash::<Type>(),
        shape_hash::<FieldName>(),
        shape_hash::<Order>(),
        shape_hash::<Float>(),
        shape_hash::<Steps>(),
        shape_hash::<OtherSteps>(),
        shape_hash::<Opaque>(),
        shape_hash::<Attribute>(),
    ];
    assert!(!different.contains(&base));
    let distinct: alloc::collections::BTreeSet<_> = different.into_iter().collect();
    assert_eq!(distinct.len(), different.len());
    assert_ne!(shape_hash::<TypeAttribute>(), shape_hash::<NoTypeAttribute>());
    assert_ne!(shape_hash::<Numbered>(), shape_hash::<NumberedOtherwise>());
    assert_ne!(shape_hash::<BoundedString<8>>(), shape_hash::<BoundedString<9>>());
    assert_ne!(shape_hash::<BoundedVec<u8, 8>>(), shape_hash::<BoundedBytes<8>>());
}
