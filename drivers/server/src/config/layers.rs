//! The layers of a configuration: defaults, then the file, then the environment, then flags.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::addresses;
use super::change::changes;
use super::check::{self, Objection};
use super::document::Document;
use super::fault::{ConfigError, Fault, Origin};
use super::files;
use super::server_config::{ServerConfig, Settings, as_value, schema};
use crate::text_file;

/// A value from the environment or a command-line flag, which overrides the value in the configuration file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// The configuration key whose value is overridden.
    pub key: String,
    /// The value of the key: the text itself for keys of type text, and JSON for all other keys.
    pub text: String,
    /// The source of the overriding value.
    pub origin: Origin,
}

/// The sources of a configuration: a file, and values that override values in the file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layers {
    /// The path of the configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// `true` if the file may be missing. A missing file counts as an empty file.
    pub is_optional: bool,
    /// The values that override values in the file. If two values set the same key, the later value applies.
    pub overrides: Vec<Override>,
}

impl Layers {
    /// Reads the configuration file, and applies the overrides to its content.
    ///
    /// # Errors
    /// [`ConfigError`], which lists all faults of the configuration.
    pub fn load<S: Settings>(&self) -> Result<ServerConfig<S>, ConfigError> {
        let text = self.text()?.unwrap_or_default();
        self.over(self.path(), &text)
    }

    /// Reads the text of the configuration file. Returns `None` if no file is named, or if an optional file does not
    /// exist.
    fn text(&self) -> Result<Option<String>, ConfigError> {
        let Some(path) = &self.file else { return Ok(None) };
        match text_file::read_whole(path, FILE_MOST) {
            Ok(text) => Ok(Some(text)),
            Err(error) if self.is_optional && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    fn path(&self) -> &Path {
        self.file.as_deref().unwrap_or_else(|| Path::new(""))
    }

    /// Reads the configuration file again, for a server that runs with `running`. If the file is missing
    /// or contains only comments, a program is probably about to write it: the method then returns an error instead of
    /// resetting keys to their defaults.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults of the configuration, or with the fault that the file is missing or empty.
    pub(crate) fn load_again<S: Settings>(
        &self,
        running: &ServerConfig<S>,
    ) -> Result<ServerConfig<S>, ConfigError> {
        // Read once: it may be written between two looks at it.
        let text = self.text()?;
        let document = Document::read(self.path(), text.as_deref().unwrap_or_default())?;
        let new = self.over_document(self.path(), &document)?;
        let what = match (&self.file, text) {
            (Some(_), None) => "no longer exists",
            (Some(_), Some(_)) if document.is_blank => "is empty",
            _ => return Ok(new),
        };
        let changes = changes(running, &new);
        if changes.now.is_empty() && changes.at_restart.is_empty() && !changes.game {
            return Ok(new);
        }
        let origin = Origin::File { path: self.path().into(), line: 0, column: 0 };
        let remedy = "write `{}` into the file if you want all defaults".into();
        Err(Fault { origin, key: String::new(), what: what.into(), remedy }.into())
    }

    /// Applies the overrides to `text`, the content of the configuration file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`], which lists all faults of the configuration.
    pub fn over<S: Settings>(&self, path: &Path, text: &str) -> Result<ServerConfig<S>, ConfigError> {
        self.over_document(path, &Document::read(path, text)?)
    }

    fn over_document<S: Settings>(
        &self,
        path: &Path,
        document: &Document,
    ) -> Result<ServerConfig<S>, ConfigError> {
        let schema = schema::<S>();
        let mut values = document.values.clone();
        let mut origins = BTreeMap::new();
        for Override { key, text, origin } in &self.overrides {
            let property = schema.pointer(&format!("/properties/{key}")).unwrap_or(&Value::Null);
            values.insert(key.clone(), from_text(property, text));
            origins.insert(key.as_str(), origin);
        }
        let mut objections = check::objections(&schema, "", &Value::Object(values.clone()));
        values.remove("$schema");
        if objections.is_empty() {
            objections = unreadable_values::<S>(&schema, &values);
        }
        let origin = |key: &str| match origins.get(key.split('.').next().unwrap_or_default()) {
            Some(origin) => (*origin).clone(),
            None => document.origin(path, key),
        };
        refuse(objections, origin)?;
        let config: ServerConfig<S> = serde_json::from_value(Value::Object(values)).map_err(|error| {
            let origin = Origin::File { path: path.into(), line: 0, column: 0 };
            Fault { origin, key: String::new(), what: error.to_string(), remedy: SEE_SCHEMA.into() }
        })?;
        let mut objections = addresses::objections(config.bind_address, config.monitoring_address);
        objections.extend(files::clashes(&config, self.file.as_deref()));
        refuse(objections, origin)?;
        Ok(config)
    }
}

/// Returns an error if there are objections. Each fault states the source of its key.
fn refuse(objections: Vec<Objection>, origin: impl Fn(&str) -> Origin) -> Result<(), ConfigError> {
    let fault = |Objection { key, what, remedy }| Fault { origin: origin(&key), key, what, remedy };
    let mut faults: Vec<Fault> = objections.into_iter().map(fault).collect();
    if faults.is_empty() {
        return Ok(());
    }
    faults.sort_by_key(|fault| match fault.origin {
        Origin::File { line, column, .. } => (line, column),
        _ => (usize::MAX, 0),
    });
    Err(ConfigError { faults })
}

/// Converts the text of an override to the value that it represents.
fn from_text(property: &Value, text: &str) -> Value {
    let is_null = text == "null" && property.get("type").is_some_and(Value::is_array);
    if check::takes_text(property) && !is_null {
        return Value::String(text.into());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into()))
}

/// Returns objections to values that match the schema but cannot be deserialized, such as an invalid address. The
/// function tries each value by itself, with defaults for all other keys.
fn unreadable_values<S: Settings>(schema: &Value, values: &Map<String, Value>) -> Vec<Objection> {
    let Value::Object(defaults) = as_value(&ServerConfig::<S>::default()) else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in values {
        let mut one = defaults.clone();
        one.insert(key.clone(), value.clone());
        if let Err(error) = serde_json::from_value::<ServerConfig<S>>(Value::Object(one)) {
            let property = schema.pointer(&format!("/properties/{key}")).unwrap_or(&Value::Null);
            let what = format!("is {value}: {error}");
            found.push(Objection { key: key.clone(), what, remedy: check::remedy(property) });
        }
    }
    found
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => {
            "create the file (an empty file leaves all keys at their defaults), or name another file with --config"
        }
        io::ErrorKind::PermissionDenied => "let this user read the file",
        _ => "check the path",
    };
    let origin = Origin::File { path: path.into(), line: 0, column: 0 };
    Fault { origin, key: String::new(), what: format!("cannot be read: {error}"), remedy: remedy.into() }
        .into()
}

/// The largest size of a configuration file, in bytes.
const FILE_MOST: u64 = 16 << 20;
const SEE_SCHEMA: &str = "compare it with the schema that --schema prints";
