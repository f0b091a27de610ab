//! Tests of the encoded bytes, and of the values that the codecs decode from them.

use alloc::format;

use quickcheck::QuickCheck;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoded<C: Codec<T>, T>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    C::encode(value, &mut out, 4096).unwrap();
    out
}

#[test]
fn each_codec_encodes_the_sample_messages_to_their_golden_bytes() {
    let registry = registry();
    let lines = [
        format!("chat {}", hex(&registry.encode(&a_chat()).unwrap())),
        format!("move {}", hex(&registry.encode(&a_move()).unwrap())),
        format!("ping {}", hex(&registry.encode(&a_ping()).unwrap())),
        format!("settings {}", String::from_utf8_lossy(&registry.encode(&a_settings()).unwrap()[1..])),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_sample_message_type_has_its_golden_hash() {
    let schema = registry().schema();
    let mut lines: Vec<_> =
        schema.entries.iter().map(|entry| format!("{:08x} {}", entry.hash, entry.name)).collect();
    lines.push(format!("{:016x}", schema.hash()));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_schema_export_matches_the_golden_text() {
    insta::assert_snapshot!(registry().schema_json());
}

/// A value that every codec can carry.
#[derive(
    NetSerialize,
    Serialize,
    Deserialize,
    TryFromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
    Clone,
    PartialEq,
    Debug,
)]
#[repr(C)]
struct Everywhere {
    flag: bool,
    level: i8,
    place: [u8; 3],
    color: Color,
}

#[derive(
    NetSerialize,
    Serialize,
    Deserialize,
    TryFromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
    Clone,
    Copy,
    PartialEq,
    Debug,
)]
#[repr(u8)]
enum Color {
    Red,
    Green,
    Blue,
}

impl Arbitrary for Everywhere {
    fn arbitrary(g: &mut Gen) -> Self {
        Self {
            flag: bool::arbitrary(g),
            level: i8::arbitrary(g),
            place: [u8::arbitrary(g), u8::arbitrary(g), u8::arbitrary(g)],
            color: *g.choose(&[Color::Red, Color::Green, Color::Blue]).unwrap(),
        }
    }
}

#[test]
fn every_codec_decodes_to_the_value_that_it_encoded() {
    fn every_codec_returns_the_value(value: Everywhere) -> bool {
        fn through<C: Codec<Everywhere>>(value: &Everywhere) -> bool {
            C::decode(&encoded::<C, _>(value)).as_ref() == Ok(value)
        }
        through::<Bits>(&value)
            && through::<Zerocopy>(&value)
            && through::<MessagePack>(&value)
            && through::<Json>(&value)
    }
    QuickCheck::new().quickcheck(every_codec_returns_the_value as fn(Everywhere) -> bool);
}

#[test]
fn every_codec_encodes_a_value_to_its_golden_bytes() {
    let value = Everywhere { flag: true, level: -1, place: [1, 2, 3], color: Color::Blue };
    assert_eq!(hex(&encoded::<Bits, _>(&value)), "ff02040604");
    assert_eq!(hex(&encoded::<Zerocopy, _>(&value)), "01ff01020302");
    assert_eq!(hex(&encoded::<MessagePack, _>(&value)), "94c3ff93010203a4426c7565");
    assert_eq!(encoded::<Json, _>(&value), br#"{"flag":true,"level":-1,"place":[1,2,3],"color":"Blue"}"#);
}

#[test]
fn a_script_value_round_trips_through_message_pack_and_json() {
    let value = a_chat().extra;
    assert_eq!(MessagePack::decode(&encoded::<MessagePack, _>(&value)), Ok(value.clone()));
    assert_eq!(Json::decode(&encoded::<Json, _>(&value)), Ok(value));
    let bytes = ScriptValue::Bytes([1, 2].into());
    assert_eq!(MessagePack::decode(&encoded::<MessagePack, _>(&bytes)), Ok(bytes));
    let beyond = ScriptValue::Float(f64::from_bits(0xfff8_0000_0000_0001));
    assert_eq!(hex(&encoded::<MessagePack, _>(&beyond)), "cb7ff8000000000000");
}
