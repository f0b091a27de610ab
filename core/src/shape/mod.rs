//! The layout of a type on the wire. Schema hash and schema export are made from it.

mod impls;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::TypeId;

use serde::Serialize;

use crate::schema::StableHasher;

/// A type whose layout can be told. Derive it; nested types of any codec need it.
///
/// A wrong shape only weakens the check that both ends were built alike; it can never make decoding unsafe.
#[diagnostic::on_unimplemented(
    message = "the layout of `{Self}` is not known",
    note = "derive `NetMessage`, `NetSerialize` or `NetShape` for `{Self}`, or mark the field `#[net(opaque)]`"
)]
pub trait NetShape: 'static {
    /// The layout. Ask `shapes` for that of nested types, so that a type that contains itself comes to an end.
    fn shape(shapes: &mut Shapes) -> Shape;
}

/// Collects the shapes of nested types.
#[derive(Debug, Default)]
pub struct Shapes {
    open: Vec<TypeId>,
}

impl Shapes {
    /// The shape of `T`, or [`Shape::Recursive`] inside its own.
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

/// The layout of a type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// True or false.
    Boolean,
    /// An integer between two bounds, both included.
    Integer {
        /// Bits of the type in memory.
        width: u8,
        /// Whether the type has a sign.
        signed: bool,
        /// The least value.
        min: i128,
        /// The greatest value.
        max: i128,
    },
    /// An IEEE 754 number.
    Float {
        /// 32 or 64 bits.
        width: u8,
    },
    /// A Unicode scalar value.
    Character,
    /// UTF-8.
    Text {
        /// The most bytes that it takes.
        max: Option<u64>,
    },
    /// Bytes without meaning.
    Bytes {
        /// The most there may be.
        max: Option<u64>,
    },
    /// As many items as there are.
    List {
        /// The most there may be.
        max: Option<u64>,
        /// The layout of each item.
        item: Box<Self>,
    },
    /// A fixed number of items.
    Array {
        /// How many.
        length: u64,
        /// The layout of each item.
        item: Box<Self>,
    },
    /// Values by key.
    Map {
        /// The layout of each key.
        key: Box<Self>,
        /// The layout of each value.
        value: Box<Self>,
    },
    /// A value or nothing.
    Optional {
        /// The layout of the value.
        item: Box<Self>,
    },
    /// Fields one after another.
    Structure {
        /// The fields, in the order of the wire.
        fields: Vec<Field>,
    },
    /// One of several variants.
    Enumeration {
        /// The variants, in the order of the wire.
        variants: Vec<Variant>,
    },
    /// A type that says no more than its name.
    Opaque {
        /// How it is called.
        name: Cow<'static, str>,
    },
    /// A layout that something changes: the serde attributes of a type.
    Annotated {
        /// The text of the serde attributes.
        note: Cow<'static, str>,
        /// The layout before them.
        item: Box<Self>,
    },
    /// A type that is being told already.
    Recursive {
        /// How many containers up: 0 is the innermost.
        up: u32,
    },
}

/// A field of a structure or variant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Field {
    /// Its name, or its place where it has none.
    pub name: Cow<'static, str>,
    /// The field's serde attributes, which change its layout beyond its type.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub note: Cow<'static, str>,
    /// Its layout.
    pub shape: Shape,
}

/// A variant of an enumeration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Variant {
    /// Its name.
    pub name: Cow<'static, str>,
    /// The variant's serde attributes, which change its layout beyond its fields.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub note: Cow<'static, str>,
    /// Its fields, in the order of the wire.
    pub fields: Vec<Field>,
}

impl Field {
    /// A field by name and shape.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name: Cow::Borrowed(name), note: Cow::Borrowed(""), shape }
    }

    /// With a note on its layout.
    #[must_use]
    pub fn note(mut self, note: &'static str) -> Self {
        self.note = Cow::Borrowed(note);
        self
    }
}

impl Variant {
    /// A variant by name and fields.
    #[must_use]
    pub fn new(name: &'static str, fields: impl IntoIterator<Item = Field>) -> Self {
        Self { name: Cow::Borrowed(name), note: Cow::Borrowed(""), fields: fields.into_iter().collect() }
    }

    /// With a note on its layout.
    #[must_use]
    pub fn note(mut self, note: &'static str) -> Self {
        self.note = Cow::Borrowed(note);
        self
    }
}

impl Shape {
    /// A structure of `fields`.
    #[must_use]
    pub fn structure(fields: impl IntoIterator<Item = Field>) -> Self {
        Self::Structure { fields: fields.into_iter().collect() }
    }

    /// An enumeration of `variants`.
    #[must_use]
    pub fn enumeration(variants: impl IntoIterator<Item = Variant>) -> Self {
        Self::Enumeration { variants: variants.into_iter().collect() }
    }

    /// A type that says no more than its name.
    #[must_use]
    pub const fn opaque(name: &'static str) -> Self {
        Self::Opaque { name: Cow::Borrowed(name) }
    }

    /// With a note on what changes it.
    #[must_use]
    pub fn note(self, note: &'static str) -> Self {
        Self::Annotated { note: Cow::Borrowed(note), item: Box::new(self) }
    }

    /// Folds the shape into `hash`: one tag byte per node, then its numbers (64 bits little-endian), texts (length as a
    /// number, bytes) and children (their count where it varies, then each). The names of nested types stay out.
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
