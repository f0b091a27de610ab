//! The derive macros of `tickwire-core`'s messages. `tickwire_core::message` re-exports and documents them.
//!
//! | attribute | on | meaning |
//! |---|---|---|
//! | `codec = "bits"` | message | or `"zerocopy"`, `"messagepack"`, `"json"`, or the path of a codec type. Default: bits |
//! | `name = "…"` | message | the name both ends know; default: the type's |
//! | `type = 0x1000` | message | the type in captures, from 0x1000; default: computed from the name |
//! | `channel = 0` | message | the channel it belongs on; default: 0 |
//! | `max = 1200` | message | the most bytes of its body; default: 1 MiB |
//! | `crate = path` | any type | where `tickwire_core` is found; default: `::tickwire_core` |
//! | `range = 0..=9` | integer field | the values it takes; bits codec only. A string with a range does as well |
//! | `bits = 12` | integer field | the values that many bits hold; bits codec only |
//! | `opaque` | field | its layout is not told: the schema hash sees the type's text only |

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
/// See the crate's page for the attributes.
#[proc_macro_derive(NetMessage, attributes(net))]
pub fn net_message(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    message::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetSerialize` and `NetShape`, for types inside messages of the bits codec.
///
/// See the crate's page for the attributes.
#[proc_macro_derive(NetSerialize, attributes(net))]
pub fn net_serialize(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    bits::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetShape`, for types inside messages of the other codecs.
///
/// See the crate's page for the attributes.
#[proc_macro_derive(NetShape, attributes(net))]
pub fn net_shape(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    shape::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
