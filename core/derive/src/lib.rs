//! The derive macros of `tickwire-core`'s messages. `tickwire_core::message` re-exports them.

mod attributes;
mod bits;
mod facade;
mod message;
mod names;
mod shape;
#[cfg(test)]
mod tests;
mod text;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

#[doc = include_str!("net_message.md")]
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

// The facade `tickwire` re-exports the following three under the names of the three above. Its users may not depend on
// `tickwire-core`, so what they derive names the facade. An attribute `crate` of their own comes later, and wins.

#[doc = include_str!("net_message.md")]
#[proc_macro_derive(FacadeNetMessage, attributes(net))]
pub fn facade_net_message(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    message::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetSerialize` and `NetShape`, for types inside messages of the bits codec. Fields take `#[net(range = …)]`,
/// `#[net(bits = …)]` and `#[net(opaque)]`, the type `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(FacadeNetSerialize, attributes(net))]
pub fn facade_net_serialize(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    bits::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetShape`, for types inside messages of the other codecs. Fields take `#[net(opaque)]`, the type
/// `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(FacadeNetShape, attributes(net))]
pub fn facade_net_shape(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    shape::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
