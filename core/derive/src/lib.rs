//! The derive macros of `tickwire-core`'s messages. `tickwire_core::message` re-exports them.

mod attributes;
mod bits;
mod message;
mod names;
mod shape;
#[cfg(test)]
mod tests;
mod text;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `NetMessage`, `NetShape` and, for the bits codec, `NetSerialize`.
///
/// ```text
/// #[derive(NetMessage)]
/// #[net(name = "move", delivery = "sequenced", max = 256)]
/// struct Move {
///     #[net(range = 0..=1023)]
///     x: u16,
///     name: BoundedString<32>,
/// }
/// ```
///
/// On the message, `#[net(…)]` takes:
///
/// | attribute | meaning | default |
/// |---|---|---|
/// | `name = "…"` | the name that both ends know it by: 1 to 64 ASCII letters, digits, `_`, `-`, `.` and `/` | the type's name |
/// | `delivery = "sequenced"` | the first channel with this delivery carries it: `"unreliable"`, `"sequenced"`, `"reliable-unordered"` or `"reliable-ordered"` | |
/// | `channel = 2`, `channel = "chat"` | this channel carries it: a number from 0 to 31 (or a constant), or the name of a channel. Give either `channel` or `delivery` | 0, the first |
/// | `max = 1200` | the most bytes of its body, 0 to 2^28 | 1 MiB |
/// | `codec = "bits"` | how it is written: `"bits"`, `"zerocopy"`, `"messagepack"`, `"json"`, or the path of a type that implements `Codec` | `"bits"` |
/// | `type = 0x1000` | its type in captures and statistics, 0x1000 to 0xffff | computed from the name |
/// | `crate = path` | where `tickwire_core` is found | `::tickwire_core` |
///
/// On a field:
///
/// | attribute | meaning |
/// |---|---|
/// | `range = 0..=9` | the values that the integer takes; it is written with as few bits as they need, and other values are refused at both ends. A string with a range does as well. Bits codec only |
/// | `bits = 12` | the values that so many bits hold, negative ones included if the integer has a sign. Bits codec only |
/// | `opaque` | the schema hash sees the text of the field's type only: for types that do not implement `NetShape` |
///
/// A name, channel, type or bound that cannot be is an error of the compiler.
#[proc_macro_derive(NetMessage, attributes(net))]
pub fn net_message(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    message::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetSerialize` and `NetShape`, for types inside messages of the bits codec. Fields take `#[net(range = …)]`,
/// `#[net(bits = …)]` and `#[net(opaque)]`, the type `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(NetSerialize, attributes(net))]
pub fn net_serialize(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    bits::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetShape`, for types inside messages of the other codecs. Fields take `#[net(opaque)]`, the type
/// `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(NetShape, attributes(net))]
pub fn net_shape(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    shape::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
