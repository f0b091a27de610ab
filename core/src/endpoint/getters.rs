//! Questions that change nothing.

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

/// The states of a connection, as [`Endpoint::state`] reads them.
///
/// ```text
///                connect()                    accepted (the endpoint lets somebody in)
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
/// The session (channels, queued messages, identity) lives from the first `Connecting` to [`Event::Closed`](crate::Event::Closed).
/// An interrupted connection keeps its [`ConnectionId`], messages may be queued at any time, and each reliable message arrives
/// exactly once across interruptions. `Closed` lists those that the peer did not confirm. Where the server lost the session, in a
/// restart say, the old connection ends with [`CloseReason::SessionLost`](crate::CloseReason::SessionLost), and `Connected` names
/// it in `replaces`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConnectionState {
    /// There is no such connection, or it is over.
    Disconnected,
    /// Being made, or being made again after an interruption.
    Connecting,
    /// Usable.
    Connected,
    /// Saying good-bye.
    Disconnecting,
}

impl Endpoint {
    /// The public key that clients of this endpoint pin.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key.into()
    }

    /// The state of a connection.
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

    /// All connections: those that are being made, those whose `Closed` was reported while the peer has still to hear of it,
    /// and clients that are being turned away, for which no event is ever reported. A program that shuts down may wait until
    /// none is left. A connection that its peer closed is not among them, although this end answers copies of the peer's
    /// CLOSE for 5 s more.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.connections.iter().filter(|state| !state.is_lingering()).map(Connection::id)
    }

    /// The channel that `route` means among the configured ones: its number for [`Endpoint::send`]. `None` if there is no
    /// such channel.
    #[must_use]
    pub fn channel(&self, route: impl Into<Route>) -> Option<ChannelId> {
        route.into().channel(&self.config.channels)
    }

    /// Where a connection's peer is.
    #[must_use]
    pub fn address(&self, connection: ConnectionId) -> Option<Address> {
        self.connections.get(connection)?.address()
    }

    /// The IP address of a connection's peer: that of its UDP address, or the one that [`Endpoint::open_link`] was given for its link.
    #[must_use]
    pub fn far_end(&self, connection: ConnectionId) -> Option<IpAddr> {
        self.links.far_end(self.address(connection)?)
    }

    /// The identity of a connection's peer.
    #[must_use]
    pub fn peer(&self, connection: ConnectionId) -> Option<&PeerInfo> {
        self.connections.get(connection).map(|state| state.session().peer())
    }

    /// The fate of a message, while its connection lives. `None` if there is no such message.
    #[must_use]
    pub fn fate(&self, connection: ConnectionId, channel: ChannelId, message: MessageId) -> Option<Fate> {
        self.connections.get(connection)?.session().fate(channel, message)
    }

    /// Counters and measurements of a connection, so far.
    #[must_use]
    pub fn stats(&self, connection: ConnectionId) -> Option<ConnectionStats> {
        self.connections.get(connection).map(|state| state.stats(self.now))
    }

    /// The clock of a connection's peer, once the peer has acknowledged something: half a round trip after `Connected` at
    /// the earliest. It keeps running through migrations and resumptions, and while the connection is interrupted.
    ///
    /// The clock shows the time that the peer gives to its own endpoint, so that both agree on when a tick begins:
    ///
    /// ```
    /// # use tickwire_core::{ConnectionId, Endpoint, Instant};
    /// # fn show(client: &Endpoint, server: ConnectionId, now: Instant) {
    /// if let Some(clock) = client.peer_clock(server) {
    ///     println!("there it is {:?}, give or take {:?}", clock.at(now), clock.error(now));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn peer_clock(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.connections.get(connection)?.session().peer_clock()
    }

    /// Counters of one channel of a connection, so far.
    #[must_use]
    pub fn channel_stats(&self, connection: ConnectionId, channel: ChannelId) -> Option<ChannelStats> {
        self.connections.get(connection)?.session().channel_stats(channel)
    }

    /// Datagrams that were dropped, by reason.
    #[must_use]
    pub fn drops(&self) -> &DropCounts {
        &self.drops
    }

    /// How the tickets of clients looked to the wall clock: whether it may be wrong.
    #[must_use]
    pub const fn ticket_counts(&self) -> TicketCounts {
        self.acceptor.tickets_judged()
    }

    /// Bytes held on behalf of peers: of messages in reassembly, and of those that wait for their turn or for the application.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.connections.iter().map(|state| state.session().memory()).sum()
    }

    /// Handshakes that are half open.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.acceptor.half_open_count()
    }

    /// The latest time that a call gave.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }
}
