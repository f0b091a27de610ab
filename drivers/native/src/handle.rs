//! The verbs, for whichever thread has a handle.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as StdInstant};

use tickwire_core::crypto::Key;
use tickwire_core::message::{NetMessage, Registry, SendOptions};
use tickwire_core::stats::ChannelStats;
use tickwire_core::{
    Authenticator, Bytes, ChannelId, ConnectOptions, ConnectionId, ConnectionState, Endpoint, Event,
    MessageId, PeerClock,
};

use crate::address::NetworkAddress;
use crate::attempt::{Attempt, answer};
use crate::command::{Command, Policy};
use crate::dial::DialRequest;
use crate::error::{CommandError, ConnectError, SendError};
use crate::queue::Refused;
use crate::shared::Shared;
use crate::stats::{ConnectionInfo, NetworkStats};

/// A share in a server, client or peer that runs: cheap to clone, and the same from every thread.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.0.facts.local_address)
    }
}

/// Whom a broadcast did not reach.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Broadcast {
    /// Connections whose channel was full: to them it was not sent.
    pub full: Vec<ConnectionId>,
}

/// Keeps messages back while several are queued, so that they leave together. See [`Handle::hold`].
#[must_use = "it holds until it is dropped"]
pub struct Hold(Arc<Shared>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold(..)")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.commands.release();
    }
}

impl Handle {
    // ----- Sending

    /// Sends a message on the channel of its type. It leaves at once, unless somebody [holds](Handle::hold).
    ///
    /// The result is its number on this connection and channel, by which `Event::Delivered` and the list in `Event::Closed`
    /// name it. What is queued while the connection ends may be named by neither: it was not sent.
    ///
    /// # Errors
    /// [`SendError`], with the encoded message in it.
    pub fn send<T: NetMessage>(&self, connection: ConnectionId, message: &T) -> Result<MessageId, SendError> {
        self.send_bytes(connection, T::CHANNEL, self.0.facts.registry.encode(message)?)
    }

    /// Sends a message on the first channel that keeps the promises of `options`.
    ///
    /// # Errors
    /// [`SendError`], with the encoded message in it.
    pub fn send_with<T: NetMessage>(
        &self,
        connection: ConnectionId,
        message: &T,
        options: impl Into<SendOptions>,
    ) -> Result<MessageId, SendError> {
        let data = self.0.facts.registry.encode(message)?;
        match options.into().channel(&self.0.facts.channels) {
            Some(channel) => self.send_bytes(connection, channel, data),
            None => Err(SendError::NoSuchChannel(data)),
        }
    }

    /// Sends bytes that the caller has encoded.
    ///
    /// # Errors
    /// [`SendError`], with the bytes in it.
    pub fn send_bytes(
        &self,
        connection: ConnectionId,
        channel: ChannelId,
        data: impl Into<Bytes>,
    ) -> Result<MessageId, SendError> {
        let data = self.checked(channel, data.into())?;
        // Held from the number to the queue: what is counted next is queued next.
        let mut table = self.0.table();
        match table.get(connection) {
            None => return Err(SendError::NotConnected(data)),
            Some(gate) if gate.is_leaving.load(Ordering::Acquire) => {
                return Err(SendError::NotConnected(data));
            }
            Some(gate) if gate.is_full(channel) => return Err(SendError::ChannelFull(data)),
            Some(_) => {}
        }
        let pushed = self.push(Command::Send { connection, channel, data });
        let message = pushed.is_ok().then(|| table.count(connection, channel));
        drop(table);
        self.wake_after(pushed)?;
        Ok(message.unwrap_or(MessageId(0)))
    }

    /// Sends a message to every connection, on the channel of its type.
    ///
    /// # Errors
    /// [`SendError`] if it was sent to nobody for a reason of this end's. Connections whose channel is full are listed
    /// in the result.
    pub fn broadcast<T: NetMessage>(&self, message: &T) -> Result<Broadcast, SendError> {
        self.broadcast_bytes(T::CHANNEL, self.0.facts.registry.encode(message)?, &[])
    }

    /// Sends a message to every connection, on the first channel that keeps the promises of `options`.
    ///
    /// # Errors
    /// As [`Handle::broadcast`].
    pub fn broadcast_with<T: NetMessage>(
        &self,
        message: &T,
        options: impl Into<SendOptions>,
    ) -> Result<Broadcast, SendError> {
        let data = self.0.facts.registry.encode(message)?;
        match options.into().channel(&self.0.facts.channels) {
            Some(channel) => self.broadcast_bytes(channel, data, &[]),
            None => Err(SendError::NoSuchChannel(data)),
        }
    }

    /// Sends bytes that the caller has encoded to every connection but those of `except`.
    ///
    /// # Errors
    /// As [`Handle::broadcast`].
    pub fn broadcast_bytes(
        &self,
        channel: ChannelId,
        data: impl Into<Bytes>,
        except: &[ConnectionId],
    ) -> Result<Broadcast, SendError> {
        let data = self.checked(channel, data.into())?;
        let mut broadcast = Broadcast::default();
        let mut table = self.0.table();
        if self.0.full_somewhere.load(Ordering::Acquire) {
            let full = table.iter().filter(|(_, gate)| gate.is_full(channel));
            broadcast.full = full.map(|(id, _)| id).filter(|id| !except.contains(id)).collect();
        }
        let mut except: Vec<ConnectionId> = except.iter().chain(&broadcast.full).copied().collect();
        except.sort_unstable();
        except.dedup();
        let born_before = table.born;
        let pushed = self.push(Command::Broadcast { channel, data, except: except.clone(), born_before });
        if pushed.is_ok() {
            table.count_broadcast(channel, &except);
        }
        drop(table);
        self.wake_after(pushed)?;
        Ok(broadcast)
    }

    /// Keeps messages back until the result is dropped, so that what is queued meanwhile leaves together: one datagram
    /// carries many. Hold while a frame is computed, not longer. A full queue, a question to the network thread and a
    /// connection that is made or closed let everything go.
    pub fn hold(&self) -> Hold {
        self.0.commands.hold();
        Hold(Arc::clone(&self.0))
    }

    // ----- Connecting and disconnecting

    /// Begins to connect. A name is resolved, and all its addresses are tried in order, each a quarter of a second after
    /// the last; the first that answers is taken.
    pub fn connect(&self, to: &NetworkAddress, options: ConnectOptions) -> Attempt {
        let (reply, pending) = answer();
        let request = Box::new(DialRequest { address: to.clone(), options, reply });
        if let Err((_, Command::Connect(request))) = self.0.insist(Command::Connect(request)) {
            request.reply.reply(Err(ConnectError::QueueFull));
        }
        Attempt::new(pending, self.0.network_thread.clone())
    }

    /// Closes a connection at once; the peer is told `code` (below 0xff00) and up to 256 bytes of `text`. Of an unknown
    /// connection nothing is said: it is closed already.
    ///
    /// # Errors
    /// [`CommandError`], to an accept policy only.
    pub fn disconnect(&self, connection: ConnectionId, code: u16, text: &str) -> Result<(), CommandError> {
        self.leave(connection, code, text, None)
    }

    /// Closes a connection when all its reliable messages are delivered, and after `within` at the latest.
    ///
    /// # Errors
    /// [`CommandError`], to an accept policy only.
    pub fn disconnect_after_delivery(
        &self,
        connection: ConnectionId,
        code: u16,
        text: &str,
        within: Duration,
    ) -> Result<(), CommandError> {
        self.leave(connection, code, text, Some(within))
    }

    fn leave(
        &self,
        connection: ConnectionId,
        code: u16,
        text: &str,
        deliver_within: Option<Duration>,
    ) -> Result<(), CommandError> {
        self.order(Command::Disconnect { connection, code, text: text.into(), deliver_within })?;
        // What is sent from now on comes too late.
        if let Some(gate) = self.0.table().get(connection) {
            gate.is_leaving.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Lets a peer in whose static key and pairwise secret came from signalling. Dialling it does so by itself.
    ///
    /// # Errors
    /// [`ConnectError::Usage`] if the secret is all zeros, [`ConnectError::Stopped`]; to an accept policy
    /// [`ConnectError::OnNetworkThread`].
    pub fn expect_peer(&self, psk: Key, peer_key: Key) -> Result<(), ConnectError> {
        if self.0.is_network_thread() {
            return Err(ConnectError::OnNetworkThread);
        }
        let (reply, pending) = answer();
        self.order(Command::ExpectPeer { psk, peer_key, reply }).map_err(|_| ConnectError::QueueFull)?;
        match pending.wait(None) {
            Some(result) => result.map_err(ConnectError::Usage),
            None => Err(ConnectError::Stopped),
        }
    }

    /// Undoes [`Handle::expect_peer`]. A connection that was made goes on.
    ///
    /// # Errors
    /// [`CommandError`], to an accept policy only.
    pub fn forget_peer(&self, psk: Key, peer_key: Key) -> Result<(), CommandError> {
        self.order(Command::ForgetPeer { psk, peer_key })
    }

    /// Decides from now on who is let in. It is asked on the network thread, and must be quick. It may call every verb, but
    /// none waits there: where it would have to, it gets an error, or no answer.
    ///
    /// # Errors
    /// [`CommandError`], to an accept policy only.
    pub fn set_accept_policy(&self, policy: impl Authenticator + 'static) -> Result<(), CommandError> {
        self.order(Command::Admit(Policy(Box::new(policy))))
    }

    // ----- Events

    /// The next event, if there is one. Drain them once per frame.
    #[must_use]
    pub fn next_event(&self) -> Option<Event> {
        self.0.events.take(|| self.0.commands.wake()).ok()
    }

    /// The next event, if one comes within `timeout`.
    #[must_use]
    pub fn wait_event(&self, timeout: Duration) -> Option<Event> {
        self.0.events.next_within(timeout, || self.0.commands.wake())
    }

    /// The next event, as soon as there is one; `None` once the endpoint was stopped.
    pub async fn event(&self) -> Option<Event> {
        self.0.events.next(|| self.0.commands.wake()).await
    }

    /// Events that wait to be drained.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.0.events.len()
    }

    // ----- Questions

    /// Where the socket is bound.
    #[must_use]
    pub fn local_address(&self) -> std::net::SocketAddr {
        self.0.facts.local_address
    }

    /// The public key that clients pin.
    #[must_use]
    pub fn public_key(&self) -> Key {
        self.0.facts.public_key
    }

    /// The message types.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.facts.registry
    }

    /// The time that the core goes by, which began when the endpoint was started.
    #[must_use]
    pub fn now(&self) -> tickwire_core::Instant {
        self.0.facts.clock.now()
    }

    /// Whether the network thread runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.commands.is_closed()
    }

    /// All connections that may be sent on, interrupted ones included.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.0.table().iter().map(|(connection, _)| connection).collect()
    }

    /// How many they are.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.table().len()
    }

    /// The connection that was made last, if it lives: of a client, the one to its server.
    #[must_use]
    pub fn latest_connection(&self) -> Option<ConnectionId> {
        self.0.table().latest
    }

    /// Where a connection is in its life. `Connecting` is an interrupted one; of one that is not made yet nothing is known
    /// here.
    #[must_use]
    pub fn state(&self, connection: ConnectionId) -> ConnectionState {
        match self.0.table().get(connection) {
            None => ConnectionState::Disconnected,
            Some(gate) if gate.is_leaving.load(Ordering::Acquire) => ConnectionState::Disconnecting,
            Some(gate) if gate.is_interrupted.load(Ordering::Acquire) => ConnectionState::Connecting,
            Some(_) => ConnectionState::Connected,
        }
    }

    /// What is known of a connection, at most 100 ms old.
    #[must_use]
    pub fn info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.with_snapshot(|all, _| all.iter().find(|info| info.connection == connection).cloned())
    }

    /// What is known of all connections, at most 100 ms old.
    #[must_use]
    pub fn infos(&self) -> Vec<ConnectionInfo> {
        self.with_snapshot(|all, _| all.to_vec())
    }

    /// What the endpoint and its driver have done so far, at most 100 ms ago.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.with_snapshot(|_, network| network.clone())
    }

    /// What is known of a connection now. It asks the network thread, without blocking.
    pub async fn fresh_info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.ask_async(move |endpoint| ConnectionInfo::of(endpoint, connection)).await.flatten()
    }

    /// As [`Handle::stats`], without blocking.
    pub async fn stats_async(&self) -> NetworkStats {
        if self.can_wait() && !self.has_fresh_snapshot() {
            let (reply, pending) = answer();
            self.0.commands.insist_async(Command::Snapshot(reply)).await;
            let _answered = pending.await;
        }
        self.0.with_snapshot(|snapshot| snapshot.network.clone())
    }

    /// What one channel of a connection has done so far. It asks the network thread, and waits for the answer; an accept
    /// policy, which runs there, gets none.
    #[must_use]
    pub fn channel_stats(&self, connection: ConnectionId, channel: ChannelId) -> Option<ChannelStats> {
        self.ask(move |endpoint| endpoint.channel_stats(connection, channel)).flatten()
    }

    /// As [`Handle::channel_stats`], without blocking.
    pub async fn channel_stats_async(
        &self,
        connection: ConnectionId,
        channel: ChannelId,
    ) -> Option<ChannelStats> {
        self.ask_async(move |endpoint| endpoint.channel_stats(connection, channel)).await.flatten()
    }

    /// For all connections, the bytes of messages that may be sent for the next `interval`, a tick say, so that nothing
    /// waits: what the path carries meanwhile, less what is queued already. It asks the network thread once, and waits for
    /// the answer. Between two calls, `Event::RateChanged` says that a path carries more or less. It is advice.
    #[must_use]
    pub fn grants(&self, interval: Duration) -> Vec<(ConnectionId, u64)> {
        let connections = self.connections();
        self.ask(move |endpoint| grants(endpoint, &connections, interval)).unwrap_or_default()
    }

    /// As [`Handle::grants`], without blocking.
    pub async fn grants_async(&self, interval: Duration) -> Vec<(ConnectionId, u64)> {
        let connections = self.connections();
        self.ask_async(move |endpoint| grants(endpoint, &connections, interval)).await.unwrap_or_default()
    }

    /// The clock of a connection's peer, once the peer has acknowledged something. It asks the network thread, and waits for
    /// the answer, a plain value that is read at [`Handle::now`]; each reads a little further, and none goes back.
    #[must_use]
    pub fn peer_clock(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.ask(move |endpoint| endpoint.peer_clock(connection)).flatten()
    }

    /// As [`Handle::peer_clock`], without blocking.
    pub async fn peer_clock_async(&self, connection: ConnectionId) -> Option<PeerClock> {
        self.ask_async(move |endpoint| endpoint.peer_clock(connection)).await.flatten()
    }

    // ----- Limits

    /// Limits what is sent on all connections together, in bytes per second of UDP payload, 1000 at least; `None` lifts the
    /// limit. `Config::bandwidth` sets it from the start.
    ///
    /// # Errors
    /// [`CommandError`], to an accept policy only.
    pub fn set_bandwidth_limit(&self, bytes_per_second: Option<NonZeroU32>) -> Result<(), CommandError> {
        self.order(Command::LimitAll(bytes_per_second))
    }

    /// Limits what is sent on one connection, in bytes per second of UDP payload, 1000 at least; `None` goes back to
    /// `Config::connection_bandwidth`. `ConnectOptions::bandwidth` sets it from the start.
    ///
    /// # Errors
    /// [`CommandError`], to an accept policy only.
    pub fn set_connection_bandwidth_limit(
        &self,
        connection: ConnectionId,
        bytes_per_second: Option<NonZeroU32>,
    ) -> Result<(), CommandError> {
        self.order(Command::LimitOne { connection, rate: bytes_per_second })
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
        let is_fresh = |at: StdInstant| at.elapsed() < SNAPSHOT_AGE;
        self.0.with_snapshot(|snapshot| snapshot.taken_at.is_some_and(is_fresh))
    }

    /// Whether somebody will answer whom this thread can wait for.
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

    fn order(&self, command: Command) -> Result<(), CommandError> {
        self.0.insist(command).map_err(|(error, _)| error)
    }

    fn checked(&self, channel: ChannelId, data: Bytes) -> Result<Bytes, SendError> {
        let most = self.0.facts.max_message;
        if usize::from(channel.0) >= self.0.facts.channels.len() {
            return Err(SendError::NoSuchChannel(data));
        }
        if data.len() > most { Err(SendError::TooLarge { message: data, most }) } else { Ok(data) }
    }

    fn push(&self, command: Command) -> Result<bool, SendError> {
        self.0.commands.push(command).map_err(|refused| {
            let (command, is_full) = match refused {
                Refused::Full(command) => (command, true),
                Refused::Stopped(command) => (command, false),
            };
            let data = match command {
                Command::Send { data, .. } | Command::Broadcast { data, .. } => data,
                _ => Bytes::new(),
            };
            if is_full { SendError::QueueFull(data) } else { SendError::Stopped(data) }
        })
    }

    /// Wakes the network thread if that is wanted, or if it has to make room.
    fn wake_after(&self, pushed: Result<bool, SendError>) -> Result<(), SendError> {
        if !matches!(pushed, Ok(false)) {
            self.0.commands.wake();
        }
        pushed.map(drop)
    }
}

fn grants(endpoint: &Endpoint, connections: &[ConnectionId], interval: Duration) -> Vec<(ConnectionId, u64)> {
    connections.iter().map(|&connection| (connection, endpoint.grant(connection, interval))).collect()
}

/// How old a snapshot may be.
const SNAPSHOT_AGE: Duration = Duration::from_millis(100);
/// How long a question waits for the network thread.
const PATIENCE: Duration = Duration::from_secs(1);
