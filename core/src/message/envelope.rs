//! Messages that arrived.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;

use bytes::Bytes;

use super::{MessageType, NetMessage};
use crate::time::Instant;

/// A message that arrived and is not decoded yet: for routing, relaying and recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub(super) message_type: MessageType,
    pub(super) name: &'static str,
    pub(super) data: Bytes,
    pub(super) received_at: Instant,
}

impl Message {
    /// Its type.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// The name of its type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.name
    }

    /// Bytes on the wire, the index of its type included.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.data.len()
    }

    /// When it arrived.
    #[must_use]
    pub const fn received_at(&self) -> Instant {
        self.received_at
    }

    /// Its bytes, as [`super::Registry::encode`] made them.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }
}

/// A decoded message whose type is known at run time only.
pub struct Decoded {
    pub(super) message_type: MessageType,
    pub(super) name: &'static str,
    pub(super) value: Box<dyn Any + Send>,
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoded({} {})", self.message_type, self.name)
    }
}

impl Decoded {
    /// Its type.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// The name of its type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.name
    }

    /// Whether it is a `T`.
    #[must_use]
    pub fn is<T: NetMessage>(&self) -> bool {
        self.value.is::<T>()
    }

    /// The value, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: NetMessage>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    /// The value itself, if it is a `T`.
    ///
    /// # Errors
    /// The message as it was, if it is of another type.
    pub fn downcast<T: NetMessage>(self) -> Result<T, Self> {
        let Self { message_type, name, value } = self;
        value.downcast().map(|value| *value).map_err(|value| Self { message_type, name, value })
    }
}
