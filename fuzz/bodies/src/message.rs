//! Fuzzes typed messages: a decoded message must encode again, and then decode to the same value.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use tickwire_core::message::{
    BoundedBytes, BoundedString, BoundedVec, Codec, Decoded, Json, MessagePack, NetMessage, NetSerialize,
    NetShape, Registry, ScriptValue, Shape, Shapes, Zerocopy,
};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// A message of the bits codec, which contains every kind of value that has exactly one encoding.
#[derive(NetMessage, Clone, PartialEq, Debug)]
#[net(codec = "bits", name = "bits")]
pub struct Packed {
    #[net(range = -5..=1000)]
    small: i32,
    wide: u64,
    flag: bool,
    letter: char,
    maybe: Option<Kind>,
    kinds: BoundedVec<Kind, 300>,
    name: BoundedString<20>,
    raw: BoundedBytes<40>,
    pair: (u8, [i16; 3]),
}

/// An enum inside a message.
#[derive(NetSerialize, Clone, PartialEq, Debug)]
pub enum Kind {
    /// A variant without fields.
    Nothing,
    /// A variant with one unnamed field.
    Coins(#[net(range = 1..=100)] u8),
    /// A variant with named fields.
    Place {
        /// A field with a plain integer.
        x: i16,
        /// A field with a bounded list.
        inner: BoundedVec<bool, 9>,
    },
}

/// A message with a fixed layout, for the codec of fixed layouts.
#[derive(Clone, PartialEq, Debug, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Fixed {
    a: U32,
    b: U64,
    c: bool,
    d: [u8; 3],
}

/// A message with field types that only the MessagePack and JSON codecs support, such as a map and a script value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Loose {
    id: u64,
    name: String,
    values: Vec<Option<i32>>,
    by_name: BTreeMap<String, bool>,
    script: ScriptValue,
}

macro_rules! messages {
    ($($type:ident($inner:ty) = $name:literal, $codec:ty;)+) => {
        $(
            #[doc = concat!("The message `", $name, "`.")]
            #[derive(Clone, PartialEq, Debug)]
            pub struct $type(pub $inner);

            impl NetShape for $type {
                fn shape(_: &mut Shapes) -> Shape {
                    Shape::opaque($name)
                }
            }

            impl NetMessage for $type {
                const NAME: &'static str = $name;
                const MAX_SIZE: usize = 4096;
                type Codec = Through;
            }

            impl Codec<$type> for Through {
                const NAME: &'static str = $name;

                fn encode(
                    value: &$type,
                    out: &mut Vec<u8>,
                    limit: usize,
                ) -> Result<(), tickwire_core::message::EncodeError> {
                    <$codec as Codec<$inner>>::encode(&value.0, out, limit)
                }

                fn decode(bytes: &[u8]) -> Result<$type, tickwire_core::message::DecodeError> {
                    <$codec as Codec<$inner>>::decode(bytes).map($type)
                }
            }
        )+
    };
}

/// A codec of the messages below, which encodes and decodes the inner value of a message with another codec.
#[derive(Debug)]
pub enum Through {}

messages! {
    FixedMessage(Fixed) = "fixed", Zerocopy;
    PackMessage(Loose) = "pack", MessagePack;
    PackScript(ScriptValue) = "pack-script", MessagePack;
    TextMessage(Loose) = "text", Json;
    TextScript(ScriptValue) = "text-script", Json;
}

/// The registry of the message types that the fuzz target decodes.
pub static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::new();
    registry.register::<Packed>().unwrap();
    registry.register::<FixedMessage>().unwrap();
    registry.register::<PackMessage>().unwrap();
    registry.register::<PackScript>().unwrap();
    registry.register::<TextMessage>().unwrap();
    registry.register::<TextScript>().unwrap();
    registry
});

/// Decodes an arbitrary message of any type and codec. Asserts that a decoded message encodes to the same bytes, or, if
/// its codec allows several encodings and the new encoding is not too large, to bytes that decode to an equal message.
pub fn message(bytes: &[u8]) {
    let Ok(decoded) = REGISTRY.decode(bytes) else { return };
    let decoded = match one_encoding::<Packed>(bytes, decoded) {
        Ok(()) => return,
        Err(decoded) => decoded,
    };
    let decoded = match one_encoding::<FixedMessage>(bytes, decoded) {
        Ok(()) => return,
        Err(decoded) => decoded,
    };
    let same = same_value::<PackMessage>(decoded)
        .or_else(same_value::<PackScript>)
        .or_else(same_value::<TextMessage>)
        .or_else(same_value::<TextScript>);
    assert!(same.is_ok(), "no check covers the type of the message");
}

/// Checks that the decoded bytes are the only encoding of their value.
fn one_encoding<T: NetMessage>(bytes: &[u8], decoded: Decoded) -> Result<(), Decoded> {
    let value = decoded.downcast::<T>()?;
    assert_eq!(REGISTRY.encode(&value).unwrap(), bytes, "a value has a second encoding");
    Ok(())
}

/// Checks that a decoded value that fits into a message encodes again, and then decodes to the same value.
fn same_value<T: NetMessage>(decoded: Decoded) -> Result<(), Decoded> {
    let value = decoded.downcast::<T>()?;
    // Text may grow: an exponent is written out, a letter escaped.
    if let Ok(bytes) = REGISTRY.encode(&value) {
        let again: T = REGISTRY.decode_as(&bytes).unwrap();
        // Not the values: a NaN equals nothing, not even itself.
        assert_eq!(REGISTRY.encode(&again).unwrap(), bytes);
    }
    Ok(())
}

/// Returns one valid message of each type, as the initial files of a corpus.
#[must_use]
pub fn samples() -> Vec<Vec<u8>> {
    let script = || {
        let list = vec![ScriptValue::Integer(-7), ScriptValue::Float(1.5), ScriptValue::Nil];
        let entries = [("list", ScriptValue::List(list)), ("text", ScriptValue::Text("héllo".into()))];
        ScriptValue::Map(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
    };
    let loose = || Loose {
        id: 1 << 40,
        name: "name".into(),
        values: vec![None, Some(-1), Some(70_000)],
        by_name: [("yes".into(), true)].into(),
        script: script(),
    };
    let packed = Packed {
        small: -5,
        wide: u64::MAX,
        flag: true,
        letter: 'ß',
        maybe: Some(Kind::Coins(100)),
        kinds: vec![Kind::Nothing, Kind::Place { x: -1, inner: vec![true, false].try_into().unwrap() }]
            .try_into()
            .unwrap(),
        name: BoundedString::truncated("tick"),
        raw: vec![1, 2, 3].try_into().unwrap(),
        pair: (9, [-1, 0, 1]),
    };
    let fixed = Fixed { a: 7.into(), b: 8.into(), c: true, d: [1, 2, 3] };
    let encoded = [
        REGISTRY.encode(&packed),
        REGISTRY.encode(&FixedMessage(fixed)),
        REGISTRY.encode(&PackMessage(loose())),
        REGISTRY.encode(&PackScript(script())),
        REGISTRY.encode(&TextMessage(loose())),
        REGISTRY.encode(&TextScript(script())),
    ];
    encoded.into_iter().map(|bytes| bytes.unwrap().to_vec()).collect()
}
