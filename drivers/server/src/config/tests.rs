//! Tests of the configuration that a file, the environment and flags make together, and of the reports of wrong values.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::server_config::as_value;
use super::*;
use crate::world::WorldSettings;
use tickwire_tests::documented::{Actual, Bounds, DefaultValue, faults, fields};

#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(default, deny_unknown_fields)]
struct Chess {
    /// The seconds per move.
    #[schemars(range(min = 1, max = 600))]
    seconds: u32,
    /// `true` if games are rated.
    rated: bool,
}

impl Default for Chess {
    fn default() -> Self {
        Self { seconds: 30, rated: false }
    }
}

fn load(text: &str) -> Result<ServerConfig<Chess>, ConfigError> {
    Layers::default().over(Path::new("server.json"), text)
}

fn complaint(text: &str) -> String {
    load(text).map_or_else(|error| error.to_string(), |config| panic!("{text} was taken: {config:?}"))
}

fn set(key: &str, text: &str, origin: Origin) -> Override {
    Override { key: key.into(), text: text.into(), origin }
}

fn flag(key: &str, text: &str) -> Override {
    set(key, text, Origin::Flag { flag: format!("--{}", key.replace('_', "-")) })
}

fn variable(key: &str, text: &str) -> Override {
    set(key, text, Origin::Environment { variable: format!("TICKWIRE_{}", key.to_uppercase()) })
}

#[test]
fn an_empty_configuration_file_gives_the_documented_defaults() {
    for text in ["", "{}", "// nothing\n", "\u{feff}{}"] {
        assert_eq!(load(text), Ok(ServerConfig::default()), "{text:?}");
    }
    let config = ServerConfig::<NoSettings>::default();
    insta::assert_snapshot!(serde_json::to_string_pretty(&config).unwrap(), @r#"
    {
      "bind_address": "0.0.0.0:7777",
      "max_connections": 64,
      "max_connections_per_address": null,
      "handshakes_per_second": 32,
      "handshake_burst": 64,
      "tick_rate": 60,
      "network_update_rate": 20,
      "enable_logging": true,
      "log_file_path": "server.log",
      "log_level": "info",
      "log_file_bytes": 10485760,
      "log_files_kept": 5,
      "enable_console": true,
      "key_file": "server.key",
      "ticket_key_file": null,
      "ban_file": "server.bans.json",
      "monitoring_address": null,
      "idle_timeout": "20 s",
      "resume_window": "1 min",
      "shutdown_timeout": "5 s",
      "bandwidth_limit": null,
      "client_bandwidth_limit": null,
      "client_message_limit": 300,
      "client_byte_limit": 131072,
      "game": {}
    }
    "#);
}

#[test]
fn a_configuration_with_comments_and_trailing_commas_is_read() {
    let text = r#"{
        "$schema": "config.schema.json",
        // the night shift
        "tick_rate": 30, /* slow */
        "game": { "seconds": 5, },
    }"#;
    let config = load(text).unwrap();
    assert_eq!((config.tick_rate, config.game), (30, Chess { seconds: 5, rated: false }));
}

#[test]
fn a_flag_overrides_an_environment_variable_which_overrides_the_configuration_file() {
    let text = r#"{ "tick_rate": 10, "network_update_rate": 10, "max_connections": 10 }"#;
    let overrides = vec![
        variable("tick_rate", "20"),
        variable("network_update_rate", "20"),
        variable("game", r#"{"rated": true}"#),
        variable("monitoring_address", "127.0.0.1:9"),
        flag("tick_rate", "30"),
        flag("log_file_path", "30"),
        flag("ticket_key_file", "null"),
    ];
    let config: ServerConfig<Chess> =
        Layers { overrides, ..Layers::default() }.over(Path::new("server.json"), text).unwrap();
    assert_eq!((config.tick_rate, config.network_update_rate, config.max_connections), (30, 20, 10));
    assert_eq!(config.log_file_path, Path::new("30"));
    assert_eq!(config.monitoring_address, Some("127.0.0.1:9".parse().unwrap()));
    assert_eq!(
        (config.ticket_key_file, config.idle_timeout, config.game.rated),
        (None, Duration::from_secs(20), true)
    );
}

#[test]
fn the_error_about_text_that_is_not_json_names_the_line_and_the_column() {
    insta::assert_snapshot!(complaint("{\n  \"tick_rate\": 60\n  \"max_connections\": 8\n}"), @"server.json:2:18: is not JSON: expected comma; look for a missing or superfluous quote, comma or bracket");
    insta::assert_snapshot!(complaint("{\n  tick_rate: 60\n}"), @"server.json:2:3: is not JSON: expected string for object property; look for a missing or superfluous quote, comma or bracket");
    insta::assert_snapshot!(complaint("[]"), @"server.json:1:1: is not a JSON object; put all keys into one pair of {}");
    insta::assert_snapshot!(complaint("{\n\"tick_rate\": 1,\n  \"tick_rate\": 2}"), @"server.json:3:3: `tick_rate` occurs twice; remove one of the two");
}

#[test]
fn the_error_about_an_unknown_key_suggests_a_similar_key() {
    insta::assert_snapshot!(complaint("{\n  \"tickrate\": 60\n}"), @"server.json:2:3: `tickrate` is not a key of this configuration; did you mean `tick_rate`?");
    insta::assert_snapshot!(complaint("{ \"gravity\": 9 }"), @"server.json:1:3: `gravity` is not a key of this configuration; remove the key, or see the schema for the valid keys");
    insta::assert_snapshot!(complaint("{\n \"game\": {\n  \"second\": 1 } }"), @"server.json:3:3: `game.second` is not a key of this configuration; did you mean `seconds`?");
}

#[test]
fn the_error_about_an_invalid_value_lists_the_valid_values() {
    let wrong = [
        r#"{ "tick_rate": 0 }"#,
        r#"{ "tick_rate": "fast" }"#,
        r#"{ "tick_rate": 59.94 }"#,
        r#"{ "tick_rate": null }"#,
        r#"{ "max_connections": 40000 }"#,
        r#"{ "enable_logging": "yes" }"#,
        r#"{ "log_level": "loud" }"#,
        r#"{ "bind_address": "localhost:7777" }"#,
        r#"{ "bind_address": "0.0.0.0" }"#,
        r#"{ "monitoring_address": "9100" }"#,
        r#"{ "bandwidth_limit": 999 }"#,
        r#"{ "client_bandwidth_limit": 1 }"#,
        r#"{ "key_file": "" }"#,
        r#"{ "game": { "seconds": 0 } }"#,
        r#"{ "game": 7 }"#,
    ];
    let said: Vec<String> = wrong.iter().map(|text| complaint(text)).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    server.json:1:3: `tick_rate` is 0; set it to a whole number from 1 to 1000 (default 60)
    server.json:1:3: `tick_rate` is "fast"; set it to a whole number from 1 to 1000 (default 60)
    server.json:1:3: `tick_rate` is 59.94; set it to a whole number from 1 to 1000 (default 60)
    server.json:1:3: `tick_rate` is null; set it to a whole number from 1 to 1000 (default 60)
    server.json:1:3: `max_connections` is 40000; set it to a whole number from 1 to 32768 (default 64)
    server.json:1:3: `enable_logging` is "yes"; set it to true or false (default true)
    server.json:1:3: `log_level` is "loud"; set it to one of error, warn, info, debug, trace (default "info")
    server.json:1:3: `bind_address` is "localhost:7777": the host is a name, and this key accepts only IP addresses; set it to text like "0.0.0.0:7777" or "[::]:7777" (default "0.0.0.0:7777")
    server.json:1:3: `bind_address` is "0.0.0.0": the address has no port; set it to text like "0.0.0.0:7777" or "[::]:7777" (default "0.0.0.0:7777")
    server.json:1:3: `monitoring_address` is "9100": the host looks like an IPv4 address, but is not valid; set it to text like "127.0.0.1:9777", or null (default null)
    server.json:1:3: `bandwidth_limit` is 999; set it to a whole number of 1000 or more, or null (default null)
    server.json:1:3: `client_bandwidth_limit` is 1; set it to a whole number of 1000 or more, or null (default null)
    server.json:1:3: `key_file` is ""; set it to text in quotes (default "server.key")
    server.json:1:13: `game.seconds` is 0; set it to a whole number from 1 to 600 (default 30)
    server.json:1:3: `game` is 7; set it to an object
    "#);
}

#[test]
fn the_error_about_an_invalid_duration_shows_a_valid_duration() {
    let config =
        load(r#"{ "idle_timeout": "250 ms", "resume_window": "5min", "shutdown_timeout": "0 s" }"#).unwrap();
    assert_eq!(config.idle_timeout, Duration::from_millis(250));
    assert_eq!((config.resume_window, config.shutdown_timeout), (Duration::from_secs(300), Duration::ZERO));
    let wrong = [
        r#"{ "idle_timeout": 20 }"#,
        r#"{ "idle_timeout": "20" }"#,
        r#"{ "idle_timeout": "20 sec" }"#,
        r#"{ "idle_timeout": "61 min" }"#,
        r#"{ "idle_timeout": null }"#,
        r#"{ "idle_timeout_s": 20 }"#,
    ];
    let said: Vec<String> = wrong.iter().map(|text| complaint(text)).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    server.json:1:3: `idle_timeout` is 20, without a unit; set it to a time from 100 ms to 1 h, like "20 s" (default "20 s")
    server.json:1:3: `idle_timeout` is "20", without a unit; set it to a time from 100 ms to 1 h, like "20 s" (default "20 s")
    server.json:1:3: `idle_timeout` is "20 sec"; set it to a time from 100 ms to 1 h, like "20 s" (default "20 s")
    server.json:1:3: `idle_timeout` is "61 min"; set it to a time from 100 ms to 1 h, like "20 s" (default "20 s")
    server.json:1:3: `idle_timeout` is null; set it to a time from 100 ms to 1 h, like "20 s" (default "20 s")
    server.json:1:3: `idle_timeout_s` is not a key of this configuration; write "idle_timeout": "20 s"
    "#);
}

#[test]
fn all_faults_of_a_configuration_are_reported_together_in_the_order_of_the_file() {
    let text = "{\n \"tick_rate\": 0,\n \"log_level\": 1,\n \"bans\": 0 }";
    let overrides = vec![variable("max_connections", "many"), flag("idle_timeout", "0 s")];
    let error =
        Layers { overrides, ..Layers::default() }.over::<Chess>(Path::new("server.json"), text).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    server.json:2:2: `tick_rate` is 0; set it to a whole number from 1 to 1000 (default 60)
    server.json:3:2: `log_level` is 1; set it to one of error, warn, info, debug, trace (default "info")
    server.json:4:2: `bans` is not a key of this configuration; did you mean `ban_file`?
    flag --idle-timeout: `idle_timeout` is "0 s"; set it to a time from 100 ms to 1 h, like "20 s" (default "20 s")
    environment variable TICKWIRE_MAX_CONNECTIONS: `max_connections` is "many"; set it to a whole number from 1 to 32768 (default 64)
    "#);
}

#[test]
fn the_error_about_an_unreadable_configuration_names_the_file() {
    let mut layers = Layers { file: Some("nowhere/server.json".into()), ..Layers::default() };
    // The middle is the system's.
    let why = std::fs::read("nowhere/server.json").unwrap_err();
    let error = layers.load::<NoSettings>().unwrap_err().to_string();
    let remedy = "create the file (an empty file leaves all keys at their defaults), or name another file with --config";
    assert_eq!(error, format!("nowhere/server.json: cannot be read: {why}; {remedy}"));
    layers.is_optional = true;
    assert_eq!(layers.load(), Ok(ServerConfig::<NoSettings>::default()));
}

#[test]
fn configured_addresses_with_and_without_an_interface_are_printed_unchanged() {
    for text in ["0.0.0.0:7777", "[::]:0", "[fe80::1%4]:7777", "[2001:db8::1]:7777"] {
        let config =
            load(&format!(r#"{{ "bind_address": "{text}", "monitoring_address": "{text}" }}"#)).unwrap();
        let printed = serde_json::to_value(&config).unwrap();
        assert_eq!((&printed["bind_address"], &printed["monitoring_address"]), (&text.into(), &text.into()));
    }
}

#[test]
fn a_configured_address_that_no_socket_can_bind_is_refused() {
    let wrong = ["224.0.0.1:7777", "255.255.255.255:7777", "[ff02::1%4]:7777", "[fe80::1]:0", "::1", "[::1]"];
    let said: Vec<String> =
        wrong.iter().map(|text| complaint(&format!(r#"{{ "bind_address": "{text}" }}"#))).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    server.json:1:3: `bind_address` is 224.0.0.1:7777, a multicast address, which stands for a group of machines; set it to an address of this machine, or to [::], which stands for all addresses
    server.json:1:3: `bind_address` is 255.255.255.255:7777, a broadcast address, which stands for all machines of a network; set it to an address of this machine, or to [::], which stands for all addresses
    server.json:1:3: `bind_address` is "[ff02::1%4]:7777": only a link-local address (fe80::) can name an interface; set it to text like "0.0.0.0:7777" or "[::]:7777" (default "0.0.0.0:7777")
    server.json:1:3: `bind_address` is [fe80::1]:0, a link-local address without its interface; set it to [fe80::1%INTERFACE]:0 with the interface's name or number
    server.json:1:3: `bind_address` is "::1": the address has no port; set it to text like "0.0.0.0:7777" or "[::]:7777" (default "0.0.0.0:7777")
    server.json:1:3: `bind_address` is "[::1]": the address has no port; set it to text like "0.0.0.0:7777" or "[::]:7777" (default "0.0.0.0:7777")
    "#);
}

/// Writes a file with `text` to a new folder. Returns the folder, the path of the file, and the layers that read the
/// file.
fn file_with(text: &str) -> (tempfile::TempDir, PathBuf, Layers) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.json");
    std::fs::write(&path, text).unwrap();
    let layers = Layers { file: Some(path.clone()), ..Layers::default() };
    (folder, path, layers)
}

#[test]
fn a_configuration_file_without_keys_resets_no_setting_while_the_server_runs() {
    let (_folder, path, layers) = file_with(r#"{ "tick_rate": 25 }"#);
    let running: ServerConfig<NoSettings> = layers.load().unwrap();
    for text in ["", "\u{feff}\n", "// \"tick_rate\": 25\n", "/* later */"] {
        std::fs::write(&path, text).unwrap();
        let error = layers.load_again(&running).unwrap_err().to_string();
        assert!(error.ends_with("server.json: is empty; write `{}` into the file if you want all defaults"));
        assert_eq!(layers.load_again(&ServerConfig::<NoSettings>::default()), Ok(ServerConfig::default()));
    }
    std::fs::write(&path, "{}").unwrap();
    assert_eq!(layers.load_again(&running), Ok(ServerConfig::default()));
}

#[test]
fn reading_a_configuration_file_during_rewrites_resets_no_setting() {
    let text = r#"{ "tick_rate": 25 }"#;
    let (_folder, path, layers) = file_with(text);
    let running: ServerConfig<NoSettings> = layers.load().unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                std::fs::write(&path, text).unwrap();
            }
        });
        let read = (0..2000).filter_map(|_| layers.load_again(&running).ok());
        let reset = read.filter(|config| config.tick_rate != 25).count();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(reset, 0);
    });
}

#[cfg(unix)]
#[test]
fn a_pipe_a_device_or_an_oversized_file_is_refused_as_configuration_without_waiting() {
    let (folder, path, layers) = file_with("");
    let refused = || layers.load::<NoSettings>().unwrap_err().to_string();
    std::fs::File::create(&path).unwrap().set_len((16 << 20) + 1).unwrap();
    assert!(refused().contains("cannot be read: the file has more than 16777216 bytes"), "{}", refused());
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let no_file = "cannot be read: the path leads to a folder, a pipe or a device; check the path";
    assert!(refused().ends_with(no_file), "{}", refused());
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(refused().ends_with(no_file), "{}", refused());
    let layers = Layers { file: Some(folder.path().into()), ..Layers::default() };
    assert!(layers.load::<NoSettings>().unwrap_err().to_string().ends_with(no_file));
}

#[test]
fn config_schema_json_equals_the_schema_that_the_program_prints() {
    let published = include_str!("../../config.schema.json");
    let current = serde_json::to_string_pretty(&schema::<WorldSettings>()).unwrap() + "\n";
    assert_eq!(
        published, current,
        "publish it again: cargo run -p tickwire-server -- --schema > drivers/server/config.schema.json"
    );
}

/// Returns whether the configuration accepts a file that sets only `key`, to the JSON value `value`.
fn takes(key: &str, value: &str) -> bool {
    load(&format!("{{ \"{key}\": {value} }}")).is_ok()
}

#[test]
fn the_documented_default_and_range_of_every_key_match_the_code() {
    let text = include_str!("server_config.rs");
    let documented = fields("server_config.rs", text, "ServerConfig");
    let defaults = as_value(&ServerConfig::<Chess>::default());
    let actual = documented.iter().map(|field| {
        let (name, default) = (field.name.as_str(), &defaults[&field.name]);
        let said = field.default.as_deref().unwrap_or_default();
        let unit = if said.ends_with("iB") || name == "log_file_bytes" {
            "bytes"
        } else if name.ends_with("bandwidth_limit") || name.ends_with("byte_limit") {
            "bytes/s"
        } else {
            ""
        };
        if let Some(time) = default.as_str().and_then(duration::parse) {
            let accepts = move |micros| takes(name, &format!("\"{micros} us\""));
            let range = Some(Bounds::new(u128::from(u64::MAX), accepts));
            return Actual { name, default: DefaultValue::Number(time.as_micros()), unit: "µs", range };
        }
        let type_max = if name == "log_file_bytes" { u64::MAX } else { u32::MAX.into() };
        let range = field.range.is_some();
        let range = range.then(|| Bounds::new(type_max, move |value| takes(name, &value.to_string())));
        let default = match default {
            serde_json::Value::Number(number) => DefaultValue::Number(number.as_u64().unwrap().into()),
            serde_json::Value::Bool(yes) => DefaultValue::Text(if *yes { "yes" } else { "no" }.into()),
            serde_json::Value::Null => DefaultValue::Text("none".into()),
            serde_json::Value::String(text) => DefaultValue::Text(text.clone()),
            _ => DefaultValue::Text("those of the game".into()),
        };
        Actual { name, default, unit, range }
    });
    let faults = faults(&documented, &actual.collect::<Vec<_>>());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    // A key with a range in the schema has one in the documentation.
    let schema = schema::<Chess>();
    for field in &documented {
        let property = &schema["properties"][&field.name];
        let has_range = ["minimum", "maximum", "x-minimum"].iter().any(|word| property.get(word).is_some());
        assert!(!has_range || field.range.is_some() || field.name == "game", "{}: {property}", field.name);
        assert!(!property["description"].as_str().unwrap().contains("Default: "), "{}", field.name);
    }
}

#[test]
fn the_documented_default_and_range_of_every_world_setting_match_the_code() {
    let documented = fields("world/mod.rs", include_str!("../world/mod.rs"), "WorldSettings");
    let settings = as_value(&WorldSettings::default());
    let of = |name, type_max: u64| {
        let accepts = move |value: u128| {
            let text = format!("{{ \"game\": {{ \"{name}\": {value} }} }}");
            Layers::default().over::<WorldSettings>(Path::new("server.json"), &text).is_ok()
        };
        let default = DefaultValue::Number(settings[name].as_u64().unwrap().into());
        Actual { name, default, unit: "", range: Some(Bounds::new(type_max, accepts)) }
    };
    let actual =
        [of("agents", u32::MAX.into()), of("seed", u64::MAX), of("chat_lines_per_second", u32::MAX.into())];
    let faults = faults(&documented, &actual);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
