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

    /// Returns the public key that clients pin.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.facts.public_key
    }

    /// Returns the registry of this endpoint's message types.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.facts.registry
    }

    /// Returns the current time on the core's clock, which began at zero when the endpoint was started.
    #[must_use]
    pub fn now(&self) -> tickwire_core::Instant {
        self.0.facts.clock.now()
    }

    /// Returns the signs that a wall clock is wrong, as the network thread last reported them. The call does not wait
    /// for the network thread.
    #[must_use]
    pub fn clock_report(&self) -> ClockReport {
        self.0.clocks()
    }

    /// Returns whether the network thread is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.commands.is_closed()
    }

    /// Returns the ids of all connections that the game may send on, interrupted connections included.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.0.table().iter().map(|(connection, _)| connection).collect()
    }

    /// Returns the number of connections that the game may send on, interrupted connections included.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.table().len()
    }

    /// Returns the id of the newest connection, if it has not ended. For a client, that is the connection to its
    /// server.
    #[must_use]
    pub fn latest_connection(&self) -> Option<ConnectionId> {
        self.0.table().latest
    }

    /// Returns the state of a connection. An interrupted connection is `Connecting`. A connection that is not made yet
    /// is unknown to the handle, and therefore `Disconnected`.
    #[must_use]
    pub fn state(&self, connection: ConnectionId) -> ConnectionState {
        match self.0.table().get(connection) {
            None => ConnectionState::Disconnected,
            Some(gate) if gate.is_leaving.load(Ordering::Acquire) => ConnectionState::Disconnecting,
            Some(gate) if gate.is_interrupted.load(Ordering::Acquire) => ConnectionState::Connecting,
            Some(_) => ConnectionState::Connected,
        }
    }

    /// Returns a report on a connection, at most 100 ms old. `None` if the endpoint has no such connection.
    #[must_use]
    pub fn info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.with_snapshot(|all, _| all.iter().find(|info| info.connection == connection).cloned())
    }

    /// Reports on all connections, at most 100 ms old.
    #[must_use]
    pub fn infos(&self) -> Vec<ConnectionInfo> {
        self.with_snapshot(|all, _| all.to_vec())
    }

    /// Returns the counters of the endpoint and its driver, at most 100 ms old.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.with_snapshot(|_, network| network.clone())
    }

    /// Returns a fresh report on a connection. The call asks the network thread, without blocking.
    pub async fn fresh_info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.ask_async(move |endpoint| ConnectionInfo::of(endpoint, connection)).await.flatten()
    }

    /// Returns the counters of the endpoint and its driver, at most 100 ms old, without blocking.
    pub async fn stats_async(&self) -> NetworkStats {
        if self.can_wait() && !self.has_fresh_snapshot() {
            let (reply, pending) = answer();
            self.0.commands.insist_async(Command::Snapshot(reply)).await;
            let _answered = pending.await;
        }
        self.0.with_snapshot(|snapshot| snapshot.network.clone())
    }

    /// Returns the counters of one channel of a connection. The call asks the network thread and blocks until it answers.
    /// An accept policy runs on that thread, so it gets `None`.
    #[must_use]
    pub fn channel_stats(&self, connection: ConnectionId, channel: ChannelId) -> Option<ChannelStats> {
        self.ask(move |endpoint| endpoint.channel_stats(connection, channel)).flatten()
    }

    /// Returns the counters of one channel of a connection: [`Handle::channel_stats`] without blocking.
    pub async fn channel_stats_async(
        &self,
        connection: ConnectionId,
        channel: ChannelId,
    ) -> Option<ChannelStats> {
        self.ask_async(move |endpoint| endpoint.channel_stats(connection, channel)).await.flatten()
    }

    /// Returns, for each connection, the bytes of messages that the game may send in the next `interval`, a tick for
    /// example, so that no message waits. These are the bytes that the path carries in that time, less the bytes that
    /// are queued already. The call asks the network thread once, and waits for the answer. Between two calls,
    /// `Event::RateChanged` reports that a path carries more or less. The numbers are advice: a game that sends more
    /// gets no error.
    #[must_use]
    pub fn grants(&self, interval: Duration) -> Vec<(ConnectionId, u64)> {
        let connections = self.connections();
        self.ask(move |endpoint| grants(endpoint, &connections, interval)).unwrap_or_default()
    }

    /// Returns the bytes of messages that the game may send on each connection: [`Handle::grants`] without blocking.
    pub async fn grants_async(&self, interval: Duration) -> Vec<(ConnectionId, u64)> {
        let connections = self.connections();
        self.ask_async(move |endpoint| grants(endpoint, &connections, interval)).await.unwrap_or_default()
    }

    /// Returns the clock of a connection's peer, once the peer has acknowledged a packet. The call asks the network
    /// thread, and waits for the answer. The answer is a plain value to read at [`Handle::now`]. Later answers never
    /// read an earlier time.
    #[must_use]
    pub fn peer_clock(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.ask(move |endpoint| endpoint.peer_clock(connection)).flatten()
    }

    /// Returns the clock of a connection's peer: [`Handle::peer_clock`] without blocking.
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

    /// Whether the network thread runs and this thread may wait for its answer.
    fn can_wait(&self) -> bool {
        self.is_running() && !self.0.is_network_thread()
    }

    /// Asks the network thread, and waits.
    fn ask<R: Send + 'static>(&self, question: impl FnOnce(&Endpoint) -> R + Send + 'static) -> Option<R> {
        if !self.can_wait() {
            return None;
        }
        let (reply, pending) = answer();
        self.order(Command::Ask(Box::new(move |endpoint| reply.reply(question(endpoint))))).ok()?;
        pending.wait(Some(PATIENCE))
    }

    async fn ask_async<R: Send + 'static>(
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

/// How old a snapshot may be.
const SNAPSHOT_AGE: Duration = Duration::from_millis(100);
/// How long a question waits for the network thread.
const PATIENCE: Duration = Duration::from_secs(1);
