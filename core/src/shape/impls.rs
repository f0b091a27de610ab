//! The layouts of common types.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use zerocopy::{big_endian, little_endian};

use super::{Field, NetShape, Shape, Shapes};

macro_rules! plain {
    ($($type:ty => $shape:expr),* $(,)?) => {$(
        impl NetShape for $type {
            fn shape(_: &mut Shapes) -> Shape {
                $shape
            }
        }
    )*};
}

plain! {
    bool => Shape::Boolean,
    f32 => Shape::Float { width: 32 },
    f64 => Shape::Float { width: 64 },
    char => Shape::Character,
    String => Shape::Text { max: None },
    bytes::Bytes => Shape::Bytes { max: None },
    () => Shape::structure([]),
    little_endian::U16 => Shape::opaque("u16le"),
    little_endian::U32 => Shape::opaque("u32le"),
    little_endian::U64 => Shape::opaque("u64le"),
    little_endian::I16 => Shape::opaque("i16le"),
    little_endian::I32 => Shape::opaque("i32le"),
    little_endian::I64 => Shape::opaque("i64le"),
    little_endian::F32 => Shape::opaque("f32le"),
    little_endian::F64 => Shape::opaque("f64le"),
    big_endian::U16 => Shape::opaque("u16be"),
    big_endian::U32 => Shape::opaque("u32be"),
    big_endian::U64 => Shape::opaque("u64be"),
    big_endian::I16 => Shape::opaque("i16be"),
    big_endian::I32 => Shape::opaque("i32be"),
    big_endian::I64 => Shape::opaque("i64be"),
    big_endian::F32 => Shape::opaque("f32be"),
    big_endian::F64 => Shape::opaque("f64be"),
}

impl<T: NetShape> NetShape for Option<T> {
    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::Optional { item: Box::new(shapes.of::<T>()) }
    }
}

/// The layout of a box is the layout of its content.
impl<T: NetShape> NetShape for Box<T> {
    fn shape(shapes: &mut Shapes) -> Shape {
        shapes.of::<T>()
    }
}

impl<T: NetShape, const N: usize> NetShape for [T; N] {
    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::Array { length: N as u64, item: Box::new(shapes.of::<T>()) }
    }
}

impl<T: NetShape> NetShape for Vec<T> {
    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::List { max: None, item: Box::new(shapes.of::<T>()) }
    }
}

impl<T: NetShape> NetShape for BTreeSet<T> {
    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::List { max: None, item: Box::new(shapes.of::<T>()) }
    }
}

impl<K: NetShape, V: NetShape> NetShape for BTreeMap<K, V> {
    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::Map { key: Box::new(shapes.of::<K>()), value: Box::new(shapes.of::<V>()) }
    }
}

macro_rules! tuples {
    ($($($name:ident $place:literal),+;)*) => {$(
        impl<$($name: NetShape),+> NetShape for ($($name,)+) {
            fn shape(shapes: &mut Shapes) -> Shape {
                Shape::structure([$(Field::new($place, shapes.of::<$name>())),+])
            }
        }
    )*};
}

tuples! {
    A "0";
    A "0", B "1";
    A "0", B "1", C "2";
    A "0", B "1", C "2", D "3";
}
