//! The reason why an endpoint did not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tickwire_core::error::ConfigError;
use tickwire_core::message::Registry;
use tickwire_core::{ChannelConfig, Route};

use crate::address::NetworkAddress;
use crate::key_file::KeyFileError;

/// The reason why a server, client or peer did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A field of the configuration is outside its range, or contradicts another field.
    Config(ConfigError),
    /// A registered message type uses a channel that is not configured.
    NoSuchChannel {
        /// The name of the message type.
        message: &'static str,
        /// The channel that the message type uses.
        route: Route,
        /// The configured channels, as human-readable text.
        channels: String,
    },
    /// The access policy of the server is `Access::Closed`, so no client could connect.
    NobodyMayConnect,
    /// Another program, or another endpoint of this program, uses the port.
    PortInUse {
        /// The address that the socket was to be bound to.
        address: SocketAddr,
    },
    /// The user that runs this program has no permission to bind the port.
    NotPermitted {
        /// The address that the socket was to be bound to.
        address: SocketAddr,
    },
    /// The address does not belong to an interface of this machine.
    NoSuchLocalAddress {
        /// The address that the socket was to be bound to.
        address: SocketAddr,
    },
    /// The address is a multicast or broadcast address, to which no socket can be bound.
    NotUnicast {
        /// The address that the socket was to be bound to.
        address: SocketAddr,
        /// The kind of the address: multicast or broadcast.
        reason: &'static str,
    },
    /// The system refused to open or bind the socket for another reason, which `source` states.
    Socket {
        /// The address that the socket was to be bound to.
        address: SocketAddr,
        /// The system's error for the socket.
        source: io::Error,
    },
    /// The key file that `Options::key_file` names is unusable.
    KeyFile(KeyFileError),
    /// The system provided no random bytes for the keys and the seed.
    Entropy {
        /// The system's error text.
        reason: String,
    },
    /// The system could not start the network thread, or could not open the socket that wakes this thread.
    Thread(io::Error),
}

impl StartError {
    /// Checks that the channel of every message type of `registry` is among `channels`. A server calls this function to
    /// check its configuration without starting.
    ///
    /// # Errors
    /// [`StartError::NoSuchChannel`] for the first message type whose channel is missing.
    pub fn expect_channels(registry: &Registry, channels: &[ChannelConfig]) -> Result<(), Self> {
        match registry.routes().find(|(_, route)| route.channel(channels).is_none()) {
            Some((message, route)) => Err(Self::NoSuchChannel { message, route, channels: listed(channels) }),
            None => Ok(()),
        }
    }
}

/// Returns the number, the name and the delivery guarantee of each channel as text.
fn listed(channels: &[ChannelConfig]) -> String {
    let one = |(number, channel): (usize, &ChannelConfig)| match &channel.name {
        Some(name) => format!("{number} `{name}` ({})", channel.delivery),
        None => format!("{number} ({})", channel.delivery),
    };
    let all: Vec<String> = channels.iter().enumerate().map(one).collect();
    all.join(", ")
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::NoSuchChannel { message, route, channels } => write!(
                f,
                "message type `{message}` uses {route}, but Config::channels has {channels}; add that channel, or \
                 name another channel"
            ),
            Self::NobodyMayConnect => f.write_str(
                "Config::access is Closed, so no client could connect; set it to Tickets, Peers or Open for a server",
            ),
            Self::PortInUse { address } => write!(
                f,
                "UDP port {} is in use at {}; stop the other program, or choose another port (0 lets the system choose)",
                address.port(),
                NetworkAddress::from(*address).host()
            ),
            Self::NotPermitted { address } => write!(
                f,
                "this user may not open UDP port {} at {}; choose a port from 1024 up, or give the user the right to \
                 open it",
                address.port(),
                NetworkAddress::from(*address).host()
            ),
            Self::NoSuchLocalAddress { address } => write!(
                f,
                "{} is not an address of this machine; bind to an address of this machine, or to [::], which stands for \
                 all addresses",
                NetworkAddress::from(*address).host()
            ),
            Self::NotUnicast { address, reason } => write!(
                f,
                "no socket can be bound to {}, because it is {reason}; bind to an address of this machine, or to [::], \
                 which stands for all addresses",
                NetworkAddress::from(*address).host()
            ),
            Self::Socket { address, source } => {
                write!(f, "the system cannot open a UDP socket at {address}: {source}; check the address and the \
                           system's limits")
            }
            Self::KeyFile(error) => error.fmt(f),
            Self::Entropy { reason } => {
                write!(
                    f,
                    "the system provides no random bytes for keys: {reason}; make its random number generator \
                     available to this program"
                )
            }
            Self::Thread(source) => {
                write!(f, "the system cannot start the network thread: {source}; check the system's limits on threads and memory")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::KeyFile(error) => Some(error),
            Self::Socket { source, .. } | Self::Thread(source) => Some(source),
            _ => None,
        }
    }
}

impl From<KeyFileError> for StartError {
    fn from(error: KeyFileError) -> Self {
        Self::KeyFile(error)
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
