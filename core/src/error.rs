//! Errors that a call returns because of a mistake of its caller. Invalid datagrams cause no errors: the endpoint counts
//! them by [`crate::drop::DropReason`].

use alloc::string::String;
use core::fmt;

use bytes::Bytes;

/// The reason why an endpoint cannot try to move a session to another path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ResumeOverError {
    /// The connection does not exist, is not connected now, or was not dialled by this endpoint.
    NotConnected,
    /// The endpoint is already dialling the connection's server.
    AlreadyDialling,
    /// The server has not sent a resume ticket yet. It sends the first one when the connection begins.
    NoResumeTicket,
    /// All connection ids are in use.
    NoConnectionId,
}

impl fmt::Display for ResumeOverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => {
                "only a connected connection that this endpoint dialled can move to another path; \
                 wait for Event::Connected or Event::Resumed"
            }
            Self::AlreadyDialling => {
                "an attempt to dial the connection's server runs already; wait for Event::Resumed or \
                 Event::ResumeOverFailed"
            }
            Self::NoResumeTicket => {
                "the server has not sent a resume ticket yet; try again after one round trip"
            }
            Self::NoConnectionId => {
                "all connection ids of the endpoint are in use; close a connection, or try again later"
            }
        })
    }
}

impl core::error::Error for ResumeOverError {}

/// The reason why an endpoint cannot run with a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field of the configuration has a value outside its range.
    OutOfRange {
        /// The name of the field in [`crate::config::Config`].
        field: &'static str,
        /// The value that the field was set to.
        value: u64,
        /// The smallest value that the field accepts.
        least: u64,
        /// The largest value that the field accepts.
        most: u64,
    },
    /// `Access::Tickets` is set, but `Secrets::ticket` holds no key.
    MissingTicketKey,
    /// `Access::Tickets` is set, but `Config::wall_offset` is 0, so tickets would not expire.
    MissingWallTime,
    /// A name in the schema is longer than the handshake carries.
    SchemaNameTooLong {
        /// The name that is too long.
        name: String,
        /// The longest name that the handshake carries, in bytes.
        most: usize,
    },
    /// Two channels have the same name.
    ChannelNameTwice {
        /// The name that the two channels share.
        name: String,
    },
    /// Two entries of the schema have the same name.
    SchemaNameTwice {
        /// The name that the two entries share.
        name: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field, value, least, most } => {
                write!(f, "Config::{field} is {value}, outside its range of {least} to {most}; set a value in the range")
            }
            Self::MissingTicketKey => f.write_str(
                "the key that opens this server's tickets is missing, but Access::Tickets needs the key; set Secrets::ticket_key",
            ),
            Self::MissingWallTime => f.write_str(
                "the wall-clock time is missing, but Access::Tickets needs the time to check if tickets have expired; \
                 set Config::wall_offset to the Unix time at Instant::ZERO in microseconds",
            ),
            Self::SchemaNameTooLong { name, most } => {
                write!(
                    f,
                    "the name of the schema entry {name:?} has {} bytes, but at most {most} bytes are allowed; shorten the name",
                    name.len()
                )
            }
            Self::ChannelNameTwice { name } => {
                write!(f, "Config::channels has two channels with the name {name:?}; give each channel its own name")
            }
            Self::SchemaNameTwice { name } => {
                write!(f, "the schema has two entries with the name {name:?}; give each entry its own name")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

/// The reason why a call to connect to a peer, to expect a peer, or to open a link failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The endpoint already has as many connections as `Config::max_connections` allows.
    TooManyConnections {
        /// The value of `Config::max_connections`.
        most: usize,
    },
    /// The ticket is for a server whose key differs from the key to connect to.
    TicketForAnotherServer,
    /// The ticket was minted for a different application.
    TicketForAnotherApplication {
        /// The application number in the ticket.
        ticket: u64,
        /// The application number of this endpoint.
        endpoint: u64,
    },
    /// The sealed ticket is empty, or longer than a handshake can carry.
    TicketSize {
        /// The size of the sealed ticket, in bytes.
        size: usize,
        /// The largest sealed ticket that a handshake carries, in bytes.
        most: usize,
    },
    /// The pre-shared key is all zeros, which anybody can guess.
    ZeroPresharedKey,
    /// The server's key is not a usable X25519 public key.
    BadServerKey,
    /// The largest datagram of the link is smaller than the protocol needs.
    LinkTooSmall {
        /// The largest datagram that the link carries, in bytes.
        max_datagram: u16,
        /// The smallest value that a link may declare as its largest datagram, in bytes.
        least: u16,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyConnections { most } => write!(
                f,
                "this endpoint has {most} connections, which is its limit; close a connection, or raise Config::max_connections"
            ),
            Self::TicketForAnotherServer => {
                f.write_str("the ticket is for a different server key; connect with the key that Ticket::server_key returns")
            }
            Self::TicketForAnotherApplication { ticket, endpoint } => write!(
                f,
                "the ticket is for application {ticket:#x}, but this endpoint has application {endpoint:#x}; \
                 mint tickets with the application of Config::application"
            ),
            Self::TicketSize { size, most } => {
                write!(
                    f,
                    "the sealed ticket has {size} bytes, but a ticket has 1 to {most} bytes; pass the ticket as it was minted"
                )
            }
            Self::ZeroPresharedKey => {
                f.write_str("the pre-shared key is all zeros; pass 32 random bytes that both ends share")
            }
            Self::BadServerKey => f.write_str(
                "the server's key is not a usable X25519 public key; copy the key from the server again",
            ),
            Self::LinkTooSmall { max_datagram, least } => {
                write!(
                    f,
                    "the link carries at most {max_datagram} bytes per datagram, but the protocol needs {least} bytes; \
                     open a link that carries larger datagrams"
                )
            }
        }
    }
}

impl core::error::Error for ConnectError {}

/// The reason why a message was not queued. Every variant holds the message.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The channel's queue is full. An `Event::SendReady` follows once the queue is at most half full and has space for
    /// the message, or is empty.
    Full(Bytes),
    /// The message is larger than the maximum message size that both ends agreed on.
    TooLarge {
        /// The message that was too large.
        message: Bytes,
        /// The maximum message size that both ends agreed on, in bytes.
        most: usize,
    },
    /// The connection has ended or never existed.
    NoSuchConnection(Bytes),
    /// No configured channel has this number.
    NoSuchChannel(Bytes),
    /// The connection is closing and accepts no more messages.
    Closing(Bytes),
}

impl SendError {
    /// Returns the message that was not queued.
    #[must_use]
    pub fn into_message(self) -> Bytes {
        match self {
            Self::Full(message)
            | Self::TooLarge { message, .. }
            | Self::NoSuchConnection(message)
            | Self::NoSuchChannel(message)
            | Self::Closing(message) => message,
        }
    }
}

impl fmt::Debug for SendError {
    /// Writes the length of the message instead of its bytes, so that logs do not contain the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, message) = match self {
            Self::Full(message) => ("Full", message),
            Self::TooLarge { message, .. } => ("TooLarge", message),
            Self::NoSuchConnection(message) => ("NoSuchConnection", message),
            Self::NoSuchChannel(message) => ("NoSuchChannel", message),
            Self::Closing(message) => ("Closing", message),
        };
        write!(f, "{name}({} bytes: {self})", message.len())
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str(
                "the channel's queue is full; send again after Event::SendReady, or send fewer messages",
            ),
            Self::TooLarge { message, most } => write!(
                f,
                "the message has {} bytes, but this connection accepts at most {most} bytes; split the message, or \
                 raise Config::max_message at both ends",
                message.len()
            ),
            Self::NoSuchConnection(_) => f.write_str(
                "the connection does not exist; stop sending on a connection after its Event::Closed",
            ),
            Self::NoSuchChannel(_) => {
                f.write_str("the channel does not exist; use the index of a channel in Config::channels")
            }
            Self::Closing(_) => f.write_str(
                "the connection is closing and accepts no more messages; send before you call close",
            ),
        }
    }
}

impl core::error::Error for SendError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_send_error_returns_the_message_that_was_not_queued() {
        let message = Bytes::from_static(b"hello");
        for error in [
            SendError::Full(message.clone()),
            SendError::TooLarge { message: message.clone(), most: 4 },
            SendError::NoSuchConnection(message.clone()),
            SendError::NoSuchChannel(message.clone()),
            SendError::Closing(message.clone()),
        ] {
            assert_eq!(error.into_message(), message);
        }
    }

    #[test]
    fn error_texts_describe_the_fault_and_the_remedy() {
        let error = SendError::TooLarge { message: Bytes::from_static(b"hello"), most: 4 };
        insta::assert_snapshot!(error.to_string(), @"the message has 5 bytes, but this connection accepts at most 4 bytes; split the message, or raise Config::max_message at both ends");
        let error = ConfigError::OutOfRange { field: "max_connections", value: 0, least: 1, most: 32_768 };
        insta::assert_snapshot!(error.to_string(), @"Config::max_connections is 0, outside its range of 1 to 32768; set a value in the range");
        let error = ConnectError::TicketForAnotherApplication { ticket: 16, endpoint: 17 };
        insta::assert_snapshot!(error.to_string(), @"the ticket is for application 0x10, but this endpoint has application 0x11; mint tickets with the application of Config::application");
    }
}
