//! A game's message types, and the functions that handle them with the game in their hands.

use std::collections::BTreeMap;
use std::sync::Arc;

use tickwire_core::ConnectionId;
use tickwire_core::message::{
    Decoded, MessageType, NetMessage, RegisterError, Registry, Verdict, ViolationBudget, ViolationLimit,
};

use crate::client::ClientId;
use crate::context::Context;

/// The message types of game `G`, as [`crate::Game::messages`] names them.
pub struct Messages<G> {
    registry: Registry,
    handlers: BTreeMap<MessageType, Handler<G>>,
}

type Handler<G> = Box<dyn Fn(&mut G, &mut Context<'_>, ClientId, Decoded)>;

impl<G> std::fmt::Debug for Messages<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl<G> Default for Messages<G> {
    fn default() -> Self {
        Self { registry: Registry::new(), handlers: BTreeMap::new() }
    }
}

impl<G> Messages<G> {
    /// A type that only the server sends.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn sends<T: NetMessage + 'static>(&mut self) -> Result<&mut Self, RegisterError> {
        self.registry.register::<T>()?;
        Ok(self)
    }

    /// A type that clients send, and what is called with each message of it. The server may send it too.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn receives<T: NetMessage + 'static>(
        &mut self,
        handler: impl Fn(&mut G, &mut Context<'_>, ClientId, T) + 'static,
    ) -> Result<&mut Self, RegisterError> {
        self.registry.register::<T>()?;
        let call = move |game: &mut G, server: &mut Context<'_>, from: ClientId, message: Decoded| {
            if let Ok(message) = message.downcast::<T>() {
                handler(game, server, from, message);
            }
        };
        if let Some(message_type) = self.registry.type_of::<T>() {
            self.handlers.insert(message_type, Box::new(call));
        }
        Ok(self)
    }

    pub(crate) fn into_parts(self) -> (Arc<Registry>, Inbox<G>) {
        let registry = Arc::new(self.registry);
        let inbox =
            Inbox { registry: Arc::clone(&registry), handlers: self.handlers, violations: BTreeMap::new() };
        (registry, inbox)
    }
}

/// Where messages are opened, and handed to the game.
pub(crate) struct Inbox<G> {
    registry: Arc<Registry>,
    handlers: BTreeMap<MessageType, Handler<G>>,
    violations: BTreeMap<ConnectionId, ViolationBudget>,
}

impl<G> Inbox<G> {
    /// Hands the message that `bytes` are to the game. If it is none, or none that a client sends, says whether its sender has
    /// to go: too many of his were so.
    pub(crate) fn deliver(
        &mut self,
        game: &mut G,
        server: &mut Context<'_>,
        (connection, from): (ConnectionId, ClientId),
        bytes: &[u8],
    ) -> Result<(), Verdict> {
        let decoded = self.registry.decode(bytes).ok();
        let handler = decoded.as_ref().and_then(|decoded| self.handlers.get(&decoded.message_type()));
        match (handler, decoded) {
            (Some(handler), Some(decoded)) => {
                handler(game, server, from, decoded);
                Ok(())
            }
            _ => {
                let fresh = || ViolationBudget::new(ViolationLimit::default());
                let budget = self.violations.entry(connection).or_insert_with(fresh);
                Err(budget.record(server.network().now()))
            }
        }
    }

    /// Forgets what a connection did: it is over.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        self.violations.remove(&connection);
    }
}
