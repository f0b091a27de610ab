//! Dispatch of received messages to the functions that handle them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use super::{Codec as _, DecodeError, EncodeError, MessageType, NetMessage, Registry};
use super::{Verdict, ViolationBudget, ViolationLimit};
use crate::endpoint::Endpoint;
use crate::event::ConnectionId;
use crate::limits;
use crate::time::Instant;

/// The id of a handler, which [`Dispatcher::on`] returns. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HandlerId {
    place: usize,
    serial: u64,
}

/// The return value of a handler, which decides whether the handler stays registered. A handler that returns `()` stays
/// registered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HandlerAction {
    /// The dispatcher keeps the handler.
    #[default]
    Keep,
    /// The dispatcher removes the handler, which then receives no further message.
    Remove,
}

impl From<()> for HandlerAction {
    fn from((): ()) -> Self {
        Self::Keep
    }
}

/// The result of dispatching a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "the verdict on a rejected message can be to close the connection"]
pub enum Outcome {
    /// The message was valid. Any number of handlers received it, possibly none.
    Handled {
        /// The type of the message.
        message_type: MessageType,
        /// The number of handlers that received the message.
        handlers: usize,
    },
    /// The message was invalid, and no handler received it.
    Rejected {
        /// The reason for the rejection.
        reason: Rejection,
        /// The decision on the sender. [`Verdict::Close`] means that the sender has exceeded the limit of invalid messages:
        /// close the connection with [`crate::Endpoint::close`] and a code that the game defines.
        verdict: Verdict,
    },
}

/// The reason why a message was rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The bytes do not decode as a message.
    Malformed {
        /// The name of the message's type. `None` if no registered type has the type index in the bytes, or the message is
        /// longer than its type allows.
        name: Option<&'static str>,
        /// The error of the decoder.
        error: DecodeError,
    },
    /// A validator rejected the message.
    Invalid {
        /// The name of the message's type.
        name: &'static str,
    },
}

/// A dispatcher, which decodes messages, validates them, and passes them to handlers together with the game's
/// state. The dispatcher also counts the invalid messages of each sender.
///
/// The dispatcher calls a handler with the game, the network, the sender and the message. `G` is the type of the game's
/// state. The dispatcher borrows the state for one call, so a handler can change the state without a lock. `N` is the
/// type with which handlers send, and `I` is the type of sender ids. The defaults are [`Endpoint`] and [`ConnectionId`].
/// Handlers of the native driver and of the dedicated server have the same parameters, but their second parameter is a
/// `Handle` or a `Context`.
///
/// [`Dispatcher::dispatch`] calls the handlers in the order in which they were added. A handler that returns
/// [`HandlerAction::Remove`] receives no further message. A handler that returns `()` stays registered.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tickwire_core::message::{BoundedString, Dispatcher, NetMessage, Outcome, Registry};
/// use tickwire_core::{Config, ConnectionId, Endpoint, Instant, Secrets};
///
/// #[derive(NetMessage)]
/// struct Chat {
///     text: BoundedString<200>,
/// }
///
/// #[derive(Default)]
/// struct Game {
///     lines: Vec<String>,
/// }
///
/// impl Game {
///     fn heard(&mut self, _: &mut Endpoint, _: ConnectionId, chat: &Chat) {
///         self.lines.push(chat.text.as_str().to_owned());
///     }
/// }
///
/// let mut registry = Registry::new();
/// registry.register::<Chat>()?;
/// let mut dispatcher = Dispatcher::<Game>::new(registry.clone());
/// dispatcher.on(Game::heard)?;
/// dispatcher.validate(|chat: &Chat| !chat.text.as_str().is_empty())?;
///
/// # let mut endpoint = Endpoint::new(Config::new(1), Secrets::new([1; 32]), [2; 32], Instant::ZERO)?;
/// // In the loop, for each `Event::Message { connection, data, .. }`:
/// let (now, mut game) = (Instant::ZERO, Game::default());
/// # let connection = ConnectionId::default();
/// # let data = registry.encode(&Chat { text: BoundedString::truncated("hello") })?;
/// let outcome = dispatcher.dispatch(now, &mut game, &mut endpoint, connection, &data);
/// assert!(matches!(outcome, Outcome::Handled { handlers: 1, .. }));
/// assert_eq!(game.lines, ["hello"]);
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Dispatcher<G, N = Endpoint, I = ConnectionId> {
    registry: Arc<Registry>,
    /// A slot for each type of the registry, or `None` while the type has neither a handler nor a validator.
    slots: Vec<Option<BoxedSlot<G, N, I>>>,
    next_serial: u64,
    limit: ViolationLimit,
    violations: BTreeMap<I, ViolationBudget>,
}

impl<G, N, I> fmt::Debug for Dispatcher<G, N, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("types", &self.slots.len()).finish_non_exhaustive()
    }
}

impl<G: 'static, N: 'static, I: Ord + Copy + 'static> Dispatcher<G, N, I> {
    /// Creates a dispatcher of the message types in `registry`. The dispatcher has no handlers yet.
    #[must_use]
    pub fn new(registry: impl Into<Arc<Registry>>) -> Self {
        let registry = registry.into();
        let slots = registry.entries().iter().map(|_| None).collect();
        let limit = ViolationLimit::default();
        Self { registry, slots, next_serial: 0, limit, violations: BTreeMap::new() }
    }

    /// Sets the limit of invalid messages of each sender, and returns the changed dispatcher. Default: 8 invalid messages
    /// in 10 s.
    #[must_use]
    pub const fn violation_limit(mut self, limit: ViolationLimit) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the registry with which the dispatcher decodes messages.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Registers `handler` for every valid message of type `T`. The handler gets the game, the network, the sender and
    /// the message.
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] if the registry does not contain `T`.
    pub fn on<T: NetMessage, R: Into<HandlerAction>>(
        &mut self,
        mut handler: impl FnMut(&mut G, &mut N, I, &T) -> R + Send + 'static,
    ) -> Result<HandlerId, EncodeError> {
        let serial = self.next_serial;
        let (place, slot) = self.slot::<T>()?;
        let call = move |game: &mut G, network: &mut N, from: I, message: &T| {
            handler(game, network, from, message).into()
        };
        slot.handlers.push(Handler { serial, call: Box::new(call) });
        self.next_serial += 1;
        Ok(HandlerId { place, serial })
    }

    /// Removes a handler from the dispatcher. Returns whether the handler was registered.
    pub fn off(&mut self, handler: HandlerId) -> bool {
        let slot = self.slots.get_mut(handler.place).and_then(Option::as_deref_mut);
        slot.is_some_and(|slot| slot.remove(handler.serial))
    }

    /// Adds `valid` as a validator of messages of type `T`. Handlers receive only messages that all validators of their
    /// type accept.
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] if the registry does not contain `T`.
    pub fn validate<T: NetMessage>(
        &mut self,
        valid: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(), EncodeError> {
        self.slot::<T>()?.1.validators.push(Box::new(valid));
        Ok(())
    }

    /// Decodes the message in `bytes`, validates it, and calls the handlers of its type. If the message is invalid, the
    /// method calls no handler, and counts the message against the sender `from` as [`Self::violated`] does.
    pub fn dispatch(
        &mut self,
        now: Instant,
        game: &mut G,
        network: &mut N,
        from: I,
        bytes: &[u8],
    ) -> Outcome {
        match self.try_dispatch(game, network, from, bytes) {
            Ok((message_type, handlers)) => Outcome::Handled { message_type, handlers },
            Err(reason) => Outcome::Rejected { reason, verdict: self.violated(now, from) },
        }
    }

    /// Counts an invalid message of the sender `from`, and returns the decision on this sender. Call this method for a
    /// message that the validators accept, but that breaks a rule of the game, such as a move through a wall.
    ///
    /// The dispatcher stores the counts of at most [`limits::VIOLATION_RECORDS`] senders. The count of a further sender
    /// replaces the count of the sender with the lowest id.
    pub fn violated(&mut self, now: Instant, from: I) -> Verdict {
        if !self.violations.contains_key(&from) && self.violations.len() >= limits::VIOLATION_RECORDS {
            self.violations.pop_first();
        }
        let limit = self.limit;
        self.violations.entry(from).or_insert_with(|| ViolationBudget::new(limit)).record(now)
    }

    /// Discards the count of a sender's invalid messages. Call this method when the sender's connection is closed.
    pub fn forget(&mut self, from: I) {
        self.violations.remove(&from);
    }

    fn try_dispatch(
        &mut self,
        game: &mut G,
        network: &mut N,
        from: I,
        bytes: &[u8],
    ) -> Result<(MessageType, usize), Rejection> {
        let split = self.registry.split(bytes);
        let (place, entry, body) = split.map_err(|error| Rejection::Malformed { name: None, error })?;
        let name = entry.name;
        let handlers = match self.slots.get_mut(place) {
            Some(Some(slot)) => slot.dispatch(game, network, from, body)?,
            // Nobody listens, but what is malformed counts all the same.
            _ => self
                .registry
                .decode(bytes)
                .map(|_| 0)
                .map_err(|error| Rejection::Malformed { name: Some(name), error })?,
        };
        Ok((entry.message_type, handlers))
    }

    fn slot<T: NetMessage>(&mut self) -> Result<Placed<'_, T, G, N, I>, EncodeError> {
        let unknown = EncodeError::NotRegistered { name: T::NAME };
        let Some(place) = self.registry.place_of::<T>() else {
            return Err(unknown);
        };
        let slot = self.slots.get_mut(place).ok_or(EncodeError::NotRegistered { name: T::NAME })?;
        let slot = slot.get_or_insert_with(|| Box::new(TypedSlot::<T, G, N, I>::new()));
        let slot: &mut dyn Any = &mut **slot;
        slot.downcast_mut().map(|slot| (place, slot)).ok_or(unknown)
    }
}

type BoxedSlot<G, N, I> = Box<dyn HandlerSlot<G, N, I>>;
/// The index of a type in the registry, and the slot of the type.
type Placed<'a, T, G, N, I> = (usize, &'a mut TypedSlot<T, G, N, I>);

/// The handlers and validators of one message type, without the Rust type as a parameter.
trait HandlerSlot<G, N, I>: Any + Send {
    fn dispatch(&mut self, game: &mut G, network: &mut N, from: I, body: &[u8]) -> Result<usize, Rejection>;
    fn remove(&mut self, serial: u64) -> bool;
}

struct TypedSlot<T, G, N, I> {
    validators: Vec<Validator<T>>,
    handlers: Vec<Handler<T, G, N, I>>,
}

struct Handler<T, G, N, I> {
    serial: u64,
    call: Call<T, G, N, I>,
}

type Validator<T> = Box<dyn Fn(&T) -> bool + Send>;
type Call<T, G, N, I> = Box<dyn FnMut(&mut G, &mut N, I, &T) -> HandlerAction + Send>;

impl<T, G, N, I> TypedSlot<T, G, N, I> {
    const fn new() -> Self {
        Self { validators: Vec::new(), handlers: Vec::new() }
    }
}

impl<T: NetMessage, G: 'static, N: 'static, I: Copy + 'static> HandlerSlot<G, N, I>
    for TypedSlot<T, G, N, I>
{
    fn dispatch(&mut self, game: &mut G, network: &mut N, from: I, body: &[u8]) -> Result<usize, Rejection> {
        let decoded = T::Codec::decode(body);
        let message = decoded.map_err(|error| Rejection::Malformed { name: Some(T::NAME), error })?;
        if !self.validators.iter().all(|valid| valid(&message)) {
            return Err(Rejection::Invalid { name: T::NAME });
        }
        let seen_by = self.handlers.len();
        let mut stays = |handler: &mut Handler<T, G, N, I>| {
            (handler.call)(game, network, from, &message) == HandlerAction::Keep
        };
        self.handlers.retain_mut(&mut stays);
        Ok(seen_by)
    }

    fn remove(&mut self, serial: u64) -> bool {
        let before = self.handlers.len();
        self.handlers.retain(|handler| handler.serial != serial);
        self.handlers.len() < before
    }
}
