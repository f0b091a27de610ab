//! The text of a configuration file: JSON with comments, and the place of each key in it.

use std::collections::BTreeMap;
use std::path::Path;

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Value};

use super::fault::{ConfigError, Fault, Origin};
use crate::text_file::without_mark;

/// The parsed content of a configuration file.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The values in the file, by key.
    pub(super) values: Map<String, Value>,
    /// The line and the column of every key, counted from 1. Dots separate the levels of a key.
    pub(super) places: BTreeMap<String, (usize, usize)>,
    /// `true` if the file contains only spaces and comments.
    pub(super) is_blank: bool,
}

impl Document {
    /// Parses `text`, the content of the file at `path`: one JSON object, with comments and trailing commas allowed.
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let text = without_mark(text);
        let fault = |(line, column), key: &str, what: String, remedy: &str| {
            let origin = Origin::File { path: path.into(), line, column };
            ConfigError::from(Fault { origin, key: key.into(), what, remedy: remedy.into() })
        };
        let parsed = parse_to_ast(text, &CollectOptions::default(), &RULES).map_err(|error| {
            let at = (error.line_display(), error.column_display());
            let what = format!("is not JSON: {}", lower_first(&error.kind().to_string()));
            fault(at, "", what, "look for a missing or superfluous quote, comma or bracket")
        })?;
        let object = match parsed.value {
            Some(Node::Object(object)) => object,
            Some(other) => {
                let what = "is not a JSON object".to_owned();
                return Err(fault(place(text, other.start()), "", what, "put all keys into one pair of {}"));
            }
            None => return Ok(Self { is_blank: true, ..Self::default() }),
        };
        let mut places = BTreeMap::new();
        if let Some((key, at)) = note_places(text, "", &object, &mut places) {
            return Err(fault(at, &key, "occurs twice".into(), "remove one of the two"));
        }
        let Value::Object(values) = Value::from(Node::Object(object)) else { return Ok(Self::default()) };
        Ok(Self { values, places, is_blank: false })
    }

    /// Returns the position of the value of `key` in the file at `path`. If the file does not set `key`, returns the
    /// position of the nearest object around it.
    pub(super) fn origin(&self, path: &Path, key: &str) -> Origin {
        let mut part = key;
        loop {
            if let Some(&(line, column)) = self.places.get(part) {
                return Origin::File { path: path.into(), line, column };
            }
            match part.rsplit_once('.') {
                Some((outer, _)) => part = outer,
                None => return Origin::File { path: path.into(), line: 0, column: 0 },
            }
        }
    }
}

/// The rules of the parser: JSON with comments and trailing commas, and no other extensions.
const RULES: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Stores the position of each key. Returns the first key that occurs twice.
fn note_places(
    text: &str,
    around: &str,
    object: &Object<'_>,
    places: &mut BTreeMap<String, (usize, usize)>,
) -> Option<(String, (usize, usize))> {
    for property in &object.properties {
        let name = property.name.as_str();
        let key = if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") };
        let at = place(text, property.start());
        if places.insert(key.clone(), at).is_some() {
            return Some((key, at));
        }
        if let Node::Object(inner) = &property.value
            && let Some(twice) = note_places(text, &key, inner, places)
        {
            return Some(twice);
        }
    }
    None
}

/// Returns the line and the column, counted from 1, of the byte with the index `at`.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
