//! Values of fields, as scripts pass them.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::ids::NetworkId;

/// A value of a field. Each variant is a type that Lua, Python and AngelScript all have.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum DynamicValue {
    /// The value of an empty optional field, or of a reference to no entity.
    None,
    /// A Boolean value.
    Bool(bool),
    /// An integer. A field of floats or an angle accepts an integer too. A field of an enum accepts the index of a variant,
    /// counted from 0.
    Int(i128),
    /// A floating-point number. For an angle, the unit is radians. A field of integers accepts a float without a
    /// fractional part.
    Float(f64),
    /// A string, or the name of an enum variant.
    Text(String),
    /// A vector of two or three numbers.
    Vector(Vec<f64>),
    /// A rotation as a quaternion, in the order x, y, z, w.
    Quaternion([f64; 4]),
    /// A reference to an entity.
    Entity(NetworkId),
    /// A byte string that the codec does not interpret.
    Bytes(Vec<u8>),
    /// The items of an array, or the fields of a struct, in order.
    List(Vec<Self>),
}

impl DynamicValue {
    /// Returns a text that names the type in errors.
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
