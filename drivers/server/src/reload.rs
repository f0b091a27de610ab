//! Changes of the configuration while the server runs.

use crate::config::{Changes, changes, taken_over};
use crate::game::{Game, SettingsChange};
use crate::server::Dedicated;

impl<G: Game> Dedicated<G> {
    /// Reads the configuration and the bans again, applies the changes that can take effect immediately, and reports the
    /// others. An invalid configuration changes nothing. The method logs the result and returns it.
    pub(crate) fn reload(&mut self) -> Result<String, String> {
        let bans = self.bans.refresh().map_err(|error| {
            let what = format!("the list of bans is unchanged: {error}");
            tracing::error!("{what}");
            what
        });
        let config = self.reload_config();
        match (bans, config) {
            (Ok(()), config) => config,
            (Err(bans), Ok(config) | Err(config)) => Err(format!("{bans}\n{config}")),
        }
    }

    fn reload_config(&mut self) -> Result<String, String> {
        let Some(layers) = &self.layers else {
            let what = "this server was started without a configuration file to follow";
            tracing::warn!("{what}");
            return Err(what.into());
        };
        let new = match layers.load_again(&self.config) {
            Ok(new) => new,
            Err(error) => {
                let faults = error.faults.iter();
                let faults: Vec<String> =
                    faults.map(|fault| format!("the configuration is unchanged: {fault}")).collect();
                faults.iter().for_each(|fault| tracing::error!("{fault}"));
                return Err(faults.join("\n"));
            }
        };
        // With what runs, not with what the file said before: what needs a restart still runs as it did.
        let changes = changes(&self.config, &new);
        let mut news = Vec::new();
        if !changes.now.is_empty() || changes.game {
            self.apply(&new);
        }
        if !changes.now.is_empty() {
            let text = format!("the configuration has changed: {} took effect", changes.now.join(", "));
            tracing::info!("{text}");
            news.push(text);
        }
        news.extend(self.report_pending(&new, &changes));
        if changes.game {
            news.push(self.change_settings());
        }
        if news.is_empty() {
            let text = match self.pending.is_empty() {
                true => "the configuration was read: no key has changed".to_owned(),
                false => format!(
                    "the configuration was read: no further key has changed; {} will take effect at a restart",
                    changes.at_restart.join(", ")
                ),
            };
            tracing::info!("{text}");
            news.push(text);
        }
        Ok(news.join("\n"))
    }

    fn apply(&mut self, new: &crate::ServerConfig<G::Settings>) {
        let old = self.config.clone();
        self.config = taken_over(old.clone(), new);
        let now = std::time::Instant::now();
        self.schedule.set_rates(self.config.tick_rate, self.config.network_update_rate, now);
        if old.bandwidth_limit != self.config.bandwidth_limit {
            let _taken = self.context.network.set_bandwidth_limit(self.config.bandwidth_limit);
        }
        if old.client_bandwidth_limit != self.config.client_bandwidth_limit {
            for client in self.context.clients.iter() {
                self.limit(client.connection);
            }
        }
        if old.log_level != self.config.log_level
            && let Some(set) = &mut self.set_log_level
        {
            set(self.config.log_level);
        }
    }

    /// Reports the keys that will take effect at a restart, unless the last report was the same.
    fn report_pending(
        &mut self,
        new: &crate::ServerConfig<G::Settings>,
        changes: &Changes,
    ) -> Option<String> {
        let values = serde_json::to_value(new).unwrap_or_default();
        let value = |key: &String| (key.clone(), values[key.as_str()].to_string());
        let pending: Vec<(String, String)> = changes.at_restart.iter().map(value).collect();
        if pending == self.pending {
            return None;
        }
        let before = std::mem::replace(&mut self.pending, pending);
        let back = before.iter().map(|(key, _)| key).filter(|key| !changes.at_restart.contains(key));
        let back: Vec<&str> = back.map(String::as_str).collect();
        let mut news = Vec::new();
        if !back.is_empty() {
            let text =
                format!("the configuration has changed: a restart no longer changes {}", back.join(", "));
            tracing::info!("{text}");
            news.push(text);
        }
        if self.pending.iter().any(|pending| !before.contains(pending)) {
            let keys = changes.at_restart.join(", ");
            let text = format!("the configuration has changed: {keys} will take effect at a restart");
            tracing::warn!("{text}");
            news.push(text);
        }
        Some(news.join("\n"))
    }

    fn change_settings(&mut self) -> String {
        let settings = self.config.game.clone();
        match self.with_game(|game, server| game.settings_changed(server, &settings)) {
            SettingsChange::Now => {
                let text = "the configuration has changed: game took effect";
                tracing::info!("{text}");
                text.into()
            }
            SettingsChange::AtRestart => {
                let text = "the configuration has changed: game will take effect at a restart";
                tracing::warn!("{text}");
                text.into()
            }
            SettingsChange::Refused(why) => {
                let text =
                    format!("the game rejects its new settings and keeps the previous settings: {why}");
                tracing::error!("{text}");
                text
            }
        }
    }
}
