//! Values as bits: each takes as many bits as its type needs, and has exactly one encoding.
//!
//! [`BitWriter`] and [`BitReader`] move single bits, [`put_integer`] and [`take_integer`] move an integer of a declared range, and
//! [`NetSerialize`] composes them. The messages' codec [`Bits`](crate::message::Bits) is built on this module.
//!
//! | type | bits |
//! |---|---|
//! | `bool` | 1 |
//! | integer in `low..=high` | those of `high - low`; holds `value - low` |
//! | integer without a range | its width; holds `value - MIN` |
//! | `f32`, `f64` | 32, 64: IEEE 754; every NaN becomes 0x7fc00000 or 0x7ff8000000000000 |
//! | a float with a range and a step | those of the number of steps; holds how many steps it lies above the low end |
//! | `char` | 21 |
//! | `Option<T>` | 1, then the value if it is 1 |
//! | `BoundedVec<T, N>` | a length in those of `N`, then the items |
//! | `BoundedString<N>`, `BoundedBytes<N>` | a length in those of `N`, then 8 per byte |
//! | `[T; N]`, tuples, structs | the items or fields in order |
//! | enums | the variant's index in as many bits as (number of variants - 1) takes, then the variant's fields |
//!
//! Bits fill each byte from the lowest up; the last byte is filled with zeros.

mod error;
mod impls;
mod integer;
mod reader;
mod serialize;
mod steps;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{DecodeError, EncodeError, OutOfRange};
pub use integer::{BitsRange, NetInteger, bits_for, integer_shape, put_integer, take_integer};
pub use reader::BitReader;
pub use serialize::NetSerialize;
pub(crate) use serialize::put_items;
pub use steps::SteppedBits;
pub use writer::BitWriter;
