//! Checks the names and fields of a schema.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use super::super::component::{ComponentSpec, FieldKind, FieldSpec};
use super::error::SnapshotSchemaError;
use crate::limits;

/// Rejects a name that is empty, too long, or has characters that are not allowed.
pub(super) fn name(what: &'static str, name: &str) -> Result<(), SnapshotSchemaError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    let is_name = !name.is_empty() && name.len() <= limits::COMPONENT_NAME && name.bytes().all(allowed);
    if is_name { Ok(()) } else { Err(SnapshotSchemaError::BadName { what, name: name.into() }) }
}

/// Rejects a component with a field that words cannot represent.
pub(super) fn component(spec: &ComponentSpec) -> Result<(), SnapshotSchemaError> {
    name("component", &spec.name)?;
    name("group", spec.group_name())?;
    let found = fields(&spec.fields, 0);
    found.map_err(|(field, fault)| {
        let component = spec.name.as_ref().into();
        SnapshotSchemaError::BadField { component, field, fault }
    })
}

/// The path of a field, and the text of its fault.
type Fault = (String, &'static str);

fn fields(fields: &[FieldSpec], depth: usize) -> Result<(), Fault> {
    let mut names = BTreeSet::new();
    for field in fields {
        let name = || String::from(field.name.as_ref());
        if field.name.is_empty() || field.name.len() > limits::COMPONENT_NAME {
            return Err((name(), "the name is empty or too long; give the field a name of 1 to 54 bytes"));
        }
        if field.name.contains('.') {
            return Err((name(), "a dot separates the names of a path; give a name without dots"));
        }
        if !names.insert(&field.name) {
            return Err((name(), "another field has this name; give each field its own name"));
        }
        if field.motion.is_some()
            && !matches!(field.kind, FieldKind::Numbers { .. } | FieldKind::Integer { .. })
        {
            return Err((
                name(),
                "only a field of numbers with a range can be a position or a velocity; mark such a field",
            ));
        }
        kind(&field.kind, depth).map_err(|(inner, fault)| {
            (if inner.is_empty() { name() } else { format!("{}.{inner}", field.name) }, fault)
        })?;
    }
    Ok(())
}

fn kind(of: &FieldKind, depth: usize) -> Result<(), Fault> {
    if depth >= limits::COMPONENT_DEPTH {
        return Err((
            String::new(),
            "arrays, structs and optional values nest deeper than 8 levels; flatten the field",
        ));
    }
    let fault = match of {
        FieldKind::Bool | FieldKind::Entity | FieldKind::Bytes { .. } | FieldKind::Text { .. } => None,
        FieldKind::Choice { variants } => choice(variants),
        FieldKind::Integer { low, high, .. } => {
            let span = high.checked_sub(*low);
            let fits = span.is_some_and(|span| (0..=i128::from(u64::MAX)).contains(&span));
            (!fits).then_some(
                "the range of the integer is empty or has more than 2^64 values; give the lower end first, or a smaller range",
            )
        }
        FieldKind::Exact { width } => {
            (*width != 32 && *width != 64).then_some("a float has 32 or 64 bits; set one of these widths")
        }
        FieldKind::Numbers { axes, .. } => (!(1..=3).contains(axes))
            .then_some("a vector has one to three numbers; declare more numbers as an array"),
        FieldKind::Angle { bits, .. } => {
            (!(1..=32).contains(bits)).then_some("an angle has 1 to 32 bits; set a number in this range")
        }
        FieldKind::Rotation { bits, .. } => (!(2..=15).contains(bits))
            .then_some("a rotation has 2 to 15 bits a component; set a number in this range"),
        FieldKind::Array { length: 0, .. } => {
            Some("an array has at least one item; set a length of 1 or more")
        }
        FieldKind::Array { item, .. } | FieldKind::Optional { item } => return kind(item, depth + 1),
        FieldKind::Structure { fields } => return self::fields(fields, depth + 1),
    };
    fault.map_or(Ok(()), |fault| Err((String::new(), fault)))
}

fn choice(variants: &[Cow<'static, str>]) -> Option<&'static str> {
    let distinct: BTreeSet<_> = variants.iter().collect();
    if variants.is_empty() || variants.len() > limits::COMPONENT_VARIANTS {
        return Some("a choice has 1 to 65,536 variants; declare a number in this range");
    }
    (distinct.len() < variants.len())
        .then_some("two variants have the same name; give each variant its own name")
}
