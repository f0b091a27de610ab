//! The reasons that a server did not start, or had to stop. Each text says what failed, where, and what to do about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tickwire_core::message::RegisterError;
use tickwire_core::snapshot::SnapshotSchemaError;
use tickwire_native::{KeyFileError, StartError};

use crate::config::ConfigError;

/// An error that the game returns, of any type.
pub type GameError = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a server did not start, or stopped because of an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// The server's configuration is unusable.
    Config(ConfigError),
    /// A key file or the ban file is unusable.
    File {
        /// The path of the file.
        path: PathBuf,
        /// A description of the error in the file.
        what: String,
        /// Advice on how to make the file usable.
        remedy: String,
    },
    /// The network driver did not start, for the reason that the [`StartError`] states.
    Network(StartError),
    /// The server cannot write the log file.
    Log {
        /// The path of the log file.
        path: PathBuf,
        /// The system's error for the log file.
        source: io::Error,
    },
    /// The server cannot listen for requests of its metrics and health.
    Monitoring {
        /// The TCP address on which the server was to listen.
        address: SocketAddr,
        /// The system's error text.
        reason: String,
    },
    /// A message type of the game cannot be registered.
    Messages(RegisterError),
    /// A component of the game's replicated world cannot be declared.
    Components(SnapshotSchemaError),
    /// The game's method `start` returned an error.
    Game(GameError),
    /// The system refused a resource, such as a thread or the handling of signals.
    System {
        /// The resource that the system refused.
        what: &'static str,
        /// The system's error text.
        reason: String,
    },
    /// The network driver failed, or its thread ended unexpectedly.
    NetworkDied {
        /// The latest failure that the network driver reported, or `None` if its thread ended without a report.
        reason: Option<String>,
    },
    /// The game or the server panicked.
    Panicked {
        /// The message of the panic, with special characters escaped.
        text: String,
        /// A human-readable sentence: where to find details, and whether the server disconnected its clients.
        more: String,
    },
}

impl ServerError {
    /// Returns the exit code of the program for this error, 1 to 8.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::System { .. } | Self::NetworkDied { .. } => 1,
            Self::Network(StartError::Thread(_) | StartError::Entropy { .. }) => 1,
            // The game's own settings of the network, and not the network.
            Self::Network(
                StartError::NoSuchChannel { .. } | StartError::Config(_) | StartError::NobodyMayConnect,
            ) => 7,
            // As clap does for flags.
            Self::Config(_) => 2,
            Self::File { .. } => 3,
            Self::Network(_) => 4,
            Self::Log { .. } => 5,
            Self::Monitoring { .. } => 6,
            Self::Messages(_) | Self::Components(_) | Self::Game(_) => 7,
            Self::Panicked { .. } => 8,
        }
    }
}

impl From<KeyFileError> for ServerError {
    fn from(error: KeyFileError) -> Self {
        Self::File {
            path: error.path().into(),
            what: error.what().to_owned(),
            remedy: error.remedy().to_owned(),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::File { path, what, remedy } => write!(f, "{}: {what}; {remedy}", path.display()),
            Self::Network(error) if is_about_address(error) => {
                write!(f, "{error}; the configuration key `bind_address` sets the address")
            }
            Self::Network(error) => error.fmt(f),
            Self::Log { path, source } => write!(
                f,
                "the log {} cannot be written: {source}; choose another `log_file_path`, or set `enable_logging` to false",
                path.display()
            ),
            Self::Monitoring { address, reason } => write!(
                f,
                "metrics and health cannot be served at {address}: {reason}; choose another `monitoring_address`, or null"
            ),
            Self::Messages(error) => write!(f, "the message types of the game cannot be registered: {error}"),
            Self::Components(error) => {
                write!(f, "the components of the game's world cannot be declared: {error}")
            }
            Self::Game(error) => write!(f, "the game did not start: {error}"),
            Self::System { what, reason } => {
                write!(f, "the system provided no {what}: {reason}; check the system's limits")
            }
            Self::Panicked { text, more } => write!(f, "the game panicked: {text}; {more}"),
            Self::NetworkDied { reason: Some(reason) } => {
                write!(f, "the network thread has stopped: {reason}; remove the cause, and start the server again")
            }
            Self::NetworkDied { reason: None } => f.write_str(
                "the network thread ended unexpectedly; please report the last message of the thread, which is in the log",
            ),
        }
    }
}

/// Returns whether a different address would remove the error.
const fn is_about_address(error: &StartError) -> bool {
    use StartError::{NoSuchLocalAddress, NotPermitted, PortInUse, Socket};
    matches!(error, PortInUse { .. } | NotPermitted { .. } | NoSuchLocalAddress { .. } | Socket { .. })
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Network(error) => Some(error),
            Self::Log { source, .. } => Some(source),
            Self::Messages(error) => Some(error),
            Self::Game(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<ConfigError> for ServerError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StartError> for ServerError {
    fn from(error: StartError) -> Self {
        Self::Network(error)
    }
}

impl From<SnapshotSchemaError> for ServerError {
    fn from(error: SnapshotSchemaError) -> Self {
        Self::Components(error)
    }
}

impl From<RegisterError> for ServerError {
    fn from(error: RegisterError) -> Self {
        Self::Messages(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_start_error_about_an_address_names_the_key_bind_address() {
        let address = SocketAddr::from(([0, 0, 0, 0], 7777));
        let taken = ServerError::Network(StartError::PortInUse { address });
        assert!(taken.to_string().starts_with("UDP port 7777 is in use at 0.0.0.0; "), "{taken}");
        assert!(
            taken.to_string().ends_with("; the configuration key `bind_address` sets the address"),
            "{taken}"
        );
        assert_eq!(taken.exit_code(), 4);
        let lacking = ServerError::Network(StartError::Thread(io::ErrorKind::WouldBlock.into()));
        assert!(!lacking.to_string().contains("bind_address"), "{lacking}");
        assert_eq!(lacking.exit_code(), 1);
        let route = tickwire_core::Route::Channel(tickwire_core::ChannelId(9));
        let unknown = StartError::NoSuchChannel { message: "far", route, channels: "0 (sequenced)".into() };
        assert_eq!(ServerError::Network(unknown).exit_code(), 7);
    }
}
