//! Statistics of connections and of the driver.

use std::time::Duration;

use tickwire_core::drop::DropCounts;
use tickwire_core::stats::{ConnectionStats, TicketCounts};
use tickwire_core::{Address, ConnectionId, ConnectionState, Endpoint, PeerClock, PeerInfo};

/// A report on one connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The connection's id at this end. The other end has another id for it.
    pub connection: ConnectionId,
    /// The state of the connection.
    pub state: ConnectionState,
    /// The address of the peer.
    pub address: Option<Address>,
    /// The peer's identity.
    pub peer: PeerInfo,
    /// Counters of the connection so far.
    pub stats: ConnectionStats,
    /// The peer's clock, once the peer has acknowledged a packet. Read it at [`crate::Handle::now`].
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
            clock: endpoint.peer_clock(connection),
        })
    }
}

/// Counters of an endpoint and its driver since the start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NetworkStats {
    /// Time since the start.
    pub uptime: Duration,
    /// Connections that are usable now.
    pub connections: usize,
    /// Handshakes that are half open now.
    pub half_open: usize,
    /// Bytes held on behalf of peers now.
    pub memory: u64,
    /// Datagrams handed to the system.
    pub datagrams_sent: u64,
    /// Datagrams that came from the system, noise included.
    pub datagrams_received: u64,
    /// Bytes of the datagrams sent, IP and UDP headers not included.
    pub bytes_sent: u64,
    /// Bytes of the datagrams received, IP and UDP headers not included.
    pub bytes_received: u64,
    /// Messages taken by the core; a broadcast counts once per connection.
    pub messages_sent: u64,
    /// Messages given to the game.
    pub messages_received: u64,
    /// Messages that are none of the registered types, or that a validator refused. The game saw none of them.
    pub messages_rejected: u64,
    /// Messages that were taken, but whose connection was over before the network thread came to them.
    pub messages_too_late: u64,
    /// Messages that waited in the driver, for room in their channel, when their connection ended. The reliable ones are
    /// listed in its `Closed` too.
    pub messages_given_up: u64,
    /// Received datagrams that the core dropped, by reason.
    pub drops: DropCounts,
    /// Times that the system refused a datagram for good. It counts as lost.
    pub send_errors: u64,
    /// Errors that the system returned for a receive call.
    pub receive_errors: u64,
    /// Panics of accept policies. After each, the newcomer in question was refused.
    pub policy_panics: u64,
    /// Receive errors that followed 15 others in a row. After each of them the driver left the socket alone for 1 to 250 ms. After
    /// 10 s of nothing but errors the endpoint stops, and an `Event::Closed` of the null connection names the error.
    pub receive_pauses: u64,
    /// Datagrams dropped because their source had sent more than its share: 64 are dealt with per turn of the network
    /// thread, and 4096 wait.
    pub datagrams_over_share: u64,
    /// Times that the system's send buffer was full, and the driver waited.
    pub socket_full: u64,
    /// Times that the queue to the network thread was full, and the game got an error.
    pub commands_refused: u64,
    /// Commands that wait for the network thread now.
    pub commands_waiting: usize,
    /// Times that the queue to the game was full, and the network thread waited: peers get no more credit meanwhile.
    pub event_stalls: u64,
    /// Events that wait for the game now.
    pub events_waiting: usize,
    /// Times that the network thread woke up.
    pub wakeups: u64,
    /// Wake-ups that ended a sleep in which heartbeats and acknowledgements were left to gather (`Options::receive_coalescing`).
    pub naps: u64,
}

/// Signs that a wall clock is wrong. Tickets expire by the system's wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ClockReport {
    /// Counts of clients' tickets, by how their times compare with the wall clock.
    pub tickets: TicketCounts,
    /// Times that the system's clock differed by more than half a second from the expected time, because it was set or the host
    /// slept.
    pub steps: u64,
    /// The last of these differences, in microseconds; above zero if the clock was set forward.
    pub last_step_us: i64,
}

impl NetworkStats {
    /// Adds up the round-trip times of `connections` and divides them: the mean latency there and back.
    #[must_use]
    pub fn mean_rtt(connections: &[ConnectionInfo]) -> Option<Duration> {
        let count = u32::try_from(connections.len()).ok().filter(|count| *count > 0)?;
        Some(connections.iter().map(|info| info.stats.rtt).sum::<Duration>() / count)
    }
}
