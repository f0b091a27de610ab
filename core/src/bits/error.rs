//! Errors of writing values and of reading them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::limits;
use crate::wire::Malformed;

/// The reason why a value could not be encoded. The cause is always the value or the type that the caller passed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// The registry has no entry for this message type.
    NotRegistered {
        /// The name of the message type.
        name: &'static str,
    },
    /// The encoded body of the message would be longer than its type allows.
    TooLarge {
        /// The longest encoding that the message type allows, in bytes.
        limit: usize,
    },
    /// An integer is outside the range that its field declares. The boxed error names the field.
    OutOfRange(Box<OutOfRange>),
    /// Lists, maps and boxes in the value nest deeper than [`crate::limits::MESSAGE_DEPTH`] levels.
    TooDeep,
    /// The value contains more items than a receiver accepts. The bits codec allows one list item per bit of the encoded
    /// message, plus [`crate::limits::MESSAGE_FREE_ITEMS`]. MessagePack and JSON allow [`crate::limits::MESSAGE_ITEMS`]
    /// values.
    TooManyItems,
    /// The serde implementation of the type failed, with this error text.
    Codec(String),
    /// A value inside the message type named `name` could not be encoded.
    InMessage {
        /// The name of the message type.
        name: &'static str,
        /// The error of the value inside the message named `name`.
        error: Box<Self>,
    },
}

/// An integer outside the range that its field declares.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OutOfRange {
    /// The path from the message to the field, such as `path[3].x`. Empty if no caller named the field.
    pub field: String,
    /// The integer that is outside the range.
    pub value: i128,
    /// The smallest integer that the field accepts.
    pub low: i128,
    /// The largest integer that the field accepts.
    pub high: i128,
}

impl EncodeError {
    /// Creates an error for a value outside `low..=high`, with an empty field path.
    #[cold]
    #[must_use]
    pub fn out_of_range(value: impl Into<i128>, low: impl Into<i128>, high: impl Into<i128>) -> Self {
        let (value, low, high) = (value.into(), low.into(), high.into());
        Self::OutOfRange(Box::new(OutOfRange { field: String::new(), value, low, high }))
    }

    /// Adds the field `name` in front of the error's field path. Derived implementations call this method for each field.
    #[cold]
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        if let Self::OutOfRange(value) = &mut self {
            let dot = if value.field.is_empty() || value.field.starts_with('[') { "" } else { "." };
            value.field = format!("{name}{dot}{}", value.field);
        }
        self
    }

    /// Adds the list index `index` in front of the error's field path. Derived implementations call this method for each
    /// list item.
    #[cold]
    #[must_use]
    pub fn in_item(self, index: usize) -> Self {
        self.in_field(&format!("[{index}]"))
    }

    /// Returns this error as the error of a message of the type `name`.
    #[cold]
    pub(crate) fn in_message(self, name: &'static str) -> Self {
        match self {
            Self::NotRegistered { .. } => self,
            error => Self::InMessage { name, error: Box::new(error) },
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegistered { name } => {
                write!(f, "message type `{name}` is not registered; register it at both ends")
            }
            Self::TooLarge { limit } => write!(
                f,
                "the encoded message exceeds {limit} bytes, the limit of its type; shorten the message, or raise \
                 NetMessage::MAX_SIZE"
            ),
            Self::OutOfRange(outside) => {
                let OutOfRange { field, value, low, high } = &**outside;
                if field.is_empty() {
                    write!(
                        f,
                        "the value {value} is outside its range of {low} to {high}; set a value in the range"
                    )
                } else {
                    write!(
                        f,
                        "the field `{field}` is {value}, outside its range of {low} to {high}; set a value in the range"
                    )
                }
            }
            Self::InMessage { name, error } => write!(f, "cannot encode message type `{name}`: {error}"),
            Self::TooDeep => {
                write!(f, "the message nests deeper than {} levels; flatten its type", limits::MESSAGE_DEPTH)
            }
            Self::TooManyItems => {
                f.write_str("the message contains more values than a receiver accepts; split its lists")
            }
            Self::Codec(text) => write!(
                f,
                "serde cannot write the message: {text}; change the value or its Serialize implementation"
            ),
        }
    }
}

impl core::error::Error for EncodeError {}

/// The reason why bytes do not decode as a message. The error contains no text, so creating the error allocates
/// no memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// No registered type has the type index at the start of the message.
    UnknownType,
    /// The body of the message is longer than its type allows.
    TooLarge,
    /// The bytes end before the value ends, or a length field exceeds the number of remaining bytes.
    Truncated,
    /// Bits that are not zero, or whole bytes, follow the end of the value.
    Trailing,
    /// An integer, a length, a number of steps, a character or a variant index is outside its range.
    OutOfRange,
    /// A string is not valid UTF-8.
    NotUtf8,
    /// Lists, maps and boxes in the message nest deeper than [`crate::limits::MESSAGE_DEPTH`] levels.
    TooDeep,
    /// The message contains more items than a valid message can contain. The bits codec allows one list item per bit of the
    /// message, plus [`crate::limits::MESSAGE_FREE_ITEMS`]. MessagePack and JSON allow [`crate::limits::MESSAGE_ITEMS`]
    /// values.
    TooManyItems,
    /// The codec or the serde implementation of the type rejects the bytes, or the message has a type other than the
    /// requested type.
    Invalid,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType => "no registered message type has the type index at the start of the message; register the same types at both ends",
            Self::TooLarge => "the message is longer than its type allows; reject the message",
            Self::Truncated => "the message ends before its final value ends; reject the message",
            Self::Trailing => "nonzero bits or whole bytes follow the final value of the message; reject the message",
            Self::OutOfRange => "a value in the message is outside its range; reject the message",
            Self::NotUtf8 => "a string in the message is not UTF-8; reject the message",
            Self::TooDeep => "lists, maps or boxes in the message nest too deeply; reject the message",
            Self::TooManyItems => "the message has more values or list items than its codec allows; reject the message",
            Self::Invalid => "the message is not a valid value of its type, or has a type other than the requested type; reject the message",
        })
    }
}

impl core::error::Error for DecodeError {}

impl From<Malformed> for DecodeError {
    fn from(Malformed: Malformed) -> Self {
        Self::Truncated
    }
}
