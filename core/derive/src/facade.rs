//! Makes the facade's derives name the facade `tickwire` instead of `tickwire-core`.

use syn::{DeriveInput, parse_quote};

/// Makes the derived code name the facade, unless a `crate` attribute names another path.
pub(crate) fn named(mut input: DeriveInput) -> DeriveInput {
    input.attrs.insert(0, parse_quote!(#[net(crate = ::tickwire)]));
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bits, component, message, shape};

    fn expansions(input: DeriveInput) -> [String; 5] {
        let input = named(input);
        let derives =
            [message::derive, bits::derive, shape::derive, component::derive, component::derive_value];
        derives.map(|derive| match derive(&input) {
            Ok(tokens) => tokens.to_string(),
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn code_derived_through_the_facade_refers_only_to_the_facade_crate() {
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
    fn a_crate_path_from_the_user_overrides_the_facade() {
        let input = parse_quote!(
            #[net(crate = my_game::net)]
            struct Bought(u8);
        );
        for text in expansions(input) {
            assert!(text.contains("my_game :: net") && !text.contains(":: tickwire ::"), "{text}");
        }
    }
}
