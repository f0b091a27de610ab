//! What a caller did wrong, or cannot have right now.

use core::fmt;

use bytes::Bytes;

/// Why a message was not queued. It is handed back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The channel's queue is full; `Event::SendReady` says when to try again.
    Full(Bytes),
    /// The message is larger than configured.
    TooLarge {
        /// The message.
        message: Bytes,
        /// The most that is allowed, in bytes.
        most: usize,
    },
    /// There is no such connection, or no longer.
    NoSuchConnection(Bytes),
    /// The channel is not configured.
    NoSuchChannel(Bytes),
    /// The connection is closing.
    Closing(Bytes),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the channel's queue is full"),
            Self::TooLarge { message, most } => {
                write!(f, "a message of {} bytes is larger than the {most} allowed", message.len())
            }
            Self::NoSuchConnection(_) => f.write_str("there is no such connection"),
            Self::NoSuchChannel(_) => f.write_str("there is no such channel"),
            Self::Closing(_) => f.write_str("the connection is closing"),
        }
    }
}

impl core::error::Error for SendError {}
