//! Compares the defaults and ranges that documentation comments state with those of the code.
//!
//! A field says `Default: 5 s.` and `Range: 10 ms to 1 h.` A range may be `1 or more` or `any`. A value has its unit;
//! thousands are separated by commas, and `2^32 - 1` is a number too.

use syn::{Attribute, Expr, ExprLit, Fields, ImplItem, Item, Lit, Meta, Type};

use crate::syntax;

/// The default and range that the documentation of a field, or of a method that sets a field, states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Documented {
    /// The name of the field or method.
    pub name: String,
    /// The rest of the sentence after `Default:`.
    pub default: Option<String>,
    /// The rest of the sentence after `Range:`.
    pub range: Option<String>,
}

/// The default and range of one field in the code.
pub struct Actual<'a> {
    /// The name of the field.
    pub name: &'a str,
    /// The default that the documentation of the field must state.
    pub default: DefaultValue,
    /// The unit of the field's values. Empty for plain numbers.
    pub unit: &'a str,
    /// The range of the field, or `None` if the code does not restrict the values.
    pub range: Option<Bounds<'a>>,
}

/// The default of a field, as the code defines it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DefaultValue {
    /// The field has no default, so a value must be given.
    Missing,
    /// A number: in microseconds for a time, and in bytes for a size.
    Number(u128),
    /// The text with which the documented default begins, such as `none`, `yes` or the name of a variant.
    Text(String),
}

/// The values that the code accepts for a field.
pub struct Bounds<'a> {
    /// The largest value that the field's type holds.
    pub type_max: u128,
    /// Returns whether the code accepts a value.
    pub accepts: Box<dyn Fn(u128) -> bool + 'a>,
}

impl<'a> Bounds<'a> {
    /// Creates bounds for a type whose largest value is `type_max`. `accepts` returns whether the code accepts a value.
    pub fn new(type_max: impl Into<u128>, accepts: impl Fn(u128) -> bool + 'a) -> Self {
        Self { type_max: type_max.into(), accepts: Box::new(accepts) }
    }
}

/// Returns the fields of the struct `name` in the source text `text` of the file `path`, in order. Panics if the text has
/// no such struct with named fields.
#[must_use]
pub fn fields(path: &str, text: &str, name: &str) -> Vec<Documented> {
    let items = syntax::parse(path, text).items;
    let found = items.into_iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == name => Some(item.fields),
        _ => None,
    });
    let Some(Fields::Named(fields)) = found else { panic!("{path} has no struct {name} with named fields") };
    let named = fields.named.into_iter().filter_map(|field| Some((field.ident?.to_string(), field.attrs)));
    named.map(|(name, attributes)| documented(name, &attributes)).collect()
}

/// Returns the methods of the type `name`, in order, whose documentation states a default or a range. `text` is the
/// source text of the file `path`.
#[must_use]
pub fn methods(path: &str, text: &str, name: &str) -> Vec<Documented> {
    let of_type = |item| match item {
        Item::Impl(item) if item.trait_.is_none() && is_named(&item.self_ty, name) => Some(item.items),
        _ => None,
    };
    let items = syntax::parse(path, text).items.into_iter().filter_map(of_type).flatten();
    let methods = items.filter_map(|item| match item {
        ImplItem::Fn(method) => Some(documented(method.sig.ident.to_string(), &method.attrs)),
        _ => None,
    });
    methods.filter(|method| method.default.is_some() || method.range.is_some()).collect()
}

/// Returns the names of the structs, enums and traits whose documentation has a compiled example. `text` is the source
/// text of the file `path`.
#[must_use]
pub fn types_with_examples(path: &str, text: &str) -> Vec<String> {
    let items = syntax::parse(path, text).items.into_iter();
    let documented = items.filter_map(|item| match item {
        Item::Struct(item) => Some((item.ident, item.attrs)),
        Item::Enum(item) => Some((item.ident, item.attrs)),
        Item::Trait(item) => Some((item.ident, item.attrs)),
        _ => None,
    });
    let has_example = |attributes: &[Attribute]| {
        let fences = doc_lines(attributes).into_iter().filter(|line| line.starts_with("```"));
        fences.step_by(2).any(|fence| ["```", "```no_run"].contains(&fence.as_str()))
    };
    let with = documented.filter(|(_, attributes)| has_example(attributes));
    with.map(|(name, _)| name.to_string()).collect()
}

fn is_named(of: &Type, name: &str) -> bool {
    matches!(of, Type::Path(path) if path.path.is_ident(name))
}

fn documented(name: String, attributes: &[Attribute]) -> Documented {
    let text = doc_lines(attributes).join(" ");
    Documented { name, default: said(&text, "Default: "), range: said(&text, "Range: ") }
}

/// Returns the lines of documentation, without the space at the beginning of each line.
fn doc_lines(attributes: &[Attribute]) -> Vec<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(value) if value.path.is_ident("doc") => match &value.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect()
}

/// Returns the rest of the sentence after `word`.
fn said(text: &str, word: &str) -> Option<String> {
    let (_, rest) = text.split_once(word)?;
    Some(rest.split_once(". ").map_or_else(|| rest.trim_end_matches('.'), |(said, _)| said).to_owned())
}

/// Returns a line of text for every difference between the documentation and the code.
#[must_use]
pub fn faults(documented: &[Documented], actual: &[Actual<'_>]) -> Vec<String> {
    let mut faults = Vec::new();
    for field in documented {
        match actual.iter().find(|one| one.name == field.name) {
            Some(one) => faults.extend(differences(field, one)),
            None => faults.push(format!(
                "{}: no test compares this field with the code; add it to the fields of the test",
                field.name
            )),
        }
    }
    let is_gone = |one: &&Actual<'_>| !documented.iter().any(|field| field.name == one.name);
    faults.extend(actual.iter().filter(is_gone).map(|one| {
        format!(
            "{}: no documented field or method has this name; document the field, or remove it from the test",
            one.name
        )
    }));
    faults
}

fn differences(field: &Documented, actual: &Actual<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("{}: {text}", field.name));
    match (&actual.default, &field.default) {
        (DefaultValue::Missing, None) => {}
        (DefaultValue::Number(value), Some(said)) if quantity(said) == Some((*value, actual.unit)) => {}
        (DefaultValue::Text(text), Some(said)) if said.starts_with(text.as_str()) => {}
        (actual, said) => fault(format!("the default is {actual:?}, but the documentation says {said:?}")),
    }
    let (bounds, said) = match (&actual.range, &field.range) {
        (None, None) => return faults,
        (Some(bounds), Some(said)) => (bounds, said),
        (actual, said) => {
            let range = if actual.is_some() { "a" } else { "no" };
            fault(format!("the code has {range} range, but the documentation says {said:?}"));
            return faults;
        }
    };
    let Some((least, most)) = range(said, actual.unit, bounds.type_max) else {
        fault(format!("`{said}` is not a valid range of values with the unit {:?}", actual.unit));
        return faults;
    };
    for end in [least, most] {
        if !(bounds.accepts)(end) {
            fault(format!("`{said}` includes {end}, which the code refuses"));
        }
    }
    let beyond = [least.checked_sub(1), (most < bounds.type_max).then(|| most + 1)];
    for value in beyond.into_iter().flatten().filter(|value| (bounds.accepts)(*value)) {
        fault(format!("`{said}` excludes {value}, which the code accepts"));
    }
    if let DefaultValue::Number(value) = actual.default
        && !(least..=most).contains(&value)
    {
        fault(format!("the default {value} is outside the documented range `{said}`"));
    }
    faults
}

/// Parses both ends of a range.
fn range(text: &str, unit: &str, type_max: u128) -> Option<(u128, u128)> {
    let end = |text: &str| quantity(text).filter(|(_, its)| *its == unit).map(|(value, _)| value);
    if text == "any" {
        return Some((0, type_max));
    }
    if let Some(least) = text.strip_suffix(" or more") {
        return Some((end(least)?, type_max));
    }
    let (least, most) = text.split_once(" to ")?;
    Some((end(least)?, end(most)?))
}

/// Parses a number and its unit. The result is in `µs` for every unit of time, and in `bytes` for every multiple of
/// bytes.
fn quantity(text: &str) -> Option<(u128, &str)> {
    // `none: for ever` and `5 s, and …` go on with words.
    let text = text.split([':', ';']).next()?.split(", ").next()?.trim();
    if let Some(number) = number(text) {
        return Some((number, ""));
    }
    let (value, unit) = text.rsplit_once(' ')?;
    let value = number(value)?;
    let (factor, unit) = match unit {
        "µs" => (1, "µs"),
        "ms" => (1000, "µs"),
        "s" => (1_000_000, "µs"),
        "min" => (60_000_000, "µs"),
        "h" => (3_600_000_000, "µs"),
        "byte" | "bytes" => (1, "bytes"),
        "KiB" => (1 << 10, "bytes"),
        "MiB" => (1 << 20, "bytes"),
        "TiB" => (1 << 40, "bytes"),
        other => (1, other),
    };
    Some((value * factor, unit))
}

/// Parses a number such as `32,768`, `2^24` or `2^32 - 1`.
fn number(text: &str) -> Option<u128> {
    let plain = |text: &str| text.replace(',', "").parse::<u128>().ok();
    let power = |text: &str| {
        let (base, exponent) = text.split_once('^')?;
        plain(base)?.checked_pow(exponent.parse().ok()?)
    };
    match text.split_once(" - ") {
        Some((from, less)) => power(from)?.checked_sub(plain(less)?),
        None => plain(text).or_else(|| power(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        documentation: &str,
        default: DefaultValue,
        unit: &str,
        accepted: std::ops::RangeInclusive<u128>,
    ) -> usize {
        let text =
            format!("struct S {{\n    /// Words.\n    ///\n    /// {documentation}\n    a: u64,\n}}\n");
        let range = Bounds::new(u64::MAX, move |value| accepted.contains(&value));
        let actual = Actual { name: "a", default, unit, range: Some(range) };
        faults(&fields("a.rs", &text, "S"), &[actual]).len()
    }

    #[test]
    fn a_documented_default_and_range_that_match_the_code_are_accepted() {
        let number = DefaultValue::Number;
        assert_eq!(check("Default: 3. Range: 0 to 7.", number(3), "", 0..=7), 0);
        assert_eq!(check("Default: 50 ms. Range: 0 s to 1 h.", number(50_000), "µs", 0..=3_600_000_000), 0);
        assert_eq!(check("Default: 4,096. Range: 1 to 2^32 - 1.", number(4096), "", 1..=u32::MAX.into()), 0);
        assert_eq!(
            check("Default: 1 MiB. Range: 1 byte or more.", number(1 << 20), "bytes", 1..=u64::MAX.into()),
            0
        );
        let none = DefaultValue::Text("none".into());
        assert_eq!(check("Default: none: for ever. Range: any.", none, "", 0..=u64::MAX.into()), 0);
    }

    #[test]
    fn every_difference_between_a_documented_value_and_the_code_is_reported() {
        let number = DefaultValue::Number;
        for (documentation, default, unit, accepted) in [
            ("Default: 4. Range: 0 to 7.", number(3), "", 0..=7),
            ("Default: 3. Range: 1 to 7.", number(3), "", 0..=7),
            ("Default: 3. Range: 0 to 6.", number(3), "", 0..=7),
            ("Default: 3. Range: 0 to 8.", number(3), "", 0..=7),
            ("Default: 3. Range: 0 or more.", number(3), "", 0..=7),
            ("Default: 3.", number(3), "", 0..=7),
            ("Range: 0 to 7.", number(3), "", 0..=7),
            ("Default: 3 s. Range: 0 ms to 7 ms.", number(3000), "µs", 0..=7000),
            ("Default: 3 ms. Range: 0 to 7 ms.", number(3000), "µs", 0..=7000),
            ("Default: none. Range: 0 to 7.", number(3), "", 0..=7),
        ] {
            assert!(check(documentation, default, unit, accepted) > 0, "{documentation} was accepted");
        }
        assert_eq!(
            faults(&[], &[Actual { name: "a", default: DefaultValue::Missing, unit: "", range: None }]).len(),
            1
        );
        let undocumented = Documented { name: "a".into(), default: None, range: None };
        assert_eq!(faults(&[undocumented], &[]).len(), 1);
    }
}
