//! The registry of a game's message types.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::{Any, TypeId};
use core::fmt;

use bytes::Bytes;

use super::{Codec, DecodeError, Decoded, EncodeError, Message, MessageType, NetMessage, Shape, Shapes};
use crate::config::Route;
use crate::event::ChannelId;
use crate::limits;
use crate::schema::{Schema, SchemaEntry, StableHasher};
use crate::time::Instant;
use crate::wire::{NoRoom, Reader, Writer};

/// A registry of all message types of a game, which encodes and decodes messages of these types.
///
/// Both ends register the same types, in any order, before they connect. The wire carries a type's index in the
/// list of types sorted by name, so a type registered later would change the index of other types. Share the
/// finished registry in an `Arc`.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tickwire_core::message::{BoundedString, NetMessage, Registry};
///
/// #[derive(NetMessage, PartialEq, Debug)]
/// struct Chat {
///     text: BoundedString<200>,
/// }
///
/// let mut registry = Registry::new();
/// registry.register::<Chat>()?;
/// let bytes = registry.encode(&Chat { text: BoundedString::truncated("hello") })?;
/// let decoded = registry.decode(&bytes)?;
/// assert_eq!(decoded.type_name(), "Chat");
/// assert_eq!(decoded.downcast::<Chat>().unwrap().text.as_str(), "hello");
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// The registered types, sorted by name.
    entries: Vec<RegisteredType>,
}

/// The registry's record of a message type.
#[derive(Clone, Debug)]
pub(super) struct RegisteredType {
    pub(super) name: &'static str,
    pub(super) message_type: MessageType,
    pub(super) codec: &'static str,
    pub(super) route: Route,
    pub(super) max_size: usize,
    pub(super) shape: Shape,
    pub(super) hash: u32,
    type_id: TypeId,
    decode: Decode,
}

type Decode = fn(&[u8]) -> Result<Box<dyn Any + Send>, DecodeError>;

/// The reason why a message type cannot be registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name is empty, longer than [`limits::MESSAGE_NAME`] bytes, or has characters other than ASCII letters, digits,
    /// `_`, `-`, `.` and `/`.
    BadName {
        /// The name that is not allowed.
        name: &'static str,
    },
    /// A type with this name is already registered.
    DuplicateName {
        /// The name that both types have.
        name: &'static str,
    },
    /// A message type with the same type number is already registered.
    DuplicateType {
        /// The type number that both message types have.
        message_type: MessageType,
        /// The name of the new message type.
        name: &'static str,
        /// The name of the message type that is already registered.
        other: &'static str,
    },
    /// The type number is below [`MessageType::USER`], in the range that is reserved for the protocol.
    ReservedType {
        /// The reserved type number.
        message_type: MessageType,
        /// The name of the message type.
        name: &'static str,
    },
    /// The size limit of the type is above [`limits::MESSAGE_SIZE_MAX`].
    TooLarge {
        /// The name of the message type.
        name: &'static str,
    },
    /// The channel number is [`limits::CHANNELS`] or higher.
    BadChannel {
        /// The name of the message type.
        name: &'static str,
    },
    /// The registry already has [`limits::MESSAGE_TYPES`] types.
    TooManyTypes,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name } => write!(
                f,
                "`{}` is not a valid name for a message type; use 1 to {} ASCII letters, digits, `_`, `-`, `.` and `/`",
                name.escape_debug(),
                limits::MESSAGE_NAME
            ),
            Self::DuplicateName { name } => {
                write!(f, "a message type `{name}` is already registered; give the new type another name")
            }
            Self::DuplicateType { message_type, name, other } => write!(
                f,
                "message types `{name}` and `{other}` both have the number {message_type}; give one of the two another number"
            ),
            Self::ReservedType { message_type, name } => write!(
                f,
                "message type `{name}` has the number {message_type}, but numbers below {} belong to the protocol; give the \
                 message type a higher number",
                MessageType::USER
            ),
            Self::TooLarge { name } => write!(
                f,
                "the MAX_SIZE of message type `{name}` is above the largest message size; lower MAX_SIZE to at most {} bytes",
                limits::MESSAGE_SIZE_MAX
            ),
            Self::BadChannel { name } => write!(
                f,
                "message type `{name}` has a channel number that does not exist; use a number below {}",
                limits::CHANNELS
            ),
            Self::TooManyTypes => {
                write!(f, "there are more than {} message types; merge some of them", limits::MESSAGE_TYPES)
            }
        }
    }
}

impl core::error::Error for RegisterError {}

impl Registry {
    /// Creates a registry without message types.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Registers the message type `T`.
    ///
    /// # Errors
    /// [`RegisterError`] if the name, type number, size limit or channel number of `T` is not allowed, if a registered
    /// type has the same name or type number, or if the registry is full. The registry then stays unchanged.
    pub fn register<T: NetMessage>(&mut self) -> Result<(), RegisterError> {
        let entry = RegisteredType::of::<T>()?;
        let name = entry.name;
        if let Some(other) = self.entries.iter().find(|other| other.name == name) {
            return Err(RegisterError::DuplicateName { name: other.name });
        }
        let message_type = entry.message_type;
        if let Some(other) = self.entries.iter().find(|other| other.message_type == message_type) {
            return Err(RegisterError::DuplicateType { message_type, name, other: other.name });
        }
        if self.entries.len() >= limits::MESSAGE_TYPES {
            return Err(RegisterError::TooManyTypes);
        }
        let place = self.entries.partition_point(|other| other.name < name);
        self.entries.insert(place, entry);
        Ok(())
    }

    /// Encodes `message` to the bytes that a channel carries, with the type index first.
    ///
    /// # Errors
    /// [`EncodeError`] if the type is not registered, if the codec cannot encode the value, or if the value exceeds a limit
    /// on range, size, nesting depth or number of items.
    pub fn encode<T: NetMessage>(&self, message: &T) -> Result<Bytes, EncodeError> {
        let place = self.place_of::<T>().ok_or(EncodeError::NotRegistered { name: T::NAME })?;
        let mut out = index_bytes(place).map_err(|NoRoom| EncodeError::TooLarge { limit: T::MAX_SIZE })?;
        T::Codec::encode(message, &mut out, T::MAX_SIZE).map_err(|error| error.in_message(T::NAME))?;
        Ok(Bytes::from(out))
    }

    /// Decodes a message of any registered type from `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] if `bytes` are not a valid message of a registered type.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, DecodeError> {
        let (_, entry, body) = self.split(bytes)?;
        let value = (entry.decode)(body)?;
        Ok(Decoded { message_type: entry.message_type, name: entry.name, value })
    }

    /// Decodes a message of type `T` from `bytes`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] if the message has a type other than `T`, else the error of [`Registry::decode`].
    pub fn decode_as<T: NetMessage>(&self, bytes: &[u8]) -> Result<T, DecodeError> {
        let (_, entry, body) = self.split(bytes)?;
        if entry.type_id == TypeId::of::<T>() { T::Codec::decode(body) } else { Err(DecodeError::Invalid) }
    }

    /// Reads the type of the message in `data`, and returns the message with its body undecoded.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`] if no registered type has the type index at the start of `data`, or
    /// [`DecodeError::TooLarge`] if the body of the message is longer than its type allows.
    pub fn open(&self, data: Bytes, received_at: Instant) -> Result<Message, DecodeError> {
        let (_, entry, _) = self.split(&data)?;
        let (message_type, name) = (entry.message_type, entry.name);
        Ok(Message { message_type, name, data, received_at })
    }

    /// Returns the type number of the registered type `T`. Returns `None` if `T` is not registered.
    #[must_use]
    pub fn type_of<T: NetMessage>(&self) -> Option<MessageType> {
        self.entry_of::<T>().map(|entry| entry.message_type)
    }

    /// Returns the name and layout hash of every type, as a schema for the comparison in the handshake.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let entries = self.entries.iter();
        Schema::new(entries.map(|entry| SchemaEntry { name: entry.name.into(), hash: entry.hash }).collect())
    }

    /// Returns the name of every registered type, with the [`Route`] that selects the channel of its messages.
    pub fn routes(&self) -> impl Iterator<Item = (&'static str, Route)> {
        self.entries.iter().map(|entry| (entry.name, entry.route))
    }

    /// Returns the number of registered types.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether no type is registered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> &[RegisteredType] {
        &self.entries
    }

    /// Returns the index of `T` in the list sorted by name.
    pub(super) fn place_of<T: NetMessage>(&self) -> Option<usize> {
        let place = self.entries.binary_search_by(|entry| entry.name.cmp(T::NAME)).ok()?;
        self.entries.get(place).filter(|entry| entry.type_id == TypeId::of::<T>()).map(|_| place)
    }

    /// Splits an encoded message into its type and its body. Returns the index and the record of the type, and the
    /// body.
    pub(super) fn split<'a>(
        &self,
        bytes: &'a [u8],
    ) -> Result<(usize, &RegisteredType, &'a [u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        let index = reader.varint().map_err(|_| DecodeError::UnknownType)?;
        let place = usize::try_from(index).map_err(|_| DecodeError::UnknownType)?;
        let entry = self.entries.get(place).ok_or(DecodeError::UnknownType)?;
        let body = reader.rest();
        if body.len() > entry.max_size { Err(DecodeError::TooLarge) } else { Ok((place, entry, body)) }
    }

    fn entry_of<T: NetMessage>(&self) -> Option<&RegisteredType> {
        self.entries.get(self.place_of::<T>()?)
    }
}

impl Message {
    /// Decodes the message as a value of type `T`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] if the message has a type other than `T`, else the error of [`Registry::decode`].
    pub fn read<T: NetMessage>(&self, registry: &Registry) -> Result<T, DecodeError> {
        registry.decode_as(&self.data)
    }
}

impl RegisteredType {
    fn of<T: NetMessage>() -> Result<Self, RegisterError> {
        let name = T::NAME;
        if !is_name(name) {
            return Err(RegisterError::BadName { name });
        }
        let message_type = T::TYPE.unwrap_or_else(|| type_from_name(name));
        if !is_user_type(message_type.0) {
            return Err(RegisterError::ReservedType { message_type, name });
        }
        if !is_message_size(T::MAX_SIZE) {
            return Err(RegisterError::TooLarge { name });
        }
        if matches!(T::ROUTE, Route::Channel(ChannelId(channel)) if !is_channel(channel)) {
            return Err(RegisterError::BadChannel { name });
        }
        let mut entry = Self {
            name,
            message_type,
            codec: T::Codec::NAME,
            route: T::ROUTE,
            max_size: T::MAX_SIZE,
            shape: Shapes::default().of::<T>(),
            hash: 0,
            type_id: TypeId::of::<T>(),
            decode: |body| T::Codec::decode(body).map(|value| Box::new(value) as Box<dyn Any + Send>),
        };
        entry.hash = entry.stable_hash();
        Ok(entry)
    }

    /// Computes the hash of the name, codec, type number, size limit and layout. The hash does not cover the channel, because a
    /// message has the same encoding on every channel.
    fn stable_hash(&self) -> u32 {
        let mut hash = StableHasher::new();
        hash.text(self.name);
        hash.text(self.codec);
        hash.u64(u64::from(self.message_type.0));
        hash.u64(self.max_size as u64);
        self.shape.fold(&mut hash);
        hash.finish_32()
    }
}

/// Computes a type number from a name. A name has the same number in every build, so captures of different versions
/// can be compared.
fn type_from_name(name: &str) -> MessageType {
    let mut hash = StableHasher::new();
    hash.text(name);
    let above = hash.finish() % u64::from(u16::MAX - MessageType::USER.0 + 1);
    MessageType(MessageType::USER.0 + above as u16)
}

/// Returns whether a game may give the number `message_type` to a message type.
#[must_use]
pub const fn is_user_type(message_type: u16) -> bool {
    MessageType(message_type).is_user()
}

/// Returns whether `channel` is a valid channel number, which is below [`limits::CHANNELS`].
#[must_use]
pub const fn is_channel(channel: u8) -> bool {
    (channel as usize) < limits::CHANNELS
}

/// Returns whether `bytes` is a valid size limit of a message type, which is at most [`limits::MESSAGE_SIZE_MAX`].
#[must_use]
pub const fn is_message_size(bytes: usize) -> bool {
    bytes <= limits::MESSAGE_SIZE_MAX
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    !name.is_empty() && name.len() <= limits::MESSAGE_NAME && name.bytes().all(allowed)
}

fn index_bytes(place: usize) -> Result<Vec<u8>, NoRoom> {
    let mut buffer = [0; 9];
    let mut writer = Writer::new(&mut buffer);
    writer.varint(place as u64)?;
    let length = writer.written();
    Ok(buffer.into_iter().take(length).collect())
}
