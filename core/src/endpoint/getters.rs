//! The getters of an endpoint, which change nothing.

use core::net::IpAddr;

use super::Endpoint;
use crate::address::Address;
use crate::config::Route;
use crate::connection::{Connection, PeerClock, Phase};
use crate::crypto::PublicKey;
use crate::drop::DropCounts;
use crate::event::{ChannelId, ConnectionId, Fate, MessageId, PeerInfo};
use crate::stats::{ChannelStats, ConnectionStats, TicketCounts};
use crate::time::Instant;

/// The state of a connection, as [`Endpoint::state`] returns it.
///
/// ```text
///                connect()                    accepted (a peer dialled this endpoint)
///                    |                                     |
///                    v                                     v
///              Connecting ------- Event::Connected ------------> Connected <----------+
///                    |                                           |    |               | Event::Resumed
///     Event::Closed  |                          close(), or the  |    | silence for   |
///  (timed out, refused)                          peer closed it  |    | idle_timeout: |
///                    |                                           |    | Event::Interrupted
///                    |                                           v    v               |
///                    |                                Disconnecting  Connecting ------+
///                    |                                           |    |
///                    v             Event::Closed, last and once  v    v  resume_window or reconnect_for passed
///              Disconnected <--------------------------------------------
/// ```
///
/// The session (channels, queued messages, identity) lasts from the first `Connecting` to
/// [`Event::Closed`](crate::Event::Closed). An interrupted connection keeps its [`ConnectionId`], the game may
/// queue messages at any time, and each reliable message arrives exactly once despite interruptions. `Closed` lists
/// the messages that the peer did not confirm. If the server lost the session, in a restart for example, the old
/// connection ends with [`CloseReason::SessionLost`](crate::CloseReason::SessionLost), and the `Connected` event of
/// the new connection names the old connection in `replaces`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConnectionState {
    /// The endpoint has no connection with this id, or the connection has ended.
    Disconnected,
    /// The handshake of a new connection is running, or an interrupted connection waits to be resumed.
    Connecting,
    /// The connection is established and carries messages.
    Connected,
    /// The connection is closing: its remaining messages or its CLOSE frame are still being sent.
    Disconnecting,
}

impl Endpoint {
    /// Returns the public key of this endpoint, which its clients pin.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key.into()
    }

    /// Returns the state of a connection. For an unknown id, returns [`ConnectionState::Disconnected`].
    #[must_use]
    pub fn state(&self, connection: ConnectionId) -> ConnectionState {
        let Some(state) = self.connections.get(connection) else { return ConnectionState::Disconnected };
        match state.phase() {
            Phase::Connecting | Phase::Interrupted => ConnectionState::Connecting,
            Phase::Connected if state.is_leaving() => ConnectionState::Disconnecting,
            Phase::Connected => ConnectionState::Connected,
            Phase::Closing if state.is_lingering() => ConnectionState::Disconnected,
            Phase::Closing => ConnectionState::Disconnecting,
            Phase::Closed => ConnectionState::Disconnected,
        }
    }

    /// Returns the ids of all connections, including connections whose handshake is running, and closed connections
    /// while the endpoint still sends their CLOSE frame. The ids also include refused clients while the endpoint still
    /// sends the refusal, although it reports no event for these clients. A program that shuts down may wait until the
    /// iterator is empty. A connection that its peer closed is not included, although the endpoint answers repetitions
    /// of the peer's CLOSE frame for 5 s more.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.connections.iter().filter(|state| !state.is_lingering()).map(Connection::id)
    }

    /// Returns the id of the configured channel that `route` selects, for [`Endpoint::send`]. Returns `None` if no
    /// channel matches.
    #[must_use]
    pub fn channel(&self, route: impl Into<Route>) -> Option<ChannelId> {
        route.into().channel(&self.config.channels)
    }

    /// Returns the address of a connection's peer. For an interrupted connection, returns the address of the next dial.
    /// Returns `None` if the connection does not exist, or has no address at present.
    #[must_use]
    pub fn address(&self, connection: ConnectionId) -> Option<Address> {
        self.connections.get(connection)?.address()
    }

    /// Returns the IP address of a connection's peer: the IP address of its UDP address, or the `far_end` that the driver
    /// passed to [`Endpoint::open_link`]. Returns `None` if the peer has no known IP address.
    #[must_use]
    pub fn far_end(&self, connection: ConnectionId) -> Option<IpAddr> {
        self.links.far_end(self.address(connection)?)
    }

    /// Returns the identity and the user data of a connection's peer. Returns `None` if the connection does not exist.
    #[must_use]
    pub fn peer(&self, connection: ConnectionId) -> Option<&PeerInfo> {
        self.connections.get(connection).map(|state| state.session().peer())
    }

    /// Returns the delivery status of a message while its connection exists. Returns `None` if `send` accepted no message
    /// with this number, or the channel no longer stores its status: see [`crate::limits::DROPPED_RANGES`].
    #[must_use]
    pub fn fate(&self, connection: ConnectionId, channel: ChannelId, message: MessageId) -> Option<Fate> {
        self.connections.get(connection)?.session().fate(channel, message)
    }

    /// Returns the counters and measurements of a connection from its start. Returns `None` if the connection does not exist.
    #[must_use]
    pub fn stats(&self, connection: ConnectionId) -> Option<ConnectionStats> {
        self.connections.get(connection).map(|state| state.stats(self.now))
    }

    /// Returns the clock of a connection's peer. Returns `None` until the peer has acknowledged a packet, which takes
    /// half an RTT or longer after `Connected`. The clock continues through migrations and resumptions, and while the
    /// connection is interrupted.
    ///
    /// The clock shows the time that the peer passes to its own endpoint, so both ends agree on the start of a tick:
    ///
    /// ```
    /// # use tickwire_core::{ConnectionId, Endpoint, Instant};
    /// # fn show(client: &Endpoint, server: ConnectionId, now: Instant) {
    /// if let Some(clock) = client.peer_clock(server) {
    ///     println!("the peer's clock shows {:?}, with an error of at most {:?}", clock.at(now), clock.error(now));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn peer_clock(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.connections.get(connection)?.session().peer_clock()
    }

    /// Returns the counters of one channel of a connection from the connection's start. Returns `None` if the connection or the
    /// channel does not exist.
    #[must_use]
    pub fn channel_stats(&self, connection: ConnectionId, channel: ChannelId) -> Option<ChannelStats> {
        self.connections.get(connection)?.session().channel_stats(channel)
    }

    /// Returns the counters of dropped datagrams, one for each reason.
    #[must_use]
    pub fn drops(&self) -> &DropCounts {
        &self.drops
    }

    /// Returns the counters of clients whose tickets have expired, or expire later than tickets that this endpoint
    /// seals now. High counts suggest that the endpoint's wall clock is wrong.
    #[must_use]
    pub const fn ticket_counts(&self) -> TicketCounts {
        self.acceptor.tickets_judged()
    }

    /// Returns the memory that the endpoint uses for its peers, in bytes: messages in reassembly, messages that wait
    /// for earlier messages or for the application, and the state that each connection keeps of its worlds.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.connections.iter().map(|state| state.session().memory()).sum()
    }

    /// Returns the number of half-open handshakes, including the refusals that the endpoint stores to repeat them.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.acceptor.half_open_count()
    }

    /// Returns the latest time that any call has passed to this endpoint.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }
}
