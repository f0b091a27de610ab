//! Handlers: functions of the game for messages, and for connections that are made or end.

use std::sync::Arc;

use tickwire_core::message::{
    Dispatcher, EncodeError, HandlerAction, HandlerId as MessageHandlerId, NetMessage, Outcome, Registry,
};
use tickwire_core::snapshot::Changes;
use tickwire_core::{Address, CloseReason, ConnectionId, Event, PeerInfo};

use crate::handle::Handle;

/// The id of a handler, as [`Handlers::on`] and the other `on_…` methods return it. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HandlerId(Which);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Which {
    Message(MessageHandlerId),
    Connection(u64),
}

/// The counts of events and messages that one call of `update` processed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Update {
    /// The number of events taken from the queue.
    pub events: usize,
    /// The number of valid messages among the events, including messages without a handler. 0 if the registry is empty.
    pub messages: usize,
    /// The number of messages rejected as invalid.
    pub rejected: usize,
}

/// A game's handlers: functions that the driver calls for messages, and for connections that are established or
/// end. Each handler gets the game's state.
///
/// Store the handlers beside the game, not in the client. [`Handle::update`] borrows both for one call, so a
/// handler can change the game without a lock. The second argument of a handler is a [`Handle`], through which the
/// handler can reply.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::message::{BoundedString, NetMessage, Registry};
/// use tickwire_core::{Access, Config, ConnectOptions, ConnectionId};
/// use tickwire_native::{Client, Handle, Options, Server};
///
/// #[derive(NetMessage)]
/// struct Chat {
///     text: BoundedString<200>,
/// }
///
/// #[derive(Default)]
/// struct Game {
///     players: usize,
///     lines: Vec<String>,
/// }
///
/// impl Game {
///     fn heard(&mut self, network: &mut Handle, from: ConnectionId, chat: &Chat) {
///         self.lines.push(chat.text.as_str().to_owned());
///         let thanks = Chat { text: BoundedString::truncated("thanks") };
///         drop(network.send(from, &thanks)); // fails if the channel is full
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut registry = Registry::new();
/// # registry.register::<Chat>()?;
/// # let mut config = Config::new(1);
/// # config.access = Access::Open;
/// let server = Server::start(Options::new(config).registry(registry.clone()).bind("127.0.0.1:0".parse()?))?;
/// let mut handlers = server.handlers::<Game>();
/// handlers.on(Game::heard)?;
/// handlers.on_connected(|game, _, _, _, _| game.players += 1);
/// handlers.on_disconnected(|game, _, _, _| game.players -= 1);
/// # let client = Client::start(Options::new(Config::new(1)).registry(registry))?;
/// # client.connect(&server.local_address().into(), ConnectOptions::new(server.public_key())).wait()?;
/// # client.send_to_server(&Chat { text: BoundedString::truncated("hello") })?;
///
/// let mut game = Game::default();
/// while game.lines.is_empty() {
///     server.update(&mut game, &mut handlers); // once per frame
/// #   std::thread::sleep(Duration::from_millis(1));
/// }
/// assert_eq!((game.players, game.lines), (1, vec!["hello".to_owned()]));
/// # Ok(())
/// # }
/// ```
pub struct Handlers<G> {
    dispatcher: Dispatcher<G, Handle>,
    next_serial: u64,
    connected: Vec<(u64, OnConnected<G>)>,
    disconnected: Vec<(u64, OnDisconnected<G>)>,
    events: Vec<(u64, OnEvent<G>)>,
    snapshots: Vec<(u64, OnSnapshot<G>)>,
}

type OnConnected<G> = Box<dyn FnMut(&mut G, &mut Handle, ConnectionId, Address, &PeerInfo) + Send>;
type OnDisconnected<G> = Box<dyn FnMut(&mut G, &mut Handle, ConnectionId, &CloseReason) + Send>;
type OnSnapshot<G> = Box<dyn FnMut(&mut G, &mut Handle, ConnectionId, &Changes) + Send>;
type OnEvent<G> = Box<dyn FnMut(&mut G, &mut Handle, &Event) + Send>;

impl<G> std::fmt::Debug for Handlers<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handlers").field("dispatcher", &self.dispatcher).finish_non_exhaustive()
    }
}

impl<G: 'static> Handlers<G> {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            dispatcher: Dispatcher::new(registry),
            next_serial: 0,
            connected: Vec::new(),
            disconnected: Vec::new(),
            events: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    /// Registers `handler` for every valid message of type `T`. The handler gets the game, a handle through which it
    /// can reply, and the sender. A handler that returns [`HandlerAction::Remove`] receives no further message.
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] if the registry does not contain `T`.
    pub fn on<T: NetMessage, R: Into<HandlerAction>>(
        &mut self,
        handler: impl FnMut(&mut G, &mut Handle, ConnectionId, &T) -> R + Send + 'static,
    ) -> Result<HandlerId, EncodeError> {
        self.dispatcher.on(handler).map(|id| HandlerId(Which::Message(id)))
    }

    /// Adds `valid` as a validator of messages of type `T`. Handlers of [`Self::on`] receive only messages that all
    /// validators of their type accept. The driver disconnects a sender of more than 8 invalid messages in 10 s, with the code
    /// [`crate::INVALID_MESSAGES`].
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] if the registry does not contain `T`.
    pub fn validate<T: NetMessage>(
        &mut self,
        valid: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(), EncodeError> {
        self.dispatcher.validate(valid)
    }

    /// Registers `handler` for every connection that is established.
    pub fn on_connected(
        &mut self,
        handler: impl FnMut(&mut G, &mut Handle, ConnectionId, Address, &PeerInfo) + Send + 'static,
    ) -> HandlerId {
        let serial = self.serial();
        self.connected.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    /// Registers `handler` for every connection that ends. A failed attempt to connect does not call the handler.
    pub fn on_disconnected(
        &mut self,
        handler: impl FnMut(&mut G, &mut Handle, ConnectionId, &CloseReason) + Send + 'static,
    ) -> HandlerId {
        let serial = self.serial();
        self.disconnected.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    /// Registers `handler` for the changes of the world that a connection receives. Handlers usually apply the changes to a
    /// [`WorldView`](tickwire_core::snapshot::WorldView). The driver then reuses the memory of the changes.
    pub fn on_snapshot(
        &mut self,
        handler: impl FnMut(&mut G, &mut Handle, ConnectionId, &Changes) + Send + 'static,
    ) -> HandlerId {
        let serial = self.serial();
        self.snapshots.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    /// Registers `handler` for every event. The driver calls `handler` before the handlers for connections and
    /// messages. The handler gets messages as bytes, including invalid messages.
    pub fn on_event(
        &mut self,
        handler: impl FnMut(&mut G, &mut Handle, &Event) + Send + 'static,
    ) -> HandlerId {
        let serial = self.serial();
        self.events.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    /// Removes a handler from the set. Returns whether the handler was registered.
    pub fn off(&mut self, handler: HandlerId) -> bool {
        match handler.0 {
            Which::Message(id) => self.dispatcher.off(id),
            Which::Connection(serial) => {
                let count = |handlers: &Self| {
                    handlers.connected.len()
                        + handlers.disconnected.len()
                        + handlers.events.len()
                        + handlers.snapshots.len()
                };
                let before = count(self);
                self.connected.retain(|(id, _)| *id != serial);
                self.disconnected.retain(|(id, _)| *id != serial);
                self.events.retain(|(id, _)| *id != serial);
                self.snapshots.retain(|(id, _)| *id != serial);
                count(self) < before
            }
        }
    }

    /// Calls the handlers that are registered for `event`.
    fn handle(&mut self, game: &mut G, network: &mut Handle, event: Event, update: &mut Update) {
        update.events += 1;
        self.events.iter_mut().for_each(|(_, call)| call(game, network, &event));
        match event {
            // Without message types, a game that drains events decodes by itself.
            Event::Message { .. } if self.dispatcher.registry().is_empty() => {}
            Event::Message { connection, data, .. } => {
                let outcome = self.dispatcher.dispatch(network.now(), game, network, connection, &data);
                update.note(network, connection, outcome);
            }
            Event::Connected { connection, address, peer, .. } => {
                self.connected
                    .iter_mut()
                    .for_each(|(_, call)| call(game, network, connection, address, &peer));
            }
            Event::Snapshot { connection, changes } => {
                let snapshots = self.snapshots.iter_mut();
                snapshots.for_each(|(_, call)| call(game, network, connection, &changes));
                network.recycle(changes);
            }
            // An attempt to connect that failed, or the driver's end: no connection.
            Event::Closed { connection, .. } if connection == ConnectionId::default() => {}
            Event::Closed { connection, reason, .. } => {
                self.dispatcher.forget(connection);
                self.disconnected.iter_mut().for_each(|(_, call)| call(game, network, connection, &reason));
            }
            _ => {}
        }
    }

    const fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }
}

impl Update {
    fn note(&mut self, network: &Handle, connection: ConnectionId, outcome: Outcome) {
        match outcome {
            Outcome::Handled { .. } => self.messages += 1,
            Outcome::Rejected { verdict, .. } => {
                self.rejected += 1;
                network.reject(connection, verdict);
            }
        }
    }
}

impl Handle {
    /// Creates an empty set of handlers for a game of type `G`, with the message types of this endpoint's registry.
    #[must_use]
    pub fn handlers<G: 'static>(&self) -> Handlers<G> {
        Handlers::new(Arc::clone(&self.0.facts.registry))
    }

    /// Takes the events that wait when the call begins, and calls `handlers` with `game` for each of them. Call this
    /// method once per frame. Messages that handlers send are sent together when the method returns.
    pub fn update<G: 'static>(&self, game: &mut G, handlers: &mut Handlers<G>) -> Update {
        // Messages that handlers send leave together.
        let _hold = self.hold();
        let (mut network, mut update) = (self.clone(), Update::default());
        // No more than is there now: a flood must not hold the frame.
        for _ in 0..self.events_waiting() {
            let Some(event) = self.next_unscreened() else { break };
            handlers.handle(game, &mut network, event, &mut update);
        }
        update
    }
}
