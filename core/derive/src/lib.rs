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
mod shape;
mod text;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

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

// The facade `tickwire` re-exports the following three under the names of the three above. Its users may not depend on
// `tickwire-core`, so what they derive names the facade. An attribute `crate` of their own comes later, and wins.

#[doc(hidden)]
#[proc_macro_derive(FacadeNetMessage, attributes(net))]
pub fn facade_net_message(input: TokenStream) -> TokenStream {
    let input = of_the_facade(parse_macro_input!(input as DeriveInput));
    message::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

#[doc(hidden)]
#[proc_macro_derive(FacadeNetSerialize, attributes(net))]
pub fn facade_net_serialize(input: TokenStream) -> TokenStream {
    let input = of_the_facade(parse_macro_input!(input as DeriveInput));
    bits::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

#[doc(hidden)]
#[proc_macro_derive(FacadeNetShape, attributes(net))]
pub fn facade_net_shape(input: TokenStream) -> TokenStream {
    let input = of_the_facade(parse_macro_input!(input as DeriveInput));
    shape::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn of_the_facade(mut input: DeriveInput) -> DeriveInput {
    input.attrs.insert(0, parse_quote!(#[net(crate = ::tickwire)]));
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expansions(input: DeriveInput) -> [String; 3] {
        let input = of_the_facade(input);
        [message::derive(&input), bits::derive(&input), shape::derive(&input)].map(|tokens| match tokens {
            Ok(tokens) => tokens.to_string(),
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn what_is_derived_by_the_facade_names_the_facade_and_no_other_crate_of_ours() {
        let input = parse_quote!(
            struct Bought {
                by: BoundedString<8>,
                count: u8,
            }
        );
        for text in expansions(input) {
            assert!(text.contains(":: tickwire ::") && !text.contains("tickwire_core"), "{text}");
        }
    }

    #[test]
    fn a_path_that_the_user_gives_wins_over_the_facades() {
        let input = parse_quote!(
            #[net(crate = my_game::net)]
            struct Bought(u8);
        );
        for text in expansions(input) {
            assert!(text.contains("my_game :: net") && !text.contains(":: tickwire ::"), "{text}");
        }
    }
}
