//! Tests of the errors of the component derives.

use syn::{DeriveInput, Field, parse_quote};

fn refused(input: &DeriveInput) -> String {
    crate::component::derive(input).map_or_else(|error| error.to_string(), |code| panic!("taken: {code}"))
}

fn field(field: Field) -> String {
    refused(&parse_quote!(struct Pose { #field }))
}

#[test]
fn the_error_about_an_invalid_component_or_group_name_names_the_fault_and_the_remedy() {
    let remedy = |attribute| {
        format!(
            "; give 1 to 54 ASCII letters, digits, `_`, `-`, `.` or `/` with `#[net({attribute} = \"…\")]`"
        )
    };
    assert_eq!(
        refused(&parse_quote!(
            #[net(name = "a:b")]
            struct Pose;
        )),
        format!("the name is not valid for a component, because it contains ':'{}", remedy("name"))
    );
    assert_eq!(
        refused(&parse_quote!(
            #[net(group = "")]
            struct Pose;
        )),
        format!("the name is not valid for a group, because it is empty{}", remedy("group"))
    );
    let long = "a".repeat(55);
    assert_eq!(
        refused(&parse_quote!(
            #[net(name = #long)]
            struct Pose;
        )),
        format!("the name is not valid for a component, because it has 55 bytes{}", remedy("name"))
    );
}

#[test]
fn the_error_about_an_unknown_attribute_of_a_component_lists_the_valid_attributes() {
    assert_eq!(
        refused(&parse_quote!(
            #[net(codec = "bits")]
            struct Pose;
        )),
        "expected `name`, `group`, `hz`, `predictor` or `crate`"
    );
    assert_eq!(
        refused(&parse_quote!(
            #[net(predictor = "fast")]
            struct Pose;
        )),
        "expected \"last\", \"linear\" or \"velocity\""
    );
    assert_eq!(
        field(parse_quote!(#[net(opaque)] x: u8)),
        "expected `range`, `step`, `bits`, `quat`, `angle`, `threshold`, `position` or `velocity`"
    );
}

#[test]
fn the_error_about_conflicting_attributes_of_a_field_names_the_reason() {
    let one =
        "`range`, `bits`, `quat` and `angle` each set the encoding of a field: give only one of the four";
    assert_eq!(field(parse_quote!(#[net(range = 0..=9, bits = 4)] x: u8)), one);
    assert_eq!(field(parse_quote!(#[net(quat = 9, angle = 8)] x: [f32; 4])), one);
    let twice = "this attribute is given twice: give the attribute once";
    assert_eq!(field(parse_quote!(#[net(bits = 4, bits = 5)] x: u8)), twice);
    assert_eq!(field(parse_quote!(#[net(bits = 4)] #[net(bits = 5)] x: u8)), twice);
    assert_eq!(
        field(parse_quote!(#[net(range = 0..=9, position, velocity)] x: u8)),
        "a field is either a position or a velocity: give one of the two attributes, once"
    );
    assert_eq!(
        field(parse_quote!(#[net(angle = 8, position)] x: f32)),
        "`position` needs a `range` on the same field: give a range"
    );
    assert_eq!(
        field(parse_quote!(#[net(velocity)] x: f32)),
        "`velocity` needs a `range` on the same field: give a range"
    );
    assert_eq!(
        field(parse_quote!(#[net(threshold = 1)] x: u32)),
        "`threshold` needs `range`, `bits`, `quat` or `angle` on the same field: give one of them"
    );
    assert_eq!(
        field(parse_quote!(#[net(step = 1)] x: f32)),
        "`step` divides a `range`: give `range = low..=high` with it"
    );
    assert_eq!(
        field(parse_quote!(#[net(range = 0..9, step = 1)] x: f32)),
        "a range with a `step` includes both ends: write `..=` between them"
    );
    let float = "a float needs a `step` with its `range`, such as `range = -1.0..=1.0, step = 0.01`";
    assert_eq!(field(parse_quote!(#[net(range = -1..=1)] x: [[f64; 2]; 3])), float);
    assert_eq!(
        field(parse_quote!(#[net(range = 0..)] x: u8)),
        "expected a range with both ends, such as `0..=9`"
    );
}

#[test]
fn the_error_about_a_type_that_cannot_be_a_component_names_the_remedy() {
    assert_eq!(
        refused(&parse_quote!(
            struct Pose<T>(T);
        )),
        "a component has one name, so it cannot be generic: derive `NetValue` here, and make it a field of a component"
    );
    assert_eq!(
        refused(&parse_quote!(
            enum Pose {
                Standing,
                Lying { on: u32 },
            }
        )),
        "an enum in a component has no fields: make them fields of the component, next to the enum"
    );
    assert_eq!(
        refused(&parse_quote!(
            enum Pose {}
        )),
        "an enum without variants has no values: give it a variant"
    );
    assert_eq!(
        refused(&parse_quote!(
            union Pose {
                a: u8,
            }
        )),
        "a union has no single value: use a struct"
    );
    assert_eq!(
        refused(&parse_quote!(
            enum Pose {
                #[net(bits = 1)]
                Standing,
            }
        )),
        "variants take no `net` attributes: remove the attribute"
    );
}
