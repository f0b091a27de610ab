//! Checks values against the schema: unknown keys, wrong types, numbers out of range; each fault with its remedy.

use serde_json::{Map, Value};

use super::duration;
use crate::suggest::suggest;

/// A fault in the value of one key.
pub(super) struct Objection {
    /// The key, with dots between levels.
    pub(super) key: String,
    pub(super) what: String,
    pub(super) remedy: String,
}

/// Returns every fault in `value` that violates `schema`.
pub(super) fn objections(schema: &Value, key: &str, value: &Value) -> Vec<Objection> {
    let mut found = Vec::new();
    look(schema, key, value, &mut found);
    found
}

fn look(schema: &Value, key: &str, value: &Value, found: &mut Vec<Objection>) {
    let object = |what: String| Objection { key: key.into(), what, remedy: remedy(schema) };
    if !is_allowed_type(schema, value) {
        let unit = if value.is_number() && is_time(schema) { ", without a unit" } else { "" };
        found.push(object(format!("is {}{unit}", shown(value))));
        return;
    }
    match value {
        Value::Object(values) => {
            if let Some(Value::Object(properties)) = schema.get("properties") {
                look_inside(properties, key, values, found);
            }
        }
        Value::Number(number) => {
            let bound = |name| schema.get(name).and_then(Value::as_f64);
            let number = number.as_f64().unwrap_or(f64::NAN);
            if bound("minimum").is_some_and(|least| number < least)
                || bound("maximum").is_some_and(|most| number > most)
            {
                found.push(object(format!("is {value}")));
            }
        }
        Value::String(text) if is_time(schema) => {
            let bound = |name| schema.get(name).and_then(Value::as_str).and_then(duration::parse);
            let time = duration::parse(text);
            let is_within = time.is_some_and(|time| {
                bound(SHORTEST).is_none_or(|least| time >= least)
                    && bound(LONGEST).is_none_or(|most| time <= most)
            });
            if !is_within {
                let is_bare = text.parse::<f64>().is_ok();
                found.push(object(format!("is {value}{}", if is_bare { ", without a unit" } else { "" })));
            }
        }
        Value::String(text) => {
            let allowed = choices(schema);
            let is_short = schema.get("minLength").and_then(Value::as_u64).is_some_and(|_| text.is_empty());
            if is_short || !allowed.is_empty() && !allowed.contains(&text.as_str()) {
                found.push(object(format!("is {value}")));
            }
        }
        _ => {}
    }
}

fn look_inside(
    properties: &Map<String, Value>,
    around: &str,
    values: &Map<String, Value>,
    found: &mut Vec<Objection>,
) {
    for (name, value) in values {
        let key = if around.is_empty() { name.clone() } else { format!("{around}.{name}") };
        match properties.get(name) {
            Some(schema) => look(schema, &key, value, found),
            // For editors: where the schema is.
            None if around.is_empty() && name == "$schema" => {}
            None => {
                let remedy = match suggest(name, properties.keys().map(String::as_str)) {
                    _ if let Some(remedy) = with_unit(properties, name, value) => remedy,
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "remove the key, or see the schema for the valid keys".into(),
                };
                found.push(Objection { key, what: "is not a key of this configuration".into(), remedy });
            }
        }
    }
}

/// Returns whether the key with this schema has a time as its value.
fn is_time(schema: &Value) -> bool {
    schema.get(SHORTEST).is_some()
}

/// Returns the new key and value for a key of a time that had no unit in earlier versions, as text for advice.
fn with_unit(properties: &Map<String, Value>, old: &str, value: &Value) -> Option<String> {
    let key = old.strip_suffix("_s")?;
    is_time(properties.get(key)?).then(|| format!("write \"{key}\": \"{} s\"", shown(value)))
}

/// Returns advice that describes the values that the schema allows.
pub(super) fn remedy(schema: &Value) -> String {
    let bound = |name| schema.get(name).map(|bound| as_integer(bound).to_string());
    let is_nullable = types(schema).contains(&"null");
    let unit = match types(schema).iter().find(|name| **name != "null") {
        Some(&"integer") => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            (Some(least), None) => format!("a whole number of {least} or more"),
            (None, Some(most)) => format!("a whole number up to {most}"),
            (None, None) => "a whole number".into(),
        },
        Some(&"number") => "a number".into(),
        Some(&"boolean") => "true or false".into(),
        Some(&"object") => "an object".into(),
        Some(&"array") => "a list".into(),
        Some(&"string") if is_time(schema) => {
            let end = |name| schema.get(name).and_then(Value::as_str).unwrap_or("any time");
            let example = text_like(schema);
            format!(
                "a time from {} to {}, {}",
                end(SHORTEST),
                end(LONGEST),
                example.trim_start_matches("text ")
            )
        }
        Some(&"string") if choices(schema).is_empty() => text_like(schema),
        _ => format!("one of {}", choices(schema).join(", ")),
    };
    let null = if is_nullable { ", or null" } else { "" };
    let default = match schema.get("default") {
        Some(default) if !default.is_object() => format!(" (default {default})"),
        _ => String::new(),
    };
    format!("set it to {unit}{null}{default}")
}

/// Returns examples of a text value, from the schema.
fn text_like(schema: &Value) -> String {
    let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
    let examples: Vec<String> = examples.map(Value::to_string).collect();
    match examples.as_slice() {
        [] => "text in quotes".into(),
        some => format!("text like {}", some.join(" or ")),
    }
}

/// Returns the texts that a schema enumerates.
fn choices(schema: &Value) -> Vec<&str> {
    let listed = |name| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    let constants = listed("oneOf").filter_map(|one| one.get("const"));
    listed("enum").chain(constants).filter_map(Value::as_str).collect()
}

/// The schema's keyword for the shortest allowed time, as text with a unit.
const SHORTEST: &str = "x-minimum";
const LONGEST: &str = "x-maximum";

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_allowed_type(schema: &Value, value: &Value) -> bool {
    let mut allowed = types(schema);
    if !choices(schema).is_empty() {
        allowed.push("string");
    }
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    allowed.is_empty() || allowed.contains(&name) || name == "integer" && allowed.contains(&"number")
}

/// Returns whether the key with this schema has a text as its value. The text of an override is then not parsed as
/// JSON.
pub(super) fn takes_text(schema: &Value) -> bool {
    types(schema).contains(&"string") || !choices(schema).is_empty()
}

fn as_integer(bound: &Value) -> Value {
    match bound.as_f64() {
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Value::from(number as i64),
        _ => bound.clone(),
    }
}

/// Returns a value as text for a person, truncated if it is long.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        other => {
            let text = other.to_string();
            let end = text.floor_char_boundary(60);
            if end < text.len() { format!("{}…", text.get(..end).unwrap_or_default()) } else { text }
        }
    }
}
