//! From bytes to the functions that handle them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use super::{Codec as _, DecodeError, EncodeError, MessageType, NetMessage, Registry};
use super::{Verdict, ViolationBudget, ViolationLimit};
use crate::event::ConnectionId;
use crate::limits;
use crate::time::Instant;

/// A handler, as [`Dispatcher::on`] returned it. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HandlerId {
    place: usize,
    serial: u64,
}

/// What becomes of a handler after a message. A handler that returns nothing stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HandlerAction {
    /// It stays.
    #[default]
    Keep,
    /// It is removed, and has seen its last message.
    Remove,
}

impl From<()> for HandlerAction {
    fn from((): ()) -> Self {
        Self::Keep
    }
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a rejected message may be one too many"]
pub enum Outcome {
    /// It was valid, and so many handlers saw it; perhaps none.
    Handled {
        /// Its type.
        message_type: MessageType,
        /// How many saw it.
        handlers: usize,
    },
    /// It was not valid, and nobody saw it.
    Rejected {
        /// What was wrong.
        reason: Rejection,
        /// Whether it was one too many.
        /// Then close the connection, with [`crate::Endpoint::close`] and a code of your own.
        verdict: Verdict,
    },
}

/// What was wrong with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The bytes are no message.
    Malformed {
        /// The name of the type that it claims to be, if there is one.
        name: Option<&'static str>,
        /// Why not.
        error: DecodeError,
    },
    /// A validator refused it.
    Invalid {
        /// The name of its type.
        name: &'static str,
    },
}

/// Decodes messages, lets validators judge them, and hands them to handlers; counts what each connection sends that is
/// not valid.
///
/// Handlers run inside [`Dispatcher::dispatch`], in the order in which they were added. One that wants to go says
/// [`HandlerAction::Remove`].
pub struct Dispatcher {
    registry: Arc<Registry>,
    /// One per type of the registry, made when it gets its first handler or validator.
    slots: Vec<Option<Box<dyn HandlerSlot>>>,
    next_serial: u64,
    limit: ViolationLimit,
    violations: BTreeMap<ConnectionId, ViolationBudget>,
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("types", &self.slots.len()).finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// A dispatcher without handlers, for the types of `registry`.
    #[must_use]
    pub fn new(registry: impl Into<Arc<Registry>>) -> Self {
        let registry = registry.into();
        let slots = registry.entries().iter().map(|_| None).collect();
        let limit = ViolationLimit::default();
        Self { registry, slots, next_serial: 0, limit, violations: BTreeMap::new() }
    }

    /// With another limit on violations than 8 in 10 s.
    #[must_use]
    pub const fn violation_limit(mut self, limit: ViolationLimit) -> Self {
        self.limit = limit;
        self
    }

    /// The types that it knows.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Calls `handler` for every valid message of type `T`.
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] if the registry does not know `T`.
    pub fn on<T: NetMessage, R: Into<HandlerAction>>(
        &mut self,
        mut handler: impl FnMut(ConnectionId, &T) -> R + Send + 'static,
    ) -> Result<HandlerId, EncodeError> {
        let serial = self.next_serial;
        let (place, slot) = self.slot::<T>()?;
        let call = move |connection: ConnectionId, message: &T| handler(connection, message).into();
        slot.handlers.push(Handler { serial, call: Box::new(call) });
        self.next_serial += 1;
        Ok(HandlerId { place, serial })
    }

    /// Removes a handler; says whether it was there.
    pub fn off(&mut self, handler: HandlerId) -> bool {
        let slot = self.slots.get_mut(handler.place).and_then(Option::as_deref_mut);
        slot.is_some_and(|slot| slot.remove(handler.serial))
    }

    /// Lets `valid` judge every message of type `T` before any handler sees it. All validators must agree.
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] if the registry does not know `T`.
    pub fn validate<T: NetMessage>(
        &mut self,
        valid: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(), EncodeError> {
        self.slot::<T>()?.1.validators.push(Box::new(valid));
        Ok(())
    }

    /// Decodes the message that `bytes` are, validates it, and calls its handlers.
    pub fn dispatch(&mut self, now: Instant, connection: ConnectionId, bytes: &[u8]) -> Outcome {
        match self.try_dispatch(connection, bytes) {
            Ok((message_type, handlers)) => Outcome::Handled { message_type, handlers },
            Err(reason) => Outcome::Rejected { reason, verdict: self.violated(now, connection) },
        }
    }

    /// Counts a violation that the game itself found in a valid message: a move through a wall, say.
    pub fn violated(&mut self, now: Instant, connection: ConnectionId) -> Verdict {
        if !self.violations.contains_key(&connection) && self.violations.len() >= limits::VIOLATION_RECORDS {
            self.violations.pop_first();
        }
        let limit = self.limit;
        self.violations.entry(connection).or_insert_with(|| ViolationBudget::new(limit)).record(now)
    }

    /// Forgets what `connection` did. Call it when the connection is closed.
    pub fn forget(&mut self, connection: ConnectionId) {
        self.violations.remove(&connection);
    }

    fn try_dispatch(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
    ) -> Result<(MessageType, usize), Rejection> {
        let split = self.registry.split(bytes);
        let (place, entry, body) = split.map_err(|error| Rejection::Malformed { name: None, error })?;
        let name = entry.name;
        let handlers = match self.slots.get_mut(place) {
            Some(Some(slot)) => slot.dispatch(connection, body)?,
            // Nobody listens, but what is malformed counts all the same.
            _ => self
                .registry
                .decode(bytes)
                .map(|_| 0)
                .map_err(|error| Rejection::Malformed { name: Some(name), error })?,
        };
        Ok((entry.message_type, handlers))
    }

    fn slot<T: NetMessage>(&mut self) -> Result<(usize, &mut TypedSlot<T>), EncodeError> {
        let unknown = EncodeError::NotRegistered { name: T::NAME };
        let Some(place) = self.registry.place_of::<T>() else {
            return Err(unknown);
        };
        let slot = self.slots.get_mut(place).ok_or(EncodeError::NotRegistered { name: T::NAME })?;
        let slot = slot.get_or_insert_with(|| Box::new(TypedSlot::<T>::new()));
        let slot: &mut dyn Any = &mut **slot;
        slot.downcast_mut().map(|slot| (place, slot)).ok_or(unknown)
    }
}

/// The handlers and validators of a type that is not known here.
trait HandlerSlot: Any + Send {
    fn dispatch(&mut self, connection: ConnectionId, body: &[u8]) -> Result<usize, Rejection>;
    fn remove(&mut self, serial: u64) -> bool;
}

struct TypedSlot<T> {
    validators: Vec<Validator<T>>,
    handlers: Vec<Handler<T>>,
}

struct Handler<T> {
    serial: u64,
    call: Call<T>,
}

type Validator<T> = Box<dyn Fn(&T) -> bool + Send>;
type Call<T> = Box<dyn FnMut(ConnectionId, &T) -> HandlerAction + Send>;

impl<T> TypedSlot<T> {
    const fn new() -> Self {
        Self { validators: Vec::new(), handlers: Vec::new() }
    }
}

impl<T: NetMessage> HandlerSlot for TypedSlot<T> {
    fn dispatch(&mut self, connection: ConnectionId, body: &[u8]) -> Result<usize, Rejection> {
        let decoded = T::Codec::decode(body);
        let message = decoded.map_err(|error| Rejection::Malformed { name: Some(T::NAME), error })?;
        if !self.validators.iter().all(|valid| valid(&message)) {
            return Err(Rejection::Invalid { name: T::NAME });
        }
        let seen_by = self.handlers.len();
        self.handlers.retain_mut(|handler| (handler.call)(connection, &message) == HandlerAction::Keep);
        Ok(seen_by)
    }

    fn remove(&mut self, serial: u64) -> bool {
        let before = self.handlers.len();
        self.handlers.retain(|handler| handler.serial != serial);
        self.handlers.len() < before
    }
}
