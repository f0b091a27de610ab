//! The reason why an attempt to connect failed, and the addresses to which no datagram was sent.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tickwire_core::error::ConnectError as CoreConnectError;
use tickwire_core::schema::SchemaDifference;
use tickwire_core::{CloseReason, PeerText, PublicKey, Refusal};

use super::command::CommandError;
use crate::ending::Ending;

/// The reason why an attempt to connect failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// An argument of the call is invalid (for example, the ticket is for a different server, or the key is unusable),
    /// or this endpoint already has its maximum number of connections.
    Usage(CoreConnectError),
    /// The host name has no IP address, or the name service did not answer.
    UnknownHost {
        /// The host name.
        host: String,
        /// The system's error text.
        reason: String,
    },
    /// The resolver of `Options::resolver` panicked while it looked up the host name.
    ResolverPanicked {
        /// The host name.
        host: String,
        /// The text of the panic.
        panic: String,
    },
    /// The driver could not send a datagram to any of the addresses. For example, an IPv4 socket cannot reach IPv6
    /// addresses, or the network is down.
    NoUsableAddress {
        /// The addresses to which no datagram was sent, each with the reason.
        unreached: Vec<Unreached>,
    },
    /// No server answered before the timeout, or the host name was not resolved in time.
    TimedOut {
        /// The addresses that the attempt tried, in order.
        tried: Vec<SocketAddr>,
        /// The addresses of the host to which no datagram was sent, each with the reason.
        unreached: Vec<Unreached>,
        /// The time that the whole attempt took.
        after: Duration,
    },
    /// No server accepted the attempt. A server answered whose key differs from the pinned key or the ticket's key. The
    /// answer is not authenticated.
    WrongKey {
        /// The public key of the server that answered.
        theirs: PublicKey,
        /// The addresses that the attempt tried, in order.
        tried: Vec<SocketAddr>,
    },
    /// The path MTU is too small: the peer answered small datagrams, but no datagram of 1200 bytes, which a handshake
    /// needs. The answers are not authenticated.
    NarrowPath {
        /// The addresses that the attempt tried, in order.
        tried: Vec<SocketAddr>,
    },
    /// No server accepted the attempt. An answer indicated a different version of the protocol. The answer is not
    /// authenticated.
    WrongVersion {
        /// The protocol version that the answer indicated.
        theirs: u8,
        /// The addresses that the attempt tried, in order.
        tried: Vec<SocketAddr>,
    },
    /// The server already has `max_connections` clients.
    ServerFull,
    /// The server already has the maximum number of clients from this client's address (IPv4, or IPv6 /64).
    TooManyFromAddress,
    /// The server has banned this client.
    Banned,
    /// The ticket has expired.
    TicketExpired,
    /// The client and the server have different message types or channels.
    Schema(SchemaDifference),
    /// The server refused the client with a code and a message that the game defines.
    Refused {
        /// The close code, which the game defines.
        code: u16,
        /// The human-readable text of the refusal.
        text: PeerText,
    },
    /// The attempt ended for this reason before the connection was established.
    Closed(CloseReason),
    /// The client, server or peer that made the attempt was stopped, or [`Attempt::result`](crate::Attempt::result) has
    /// already returned the result.
    Stopped,
    /// An accept policy called `connect`, on the network thread, while the queue to that thread was full.
    QueueFull,
    /// An accept policy, which runs on the network thread, called a method that waits for the network thread.
    OnNetworkThread,
}

impl ConnectError {
    /// Returns the close reason with which an event reports this error: the core's `reason` if there is one, and
    /// otherwise the text of the error.
    pub(crate) fn to_close_reason(&self, reason: Option<CloseReason>) -> CloseReason {
        reason.unwrap_or_else(|| CloseReason::Driver { text: self.to_string() })
    }

    /// Returns the error for an attempt whose last connection ended for `reason`.
    pub(crate) fn of(
        reason: CloseReason,
        tried: Vec<SocketAddr>,
        unreached: Vec<Unreached>,
        after: Duration,
    ) -> Self {
        match reason {
            CloseReason::ConnectTimedOut { version_hint: Some(theirs), .. } => {
                Self::WrongVersion { theirs, tried }
            }
            CloseReason::ConnectTimedOut { key_hint: Some(theirs), .. } => Self::WrongKey { theirs, tried },
            CloseReason::ConnectTimedOut { narrow_path: true, .. } => Self::NarrowPath { tried },
            CloseReason::ConnectTimedOut { .. } => Self::TimedOut { tried, unreached, after },
            CloseReason::Refused(Refusal::Full) => Self::ServerFull,
            CloseReason::Refused(Refusal::TooManyFromAddress) => Self::TooManyFromAddress,
            CloseReason::Refused(Refusal::Banned) => Self::Banned,
            CloseReason::Refused(Refusal::Expired) => Self::TicketExpired,
            CloseReason::Refused(Refusal::Schema(difference)) => Self::Schema(difference),
            CloseReason::Refused(Refusal::Other { code, text }) => Self::Refused { code, text },
            other => Self::Closed(other),
        }
    }
}

/// An address to which the attempt sent no datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Unreached {
    /// The address to which no datagram was sent.
    pub address: SocketAddr,
    /// The reason why no datagram was sent to the address.
    pub cause: UnreachedCause,
}

/// The reason why no datagram was sent to an address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UnreachedCause {
    /// The address is of a family (IPv4 or IPv6) that the socket does not support.
    OtherFamily,
    /// The address is not the address of a single host. The text states its kind: multicast or broadcast.
    NotUnicast(&'static str),
    /// The attempt timed out before the driver tried the address.
    NoTime,
    /// The system returned this error text for every datagram that the driver tried to send.
    SendRefused(String),
    /// The core refused to dial the address, for this reason.
    Usage(CoreConnectError),
}

impl fmt::Display for UnreachedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherFamily => {
                f.write_str("the socket cannot send to this address family; bind to [::] for IPv4 and IPv6")
            }
            Self::NotUnicast(kind) => {
                write!(f, "the address is {kind}; connect to the address of a single machine")
            }
            Self::NoTime => f.write_str(
                "the attempt timed out before the address was dialled; allow more time with \
                                         ConnectOptions::timeout",
            ),
            Self::SendRefused(words) => {
                write!(
                    f,
                    "the system refuses to send to the address: {words}; check the network and the firewall"
                )
            }
            Self::Usage(error) => error.fmt(f),
        }
    }
}

/// A wrapper whose `Display` writes the items separated by commas.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, thing) in self.0.iter().enumerate() {
            write!(f, "{}{thing}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.cause)
    }
}

/// A wrapper whose `Display` writes the addresses to which no datagram was sent, as the end of a sentence.
struct LeftOut<'a>(&'a [Unreached]);

impl fmt::Display for LeftOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; no datagram was sent to {}", List(self.0)) }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::UnknownHost { host, reason } => {
                write!(f, "the host `{host}` is unknown: {reason}; check its spelling and the name service")
            }
            Self::ResolverPanicked { host, panic } => {
                write!(f, "the resolver panicked while it looked up `{host}`: {panic}; correct Options::resolver")
            }
            Self::NoUsableAddress { unreached } => {
                write!(f, "no address of the server can be reached: {}", List(unreached))
            }
            Self::TimedOut { tried, unreached, after } => write!(
                f,
                "the attempt to connect got no answer from {} within {after:.1?}; check that the server runs there, that its UDP port is open, \
                 and that the key (and the ticket) belongs to that server{}",
                List(tried),
                LeftOut(unreached)
            ),
            Self::WrongKey { theirs, tried } => write!(
                f,
                "a server with a different key, {theirs}, answers at {}; pin this key only if you trust it, because the \
                 answer is not authenticated (a server without a key file has a new key after each start)",
                List(tried)
            ),
            Self::NarrowPath { tried } => write!(
                f,
                "{} answered small datagrams, but no datagram of 1200 bytes: the path MTU is smaller, perhaps because of a \
                 tunnel or VPN; raise the tunnel's MTU, or use another network",
                List(tried)
            ),
            Self::WrongVersion { theirs, tried } => write!(
                f,
                "{} seems to use protocol version {theirs}, which this client does not support; update the client or the server",
                List(tried)
            ),
            Self::ServerFull => f.write_str("the server is full; try again later, or connect to another server"),
            Self::TooManyFromAddress => f.write_str(
                "the server has as many clients from your IP address as it allows; try again when one of them has left, or \
                 ask the server's operator to raise the limit of clients per address",
            ),
            Self::Banned => {
                f.write_str("the server has banned this client; ask the server's operator to lift the ban")
            }
            Self::TicketExpired => f.write_str("the ticket has expired; get a new ticket from the backend"),
            Self::Schema(difference) => difference.fmt(f),
            Self::Refused { code, text } => write!(f, "the server refused the connection with code {code}: {text}"),
            Self::Closed(reason) => write!(f, "the attempt to connect ended: {}", Ending(reason)),
            Self::Stopped => f.write_str(
                "the client, server or peer has stopped, or the attempt's result was already taken; start a new client, \
                 server or peer to connect, or keep the first result",
            ),
            Self::QueueFull => CommandError::QueueFull.fmt(f),
            Self::OnNetworkThread => f.write_str(
                "an accept policy runs on the network thread, which cannot wait for itself; call the method from \
                 another thread",
            ),
        }
    }
}

impl std::error::Error for ConnectError {}

impl From<CoreConnectError> for ConnectError {
    fn from(error: CoreConnectError) -> Self {
        Self::Usage(error)
    }
}
