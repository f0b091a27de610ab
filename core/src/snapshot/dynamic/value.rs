//! Values of fields as scripts know them.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::ids::NetworkId;

/// A value of a field, of the types that Lua, Python and AngelScript have in common.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum DynamicValue {
    /// None: of an optional field, or of a reference to an entity.
    None,
    /// True or false.
    Bool(bool),
    /// An integer. Fields of numbers take it too.
    Int(i128),
    /// A number; an angle is in radians. Fields of integers take it if it is whole.
    Float(f64),
    /// Text, or the name of a variant.
    Text(String),
    /// Two or three numbers.
    Vector(Vec<f64>),
    /// A rotation, x y z w.
    Quaternion([f64; 4]),
    /// An entity.
    Entity(NetworkId),
    /// Bytes without meaning.
    Bytes(Vec<u8>),
    /// The items of an array, or the fields of a structure in order.
    List(Vec<Self>),
}

impl DynamicValue {
    /// The type in words, as an error names it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Vector(_) => "a vector",
            Self::Quaternion(_) => "a quaternion",
            Self::Entity(_) => "an entity",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
        }
    }
}
