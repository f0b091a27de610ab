//! Why an endpoint did not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tickwire_core::error::ConfigError;
use tickwire_core::message::Registry;
use tickwire_core::{ChannelConfig, Route};

use crate::address::NetworkAddress;
use crate::key_file::KeyFileError;

/// Why a server, client or peer did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is not one that an endpoint can run with.
    Config(ConfigError),
    /// A registered message type takes a channel that is not configured.
    NoSuchChannel {
        /// The name of the message type.
        message: &'static str,
        /// The channel that it takes.
        route: Route,
        /// The configured channels, for a person.
        channels: String,
    },
    /// A server whose `Config::access` is `Closed`, so that no client could connect.
    NobodyMayConnect,
    /// Another program, or another server of this one, has the port.
    PortInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// This user may not have the port.
    NotPermitted {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address is none of this machine's.
    NoSuchLocalAddress {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// No single machine has the address: a multicast or broadcast address.
    NotUnicast {
        /// The address that was asked for.
        address: SocketAddr,
        /// The kind of address that it is.
        reason: &'static str,
    },
    /// The system refused the socket for another reason.
    Socket {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The file that `Options::key_file` names cannot be used.
    KeyFile(KeyFileError),
    /// The system gave no entropy.
    Entropy {
        /// The system's reason.
        reason: String,
    },
    /// The system gave no thread.
    Thread(io::Error),
}

impl StartError {
    /// Whether every type of `registry` finds its channel among `channels`. A server that checks its configuration without
    /// starting asks it.
    ///
    /// # Errors
    /// [`StartError::NoSuchChannel`] for the first type that does not.
    pub fn expect_channels(registry: &Registry, channels: &[ChannelConfig]) -> Result<(), Self> {
        match registry.routes().find(|(_, route)| route.channel(channels).is_none()) {
            Some((message, route)) => Err(Self::NoSuchChannel { message, route, channels: listed(channels) }),
            None => Ok(()),
        }
    }
}

/// Number, name and delivery of each channel.
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
                "message type `{message}` takes {route}, but Config::channels has {channels}; add that channel, or name \
                 another one"
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
                "this user may not open UDP port {} at {}; choose a port from 1024 on, or grant the right",
                address.port(),
                NetworkAddress::from(*address).host()
            ),
            Self::NoSuchLocalAddress { address } => write!(
                f,
                "{} is no address of this machine; bind to one that is, or to [::], which stands for all",
                NetworkAddress::from(*address).host()
            ),
            Self::NotUnicast { address, reason } => write!(
                f,
                "{} is {reason}; bind to an address of this machine, or to [::], which stands for all",
                NetworkAddress::from(*address).host()
            ),
            Self::Socket { address, source } => {
                write!(f, "no UDP socket at {address}: {source}; check the address and the system's limits")
            }
            Self::KeyFile(error) => error.fmt(f),
            Self::Entropy { reason } => {
                write!(f, "the system gave no entropy: {reason}; keys cannot be made without it")
            }
            Self::Thread(source) => {
                write!(f, "no thread for the network: {source}; check the system's limits")
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
