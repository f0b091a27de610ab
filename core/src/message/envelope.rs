//! Received messages, before and after decoding.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;

use bytes::Bytes;

use super::{MessageType, NetMessage};
use crate::time::Instant;

/// A received message whose body is not decoded yet. Use this type to route, relay or record messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub(super) message_type: MessageType,
    pub(super) name: &'static str,
    pub(super) data: Bytes,
    pub(super) received_at: Instant,
}

impl Message {
    /// Returns the type number of the message.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// Returns the name of the message's type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.name
    }

    /// Returns the size of the encoded message in bytes, including its type index.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.data.len()
    }

    /// Returns the time at which the message arrived.
    #[must_use]
    pub const fn received_at(&self) -> Instant {
        self.received_at
    }

    /// Returns the bytes of the message, as [`super::Registry::encode`] wrote them.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }
}

/// A decoded message whose type is known only at run time.
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
    /// Returns the type number of the decoded message.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// Returns the name of the decoded message's type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.name
    }

    /// Returns whether the message has the type `T`.
    #[must_use]
    pub fn is<T: NetMessage>(&self) -> bool {
        self.value.is::<T>()
    }

    /// Returns a reference to the value if the message has the type `T`, else `None`.
    #[must_use]
    pub fn downcast_ref<T: NetMessage>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    /// Returns the value if the message has the type `T`.
    ///
    /// # Errors
    /// The unchanged message if it has a type other than `T`.
    pub fn downcast<T: NetMessage>(self) -> Result<T, Self> {
        let Self { message_type, name, value } = self;
        value.downcast().map(|value| *value).map_err(|value| Self { message_type, name, value })
    }
}
