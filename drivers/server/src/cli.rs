//! The command line: one flag and one environment variable for each key of the configuration.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser};
use serde_json::Value;

use crate::config::{ConfigError, Layers, Origin, Override, Settings, schema};
use crate::environment::{self, Findings, PREFIX};

/// A headless dedicated game server
#[derive(Parser, Debug)]
#[command(version, after_help = AFTER)]
pub(crate) struct Cli {
    /// The configuration file: JSON with comments. Without this flag, server.json if this file exists
    #[arg(long, value_name = "FILE", env = environment::CONFIG)]
    config: Option<PathBuf>,
    /// Print the line with the address of the server as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Check the configuration, print its faults, and exit
    #[arg(long)]
    pub(crate) check: bool,
    /// Print the configuration with all defaults, and exit
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Print the JSON Schema of the configuration, and exit
    #[arg(long)]
    pub(crate) schema: bool,
}

const AFTER: &str = "Flags override environment variables, environment variables override the file, and the file \
overrides the defaults.\n\
    Exit codes: 0 stopped without an error; 1 the system refused a resource; 2 the configuration is wrong; 3 a key file or \
    the ban file is unusable; 4 the network failed; 5 the log cannot be written; 6 monitoring cannot start; 7 the \
    game did not start; 8 the game panicked.";

impl Cli {
    /// Reads the command line and the environment. For `--help` or `--version`, prints the text and exits. Reports harmless
    /// faults in the environment to `warn`.
    pub(crate) fn read<S: Settings>(warn: impl Fn(&str)) -> Result<(Self, Layers), ConfigError> {
        let known: Vec<String> = keys::<S>().iter().map(|(key, _)| variable(key)).collect();
        let Findings { faults, warnings } = environment::look(&known, std::env::vars_os());
        warnings.iter().for_each(|warning| warn(warning));
        if !faults.is_empty() {
            return Err(ConfigError { faults });
        }
        let matches = command::<S>().get_matches();
        match Self::from_arg_matches(&matches) {
            Ok(cli) => {
                let layers = cli.layers::<S>(&matches);
                Ok((cli, layers))
            }
            Err(error) => error.exit(),
        }
    }

    fn layers<S: Settings>(&self, matches: &ArgMatches) -> Layers {
        let overrides = keys::<S>().into_iter().filter_map(|(key, _)| {
            let text = matches.get_one::<String>(&key)?.clone();
            let origin = match matches.value_source(&key) {
                Some(ValueSource::EnvVariable) => Origin::Environment { variable: variable(&key) },
                _ => Origin::Flag { flag: format!("--{}", flag(&key)) },
            };
            Some(Override { key, text, origin })
        });
        Layers {
            overrides: overrides.collect(),
            file: Some(self.config.clone().unwrap_or_else(|| DEFAULT_FILE.into())),
            is_optional: self.config.is_none(),
        }
    }
}

/// Returns the command-line parser, with a flag for every key of the configuration.
fn command<S: Settings>() -> clap::Command {
    let arguments = keys::<S>().into_iter().map(|(key, help)| {
        Arg::new(key.clone())
            .long(flag(&key))
            .env(variable(&key))
            .value_name("VALUE")
            .help(help)
            .allow_hyphen_values(true)
            .hide_env_values(true)
            .help_heading("Configuration")
    });
    Cli::command().args(arguments)
}

/// Returns every key of the configuration with its description.
fn keys<S: Settings>() -> Vec<(String, String)> {
    let schema = schema::<S>();
    let Some(Value::Object(properties)) = schema.get("properties") else { return Vec::new() };
    let help = |property: &Value| {
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
    };
    properties.iter().map(|(key, property)| (key.clone(), help(property))).collect()
}

fn flag(key: &str) -> String {
    key.replace('_', "-")
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase())
}

/// The configuration file that is read if no file is named.
const DEFAULT_FILE: &str = "server.json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoSettings;

    #[test]
    fn every_flag_of_the_server_has_a_help_text() {
        let command = command::<NoSettings>();
        command.clone().debug_assert();
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{argument} has no help");
        }
    }

    #[test]
    fn a_command_line_flag_overrides_the_configuration_key_of_its_name() {
        let matches =
            command::<NoSettings>().get_matches_from(["x", "--tick-rate", "30", "--config", "a.json"]);
        let layers = Cli::from_arg_matches(&matches).unwrap().layers::<NoSettings>(&matches);
        let origin = Origin::Flag { flag: "--tick-rate".into() };
        assert_eq!((layers.file, layers.is_optional), (Some("a.json".into()), false));
        assert_eq!(layers.overrides, [Override { key: "tick_rate".into(), text: "30".into(), origin }]);
    }
}
