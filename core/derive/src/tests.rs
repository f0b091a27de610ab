//! Tests of the errors that the message derives report for invalid attributes.

mod component;

use syn::{DeriveInput, parse_quote};

fn refused(input: &DeriveInput) -> String {
    crate::message::derive(input).map_or_else(|error| error.to_string(), |code| panic!("taken: {code}"))
}

#[test]
fn the_error_about_an_invalid_message_name_describes_the_fault() {
    let named = |name: &str| {
        refused(&parse_quote!(
            #[net(name = #name)]
            struct Chat;
        ))
    };
    let remedy = "; give 1 to 64 ASCII letters, digits, `_`, `-`, `.` or `/` with `#[net(name = \"…\")]`";
    assert_eq!(named(""), format!("the name is not valid for a message, because it is empty{remedy}"));
    assert_eq!(
        named("say:all"),
        format!("the name is not valid for a message, because it contains ':'{remedy}")
    );
    assert_eq!(
        named("größe"),
        format!("the name is not valid for a message, because it contains 'ö'{remedy}")
    );
    assert_eq!(
        named(&"a".repeat(65)),
        format!("the name is not valid for a message, because it has 65 bytes{remedy}")
    );
    assert_eq!(
        refused(&parse_quote!(
            struct Größe;
        )),
        format!("the name is not valid for a message, because it contains 'ö'{remedy}")
    );
    let longest = "a".repeat(64);
    assert!(
        crate::message::derive(&parse_quote!(
            #[net(name = #longest)]
            struct Chat;
        ))
        .is_ok()
    );
}

#[test]
fn the_error_about_an_invalid_channel_or_delivery_attribute_lists_the_valid_values() {
    let channel = "expected the number of a channel, 0 to 31, or its name in quotes";
    assert_eq!(
        refused(&parse_quote!(
            #[net(channel = 32)]
            struct Chat;
        )),
        channel
    );
    assert_eq!(
        refused(&parse_quote!(
            #[net(channel = 1.0)]
            struct Chat;
        )),
        channel
    );
    assert_eq!(
        refused(&parse_quote!(
            #[net(channel = "")]
            struct Chat;
        )),
        "the name of the channel is empty: give the name that `ChannelConfig::named` sets"
    );
    let delivery = "expected \"unreliable\", \"sequenced\", \"reliable-unordered\" or \"reliable-ordered\"";
    assert_eq!(
        refused(&parse_quote!(
            #[net(delivery = "reliable")]
            struct Chat;
        )),
        delivery
    );
    assert_eq!(
        refused(&parse_quote!(
            #[net(delivery = Sequenced)]
            struct Chat;
        )),
        delivery
    );
    assert_eq!(
        refused(&parse_quote!(
            #[net(channel = 1, delivery = "sequenced")]
            struct Chat;
        )),
        "`channel` and `delivery` both choose the channel: give only one of the two, once"
    );
}

#[test]
fn the_error_about_an_unknown_attribute_lists_the_valid_attributes() {
    assert_eq!(
        refused(&parse_quote!(
            #[net(chanel = 1)]
            struct Chat;
        )),
        "expected `codec`, `name`, `type`, `channel`, `delivery`, `max` or `crate`"
    );
}

#[test]
fn invalid_combinations_of_range_step_and_bits_attributes_are_refused() {
    let field = |field: syn::Field| refused(&parse_quote!(struct Chat { #field }));
    assert_eq!(
        field(parse_quote!(#[net(step = 0.1)] x: f32)),
        "`step` divides a `range`: give `range = low..=high` with it"
    );
    assert_eq!(
        field(parse_quote!(#[net(range = 0.0..1.0, step = 0.1)] x: f32)),
        "a range with a `step` includes both ends: write `..=` between them"
    );
    let float = "a float needs a `step` with its `range`, such as `range = -1.0..=1.0, step = 0.01`";
    assert_eq!(field(parse_quote!(#[net(range = -1.0..=1.0)] x: Share)), float);
    assert_eq!(field(parse_quote!(#[net(range = 0..=1)] x: [f32; 2])), float);
    assert_eq!(
        field(parse_quote!(#[net(range = 0..=1, bits = 1)] x: u8)),
        "an attribute is given twice, or `range` is given with `bits`: give each attribute once, and only one of `range` \
         and `bits`"
    );
    assert_eq!(field(parse_quote!(#[net(stepp = 1)] x: u8)), "expected `range`, `step`, `bits` or `opaque`");
    assert_eq!(
        refused(&parse_quote!(
            #[net(codec = "json")]
            struct Chat {
                #[net(range = 0.0..=1.0, step = 0.1)]
                x: f32,
            }
        )),
        "only the bits codec supports `range`, `step` and `bits`: remove the attribute, or use `codec = \"bits\"`"
    );
}
