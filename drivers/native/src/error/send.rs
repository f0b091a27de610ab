//! Why a message was not taken.

use std::fmt;

use tickwire_core::Bytes;
use tickwire_core::message::EncodeError;

/// Why a message was not taken. Its bytes come back wherever there are any.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The channel's queue is full: the network is slower than the game. `Event::SendReady` says when it is not. Channels
    /// whose oldest messages give way (`tickwire_core::Overflow`) say so only before the first acknowledgement.
    ChannelFull(Bytes),
    /// The queue to the network thread is full: the game is faster than the thread.
    QueueFull(Bytes),
    /// The message is larger than `Config::max_message`.
    TooLarge {
        /// The message.
        message: Bytes,
        /// The most bytes that it may have.
        most: usize,
    },
    /// The connection is over, or was not made yet.
    NotConnected(Bytes),
    /// No channel of that number, or with those promises, is configured.
    NoSuchChannel(Bytes),
    /// The value has no encoding, or its type is not registered.
    Encode(EncodeError),
    /// The endpoint was stopped.
    Stopped(Bytes),
}

impl SendError {
    /// The message, encoded, if it came that far.
    #[must_use]
    pub fn into_message(self) -> Option<Bytes> {
        match self {
            Self::ChannelFull(message)
            | Self::QueueFull(message)
            | Self::TooLarge { message, .. }
            | Self::NotConnected(message)
            | Self::NoSuchChannel(message)
            | Self::Stopped(message) => Some(message),
            Self::Encode(_) => None,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChannelFull(_) => {
                f.write_str("the channel's queue is full; send again after Event::SendReady, or send less")
            }
            Self::QueueFull(_) => f.write_str(
                "the queue to the network thread is full; send again next frame, or raise Options::commands",
            ),
            Self::TooLarge { message, most } => write!(
                f,
                "the message has {} bytes, this endpoint takes {most}; split it, or raise Config::max_message \
                 at both ends",
                message.len()
            ),
            Self::NotConnected(_) => {
                f.write_str("no such connection; send between Event::Connected and Event::Closed")
            }
            Self::NoSuchChannel(_) => f.write_str("no such channel; use one of Config::channels"),
            Self::Encode(error) => error.fmt(f),
            Self::Stopped(_) => f.write_str("the endpoint was stopped; start it again to send"),
        }
    }
}

impl std::error::Error for SendError {}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
