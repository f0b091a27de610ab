//! Why a value or a message could not be written or read.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::limits;
use crate::wire::Malformed;

/// Why a value could not be written. It is always the caller's own value that is at fault.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// The registry does not know this type.
    NotRegistered {
        /// The type's name.
        name: &'static str,
    },
    /// The message would take more bytes than its type allows.
    TooLarge {
        /// The most bytes that it may take.
        limit: usize,
    },
    /// An integer lies outside the range that its field declares.
    OutOfRange(Box<OutOfRange>),
    /// Lists, maps and boxes nest deeper than [`crate::limits::MESSAGE_DEPTH`].
    TooDeep,
    /// More values than a receiver would take.
    TooManyItems,
    /// The serde implementation of the type failed; its words.
    Codec(String),
    /// A fault in a message of this type.
    InMessage {
        /// The type's name.
        name: &'static str,
        /// The fault.
        error: Box<Self>,
    },
}

/// An integer that its field does not take.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OutOfRange {
    /// Where it stands, from the message on: `path[3].x`. Empty if nobody said.
    pub field: String,
    /// The integer.
    pub value: i128,
    /// The least that the field takes.
    pub low: i128,
    /// The greatest that the field takes.
    pub high: i128,
}

impl EncodeError {
    /// A value that lies outside its range.
    #[cold]
    #[must_use]
    pub fn out_of_range(value: impl Into<i128>, low: impl Into<i128>, high: impl Into<i128>) -> Self {
        let (value, low, high) = (value.into(), low.into(), high.into());
        Self::OutOfRange(Box::new(OutOfRange { field: String::new(), value, low, high }))
    }

    /// The same error of a structure that has the value as its field `name`. The derived implementations say so.
    #[cold]
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        if let Self::OutOfRange(value) = &mut self {
            let dot = if value.field.is_empty() || value.field.starts_with('[') { "" } else { "." };
            value.field = format!("{name}{dot}{}", value.field);
        }
        self
    }

    /// The same error of a list that has the value at `index`.
    #[cold]
    #[must_use]
    pub fn in_item(self, index: usize) -> Self {
        self.in_field(&format!("[{index}]"))
    }

    /// The same error of a message of the type `name`.
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
                "the message takes more than its {limit} bytes; shorten it, or raise NetMessage::MAX_SIZE"
            ),
            Self::OutOfRange(outside) => {
                let OutOfRange { field, value, low, high } = &**outside;
                if field.is_empty() {
                    write!(f, "the value {value} lies outside {low} to {high}")
                } else {
                    write!(f, "the field `{field}` is {value}, which lies outside {low} to {high}")
                }
            }
            Self::InMessage { name, error } => write!(f, "message type `{name}`: {error}"),
            Self::TooDeep => {
                write!(f, "the message nests deeper than {} levels; flatten its type", limits::MESSAGE_DEPTH)
            }
            Self::TooManyItems => {
                f.write_str("the message holds more values than a receiver takes; split its lists")
            }
            Self::Codec(text) => write!(f, "the message cannot be encoded: {text}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why bytes are not a message. It holds no text, so that refusing costs nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The index before the message names no registered type.
    UnknownType,
    /// More bytes than the type allows.
    TooLarge,
    /// The bytes end before the value does, or a length claims more than there is.
    Truncated,
    /// Something follows the value.
    Trailing,
    /// An integer, a length or a variant lies outside what the type declares.
    OutOfRange,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Lists, maps and boxes nest deeper than [`crate::limits::MESSAGE_DEPTH`].
    TooDeep,
    /// More values than any honest message of that size holds.
    TooManyItems,
    /// The bytes are not of this codec, or not of this type.
    Invalid,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType => "no registered type has this index",
            Self::TooLarge => "more bytes than the type allows",
            Self::Truncated => "the bytes end too early",
            Self::Trailing => "something follows the value",
            Self::OutOfRange => "a value lies outside its range",
            Self::NotUtf8 => "the text is not UTF-8",
            Self::TooDeep => "the message nests too deeply",
            Self::TooManyItems => "the message holds too many values",
            Self::Invalid => "the bytes are not a value of the type",
        })
    }
}

impl core::error::Error for DecodeError {}

impl From<Malformed> for DecodeError {
    fn from(Malformed: Malformed) -> Self {
        Self::Truncated
    }
}
