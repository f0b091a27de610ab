//! The options of a server, client or peer, beyond the core's own configuration.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::message::Registry;
use tickwire_core::{Authenticator, Config, Secrets, SnapshotConfig};

use crate::address::{NetworkAddress, canonical};
use crate::policy::Policy;
use crate::resolve::{Resolver, SystemResolver};

/// The local address that a socket is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Bind {
    /// All addresses of the machine: IPv4 and IPv6 in one socket if the system supports this, otherwise IPv4 only. With
    /// port 0 the system chooses the port. Converting the socket address `[::]` gives this variant.
    Any {
        /// The UDP port.
        port: u16,
    },
    /// One address of the machine with a port, or `0.0.0.0` with a port for all IPv4 addresses.
    Address(SocketAddr),
}

impl Bind {
    pub(crate) fn address(self) -> SocketAddr {
        match self {
            Self::Any { port } => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Self::Address(address) => canonical(address),
        }
    }
}

impl From<SocketAddr> for Bind {
    /// Converts a socket address. `[::]` becomes all addresses of the machine, IPv4 and IPv6, and `0.0.0.0` all its IPv4
    /// addresses. Binding to the local address of a socket therefore gives an equivalent socket.
    fn from(address: SocketAddr) -> Self {
        if address.ip() == Ipv6Addr::UNSPECIFIED {
            Self::Any { port: address.port() }
        } else {
            Self::Address(canonical(address))
        }
    }
}

/// The options of a server, client or peer.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::message::Registry;
/// use tickwire_core::{Config, Secrets};
/// use tickwire_native::Options;
///
/// # let (identity, registry) = ([1; 32], Registry::new());
/// let options = Options::new(Config::new(0x6d79_6761_6d65))
///     .secrets(Secrets::new(identity))
///     .registry(registry)
///     .port(7777)
///     .receive_coalescing(Duration::from_millis(20));
/// # drop(options);
/// ```
#[must_use]
pub struct Options {
    pub(crate) config: Config,
    pub(crate) secrets: Option<Secrets>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) bind: Option<Bind>,
    pub(crate) policy: Option<Policy>,
    pub(crate) commands: usize,
    pub(crate) events: usize,
    pub(crate) socket_buffer: usize,
    pub(crate) receive_coalescing: Duration,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) screens_messages: bool,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("bind", &self.bind).finish_non_exhaustive()
    }
}

impl Options {
    /// Creates default options that contain the core's configuration `config`. At the start the driver sets
    /// `Config::wall_offset` and `Config::dont_fragment`, and also `Config::schema` if message types are registered.
    /// The wall offset then follows the system's clock.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            secrets: None,
            key_file: None,
            registry: Arc::default(),
            bind: None,
            policy: None,
            commands: 8192,
            events: 8192,
            socket_buffer: 4 << 20,
            receive_coalescing: Duration::from_millis(100),
            resolver: Arc::new(SystemResolver),
            screens_messages: true,
        }
    }

    /// Sets the file that contains this end's identity, so that the public key is the same after a restart. The driver
    /// creates the file at the first start, and only its owner may read it ([`key_file`](crate::key_file)). The file
    /// replaces the identity in [`Options::secrets`], but not the ticket key.
    ///
    /// Default: none. Without [`Options::secrets`], the driver then generates a new identity at each start: clients
    /// that pinned a server's key cannot return after a restart of the server, and
    /// [`Server::start`](crate::Server::start) logs a warning.
    ///
    /// ```
    /// use tickwire_core::{Access, Config};
    /// use tickwire_native::{Options, Server};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("server.key");
    /// # let started = || -> Result<_, Box<dyn std::error::Error>> {
    /// let mut config = Config::new(0x6d79_6761_6d65);
    /// config.access = Access::Open;
    /// let options = Options::new(config).key_file(&path).bind("127.0.0.1:0".parse()?);
    /// let server = Server::start(options)?;
    /// println!("clients pin {}", server.public_key());
    /// # Ok(server.public_key())
    /// # };
    /// # assert_eq!(started()?, started()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_file = Some(path.into());
        self
    }

    /// Sets the long-lived keys. [`Options::key_file`] replaces the identity key in them. With neither setting, the
    /// driver generates a new identity key at each start.
    ///
    /// Default: generated at the start, and no ticket key.
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Sets the registry of message types. Both ends must register the same types.
    pub fn registry(mut self, registry: impl Into<Arc<Registry>>) -> Self {
        self.registry = registry.into();
        self
    }

    /// Sets the local address of the socket: `[::]` for all addresses, `0.0.0.0` for all IPv4 addresses, or one address
    /// of this machine (`[fe80::1%2]:7777` names the interface of a link-local address).
    ///
    /// Default: all addresses, at port 7777 for a server, else at a port that the system chooses.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address.into());
        self
    }

    /// Sets the local address of the socket to all addresses of the machine, with this port.
    pub fn port(mut self, port: u16) -> Self {
        self.bind = Some(Bind::Any { port });
        self
    }

    /// Sets the policy that accepts or refuses a new client whose ticket or cookie is valid. The network thread calls
    /// the policy and waits for its answer, so the policy must return quickly. If the policy panics, the client is
    /// refused, and [`crate::NetworkStats::policy_panics`] counts the panic.
    pub fn accept_policy(mut self, policy: impl Authenticator + 'static) -> Self {
        self.policy = Some(Policy(Box::new(policy)));
        self
    }

    /// Sets the largest number of commands, including messages to send, that may wait for the network thread. The
    /// driver reserves their memory at the start. A value outside the range counts as the nearest end of the range.
    ///
    /// Default: 8,192. Range: 1 to 2^20.
    pub fn commands(mut self, most: usize) -> Self {
        self.commands = most.clamp(1, QUEUE_MOST);
        self
    }

    /// Sets the largest number of events, including received messages, that may wait for the game. When the queue is
    /// full, peers get no more flow-control credit, and old unreliable messages are dropped in favour of newer
    /// messages. The driver reserves the memory for the events at the start. A value outside the range counts as the
    /// nearest end of the range.
    ///
    /// Default: 8,192. Range: 1 to 2^20.
    pub fn events(mut self, most: usize) -> Self {
        self.events = most.clamp(1, QUEUE_MOST);
        self
    }

    /// Sets the size of the system's send buffer and of its receive buffer, in bytes. The system may limit the sizes.
    ///
    /// Default: 4 MiB. Range: any.
    pub const fn socket_buffer(mut self, bytes: usize) -> Self {
        self.socket_buffer = bytes;
        self
    }

    /// Sets the longest time for which the network thread coalesces heartbeats and acknowledgements: it leaves them in
    /// the socket while no other datagrams arrive, and then reads them together. Waking up is most of the cost of idle
    /// connections. With zero, the thread reads every datagram immediately.
    ///
    /// Coalescing begins after a second in which the game neither sent nor received data and no handshake took place.
    /// The coalescing time is at first a fifth of this setting, grows in proportion to the idle time, and reaches the
    /// setting after five seconds. With 100 ms, the first message after an idle period is delayed by at most a fiftieth
    /// of this period, and the next messages are not delayed. The thread coalesces datagrams only while the time
    /// between them is at most the current coalescing time. A call of the game that needs the network thread wakes that
    /// thread immediately, and a dropped datagram ends the coalescing for a second. Measured RTTs remain accurate, because
    /// the system reports when a datagram arrived. Only Linux reports the arrival, so the driver coalesces nothing on
    /// other systems. If the setting is above [`tickwire_core::limits::UPKEEP_DELAY`], peers send probes before this end
    /// acknowledges their heartbeats. If it is above `Config::ack_delay`, which is lower than the default of this
    /// setting, a peer may resend the first message.
    ///
    /// A value above the range counts as the end of the range.
    ///
    /// Default: 100 ms. Range: 0 s to 1 s.
    pub fn receive_coalescing(mut self, most: Duration) -> Self {
        self.receive_coalescing = most.min(COALESCING_MOST);
        self
    }

    /// Sets whether `next_event`, `wait_event` and `event` drop invalid messages (of unregistered types, or malformed)
    /// instead of returning them to the game. `update` always drops such messages. The driver decodes each message one
    /// more time for this check. A game that decodes every message and counts violations itself (`Dispatcher`,
    /// `ViolationBudget`) disables the check.
    ///
    /// Default: yes.
    pub const fn screen_messages(mut self, yes: bool) -> Self {
        self.screens_messages = yes;
        self
    }

    /// Sets the schema and the limits of replicated worlds. Both ends need the same schema. The setting replaces
    /// `Config::snapshots`.
    ///
    /// Default: none. The endpoint then neither commits worlds nor receives any.
    pub fn snapshots(mut self, snapshots: SnapshotConfig) -> Self {
        self.config.snapshots = Some(snapshots);
        self
    }

    /// Sets the resolver, which looks up the IP addresses of host names when an attempt to connect begins, and when the
    /// driver reconnects an interrupted connection.
    ///
    /// Default: the system's name service.
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    pub(crate) fn server_port(mut self) -> Self {
        self.bind.get_or_insert(Bind::Any { port: NetworkAddress::DEFAULT_PORT });
        self
    }
}

/// The largest capacity of each queue.
const QUEUE_MOST: usize = 1 << 20;
/// The longest coalescing time. With a longer time, peers would assume that this silent end is gone.
const COALESCING_MOST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_tests::documented::{Actual, Bounds, DefaultValue, faults, methods};

    #[test]
    fn the_documented_default_and_range_of_every_option_match_the_code() {
        let documented = methods("options.rs", include_str!("options.rs"), "Options");
        let options = Options::new(Config::new(1));
        let new = || Options::new(Config::new(1));
        // A value is in the range if it is kept as it is.
        let number = |name, default: usize, unit, keeps: fn(Options, u128) -> bool| Actual {
            name,
            default: DefaultValue::Number(default as u128),
            unit,
            range: Some(Bounds::new(u64::MAX, move |value| keeps(new(), value))),
        };
        let words = |name, text: &str| Actual {
            name,
            default: DefaultValue::Text(text.into()),
            unit: "",
            range: None,
        };
        let drawn = if options.secrets.is_none() { "generated at the start" } else { "" };
        let everywhere = if options.bind.is_none() { "all addresses" } else { "" };
        let gather = options.receive_coalescing.as_micros() as usize;
        let actual = [
            words("key_file", if options.key_file.is_none() { "none" } else { "" }),
            words("secrets", drawn),
            words("bind", everywhere),
            number("commands", options.commands, "", |o, value| {
                o.commands(value as usize).commands as u128 == value
            }),
            number("events", options.events, "", |o, value| o.events(value as usize).events as u128 == value),
            number("socket_buffer", options.socket_buffer, "bytes", |o, value| {
                o.socket_buffer(value as usize).socket_buffer as u128 == value
            }),
            number("receive_coalescing", gather, "µs", |o, value| {
                o.receive_coalescing(Duration::from_micros(value as u64)).receive_coalescing.as_micros()
                    == value
            }),
            words("screen_messages", if options.screens_messages { "yes" } else { "no" }),
            words("snapshots", if options.config.snapshots.is_none() { "none" } else { "" }),
            words("resolver", "the system's name service"),
        ];
        let faults = faults(&documented, &actual);
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }
}
