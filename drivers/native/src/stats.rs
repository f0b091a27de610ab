//! Statistics of connections and of the driver.

use std::time::Duration;

use tickwire_core::drop::DropCounts;
use tickwire_core::stats::{ConnectionStats, TicketCounts};
use tickwire_core::{Address, ConnectionId, ConnectionState, Endpoint, PeerClock, PeerInfo};

/// A report on one connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The id of the connection at this end. The other end has another id for it.
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
    /// The time since the start.
    pub uptime: Duration,
    /// The number of connections that carry messages now.
    pub connections: usize,
    /// The number of half-open handshakes now.
    pub half_open: usize,
    /// The number of bytes held for peers now, in messages that are in reassembly or that wait.
    pub memory: u64,
    /// The number of datagrams passed to the system.
    pub datagrams_sent: u64,
    /// The number of datagrams received from the system, noise included.
    pub datagrams_received: u64,
    /// The number of bytes in the datagrams sent, without IP and UDP headers.
    pub bytes_sent: u64,
    /// The number of bytes in the datagrams received, without IP and UDP headers.
    pub bytes_received: u64,
    /// The number of messages that the core accepted for sending. A broadcast counts once per connection.
    pub messages_sent: u64,
    /// The number of messages passed to the game.
    pub messages_received: u64,
    /// The number of messages of no registered type, or that a validator rejected. The game received none of them.
    pub messages_rejected: u64,
    /// The number of messages that the driver accepted, but whose connection ended before the network thread processed
    /// them.
    pub messages_too_late: u64,
    /// The number of messages that waited in the driver for room in their channel when their connection ended. The
    /// `Closed` event lists the reliable messages among them.
    pub messages_given_up: u64,
    /// The number of received datagrams that the core dropped, for each reason.
    pub drops: DropCounts,
    /// The number of send calls in which the system refused a datagram for good. The datagram counts as lost.
    pub send_errors: u64,
    /// The number of errors that the system returned for receive calls.
    pub receive_errors: u64,
    /// The number of panics of accept policies. After each panic, the client in question was refused.
    pub policy_panics: u64,
    /// The number of receive errors that followed 15 others in a row. After each such error the driver does not read
    /// the socket for 1 to 250 ms. After 10 s of nothing but errors the endpoint stops, and an `Event::Closed` of the
    /// null connection names the error.
    pub receive_pauses: u64,
    /// The number of datagrams dropped because their source had sent more than its share. The network thread handles 64
    /// datagrams of a source per turn, and 4096 may wait.
    pub datagrams_over_share: u64,
    /// The number of send calls that found the system's send buffer full, after which the driver waited.
    pub socket_full: u64,
    /// The number of calls of the game that found the queue to the network thread full and got an error.
    pub commands_refused: u64,
    /// The number of commands that wait for the network thread now.
    pub commands_waiting: usize,
    /// The number of times that the network thread waited because the queue to the game was full. Peers get no more
    /// credit meanwhile.
    pub event_stalls: u64,
    /// The number of events that wait for the game now.
    pub events_waiting: usize,
    /// The number of wake-ups of the network thread.
    pub wakeups: u64,
    /// The number of wake-ups after a sleep in which heartbeats and acknowledgements were coalesced
    /// (`Options::receive_coalescing`).
    pub naps: u64,
}

/// Signs that a wall clock is wrong. Tickets expire by the system's wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ClockReport {
    /// Counts of clients' tickets, by how their times compare with the wall clock.
    pub tickets: TicketCounts,
    /// The number of times that the system's clock differed by more than half a second from the expected time, because
    /// the clock was set or the host slept.
    pub steps: u64,
    /// The latest such difference of the system's clock, in microseconds. It is above zero if the clock was set
    /// forward.
    pub last_step_us: i64,
}

impl NetworkStats {
    /// Computes the mean round-trip time of `connections`. Returns `None` without connections.
    #[must_use]
    pub fn mean_rtt(connections: &[ConnectionInfo]) -> Option<Duration> {
        let count = u32::try_from(connections.len()).ok().filter(|count| *count > 0)?;
        Some(connections.iter().map(|info| info.stats.rtt).sum::<Duration>() / count)
    }
}
