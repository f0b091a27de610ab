//! The configuration of an endpoint. The doc of each field gives its default, its range and its unit.

mod channel;
mod route;
mod snapshot_config;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

pub use self::channel::{ChannelConfig, Delivery, Overflow};
pub use self::route::Route;
pub use self::snapshot_config::SnapshotConfig;
use crate::connection::congestion::Algorithm;
use crate::crypto::{Provider, Secret, default_provider};
use crate::error::ConfigError;
use crate::handshake::Parameters;
use crate::limits;
use crate::schema::Schema;
use crate::time::{Instant, micros};

/// The peers that an endpoint accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Access {
    /// No peer may connect. This endpoint only dials.
    #[default]
    Closed,
    /// Peers that `Endpoint::expect_peer` names, or that this endpoint dials, may connect.
    Peers,
    /// Clients that hold a valid ticket may connect, and so may the peers of [`Access::Peers`]. The endpoint drops the
    /// Hellos of all other clients, but sends an encrypted refusal to a client whose ticket has expired.
    Tickets,
    /// Any client may connect. A UDP client must first prove that it receives datagrams at its address.
    Open,
}

/// The long-lived keys of an endpoint. An endpoint keeps its keys across restarts, but needs a new seed at each start.
/// Dropping the keys overwrites their memory.
///
/// ```
/// use tickwire_core::Secrets;
///
/// // A real program reads each key from a file.
/// # let (identity, ticket_key) = ([1; 32], [2; 32]);
/// let secrets = Secrets::new(identity).ticket_key(ticket_key);
/// assert_eq!(format!("{secrets:?}"), "Secrets(..)");
/// ```
#[derive(Clone)]
pub struct Secrets {
    /// The X25519 secret whose public key clients pin.
    pub identity: Secret,
    /// The key that opens this server's tickets. The game's backend derives the key from its master key. Only
    /// [`Access::Tickets`] needs the key. Default: `None`.
    pub ticket: Option<Secret>,
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// Creates secrets with the key `identity` and without a ticket key.
    #[must_use]
    pub fn new(identity: impl Into<Secret>) -> Self {
        Self { identity: identity.into(), ticket: None }
    }

    /// Sets the key that opens this server's tickets, and returns the changed secrets.
    #[must_use]
    pub fn ticket_key(mut self, key: impl Into<Secret>) -> Self {
        self.ticket = Some(key.into());
        self
    }
}

/// The configuration of an endpoint. [`Config::new`] gives the defaults; [`crate::Endpoint::new`] refuses a value
/// outside its range.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::{Access, ChannelConfig, Config, Delivery};
///
/// let mut config = Config::new(0x6d79_6761_6d65);
/// config.access = Access::Open;
/// config.idle_timeout = Duration::from_secs(8);
/// config.channels.push(ChannelConfig::new(Delivery::ReliableOrdered).named("chat"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The number that identifies the game, as passed to [`Config::new`]. Endpoints with different numbers ignore each
    /// other. Any number is valid.
    pub application: u64,
    /// The peers that may connect.
    ///
    /// Default: [`Access::Closed`].
    pub access: Access,
    /// The largest number of connections at a time, accepted and dialled together. A closing connection does not count.
    ///
    /// Default: 100. Range: 1 to 32,768.
    pub max_connections: usize,
    /// The largest number of connections accepted from one source (an IPv4 address or an IPv6 /64) at a time.
    ///
    /// Default: none, which means half of `max_connections`, rounded up. Range: 1 or more.
    pub max_connections_per_source: Option<usize>,
    /// The load from which on a UDP client with a ticket must also return a cookie before the endpoint computes a
    /// Diffie-Hellman key exchange for the client. The load is the number of half-open handshakes, stored refusals and
    /// recently failed handshakes. At 0, every UDP client must return a cookie. [`Access::Open`] always requires the
    /// cookie of UDP clients.
    ///
    /// Default: 64. Range: any.
    pub cookie_threshold: usize,
    /// The largest number of handshakes per second that the endpoint answers for each source (IPv4 address, IPv6 /64,
    /// or link without a known remote address), and for each ticket that is sent without a cookie. A source that
    /// recently left four or more handshakes incomplete gets an eighth of this rate.
    ///
    /// Default: 32. Range: 1 or more.
    pub handshake_rate: u32,
    /// The largest number of handshakes that the endpoint answers at once for a source that was idle before.
    ///
    /// Default: 64. Range: 1 or more.
    pub handshake_burst: u32,
    /// The channels of every connection. Both ends need the same number of channels, with the same delivery and compression.
    ///
    /// Default: one channel of each [`Delivery`]: reliable ordered, reliable unordered, sequenced, unreliable. Range: 1 to 32.
    pub channels: Vec<ChannelConfig>,
    /// The time without a packet from the peer after which the dialling end sends a heartbeat. The endpoint lowers a
    /// time above a third of the shorter idle timeout of the two ends to this third. The dialled end waits 1.5 times as
    /// long. If the time is at most a quarter of the idle timeout, at most 7.5 s, and at least three PTOs, the dialled
    /// end answers only every second heartbeat of an idle connection, so it may send nothing for twice the time. Choose
    /// a shorter time if a NAT or a firewall on the path drops idle flows sooner.
    ///
    /// Default: 5 s. Range: 10 ms to 1 h.
    pub heartbeat: Duration,
    /// The time without a packet from the peer after which the endpoint treats the connection as interrupted.
    /// Each end measures with its own value.
    ///
    /// Default: 20 s. Range: 100 ms to 1 h.
    pub idle_timeout: Duration,
    /// The time for which the endpoint keeps the session of an interrupted connection, so that the peer can resume it.
    /// 0 s ends the session at once.
    ///
    /// Default: 60 s. Range: 0 s to 1 h.
    pub resume_window: Duration,
    /// `true` if the endpoint automatically redials an interrupted connection that it dialled.
    ///
    /// Default: yes.
    pub reconnect: bool,
    /// The longest time for which the endpoint tries to redial an interrupted connection. After this time, the connection
    /// closes.
    ///
    /// Default: 5 min. Range: 0 s to 24 h.
    pub reconnect_for: Duration,
    /// The time after which an attempt to connect fails, unless `ConnectOptions::timeout` sets a different time for the
    /// attempt.
    ///
    /// Default: 10 s. Range: 100 ms to 1 h.
    pub connect_timeout: Duration,
    /// The longest time by which this end delays an acknowledgement, so that the acknowledgement can share a datagram with
    /// data.
    ///
    /// Default: 50 ms. Range: 0 s to 1 s.
    pub ack_delay: Duration,
    /// The size of the largest message in either direction, in bytes. Both ends need the same value. A value above the
    /// default also enlarges the receive window.
    ///
    /// Default: 1 MiB. Range: 1 byte to 256 MiB.
    pub max_message: usize,
    /// The heap memory, in bytes, that incomplete messages and messages that wait for earlier messages of an ordered
    /// channel may occupy, over all connections. A value below the memory of two messages of the maximum size
    /// ([`crate::limits::reserved_room`] for each) is raised to this memory. If the memory is full, the endpoint does
    /// not acknowledge a message that does not fit. The sender then resends the message, and the endpoint completes such
    /// messages one after another, in memory that is reserved for one message of the maximum size. Half of the other
    /// memory is divided into [`Config::max_connections`] equal shares. Of the remaining half, each connection may take
    /// at most as much as it leaves free.
    ///
    /// Default: 32 MiB. Range: 1 MiB to 1 TiB.
    pub reassembly_memory: u64,
    /// The size of the largest datagram in both directions, in bytes. This end announces the size to its peers, which do
    /// not exceed it. This end sends datagrams of this size once it finds that a path carries them (RFC 8899 section
    /// 5.3), which needs [`Config::dont_fragment`]. A datagram of the default size fills an IPv4 packet of 9000 bytes.
    ///
    /// Default: 8,972 bytes. Range: 1,200 bytes to 65,535 bytes.
    pub max_datagram: u16,
    /// `true` if the driver's UDP sockets forbid fragmentation, so that neither the system nor a router cuts a datagram
    /// into fragments (`IP_MTU_DISCOVER` set to `IP_PMTUDISC_PROBE` on Linux, `IP_DONTFRAGMENT` on Windows,
    /// `IP_DONTFRAG` on macOS and the BSDs, and their IPv6 counterparts).
    ///
    /// A datagram of more than 1200 bytes proves that the path carries it only if no router may fragment it. Without
    /// this setting the endpoint sends no larger datagram over UDP and does not search for a larger size, because the
    /// receiver would reassemble the fragments, and the loss of one fragment would lose the whole datagram. The setting
    /// does not affect links, because each link declares its largest datagram.
    ///
    /// Default: no.
    pub dont_fragment: bool,
    /// The number of packets that a connection sends with one key before it rotates its keys. Received packets do not
    /// count.
    ///
    /// Default: 2^24 packets. Range: 64 packets or more.
    pub rotate_after: u64,
    /// The limit on the send rate of each connection, in bytes per second of whole datagrams.
    ///
    /// Default: none, which sets no limit except the path's. Range: 1,000 bytes/s or more.
    pub connection_bandwidth: Option<u64>,
    /// The limit on the total send rate of all connections, in bytes per second of whole datagrams. Handshakes count
    /// towards the limit.
    ///
    /// Default: none. Range: 1,000 bytes/s or more.
    pub bandwidth: Option<u64>,
    /// The congestion control algorithm of each connection, unless its link itself controls congestion.
    ///
    /// Default: [`Algorithm::Copa`].
    pub congestion: Algorithm,
    /// The initial time from the Unix epoch to [`crate::Instant::ZERO`], in microseconds. A driver corrects this time
    /// with [`crate::Endpoint::set_wall_offset`] after the wall clock was set, or after the clock behind `Instant`
    /// stopped while the host was suspended.
    ///
    /// Tickets expire by the wall clock, so [`Access::Tickets`] rejects an offset of 0. A wrong wall clock does not
    /// prevent a server from resuming its live sessions.
    ///
    /// Default: 0 µs. Range: 0 µs to 2^62 µs.
    pub wall_offset: u64,
    /// The schema of the message types of this endpoint. Each type needs a unique name of at most 64 bytes. The
    /// endpoint adds its channels to the schema.
    ///
    /// Default: empty.
    pub schema: Schema,
    /// The settings of replicated worlds. Without settings, this endpoint neither commits nor receives worlds.
    ///
    /// Default: none.
    pub snapshots: Option<SnapshotConfig>,
    /// The provider of the cryptography.
    ///
    /// Default: pure Rust; with the feature `ring`, ring.
    pub provider: Arc<dyn Provider>,
}

impl Config {
    /// Creates the default configuration for the game that the number `application` identifies.
    #[must_use]
    pub fn new(application: u64) -> Self {
        Self {
            application,
            access: Access::Closed,
            max_connections: 100,
            max_connections_per_source: None,
            cookie_threshold: 64,
            handshake_rate: 32,
            handshake_burst: 64,
            channels: [
                Delivery::ReliableOrdered,
                Delivery::ReliableUnordered,
                Delivery::Sequenced,
                Delivery::Unreliable,
            ]
            .map(ChannelConfig::new)
            .to_vec(),
            heartbeat: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(20),
            resume_window: Duration::from_secs(60),
            reconnect: true,
            reconnect_for: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(10),
            ack_delay: Duration::from_millis(50),
            max_message: limits::MESSAGE_SIZE,
            reassembly_memory: limits::REASSEMBLY_MEMORY,
            max_datagram: limits::PATH_DATAGRAM,
            dont_fragment: false,
            rotate_after: 1 << 24,
            connection_bandwidth: None,
            bandwidth: None,
            congestion: Algorithm::Copa,
            wall_offset: 0,
            schema: Schema::default(),
            snapshots: None,
            provider: default_provider(),
        }
    }

    /// Returns the largest number of connections that the endpoint accepts from one source.
    pub(crate) fn places_per_source(&self) -> usize {
        self.max_connections_per_source.unwrap_or_else(|| self.max_connections.div_ceil(2))
    }

    /// Checks all values, and returns the error of the first value outside its range.
    pub(crate) fn check(&self, secrets: &Secrets) -> Result<(), ConfigError> {
        within("max_connections", self.max_connections as u64, 1, MAX_CONNECTIONS)?;
        within("max_connections_per_source", self.places_per_source() as u64, 1, u64::MAX)?;
        within("handshake_rate", self.handshake_rate.into(), 1, u64::from(u32::MAX))?;
        within("handshake_burst", self.handshake_burst.into(), 1, u64::from(u32::MAX))?;
        within("channels (count)", self.channels.len() as u64, 1, limits::CHANNELS as u64)?;
        within("max_message", self.max_message as u64, 1, limits::MESSAGE_SIZE_MAX as u64)?;
        within("reassembly_memory", self.reassembly_memory, 1 << 20, 1 << 40)?;
        within("max_datagram", self.max_datagram.into(), limits::BASE_DATAGRAM as u64, u64::from(u16::MAX))?;
        within("rotate_after", self.rotate_after, 64, u64::MAX)?;
        within("heartbeat (us)", micros(self.heartbeat), 10_000, HOUR)?;
        within("idle_timeout (us)", micros(self.idle_timeout), 100_000, HOUR)?;
        within("resume_window (us)", micros(self.resume_window), 0, HOUR)?;
        within("reconnect_for (us)", micros(self.reconnect_for), 0, 24 * HOUR)?;
        within("connect_timeout (us)", micros(self.connect_timeout), 100_000, HOUR)?;
        within("ack_delay (us)", micros(self.ack_delay), 0, 1_000_000)?;
        within(
            "connection_bandwidth",
            self.connection_bandwidth.unwrap_or(u64::MAX),
            LEAST_BANDWIDTH,
            u64::MAX,
        )?;
        within("bandwidth", self.bandwidth.unwrap_or(u64::MAX), LEAST_BANDWIDTH, u64::MAX)?;
        for (place, channel) in self.channels.iter().enumerate() {
            if let Some(name) = channel.name.as_deref()
                && self.channels.iter().take(place).any(|other| other.name.as_deref() == Some(name))
            {
                return Err(ConfigError::ChannelNameTwice { name: name.into() });
            }
            within("channels.priority", u64::from(channel.priority), 0, 7)?;
            within("channels.queue_messages", channel.queue_messages as u64, 1, u64::from(u32::MAX))?;
        }
        if let Some(snapshots) = &self.snapshots {
            within("snapshots.max_entities", snapshots.max_entities as u64, 1, limits::ENTITIES_MAX as u64)?;
            within("snapshots.priority", snapshots.priority.into(), 0, 7)?;
        }
        if self.access == Access::Tickets && secrets.ticket.is_none() {
            return Err(ConfigError::MissingTicketKey);
        }
        self.check_wall_offset(self.wall_offset)?;
        self.check_schema()
    }

    /// Checks whether `offset` is a valid wall offset for an endpoint with this configuration.
    pub(crate) fn check_wall_offset(&self, offset: u64) -> Result<(), ConfigError> {
        within("wall_offset", offset, 0, Instant::MAX.as_micros())?;
        if self.access == Access::Tickets && offset == 0 {
            return Err(ConfigError::MissingWallTime);
        }
        Ok(())
    }

    /// Returns the schema, including the entries of replicated worlds.
    pub(crate) fn whole_schema(&self) -> Schema {
        let worlds = self.snapshots.as_ref().map_or(&[][..], |snapshots| snapshots.schema.entries());
        self.schema.clone().with_entries(worlds)
    }

    /// Returns the schema that the handshake compares. The schema also contains the channels and the largest message size.
    pub(crate) fn handshake_schema(&self) -> Schema {
        self.whole_schema().with_channels(&self.channels).with_max_message(self.max_message)
    }

    fn check_schema(&self) -> Result<(), ConfigError> {
        let mut names: Vec<&str> = self.schema.entries.iter().map(|entry| entry.name.as_str()).collect();
        if let Some(name) = names.iter().find(|name| name.len() > limits::SCHEMA_NAME) {
            return Err(ConfigError::SchemaNameTooLong { name: (*name).into(), most: limits::SCHEMA_NAME });
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => Err(ConfigError::SchemaNameTwice { name: (*pair.first().unwrap_or(&"")).into() }),
            None => Ok(()),
        }
    }

    /// Returns the parameters that this endpoint sends to its peers in the handshake.
    pub(crate) fn parameters(&self, schema: u64) -> Parameters {
        Parameters {
            schema,
            credit: receive_window(self.max_message),
            max_message: u32::try_from(self.max_message).unwrap_or(u32::MAX),
            ack_delay_us: u32::try_from(micros(self.ack_delay)).unwrap_or(u32::MAX),
            idle_timeout_ms: u32::try_from(self.idle_timeout.as_millis()).unwrap_or(u32::MAX),
            max_datagram: self.max_datagram,
        }
    }
}

/// The lowest bandwidth limit, in bytes per second. A handshake takes too long at a lower rate.
pub(crate) const LEAST_BANDWIDTH: u64 = 1000;
const MAX_CONNECTIONS: u64 = 32_768;
const HOUR: u64 = 3_600_000_000;

const fn within(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if value < least || value > most {
        Err(ConfigError::OutOfRange { field, value, least, most })
    } else {
        Ok(())
    }
}

/// Returns the receive window, in bytes, for a largest message of `max_message` bytes: space for two such messages.
#[must_use]
pub(crate) fn receive_window(max_message: usize) -> u64 {
    let two = (max_message as u64 + limits::MESSAGE_OVERHEAD).saturating_mul(2);
    two.max(limits::RECEIVE_WINDOW)
}
