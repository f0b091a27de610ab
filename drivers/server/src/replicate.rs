//! Commits the game's state as its replicated world.

use std::time::Instant;

use tickwire_native::ReplicationError;

use crate::client::ClientId;
use crate::game::Game;
use crate::server::Dedicated;
use crate::world_id::WORLD;

impl<G: Game> Dedicated<G> {
    /// Lets the game write its state, and commits it.
    pub(crate) fn replicate(&mut self) {
        let Self { game, context, config, replication: Some(replication), .. } = self else { return };
        if replication.has_failed {
            return;
        }
        let tick = replication.ticks.at(context.tick, config.tick_rate);
        if replication.committed.is_some_and(|committed| tick <= committed) {
            return;
        }
        game.replicate(context, &mut replication.writer);
        replication.committed = Some(tick);
        if let Err(error) = context.network.commit_tick(WORLD, &mut replication.writer, tick)
            && context.network.is_running()
        {
            if let ReplicationError::NoViewer { .. } = error {
                tracing::error!("a client does not see the world: {error}");
                return;
            }
            replication.has_failed = true;
            tracing::error!("clients no longer see the world change: {error}; restart the server");
        }
    }

    /// Returns whether the server may sleep while the game is at rest. Clients are first sent the last values exactly, and
    /// clients that join are sent the whole world.
    pub(crate) fn may_rest(&mut self, now: Instant) -> bool {
        let is_at_rest = self.game.is_at_rest();
        let is_alone = self.context.clients.len() == 0;
        match &mut self.replication {
            Some(replication) if !is_at_rest => {
                replication.wake();
                false
            }
            Some(replication) if !is_alone => {
                replication.has_rested(now) && !self.context.network.has_pending_worlds()
            }
            _ => is_at_rest,
        }
    }

    /// Shows a client that has joined the part of the world that the game chooses.
    pub(crate) fn show_world(&mut self, client: ClientId) {
        if self.replication.is_none() {
            return;
        }
        let viewer = self.with_game(|game, server| game.viewer(server, client));
        if viewer.is_some()
            && let Err(error) = self.context.set_viewer(client, viewer)
        {
            tracing::error!("client {client} does not see the world: {error}");
        }
    }
}
