//! The configuration, changed while the server runs.

use crate::config::{Changes, changes};
use crate::game::{Game, SettingsChange};
use crate::server::Dedicated;

impl<G: Game> Dedicated<G> {
    /// Looks at the configuration again; applies what is safe, and reports the rest. A configuration that is wrong changes
    /// nothing.
    pub(crate) fn reload(&mut self) {
        let Some(layers) = &self.layers else { return };
        match layers.load::<G::Settings>() {
            Ok(new) => {
                let changes = changes(&self.config, &new);
                if changes != Changes::default() {
                    self.apply(new, &changes);
                }
            }
            Err(error) => {
                for fault in error.faults {
                    tracing::error!("the configuration stays as it was: {fault}");
                }
            }
        }
    }

    fn apply(&mut self, new: crate::ServerConfig<G::Settings>, changes: &Changes) {
        let old = std::mem::replace(&mut self.config, new);
        let now = std::time::Instant::now();
        self.schedule.set_rates(self.config.tick_rate, self.config.network_update_rate, now);
        if old.bandwidth_limit != self.config.bandwidth_limit {
            self.handle.set_bandwidth_limit(self.config.bandwidth_limit);
        }
        if old.client_bandwidth_limit != self.config.client_bandwidth_limit {
            for client in self.clients.iter() {
                let limit = self.config.client_bandwidth_limit;
                self.handle.set_connection_bandwidth_limit(client.connection, limit);
            }
        }
        if old.log_level != self.config.log_level
            && let Some(set) = &mut self.set_log_level
        {
            set(self.config.log_level);
        }
        if !changes.now.is_empty() {
            tracing::info!("the configuration has changed: {} took effect", changes.now.join(", "));
        }
        if !changes.at_restart.is_empty() {
            tracing::warn!(
                "the configuration has changed: {} will take effect at a restart",
                changes.at_restart.join(", ")
            );
        }
        if changes.game {
            self.change_settings();
        }
    }

    fn change_settings(&mut self) {
        let settings = self.config.game.clone();
        match self.with_game(|game, server| game.settings_changed(server, &settings)) {
            SettingsChange::Now => tracing::info!("the configuration has changed: game took effect"),
            SettingsChange::AtRestart => {
                tracing::warn!("the configuration has changed: game will take effect at a restart");
            }
            SettingsChange::Refused(why) => tracing::error!("the game refuses its new settings: {why}"),
        }
    }
}
