//! The orderly end of a server: the server sends the reason to clients, delivers their queued messages, and passes all
//! messages that it acknowledged to the game.

use std::thread;
use std::time::Duration;

use tickwire_core::text::Counted;

use crate::codes;
use crate::config::duration::Shown;
use crate::game::Game;
use crate::logging::target::FOR_PEOPLE;
use crate::server::Dedicated;

/// The summary of a server's run, created when the server stops.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// The reason why the server stopped.
    pub why: String,
    /// The time for which the server ran.
    pub uptime: Duration,
    /// The number of ticks that the game ran.
    pub ticks: u64,
    /// The number of ticks that the server skipped because the game was idle.
    pub rested: u64,
    /// The number of clients that were connected when the server began to stop. The server sent the reason to each of
    /// these clients.
    pub clients: usize,
    /// The number of messages from clients that the game received.
    pub taken: u64,
    /// The number of reliable messages that were queued for clients, but not sent before the shutdown timeout.
    pub not_sent: u64,
    /// The number of reliable messages that were sent to clients, but not acknowledged before the shutdown timeout.
    /// These messages may have arrived.
    pub unconfirmed: u64,
}

impl<G: Game> Dedicated<G> {
    pub(crate) fn shut_down(mut self, why: &str) -> Summary {
        self.orders.close();
        self.pulse.stop();
        let clients = self.context.network.connection_count();
        let grace = self.config.shutdown_timeout;
        tracing::info!(
            target: FOR_PEOPLE,
            "the server is stopping ({why}): it sends the reason to {}, and delivers queued messages for up to {}; \
             Ctrl-C or SIGTERM now ends the server immediately",
            Counted(clients as u64, "client"),
            Shown(grace)
        );
        (self.not_sent, self.unconfirmed) = (0, 0);
        let given_up = self.context.network.stats().messages_given_up;
        self.with_game(Game::stopping);
        self.say_good_bye(&format!("the server is stopping ({why})"), grace);
        // What never left the driver has no fate of its own.
        self.not_sent += self.context.network.stats().messages_given_up.saturating_sub(given_up);
        self.sum_up_presence(true);
        let rested = self.pulse.read().rested;
        let summary = Summary {
            why: why.into(),
            uptime: self.uptime(),
            ticks: self.context.tick - rested,
            rested,
            clients,
            taken: self.taken,
            not_sent: self.not_sent,
            unconfirmed: self.unconfirmed,
        };
        if summary.not_sent + summary.unconfirmed > 0 {
            tracing::warn!(
                "the shutdown timeout of {} has passed: {} were not sent, and {} more were sent but not acknowledged; raise \
                 `shutdown_timeout` to wait longer",
                Shown(grace),
                Counted(summary.not_sent, "message"),
                summary.unconfirmed
            );
        }
        tracing::info!("Headless server shut down after {:.1} s", summary.uptime.as_secs_f64());
        summary
    }

    /// Stops the network driver. The game receives all messages that still arrive, because the driver acknowledges
    /// them.
    fn say_good_bye(&mut self, text: &str, grace: Duration) {
        let Some(mut network) = self.network.take() else { return };
        let handle = self.context.network.clone();
        thread::scope(|scope| {
            let stopping = thread::Builder::new()
                .name("stop".into())
                .spawn_scoped(scope, || network.stop(codes::STOPPED, text, grace));
            if stopping.is_err() {
                // Dropping it says good-bye too, if less patiently.
                tracing::warn!(
                    "the system could not start a thread for an orderly shutdown; the server notifies clients, but does not \
                     wait for them"
                );
                return;
            }
            while handle.is_running() {
                if let Some(event) = handle.wait_event(PATIENCE) {
                    self.take(event);
                }
            }
        });
        drop(network);
        while let Some(event) = handle.next_event() {
            self.take(event);
        }
    }
}

/// The interval at which the server checks whether the network thread has ended.
const PATIENCE: Duration = Duration::from_millis(10);
