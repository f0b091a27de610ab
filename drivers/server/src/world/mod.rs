//! The built-in world: agents that move at random in a box, and a chat. Each client owns one agent. The server program
//! runs this world, which is also an example of a [`Game`].
//!
//! Agents are entities of a replicated world, which clients show. Clients send chat lines and the velocities of their
//! agents as messages.

mod agents;
mod chat;
mod components;
mod messages;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tickwire_core::message::{BoundedString, RegisterError, Registry};
use tickwire_core::rng::Rng;
use tickwire_core::snapshot::{SnapshotSchema, SnapshotSchemaError, WorldWriter};
use tickwire_core::text::Counted;
use tickwire_core::{CloseReason, Config};
use tickwire_native::SendError;

pub use self::agents::BOX_MM;
pub use self::components::{AgentAt, SteeredBy, hash_of_view};
pub use self::messages::{CHAT_BYTES, FROM_SERVER, Heard, Joined, Say, Steer};

use self::agents::{AgentId, Agents};
use self::chat::{Chat, Line};
use crate::budgets::{BudgetOwner, SpentBudgets};
use crate::client::{Client, ClientId};
use crate::console::{CommandError, Commands};
use crate::context::Context;
use crate::error::GameError;
use crate::game::{Game, SettingsChange};
use crate::messages::Messages;

/// The settings of the built-in world.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WorldSettings {
    /// The number of agents that no client owns. Takes effect immediately.
    ///
    /// Default: 16. Range: 0 to 10,000.
    #[schemars(range(max = 10000))]
    pub agents: u32,
    /// The seed of the agents' random walks. Takes effect at a restart.
    ///
    /// Default: 1. Range: any.
    pub seed: u64,
    /// The number of chat lines per second that one client may send. A client may send up to four times this number in one burst. The server drops further lines and notifies their author. `null` sets no limit. Takes effect immediately.
    ///
    /// Default: 5. Range: 1 or more.
    #[schemars(range(min = 1))]
    pub chat_lines_per_second: Option<NonZeroU32>,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self { agents: 16, seed: 1, chat_lines_per_second: NonZeroU32::new(5) }
    }
}

/// A client of the world.
#[derive(Debug)]
struct Player {
    agent: AgentId,
    chat: Chat,
    /// The owner of the client's chat budget.
    owner: Option<BudgetOwner>,
    /// `true` once the client was sent the id of its agent.
    is_greeted: bool,
}

/// The built-in world: a game with agents in a box, and a chat for its clients.
#[derive(Debug, Default)]
pub struct World {
    agents: Agents,
    players: BTreeMap<ClientId, Player>,
    settings: WorldSettings,
    /// The number of chat lines that were not sent to every client, since the last line that was sent to all.
    unheard: u64,
    /// The chat budgets of clients that have left.
    spent: SpentBudgets,
    /// `true` while the replicated world has no space for all agents. The log reports it once.
    is_crowded: bool,
}

/// Returns the registry of the world's message types, for clients.
///
/// # Errors
/// [`RegisterError`] if a message type cannot be registered, which does not happen for the types of the world.
pub fn registry() -> Result<Arc<Registry>, RegisterError> {
    crate::registry::<World>()
}

impl World {
    fn steer(&mut self, _: &mut Context, from: ClientId, steer: &Steer) {
        if let Some(player) = self.players.get(&from) {
            self.agents.steer(player.agent, steer.x, steer.y);
        }
    }

    fn say_to_all(&mut self, server: &mut Context, from: ClientId, say: &Say) {
        let Some(player) = self.players.get_mut(&from) else { return };
        match player.chat.take_line(self.settings.chat_lines_per_second, server.network().now()) {
            Line::PassedOn => {}
            Line::TooMany { notice } => {
                if let Some(text) = notice {
                    let text = BoundedString::truncated(&text);
                    if let Err(error) = server.send(from, &Heard { from: FROM_SERVER, text }) {
                        tracing::debug!("cannot notify client {from} that its line was dropped: {error}");
                    }
                }
                return;
            }
        }
        let there = server.client_count();
        let told = Self::tell(server, &Heard { from: from.0, text: say.text.clone() });
        // Once for many lines: a client that does not read misses each of them.
        if told < there && self.unheard == 0 {
            tracing::warn!(
                "a chat line of client {from} was sent to {told} of {}; the queues of the other clients are full",
                Counted(there as u64, "client")
            );
        } else if told >= there && self.unheard > 0 {
            tracing::info!(
                "chat lines reach all clients again; {} earlier lines did not reach every client",
                self.unheard
            );
            self.unheard = 0;
        }
        self.unheard += u64::from(told < there);
    }

    /// Sends a chat line to all clients. Returns the number of clients whose queue had space.
    fn tell(server: &Context, heard: &Heard) -> usize {
        match server.broadcast(heard) {
            Ok(broadcast) => server.client_count().saturating_sub(broadcast.full.len()),
            Err(error) => {
                tracing::debug!("a chat line was not sent: {error}");
                0
            }
        }
    }

    /// Sends each client that has joined the id of its agent, once the agent has one.
    fn greet(&mut self, server: &Context) {
        for (client, player) in self.players.iter_mut().filter(|(_, player)| !player.is_greeted) {
            let Some(agent) = self.agents.entity(player.agent) else { continue };
            player.is_greeted = true;
            match server.send(*client, &Joined { client: client.0, agent: agent.0 }) {
                Ok(_) => {}
                // The client has left, and its event waits. A log line for each such client would fill the log.
                Err(error @ (SendError::NotConnected(_) | SendError::Stopped(_))) => {
                    tracing::debug!("cannot send client {client} the id of its agent: {error}");
                }
                Err(error) => tracing::warn!("cannot send client {client} the id of its agent: {error}"),
            }
        }
    }

    fn freeze(&mut self, is_frozen: bool, is_json: bool) -> String {
        self.agents.freeze(is_frozen);
        let (count, hash) = (self.agents.len(), format!("{:016x}", self.agents.hash()));
        if is_json {
            return serde_json::json!({ "frozen": is_frozen, "agents": count, "world": hash }).to_string();
        }
        let agents = Counted(count as u64, "agent");
        if is_frozen {
            format!("{agents} stand still; the hash of the world is {hash}")
        } else {
            format!("{agents} move")
        }
    }
}

impl Game for World {
    const NAME: &'static str = "tickwire world";
    const APPLICATION: u64 = APPLICATION;
    type Settings = WorldSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.sends::<Joined>()?.sends::<Heard>()?;
        messages.receives(Self::steer)?.receives(Self::say_to_all)?;
        Ok(())
    }

    fn schema(schema: &mut SnapshotSchema) -> Result<(), SnapshotSchemaError> {
        schema.component::<AgentAt>()?.component::<SteeredBy>()?;
        Ok(())
    }

    fn configure(config: &mut Config) {
        if let Some(snapshots) = &mut config.snapshots {
            snapshots.max_entities = AGENTS_MAX;
        }
    }

    fn commands(commands: &mut Commands<Self>) {
        commands.add(
            "freeze",
            "[--json]",
            "stop all agents, and show the hash of the world",
            |world, _, arguments| Ok(world.freeze(true, arguments.flag("--json")?)),
        );
        commands.add("thaw", "[--json]", "let all agents move again", |world, _, arguments| {
            Ok(world.freeze(false, arguments.flag("--json")?))
        });
        commands.add(
            "agents",
            "<count>",
            "set the number of agents without a client",
            |world, _, arguments| {
                let count = arguments.text().parse().ok().filter(|count| *count <= 10_000);
                let count = count
                    .ok_or_else(|| CommandError::Usage("the count is not a number from 0 to 10000".into()))?;
                world.agents.set_free(count);
                let agents = Counted(world.agents.len() as u64, "agent");
                Ok(format!("{agents}, {} with a client", world.players.len()))
            },
        );
    }

    fn start(&mut self, _: &mut Context, settings: &WorldSettings) -> Result<(), GameError> {
        let mut seed = [0; 32];
        seed.iter_mut().zip(settings.seed.to_le_bytes()).for_each(|(to, from)| *to = from);
        self.agents = Agents::new(Rng::from_seed(seed));
        self.agents.set_free(settings.agents);
        self.settings = settings.clone();
        Ok(())
    }

    fn settings_changed(&mut self, _: &mut Context, settings: &WorldSettings) -> SettingsChange {
        self.agents.set_free(settings.agents);
        // The seed that runs is kept: what is asked for next is compared with it.
        let has_other_seed = settings.seed != self.settings.seed;
        self.settings.agents = settings.agents;
        self.settings.chat_lines_per_second = settings.chat_lines_per_second;
        if has_other_seed { SettingsChange::AtRestart } else { SettingsChange::Now }
    }

    fn joined(&mut self, server: &mut Context, client: ClientId) {
        let agent = self.agents.add_owned(client.0);
        let owner = server.client(client).and_then(Client::budget_owner);
        let chat = Chat::new(self.spent.of(owner));
        self.players.insert(client, Player { agent, chat, owner, is_greeted: false });
    }

    fn left(&mut self, server: &mut Context, client: ClientId, _: &CloseReason) {
        if let Some(player) = self.players.remove(&client) {
            self.agents.remove(player.agent);
            self.spent.keep(player.owner, player.chat.spent(), server.network().now());
        }
    }

    fn tick(&mut self, _: &mut Context, step: Duration) {
        self.agents.step(step);
    }

    fn replicate(&mut self, server: &mut Context, world: &mut WorldWriter) {
        match self.agents.write(world) {
            Ok(()) => self.is_crowded = false,
            Err(error) => {
                if !self.is_crowded {
                    tracing::warn!("clients do not see all agents: {error}");
                }
                self.is_crowded = true;
            }
        }
        self.greet(server);
    }

    /// Returns `true` while no client is connected, because no client sees the agents move.
    fn is_at_rest(&self) -> bool {
        self.players.is_empty()
    }

    fn say(&mut self, server: &mut Context, text: &str) -> Result<usize, CommandError> {
        if text.len() > CHAT_BYTES {
            let bytes = text.len();
            return Err(CommandError::Failed(format!(
                "the line has {bytes} bytes, but a chat line may have at most {CHAT_BYTES}; shorten it"
            )));
        }
        Ok(Self::tell(server, &Heard { from: FROM_SERVER, text: BoundedString::truncated(text) }))
    }
}

/// The application number of the built-in world: the bytes of "tickworl".
pub const APPLICATION: u64 = u64::from_be_bytes(*b"tickworl");
/// The agents that the replicated world has room for: those without a client, and a client's each for 4096 clients and more.
const AGENTS_MAX: usize = 16_384;
