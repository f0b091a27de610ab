//! The layout of a type on the wire. A [`Registry`](crate::message::Registry) computes the schema hash and the schema
//! export from the layouts of its types.

mod impls;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::TypeId;

use serde::Serialize;

use crate::schema::StableHasher;

/// A type with a layout for the schema. Derive this trait for message types and for the types nested in them.
///
/// A wrong layout only weakens the check that both ends have the same types. It cannot make decoding unsafe.
#[diagnostic::on_unimplemented(
    message = "the layout of `{Self}` is not known",
    note = "derive `NetMessage`, `NetSerialize` or `NetShape` for `{Self}`, or mark the field `#[net(opaque)]`"
)]
pub trait NetShape: 'static {
    /// Returns the layout of the type. Get the layouts of nested types from `shapes`, so that a type that contains
    /// itself has a finite layout.
    fn shape(shapes: &mut Shapes) -> Shape;
}

/// A builder of layouts, which detects a type that contains itself. [`NetShape::shape`] gets the layouts of nested
/// types from [`Shapes::of`].
#[derive(Debug, Default)]
pub struct Shapes {
    open: Vec<TypeId>,
}

impl Shapes {
    /// Returns the layout of `T`. Returns [`Shape::Recursive`] if `T` is nested in another `T`.
    pub fn of<T: NetShape>(&mut self) -> Shape {
        let id = TypeId::of::<T>();
        if let Some(up) = self.open.iter().rev().position(|open| *open == id) {
            return Shape::Recursive { up: up as u32 };
        }
        self.open.push(id);
        let shape = T::shape(self);
        self.open.pop();
        shape
    }
}

/// The layout of a type on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// A Boolean value.
    Boolean,
    /// An integer between two bounds, both included.
    Integer {
        /// The number of bits of the type in memory.
        width: u8,
        /// `true` if the type is signed.
        signed: bool,
        /// The smallest value of the field.
        min: i128,
        /// The largest value of the field.
        max: i128,
    },
    /// A floating-point number (IEEE 754).
    Float {
        /// The number of bits of the number: 32 or 64.
        width: u8,
    },
    /// A Unicode scalar value.
    Character,
    /// A text in UTF-8.
    Text {
        /// The length of the longest text, in bytes, or `None` without a limit.
        max: Option<u64>,
    },
    /// A byte string that the codec does not interpret.
    Bytes {
        /// The length of the longest byte string, in bytes, or `None` without a limit.
        max: Option<u64>,
    },
    /// A list with a variable number of items.
    List {
        /// The largest number of items in the list, or `None` without a limit.
        max: Option<u64>,
        /// The layout of each list item.
        item: Box<Self>,
    },
    /// An array with a fixed number of items.
    Array {
        /// The number of items in the array.
        length: u64,
        /// The layout of each array item.
        item: Box<Self>,
    },
    /// A map from keys to values.
    Map {
        /// The layout of each key of the map.
        key: Box<Self>,
        /// The layout of each value of the map.
        value: Box<Self>,
    },
    /// A value that may be absent.
    Optional {
        /// The layout of the value, if it is present.
        item: Box<Self>,
    },
    /// A struct, whose fields are encoded one after another.
    Structure {
        /// The fields of the struct, in the order of the wire.
        fields: Vec<Field>,
    },
    /// An enum, whose value is one of several variants.
    Enumeration {
        /// The variants of the enum, in the order of the wire.
        variants: Vec<Variant>,
    },
    /// A type that is described only by its name.
    Opaque {
        /// The name of the opaque type.
        name: Cow<'static, str>,
    },
    /// A layout that the serde attributes of its type change, or that a range and a step of a float restrict.
    Annotated {
        /// The serde attributes, or the range and the step, as text.
        note: Cow<'static, str>,
        /// The layout that the type would have without the attributes in the note.
        item: Box<Self>,
    },
    /// A nested type that is the same as one of the types that contain it.
    Recursive {
        /// The number of containers between the nested type and the type that it repeats. 0 means the innermost
        /// container.
        up: u32,
    },
}

/// A field of a struct or variant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Field {
    /// The name of the field, or its index in a tuple.
    pub name: Cow<'static, str>,
    /// The serde attributes of the field that change its layout, as text.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub note: Cow<'static, str>,
    /// The layout of the field.
    pub shape: Shape,
}

/// A variant of an enum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Variant {
    /// The name of the variant.
    pub name: Cow<'static, str>,
    /// The serde attributes of the variant that change its layout, as text.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub note: Cow<'static, str>,
    /// The fields of the variant, in the order of the wire.
    pub fields: Vec<Field>,
}

impl Field {
    /// Creates a field with this name and layout.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name: Cow::Borrowed(name), note: Cow::Borrowed(""), shape }
    }

    /// Adds a note that names the serde attributes of the field, and returns the changed field.
    #[must_use]
    pub fn note(mut self, note: &'static str) -> Self {
        self.note = Cow::Borrowed(note);
        self
    }
}

impl Variant {
    /// Creates a variant with this name and these fields.
    #[must_use]
    pub fn new(name: &'static str, fields: impl IntoIterator<Item = Field>) -> Self {
        Self { name: Cow::Borrowed(name), note: Cow::Borrowed(""), fields: fields.into_iter().collect() }
    }

    /// Adds a note that names the serde attributes of the variant, and returns the changed variant.
    #[must_use]
    pub fn note(mut self, note: &'static str) -> Self {
        self.note = Cow::Borrowed(note);
        self
    }
}

impl Shape {
    /// Creates the layout of a struct with `fields`.
    #[must_use]
    pub fn structure(fields: impl IntoIterator<Item = Field>) -> Self {
        Self::Structure { fields: fields.into_iter().collect() }
    }

    /// Creates the layout of an enum with `variants`.
    #[must_use]
    pub fn enumeration(variants: impl IntoIterator<Item = Variant>) -> Self {
        Self::Enumeration { variants: variants.into_iter().collect() }
    }

    /// Creates a layout that contains only the name of the type.
    #[must_use]
    pub const fn opaque(name: &'static str) -> Self {
        Self::Opaque { name: Cow::Borrowed(name) }
    }

    /// Adds a note that names the serde attributes of the type, and returns the changed layout.
    #[must_use]
    pub fn note(self, note: &'static str) -> Self {
        Self::Annotated { note: Cow::Borrowed(note), item: Box::new(self) }
    }

    /// Adds the shape to `hash`: one tag byte per node, then its numbers (64 bits, little-endian), texts (the length as
    /// a number, then the bytes) and children (their count if it varies, then each child). The names of nested types
    /// are not added.
    pub(crate) fn fold(&self, hash: &mut StableHasher) {
        match self {
            Self::Boolean => hash.u8(1),
            Self::Integer { width, signed, min, max } => {
                hash.u8(2);
                hash.u8(*width);
                hash.u8(u8::from(*signed));
                hash.bytes(&min.to_le_bytes());
                hash.bytes(&max.to_le_bytes());
            }
            Self::Float { width } => {
                hash.u8(3);
                hash.u8(*width);
            }
            Self::Character => hash.u8(4),
            Self::Text { max } => fold_bounded(hash, 5, *max),
            Self::Bytes { max } => fold_bounded(hash, 6, *max),
            Self::List { max, item } => {
                fold_bounded(hash, 7, *max);
                item.fold(hash);
            }
            Self::Array { length, item } => {
                hash.u8(8);
                hash.u64(*length);
                item.fold(hash);
            }
            Self::Map { key, value } => {
                hash.u8(9);
                key.fold(hash);
                value.fold(hash);
            }
            Self::Optional { item } => {
                hash.u8(10);
                item.fold(hash);
            }
            Self::Structure { fields } => {
                hash.u8(11);
                fold_fields(hash, fields);
            }
            Self::Enumeration { variants } => {
                hash.u8(12);
                hash.u64(variants.len() as u64);
                for variant in variants {
                    hash.text(&variant.name);
                    hash.text(&variant.note);
                    fold_fields(hash, &variant.fields);
                }
            }
            Self::Opaque { name } => {
                hash.u8(13);
                hash.text(name);
            }
            Self::Recursive { up } => {
                hash.u8(14);
                hash.u64(u64::from(*up));
            }
            Self::Annotated { note, item } => {
                hash.u8(15);
                hash.text(note);
                item.fold(hash);
            }
        }
    }
}

fn fold_bounded(hash: &mut StableHasher, tag: u8, max: Option<u64>) {
    hash.u8(tag);
    hash.u8(u8::from(max.is_some()));
    hash.u64(max.unwrap_or(0));
}

fn fold_fields(hash: &mut StableHasher, fields: &[Field]) {
    hash.u64(fields.len() as u64);
    for field in fields {
        hash.text(&field.name);
        hash.text(&field.note);
        field.shape.fold(hash);
    }
}
