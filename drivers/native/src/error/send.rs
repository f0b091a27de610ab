//! The reason why the driver did not accept a message.

use std::fmt;

use tickwire_core::Bytes;
use tickwire_core::message::EncodeError;

/// The reason why the driver did not accept a message. Every variant except `Encode` holds the encoded message. The
/// message is empty if `Client::send_to_server` was called without a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The channel's queue is full, because the game sends faster than the network carries messages. `Event::SendReady`
    /// reports that the queue has space again. A channel that drops its oldest messages (`tickwire_core::Overflow`)
    /// returns this error only before the first acknowledgement.
    ChannelFull(Bytes),
    /// The queue to the network thread is full, because the game sends faster than the thread processes messages.
    QueueFull(Bytes),
    /// The message is larger than `Config::max_message`.
    TooLarge {
        /// The encoded message that was too large.
        message: Bytes,
        /// The largest message that `Config::max_message` allows, in bytes.
        most: usize,
    },
    /// The connection has ended, is closing, or is not established yet.
    NotConnected(Bytes),
    /// No configured channel has this number, name or delivery guarantee.
    NoSuchChannel(Bytes),
    /// The value cannot be encoded, or its type is not registered.
    Encode(EncodeError),
    /// The client, server or peer has been stopped.
    Stopped(Bytes),
}

impl SendError {
    /// Returns the message that the error holds, or `None` if the message could not be encoded.
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
            Self::ChannelFull(_) => f.write_str(
                "the channel's queue is full; send again after Event::SendReady, or send fewer messages",
            ),
            Self::QueueFull(_) => f.write_str(
                "the queue to the network thread is full; send again next frame, or raise Options::commands",
            ),
            Self::TooLarge { message, most } => write!(
                f,
                "the message has {} bytes, but this endpoint accepts {most}; split it, or raise Config::max_message \
                 at both ends",
                message.len()
            ),
            Self::NotConnected(_) => {
                f.write_str("the connection is not established, is closing or has ended; send only on an established connection")
            }
            Self::NoSuchChannel(_) => {
                f.write_str("the channel does not exist; use a channel of Config::channels")
            }
            Self::Encode(error) => error.fmt(f),
            Self::Stopped(_) => {
                f.write_str("the client, server or peer has stopped; start a new one to send")
            }
        }
    }
}

impl std::error::Error for SendError {}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
