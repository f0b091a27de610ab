//! Values as bits: each value takes as many bits as its type needs, and has exactly one encoding.
//!
//! [`BitWriter`] and [`BitReader`] write and read single bits, [`put_integer`] and [`take_integer`] write and read an integer of a
//! declared range, and [`NetSerialize`] composes these functions. The messages' codec [`Bits`](crate::message::Bits) is built on this module.
//!
//! | type | bits |
//! |---|---|
//! | `bool` | 1 |
//! | integer in `low..=high` | as many as `high - low` needs; they contain `value - low` |
//! | integer without a range | the width of its type; they contain `value - MIN` |
//! | `f32`, `f64` | 32, 64: IEEE 754; every NaN becomes 0x7fc00000 or 0x7ff8000000000000 |
//! | a float with a range and a step | as many as the number of steps needs; they contain the number of steps above the low end |
//! | `char` | 21 |
//! | `Option<T>` | 1, then the value if the bit is 1 |
//! | `BoundedVec<T, N>` | the length in as many as `N` needs, then the items |
//! | `BoundedString<N>`, `BoundedBytes<N>` | the length in as many as `N` needs, then 8 for each byte |
//! | `[T; N]`, tuples, structs | the items or fields in order |
//! | enums | the variant's index in as many bits as (number of variants - 1) takes, then the variant's fields |
//!
//! Bits fill each byte from its lowest bit to its highest bit. Zeros fill the rest of the final byte.

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
