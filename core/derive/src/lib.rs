//! The derive macros for the messages and components of `tickwire-core`. `tickwire_core::message` and
//! `tickwire_core::snapshot` re-export the macros.

mod attributes;
mod bits;
mod component;
mod component_field;
mod facade;
mod message;
mod names;
mod ranges;
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
/// `#[net(step = …)]`, `#[net(bits = …)]` and `#[net(opaque)]`; the type takes `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(NetSerialize, attributes(net))]
pub fn net_serialize(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    bits::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetShape`, for types inside messages of codecs other than the bits codec. Fields take `#[net(opaque)]`; the
/// type takes `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(NetShape, attributes(net))]
pub fn net_shape(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    shape::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

#[doc = include_str!("net_component.md")]
#[proc_macro_derive(NetComponent, attributes(net))]
pub fn net_component(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    component::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetValue`, for enums without fields and for structs inside components. Fields take the attributes of
/// [`macro@NetComponent`]; the type takes `#[net(crate = path)]`.
#[proc_macro_derive(NetValue, attributes(net))]
pub fn net_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    component::derive_value(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

// The facade `tickwire` re-exports the following five macros under the names of the five macros above. A user of the facade may not
// depend on `tickwire-core`, so the derived code names the facade. A `crate` attribute of the user comes later in the list and
// takes precedence.

#[doc = include_str!("net_message.md")]
#[proc_macro_derive(FacadeNetMessage, attributes(net))]
pub fn facade_net_message(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    message::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetSerialize` and `NetShape`, for types inside messages of the bits codec. Fields take `#[net(range = …)]`,
/// `#[net(step = …)]`, `#[net(bits = …)]` and `#[net(opaque)]`; the type takes `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(FacadeNetSerialize, attributes(net))]
pub fn facade_net_serialize(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    bits::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetShape`, for types inside messages of codecs other than the bits codec. Fields take `#[net(opaque)]`; the
/// type takes `#[net(crate = path)]`: see [`macro@NetMessage`].
#[proc_macro_derive(FacadeNetShape, attributes(net))]
pub fn facade_net_shape(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    shape::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

#[doc = include_str!("net_component.md")]
#[proc_macro_derive(FacadeNetComponent, attributes(net))]
pub fn facade_net_component(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    component::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Derives `NetValue`, for enums without fields and for structs inside components. Fields take the attributes of
/// [`macro@NetComponent`]; the type takes `#[net(crate = path)]`.
#[proc_macro_derive(FacadeNetValue, attributes(net))]
pub fn facade_net_value(input: TokenStream) -> TokenStream {
    let input = facade::named(parse_macro_input!(input as DeriveInput));
    component::derive_value(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
