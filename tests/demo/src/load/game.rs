//! The game of the load test, on the server.

use std::collections::BTreeMap;

use tickwire_core::CloseReason;
use tickwire_core::message::{NetMessage, RegisterError};
use tickwire_native::SendError;
use tickwire_server::{ClientId, Commands, Context, Game, GameError, Messages, NoSettings};

use super::messages::{Loose, Sure};
use super::tally::{Sender, Tally};

/// A game for load tests. While sending is enabled, the game sends each client a message at each network update. The
/// game also counts the messages from clients.
#[derive(Debug, Default)]
pub struct LoadGame {
    is_playing: bool,
    clients: BTreeMap<ClientId, Tally>,
    /// The counters of clients that have left.
    left: Tally,
}

struct To<'a>(&'a Context, ClientId);

impl Sender for To<'_> {
    type Error = SendError;

    fn send<T: NetMessage>(&mut self, message: &T) -> Result<(), SendError> {
        self.0.send(self.1, message).map(drop)
    }
}

impl LoadGame {
    fn total(&self) -> Tally {
        self.clients.values().copied().sum::<Tally>().plus(self.left)
    }
}

impl Game for LoadGame {
    const NAME: &'static str = "tickwire load";
    const APPLICATION: u64 = 0x6c6f_6164;
    type Settings = NoSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.receives(|load: &mut Self, _: &mut Context, from: ClientId, loose: &Loose| {
            load.clients.entry(from).or_default().on_loose(loose);
        })?;
        messages.receives(|load: &mut Self, _: &mut Context, from: ClientId, sure: &Sure| {
            load.clients.entry(from).or_default().on_sure(sure);
        })?;
        Ok(())
    }

    fn commands(commands: &mut Commands<Self>) {
        commands.add("play", "", "send messages to all clients", |load, _, _| {
            load.is_playing = true;
            Ok("playing".into())
        });
        commands.add("rest", "", "send no more messages", |load, _, _| {
            load.is_playing = false;
            Ok("resting".into())
        });
        commands.add("tally", "", "print the counts of sent and received messages as JSON", |load, _, _| {
            Ok(serde_json::json!({ "tally": load.total() }).to_string())
        });
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        Ok(())
    }

    fn joined(&mut self, _: &mut Context, client: ClientId) {
        self.clients.insert(client, Tally::default());
    }

    fn left(&mut self, _: &mut Context, client: ClientId, _: &CloseReason) {
        let tally = self.clients.remove(&client).unwrap_or_default();
        self.left = self.left.plus(tally);
    }

    fn is_at_rest(&self) -> bool {
        !self.is_playing
    }

    fn network_update(&mut self, server: &mut Context) {
        if self.is_playing {
            self.clients.iter_mut().for_each(|(client, tally)| tally.send(&mut To(server, *client)));
        }
    }
}
