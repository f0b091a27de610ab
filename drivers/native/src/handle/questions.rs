//! Getters of an endpoint and its connections: some return at once, others ask the network thread.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as StdInstant};

use tickwire_core::message::Registry;
use tickwire_core::stats::ChannelStats;
use tickwire_core::{ChannelId, ConnectionId, ConnectionState, Endpoint, PeerClock, PublicKey};

use super::Handle;
use crate::answer::answer;
use crate::command::Command;
use crate::stats::{ClockReport, ConnectionInfo, NetworkStats};

impl Handle {
    /// Returns the local address that the socket is bound to.
    #[must_use]
    pub fn local_address(&self) -> std::net::SocketAddr {
        self.0.facts.local_address
    }

    /// Returns the public key of this endpoint, which its clients pin.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.facts.public_key
    }

    /// Returns the registry of this endpoint's message types.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.facts.registry
    }

    /// Returns the current time of the endpoint's clock, which was zero when the endpoint was started.
    #[must_use]
    pub fn now(&self) -> tickwire_core::Instant {
        self.0.facts.clock.now()
    }

    /// Returns the latest report of the network thread on signs that a wall clock is wrong. The call does not wait for
    /// the network thread.
    #[must_use]
    pub fn clock_report(&self) -> ClockReport {
        self.0.clocks()
    }

    /// Returns whether the network thread is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.commands.is_closed()
    }

    /// Returns the ids of all connections that are established and have not ended, including interrupted connections
    /// and connections that this end is closing.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.0.table().iter().map(|(connection, _)| connection).collect()
    }

    /// Returns the number of connections that [`Handle::connections`] lists.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.table().len()
    }

    /// Returns the id of the connection that was established latest. After the end of that connection, returns the id of
    /// an unspecified remaining connection, or `None` if no connection remains. For a client, the result is the id of the
    /// connection to the server.
    #[must_use]
    pub fn latest_connection(&self) -> Option<ConnectionId> {
        self.0.table().latest
    }

    /// Returns the state of a connection. The state of an interrupted connection is `Connecting`. The method returns
    /// `Disconnected` for a connection that is unknown, is not established yet, or has ended.
    #[must_use]
    pub fn state(&self, connection: ConnectionId) -> ConnectionState {
        match self.0.table().get(connection) {
            None => ConnectionState::Disconnected,
            Some(gate) if gate.is_leaving.load(Ordering::Acquire) => ConnectionState::Disconnecting,
            Some(gate) if gate.is_interrupted.load(Ordering::Acquire) => ConnectionState::Connecting,
            Some(_) => ConnectionState::Connected,
        }
    }

    /// Returns a report on a connection, at most 100 ms old. Returns `None` if no connection had this id at the time of
    /// the report. If the stored report is older, the call asks the network thread for a new one, and blocks for at most
    /// 1 s. Without an answer, in an accept policy, and after the endpoint was stopped, the method returns the latest
    /// stored report, whatever its age.
    #[must_use]
    pub fn info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.with_snapshot(|all, _| all.iter().find(|info| info.connection == connection).cloned())
    }

    /// Returns a report on each connection, at most 100 ms old. The call may block for up to 1 s, and returns older
    /// reports in the same cases as [`Handle::info`].
    #[must_use]
    pub fn infos(&self) -> Vec<ConnectionInfo> {
        self.with_snapshot(|all, _| all.to_vec())
    }

    /// Returns the counters of the endpoint and its driver, at most 100 ms old. The call may block for up to 1 s, and
    /// returns older counters in the same cases as [`Handle::info`].
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.with_snapshot(|_, network| network.clone())
    }

    /// Returns a report on the current state of a connection. The method asks the network thread for the report, and
    /// does not block. Returns `None` if the endpoint has no such connection or is stopped, and in an accept policy.
    pub async fn fresh_info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.ask_async(move |endpoint| ConnectionInfo::of(endpoint, connection)).await.flatten()
    }

    /// Returns the counters of the endpoint and its driver, as [`Handle::stats`] does, without blocking and without
    /// a time limit.
    pub async fn stats_async(&self) -> NetworkStats {
        if self.can_wait() && !self.has_fresh_snapshot() {
            let (reply, pending) = answer();
            self.0.commands.insist_async(Command::Snapshot(reply)).await;
            let _answered = pending.await;
        }
        self.0.with_snapshot(|snapshot| snapshot.network.clone())
    }

    /// Returns the counters of one channel of a connection. Returns `None` if there is no such connection or channel.
    /// The call asks the network thread, and blocks until that thread answers, for at most 1 s. Without an answer, after
    /// the endpoint has stopped, and in an accept policy, which runs on the network thread, the call returns `None`.
    #[must_use]
    pub fn channel_stats(&self, connection: ConnectionId, channel: ChannelId) -> Option<ChannelStats> {
        self.ask(move |endpoint| endpoint.channel_stats(connection, channel)).flatten()
    }

    /// Returns the counters of one channel of a connection, as [`Handle::channel_stats`] does, without blocking and
    /// without a time limit.
    pub async fn channel_stats_async(
        &self,
        connection: ConnectionId,
        channel: ChannelId,
    ) -> Option<ChannelStats> {
        self.ask_async(move |endpoint| endpoint.channel_stats(connection, channel)).await.flatten()
    }

    /// Returns the send budget of each connection: the number of message bytes that the game can send in the next
    /// `interval` (for example one tick) before messages wait in a queue. The budget is the number of bytes that the path
    /// carries in `interval`, at most an equal share of the endpoint's bandwidth limit, minus the bytes already queued. It
    /// is a recommendation: sending more is not an error. Between two calls, `Event::RateChanged` reports that the rate of
    /// a path changed.
    ///
    /// The call asks the network thread once, and blocks until that thread answers, for at most 1 s. Without
    /// an answer, after the endpoint has stopped, and in an accept policy, which runs on the network thread, the call
    /// returns an empty list.
    #[must_use]
    pub fn grants(&self, interval: Duration) -> Vec<(ConnectionId, u64)> {
        let connections = self.connections();
        self.ask(move |endpoint| grants(endpoint, &connections, interval)).unwrap_or_default()
    }

    /// Returns the send budget of each connection, as [`Handle::grants`] does, without blocking and without a time
    /// limit.
    pub async fn grants_async(&self, interval: Duration) -> Vec<(ConnectionId, u64)> {
        let connections = self.connections();
        self.ask_async(move |endpoint| grants(endpoint, &connections, interval)).await.unwrap_or_default()
    }

    /// Returns the clock of a connection's peer, or `None` until the peer has acknowledged a packet. Read the returned
    /// clock at [`Handle::now`]. Readings never go backwards, even between the results of several calls. The call asks
    /// the network thread, and blocks until that thread answers, for at most 1 s. Without an answer, after the
    /// endpoint has stopped, and in an accept policy, which runs on the network thread, the call returns `None`.
    #[must_use]
    pub fn peer_clock(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.ask(move |endpoint| endpoint.peer_clock(connection)).flatten()
    }

    /// Returns the clock of a connection's peer, as [`Handle::peer_clock`] does, without blocking and without a time
    /// limit.
    pub async fn peer_clock_async(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.ask_async(move |endpoint| endpoint.peer_clock(connection)).await.flatten()
    }

    fn with_snapshot<R>(&self, look: impl FnOnce(&[ConnectionInfo], &NetworkStats) -> R) -> R {
        if self.can_wait() && !self.has_fresh_snapshot() {
            let (reply, pending) = answer();
            // The thread answers within microseconds; if the machine stands still, an old answer is better than none.
            let _answered =
                self.order(Command::Snapshot(reply)).ok().and_then(|()| pending.wait(Some(PATIENCE)));
        }
        self.0.with_snapshot(|snapshot| look(&snapshot.connections, &snapshot.network))
    }

    fn has_fresh_snapshot(&self) -> bool {
        let fresh_data_is_framed_when_it_leaves = |at: StdInstant| at.elapsed() < SNAPSHOT_AGE;
        self.0.with_snapshot(|snapshot| snapshot.taken_at.is_some_and(fresh_data_is_framed_when_it_leaves))
    }

    /// Returns whether the network thread runs and this thread may wait for its answer.
    fn can_wait(&self) -> bool {
        self.is_running() && !self.0.is_network_thread()
    }

    /// Asks the network thread a question, and waits for the answer.
    pub(super) fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Endpoint) -> R + Send + 'static,
    ) -> Option<R> {
        if !self.can_wait() {
            return None;
        }
        let (reply, pending) = answer();
        self.order(Command::Ask(Box::new(move |endpoint| reply.reply(question(endpoint))))).ok()?;
        pending.wait(Some(PATIENCE))
    }

    pub(super) async fn ask_async<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Endpoint) -> R + Send + 'static,
    ) -> Option<R> {
        if !self.can_wait() {
            return None;
        }
        let (reply, pending) = answer();
        let question = Command::Ask(Box::new(move |endpoint| reply.reply(question(endpoint))));
        self.0.commands.insist_async(question).await;
        pending.await
    }
}

fn grants(endpoint: &Endpoint, connections: &[ConnectionId], interval: Duration) -> Vec<(ConnectionId, u64)> {
    connections.iter().map(|&connection| (connection, endpoint.grant(connection, interval))).collect()
}

/// The largest age of a stored report that is returned without a new request.
const SNAPSHOT_AGE: Duration = Duration::from_millis(100);
/// The longest wait for the answer of the network thread.
const PATIENCE: Duration = Duration::from_secs(1);
