//! Statistics of connections and of the driver.

use std::time::Duration;

use tickwire_core::drop::DropCounts;
use tickwire_core::snapshot::WorldStats;
use tickwire_core::stats::{ConnectionStats, TicketCounts};
use tickwire_core::{Address, ConnectionId, ConnectionState, Endpoint, PeerClock, PeerInfo};

/// A report on the state and the statistics of one connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The id of the connection at this end. At the other end, the connection has a different id.
    pub connection: ConnectionId,
    /// The state of the connection.
    pub state: ConnectionState,
    /// The address of the peer, or `None` if the connection has ended.
    pub address: Option<Address>,
    /// The peer's identity and user data.
    pub peer: PeerInfo,
    /// The counters and measurements of the connection since it began.
    pub stats: ConnectionStats,
    /// The counters of the world that is sent on the connection, and of the world that is received on it.
    pub world: WorldStats,
    /// The peer's clock, or `None` until the peer has acknowledged a packet. Read the clock at [`crate::Handle::now`].
    pub clock: Option<PeerClock>,
}

impl ConnectionInfo {
    pub(crate) fn of(endpoint: &Endpoint, connection: ConnectionId) -> Option<Self> {
        Some(Self {
            connection,
            state: endpoint.state(connection),
            address: endpoint.address(connection),
            peer: endpoint.peer(connection)?.clone(),
            stats: endpoint.stats(connection)?,
            world: endpoint.world_stats(connection)?,
            clock: endpoint.peer_clock(connection),
        })
    }
}

/// The counters of an endpoint and its driver since the endpoint was started.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NetworkStats {
    /// The time since the endpoint was started.
    pub uptime: Duration,
    /// The number of connections that carry messages now.
    pub connections: usize,
    /// The number of handshakes that are half-open now.
    pub half_open: usize,
    /// The memory that the core uses for peers now, in bytes: messages in reassembly, messages that wait for earlier
    /// messages or for the game, and the state that each connection keeps of its worlds.
    pub memory: u64,
    /// The number of datagrams that the driver passed to the system.
    pub datagrams_sent: u64,
    /// The number of datagrams that the driver received from the system, including invalid datagrams.
    pub datagrams_received: u64,
    /// The number of bytes in the datagrams sent, without IP and UDP headers.
    pub bytes_sent: u64,
    /// The number of bytes in the datagrams received, without IP and UDP headers.
    pub bytes_received: u64,
    /// The number of messages that the network thread passed to the core, or queued until the core has space for them.
    /// A broadcast counts once per connection.
    pub messages_sent: u64,
    /// The number of messages that the core received and the driver queued for the game, including messages in
    /// `messages_rejected`.
    pub messages_received: u64,
    /// The number of messages that the game did not receive, because they were malformed, their type was not
    /// registered, or a validator rejected them.
    pub messages_rejected: u64,
    /// The number of messages that the driver accepted, but did not send, because the connection ended before the
    /// network thread processed them.
    pub messages_too_late: u64,
    /// The number of messages that still waited in the driver for space in their channel's queue when the connection
    /// ended. The `Closed` event lists the reliable messages among them.
    pub messages_given_up: u64,
    /// The number of received datagrams that the core dropped, for each reason.
    pub drops: DropCounts,
    /// The number of datagrams that the system permanently refused to send. Each such datagram counts as lost. Probes
    /// of the path MTU that are too large for the interface are not included.
    pub send_errors: u64,
    /// The number of errors that the system returned for receive calls.
    pub receive_errors: u64,
    /// The number of panics in accept policies. After each panic, the driver refused the client that the policy was to
    /// decide on.
    pub policy_panics: u64,
    /// The number of receive errors that followed 15 or more consecutive receive errors. After each such error the
    /// driver does not read the socket for 1 to 250 ms. After 10 s with only errors, or 60 s with only connection
    /// resets, the endpoint stops, and an `Event::Closed` with the null connection states the error.
    pub receive_pauses: u64,
    /// The number of datagrams dropped because their source had sent more than its share. Per turn, the network thread
    /// handles at most 64 datagrams of a source. Up to 4096 further datagrams of a source may wait, in 8 MiB of memory
    /// for all sources together.
    pub datagrams_over_share: u64,
    /// The number of send calls in which the system's send buffer was full. After each such call, the driver waited
    /// until the system accepted datagrams again.
    pub socket_full: u64,
    /// The number of the game's calls that the full queue to the network thread refused. All of them returned an error,
    /// except commits, which waited for space instead.
    pub commands_refused: u64,
    /// The number of commands that are queued for the network thread now.
    pub commands_waiting: usize,
    /// The number of times that the network thread could not queue an event, because the queue to the game was full.
    /// Until the game makes space, peers get no more flow-control credit.
    pub event_stalls: u64,
    /// The number of events that are queued for the game now.
    pub events_waiting: usize,
    /// The number of wake-ups of the network thread.
    pub wakeups: u64,
    /// The number of wake-ups of the network thread after a sleep in which heartbeats and acknowledgements were
    /// coalesced (`Options::receive_coalescing`).
    pub naps: u64,
    /// The totals of the replicated worlds that the endpoint sends.
    pub worlds: WorldTotals,
}

/// The signs that the system's wall clock, by which tickets expire, is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ClockReport {
    /// The counts of client tickets whose expiry suggests a wrong wall clock.
    pub tickets: TicketCounts,
    /// The number of times that the system's clock differed by more than 0.5 s from the expected time. The cause of
    /// such a difference is that the clock was set, or that the host slept.
    pub steps: u64,
    /// The latest difference of more than 0.5 s between the system's clock and the expected time, in microseconds. The
    /// value is positive if the clock was set forward.
    pub last_step_us: i64,
}

/// The totals of the replicated worlds that an endpoint sends, over all connections since the endpoint was started. The driver
/// updates the totals at each commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct WorldTotals {
    /// The number of worlds.
    pub worlds: usize,
    /// The number of entities in all worlds now.
    pub entities: usize,
    /// The number of connections that were sent a world and have not ended.
    pub viewers: usize,
    /// The number of commits that the endpoint accepted.
    pub commits: u64,
    /// The number of snapshot frames sent.
    pub frames_sent: u64,
    /// The number of bytes in the snapshot frames sent, without packet headers.
    pub bytes_sent: u64,
    /// The number of entities in a viewer's world, added up over all viewers at every commit.
    pub entities_shown: u64,
    /// The number of bytes that would have been sent if each commit had sent the quantised components of all entities to each
    /// viewer, without names and headers.
    pub full_state_bytes: u64,
}

impl WorldTotals {
    /// Returns the mean number of bytes sent per entity, viewer and commit. Returns `None` if no committed world had both an
    /// entity and a viewer.
    #[must_use]
    pub fn bytes_per_entity(&self) -> Option<f64> {
        (self.entities_shown > 0).then(|| self.bytes_sent as f64 / self.entities_shown as f64)
    }

    /// Returns the share of bytes that was saved compared with sending the full state at each commit: 0.9 if a tenth of the bytes
    /// was sent. The share is negative if more bytes were sent than the full state has. Returns `None` if no
    /// committed world had both a component and a viewer.
    #[must_use]
    pub fn saving(&self) -> Option<f64> {
        (self.full_state_bytes > 0).then(|| 1.0 - self.bytes_sent as f64 / self.full_state_bytes as f64)
    }
}

impl NetworkStats {
    /// Computes the mean round-trip time of `connections`. Returns `None` if `connections` is empty.
    #[must_use]
    pub fn mean_rtt(connections: &[ConnectionInfo]) -> Option<Duration> {
        let count = u32::try_from(connections.len()).ok().filter(|count| *count > 0)?;
        Some(connections.iter().map(|info| info.stats.rtt).sum::<Duration>() / count)
    }
}
