//! Values of scripting languages.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{NetShape, Shape, Shapes};

/// A value that a game script sends or receives, of one of the types that Lua, Python and AngelScript have in common.
///
/// A script value may be a field of MessagePack and JSON messages, whose codecs limit its depth and size.
/// MessagePack preserves every value, but turns every NaN into the same NaN. JSON turns a byte string into a list of
/// integers, and NaN and infinities into [`ScriptValue::Nil`].
#[derive(Clone, PartialEq, Debug, Default)]
pub enum ScriptValue {
    /// The absence of a value: `nil` in Lua, `None` in Python, `null` in JSON.
    #[default]
    Nil,
    /// A Boolean value.
    Bool(bool),
    /// A signed integer of 64 bits.
    Integer(i64),
    /// A floating-point number of 64 bits.
    Float(f64),
    /// A text in UTF-8.
    Text(String),
    /// A byte string that the codec does not interpret.
    Bytes(Vec<u8>),
    /// A list of values.
    List(Vec<Self>),
    /// A map from names to values, sorted by name.
    Map(BTreeMap<String, Self>),
}

impl NetShape for ScriptValue {
    fn shape(_: &mut Shapes) -> Shape {
        Shape::opaque("script")
    }
}

impl Serialize for ScriptValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(canonical(*value)),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => serializer.collect_map(entries),
        }
    }
}

impl<'de> Deserialize<'de> for ScriptValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = ScriptValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a script value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(ScriptValue::Nil)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(ScriptValue::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(ScriptValue::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        i64::try_from(value)
            .map(ScriptValue::Integer)
            .map_err(|_| E::custom("the integer exceeds 2^63 - 1; send a smaller integer"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(ScriptValue::Float(canonical(value)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ScriptValue::Text(text.into()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(ScriptValue::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(ScriptValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((name, value)) = access.next_entry()? {
            entries.insert(name, value);
        }
        Ok(ScriptValue::Map(entries))
    }
}

fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { value }
}
