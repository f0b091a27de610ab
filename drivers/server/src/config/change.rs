//! The keys that differ between two configurations, and the keys that take effect immediately.

use serde_json::Value;

use super::server_config::{ServerConfig, Settings, as_value};

/// The configuration key of the game's settings.
pub const GAME_KEY: &str = "game";

/// The configuration keys whose values differ between two configurations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// The changed keys that take effect immediately.
    pub now: Vec<String>,
    /// The changed keys that take effect at a restart.
    pub at_restart: Vec<String>,
    /// `true` if the game's settings differ. The game decides when the new settings take effect.
    pub game: bool,
}

/// Compares two configurations, and returns the keys whose values differ.
#[must_use]
pub fn changes<S: Settings>(old: &ServerConfig<S>, new: &ServerConfig<S>) -> Changes {
    let (Value::Object(old), Value::Object(new)) = (as_value(old), as_value(new)) else {
        return Changes::default();
    };
    let mut changes = Changes::default();
    for (key, value) in &new {
        if old.get(key) == Some(value) {
        } else if key == GAME_KEY {
            changes.game = true;
        } else if AT_ONCE.contains(&key.as_str()) {
            changes.now.push(key.clone());
        } else {
            changes.at_restart.push(key.clone());
        }
    }
    changes
}

/// Returns the configuration that takes effect when a server that runs with `old` reads `new`. It has the keys of `new` that
/// take effect immediately, and the game's settings of `new`. All other keys keep the values of `old`.
pub(crate) fn taken_over<S: Settings>(old: ServerConfig<S>, new: &ServerConfig<S>) -> ServerConfig<S> {
    ServerConfig {
        tick_rate: new.tick_rate,
        network_update_rate: new.network_update_rate,
        log_level: new.log_level,
        shutdown_timeout: new.shutdown_timeout,
        bandwidth_limit: new.bandwidth_limit,
        client_bandwidth_limit: new.client_bandwidth_limit,
        client_message_limit: new.client_message_limit,
        client_byte_limit: new.client_byte_limit,
        game: new.game.clone(),
        ..old
    }
}

/// The keys that take effect immediately, as the documentation of each key states.
const AT_ONCE: [&str; 8] = [
    "tick_rate",
    "network_update_rate",
    "log_level",
    "shutdown_timeout",
    "bandwidth_limit",
    "client_bandwidth_limit",
    "client_message_limit",
    "client_byte_limit",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NoSettings, schema};

    #[test]
    fn the_documentation_of_every_key_states_correctly_whether_a_change_needs_a_restart() {
        let schema = schema::<NoSettings>();
        let Some(Value::Object(properties)) = schema.get("properties") else { panic!("{schema}") };
        for (key, property) in properties.iter().filter(|(key, _)| *key != GAME_KEY) {
            let text = property["description"].as_str().unwrap();
            let promise = if AT_ONCE.contains(&key.as_str()) {
                "Takes effect immediately."
            } else {
                "Takes effect at a restart."
            };
            assert!(text.ends_with(promise), "{key}: {text}");
        }
        assert!(AT_ONCE.iter().all(|key| properties.contains_key(*key)));
    }

    #[test]
    fn changed_keys_are_split_into_immediate_keys_and_keys_that_need_a_restart() {
        let old = ServerConfig::<NoSettings>::default();
        let mut new = old.clone();
        (new.tick_rate, new.max_connections) = (30, 8);
        let expected = Changes {
            now: vec!["tick_rate".into()],
            at_restart: vec!["max_connections".into()],
            game: false,
        };
        assert_eq!(changes(&old, &new), expected);
        assert_eq!(changes(&old, &old), Changes::default());
    }

    #[test]
    fn a_reload_applies_only_keys_that_take_effect_immediately() {
        let old = ServerConfig::<NoSettings>::default();
        let limit = std::num::NonZeroU32::new(7);
        let mut new = ServerConfig { tick_rate: 1, network_update_rate: 1, ..old.clone() };
        (new.log_level, new.shutdown_timeout) =
            (crate::config::LogLevel::Trace, std::time::Duration::from_secs(1));
        (new.bandwidth_limit, new.client_bandwidth_limit) = (limit, limit);
        (new.client_message_limit, new.client_byte_limit) = (limit, limit);
        let at_once = changes(&old, &new);
        assert_eq!(at_once.now.len(), AT_ONCE.len());
        assert_eq!(taken_over(old.clone(), &new), new);
        (new.max_connections, new.key_file) = (1, "other".into());
        let runs = taken_over(old.clone(), &new);
        assert_eq!(changes(&old, &runs), at_once);
        assert_eq!(changes(&runs, &new).at_restart, ["key_file", "max_connections"]);
    }
}
