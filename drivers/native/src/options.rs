//! How a server, client or peer is set up beyond the core's own configuration.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::message::Registry;
use tickwire_core::{Authenticator, Config, Secrets};

use crate::address::{NetworkAddress, canonical};
use crate::policy::Policy;
use crate::resolve::{Resolver, SystemResolver};

/// Where the socket is bound.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Bind {
    /// All addresses of the machine, IPv4 and IPv6 in one socket where the system can; else IPv4. Port 0 lets the system
    /// choose. As a socket address it is `[::]`.
    Any {
        /// The UDP port.
        port: u16,
    },
    /// This address only.
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
    /// `[::]` stands for all addresses of the machine, IPv4 and IPv6; `0.0.0.0` for all its IPv4 addresses. So a socket's
    /// local address, bound to again, gives the same socket.
    fn from(address: SocketAddr) -> Self {
        if address.ip() == Ipv6Addr::UNSPECIFIED {
            Self::Any { port: address.port() }
        } else {
            Self::Address(canonical(address))
        }
    }
}

/// How a server, client or peer is set up.
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
    /// The defaults, around a configuration of the core. `Config::wall_offset` and, if there is a registry,
    /// `Config::schema` are set at the start; the wall offset follows the system's clock from then on.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            secrets: None,
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

    /// The long-lived keys. Default: drawn from the system at each start, so that nobody can pin this end's key beyond it.
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// The message types. Both ends register the same ones.
    pub fn registry(mut self, registry: impl Into<Arc<Registry>>) -> Self {
        self.registry = registry.into();
        self
    }

    /// Where the socket is bound: `[::]` for all addresses, `0.0.0.0` for all IPv4 addresses, or one address of this
    /// machine (`[fe80::1%2]:7777` names the interface of a link-local one). Default: all addresses, for a server at port
    /// 7777, else at one that the system chooses.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address.into());
        self
    }

    /// All addresses of the machine, at this port.
    pub fn port(mut self, port: u16) -> Self {
        self.bind = Some(Bind::Any { port });
        self
    }

    /// Who is let in, after ticket or cookie were found valid. It is asked on the network thread, and must be quick.
    /// If it panics, the newcomer that it was asked about is refused, and [`crate::NetworkStats::policy_panics`] counts it.
    pub fn accept_policy(mut self, policy: impl Authenticator + 'static) -> Self {
        self.policy = Some(Policy(Box::new(policy)));
        self
    }

    /// Commands (messages to send among them) that wait for the network thread at most. Default 8192.
    pub const fn commands(mut self, most: usize) -> Self {
        self.commands = most;
        self
    }

    /// Events (messages received among them) that wait for the game at most; beyond, peers get no more credit, and
    /// unreliable messages give way to newer ones. Default 8192.
    pub const fn events(mut self, most: usize) -> Self {
        self.events = most;
        self
    }

    /// The system's buffers, each way, in bytes, as far as it grants them. Default 4 MiB.
    pub const fn socket_buffer(mut self, bytes: usize) -> Self {
        self.socket_buffer = bytes;
        self
    }

    /// How long heartbeats and acknowledgements may gather before they are read together, at most, while there is nothing
    /// else: being woken up is most of what idle connections cost. Default 100 ms; zero reads everything at once.
    ///
    /// It begins after a second in which the game neither did nor heard anything and nobody shook hands, with a fifth of
    /// this, grows in proportion to the silence, and is all of it after five seconds: the first message after a silence is read
    /// late by a fiftieth of it at most (with 100 ms), the next ones are not. Only while datagrams come more densely than
    /// this does anything gather. Whatever the game does ends it at once; so, for a second, does a datagram that has to be
    /// dropped. Round-trip times stay true, because the system says when a datagram came; where it does not (other systems
    /// than Linux), nothing is left to gather. With more than [`tickwire_core::limits::UPKEEP_DELAY`] peers ask again before they are
    /// heard; with more than `Config::ack_delay`, which is less than the default, a peer may repeat the first message.
    pub const fn receive_coalescing(mut self, most: Duration) -> Self {
        self.receive_coalescing = most;
        self
    }

    /// Whether a game that drains events is spared messages that are none of the registered types, as one that calls
    /// `update` is. Each message is decoded once more for it. Default: yes. A game that decodes every message and keeps
    /// budgets itself (`Dispatcher`, `ViolationBudget`) switches it off.
    pub const fn screen_messages(mut self, yes: bool) -> Self {
        self.screens_messages = yes;
        self
    }

    /// Who finds the addresses of names, when an attempt to connect begins and when an interrupted connection looks for its
    /// server. Default: the system's name service.
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    pub(crate) fn server_port(mut self) -> Self {
        self.bind.get_or_insert(Bind::Any { port: NetworkAddress::DEFAULT_PORT });
        self
    }
}
