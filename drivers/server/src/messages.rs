//! A game's message types, and their handlers, which change the game's state.

use std::sync::Arc;

use tickwire_core::message::{Dispatcher, EncodeError, HandlerAction, NetMessage, RegisterError, Registry};

use crate::client::ClientId;
use crate::context::Context;

/// The collection of the message types of game `G`, to which [`crate::Game::messages`] adds the types.
///
/// ```
/// use tickwire_core::message::{NetMessage, RegisterError};
/// use tickwire_server::{ClientId, Context, Messages};
///
/// #[derive(NetMessage)]
/// struct Ping(u32);
///
/// #[derive(Default)]
/// struct Game {
///     pings: u64,
/// }
///
/// fn messages(messages: &mut Messages<Game>) -> Result<(), RegisterError> {
///     messages.receives(|game: &mut Game, server: &mut Context, from: ClientId, ping: &Ping| {
///         game.pings += 1;
///         drop(server.send(from, ping)); // fails if the channel is full
///     })?;
///     Ok(())
/// }
/// # assert!(messages(&mut Messages::default()).is_ok());
/// ```
pub struct Messages<G> {
    registry: Registry,
    /// Functions that each add one handler to the dispatcher, once all message types are known.
    handlers: Vec<AddHandler<G>>,
}

/// The dispatcher that decodes messages and passes them to the game's handlers.
pub(crate) type Inbox<G> = Dispatcher<G, Context, ClientId>;

type AddHandler<G> = Box<dyn FnOnce(&mut Inbox<G>) -> Result<(), EncodeError>>;

impl<G> std::fmt::Debug for Messages<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl<G> Default for Messages<G> {
    fn default() -> Self {
        Self { registry: Registry::new(), handlers: Vec::new() }
    }
}

impl<G: 'static> Messages<G> {
    /// Registers a message type that only the server sends.
    ///
    /// # Errors
    /// [`RegisterError`] if the type's name, number, size or channel is not allowed.
    pub fn sends<T: NetMessage>(&mut self) -> Result<&mut Self, RegisterError> {
        self.registry.register::<T>()?;
        Ok(self)
    }

    /// Registers a message type that clients send, and the handler of its messages. The handler gets the game, the
    /// server, the sender and the message. The server may send messages of the type too.
    ///
    /// The server disconnects a client that sends more than 8 messages in 10 s that are invalid or of a type without a
    /// handler. If a handler returns [`HandlerAction::Remove`], its type therefore becomes forbidden to clients.
    ///
    /// # Errors
    /// [`RegisterError`] if the type's name, number, size or channel is not allowed.
    pub fn receives<T: NetMessage, R: Into<HandlerAction>>(
        &mut self,
        handler: impl FnMut(&mut G, &mut Context, ClientId, &T) -> R + Send + 'static,
    ) -> Result<&mut Self, RegisterError> {
        self.registry.register::<T>()?;
        self.handlers.push(Box::new(move |inbox| inbox.on(handler).map(drop)));
        Ok(self)
    }

    pub(crate) fn into_parts(self) -> (Arc<Registry>, Inbox<G>) {
        let registry = Arc::new(self.registry);
        let mut inbox = Inbox::new(Arc::clone(&registry));
        for add in self.handlers {
            // Each of them was registered just before.
            let _known = add(&mut inbox);
        }
        (registry, inbox)
    }
}
