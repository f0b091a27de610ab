//! The verbs, for whichever thread has a handle.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as StdInstant};

use tickwire_core::crypto::Key;
use tickwire_core::message::{NetMessage, Registry, SendOptions};
use tickwire_core::stats::ChannelStats;
use tickwire_core::{Authenticator, Bytes, ChannelId, ConnectOptions, ConnectionId, ConnectionState, Event};

use crate::address::NetworkAddress;
use crate::attempt::{Attempt, answer};
use crate::command::{Command, Policy};
use crate::dial::DialRequest;
use crate::error::{ConnectError, SendError};
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
    /// # Errors
    /// [`SendError`], with the encoded message in it.
    pub fn send<T: NetMessage>(&self, connection: ConnectionId, message: &T) -> Result<(), SendError> {
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
    ) -> Result<(), SendError> {
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
    ) -> Result<(), SendError> {
        let data = self.checked(channel, data.into())?;
        match self.0.table().connections.get(connection) {
            None => return Err(SendError::NotConnected(data)),
            Some(gate) if gate.is_leaving.load(Ordering::Acquire) => {
                return Err(SendError::NotConnected(data));
            }
            Some(gate) if gate.is_full(channel) => return Err(SendError::ChannelFull(data)),
            Some(_) => {}
        }
        self.push(Command::Send { connection, channel, data })
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
        if self.0.full_somewhere.load(Ordering::Acquire) {
            let table = self.0.table();
            let full = table.connections.iter().filter(|(_, gate)| gate.is_full(channel));
            broadcast.full = full.map(|(id, _)| id).filter(|id| !except.contains(id)).collect();
        }
        let except = except.iter().chain(&broadcast.full).copied().collect();
        self.push(Command::Broadcast { channel, data, except })?;
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
        self.0.commands.insist(Command::Connect(request));
        Attempt::new(pending)
    }

    /// Closes a connection at once; the peer is told `code` (below 0xff00) and up to 256 bytes of `text`. Of an unknown
    /// connection nothing is said: it is closed already.
    pub fn disconnect(&self, connection: ConnectionId, code: u16, text: &str) {
        self.leave(connection, code, text, None);
    }

    /// Closes a connection when all its reliable messages are delivered, and after `within` at the latest.
    pub fn disconnect_after_delivery(
        &self,
        connection: ConnectionId,
        code: u16,
        text: &str,
        within: Duration,
    ) {
        self.leave(connection, code, text, Some(within));
    }

    fn leave(&self, connection: ConnectionId, code: u16, text: &str, deliver_within: Option<Duration>) {
        if let Some(gate) = self.0.gate(connection) {
            gate.is_leaving.store(true, Ordering::Release);
        }
        self.0.commands.insist(Command::Disconnect { connection, code, text: text.into(), deliver_within });
    }

    /// Lets a peer in whose static key and pairwise secret came from signalling. Dialling it does so by itself.
    ///
    /// # Errors
    /// [`ConnectError::Usage`] if the secret is all zeros, [`ConnectError::Stopped`]; also to an accept policy, which runs
    /// on the network thread and cannot wait for it.
    pub fn expect_peer(&self, psk: Key, peer_key: Key) -> Result<(), ConnectError> {
        if self.0.is_network_thread() {
            return Err(ConnectError::Stopped);
        }
        let (reply, pending) = answer();
        self.0.commands.insist(Command::ExpectPeer { psk, peer_key, reply });
        match pending.wait(None) {
            Some(result) => result.map_err(ConnectError::Usage),
            None => Err(ConnectError::Stopped),
        }
    }

    /// Undoes [`Handle::expect_peer`]. A connection that was made goes on.
    pub fn forget_peer(&self, psk: Key, peer_key: Key) {
        self.0.commands.insist(Command::ForgetPeer { psk, peer_key });
    }

    /// Decides from now on who is let in. It is asked on the network thread, and must be quick.
    pub fn set_accept_policy(&self, policy: impl Authenticator + 'static) {
        self.0.commands.insist(Command::Admit(Policy(Box::new(policy))));
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
        self.0.table().connections.keys().collect()
    }

    /// How many they are.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.table().connections.len()
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
        match self.0.table().connections.get(connection) {
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
        let (reply, pending) = answer();
        self.0.commands.insist(Command::Info { connection, reply });
        pending.await.flatten()
    }

    /// What one channel of a connection has done so far. It asks the network thread, and waits for the answer; an accept
    /// policy, which runs there, gets none.
    #[must_use]
    pub fn channel_stats(&self, connection: ConnectionId, channel: ChannelId) -> Option<ChannelStats> {
        if self.0.is_network_thread() {
            return None;
        }
        let (reply, pending) = answer();
        self.0.commands.insist(Command::Channel { connection, channel, reply });
        pending.wait(Some(PATIENCE)).flatten()
    }

    // ----- Limits

    /// Limits what is sent on all connections together, in bytes per second of UDP payload; `None` lifts the limit. It
    /// holds to the datagram: nothing is built that may not leave.
    pub fn set_bandwidth_limit(&self, bytes_per_second: Option<NonZeroU32>) {
        self.0.commands.insist(Command::LimitAll(bytes_per_second));
    }

    /// Limits what is sent on one connection, in bytes per second of UDP payload; `None` lifts the limit. Messages wait
    /// for their turn; a large one leaves as a whole, and those behind it wait the longer.
    pub fn set_connection_bandwidth_limit(
        &self,
        connection: ConnectionId,
        bytes_per_second: Option<NonZeroU32>,
    ) {
        self.0.commands.insist(Command::LimitOne { connection, rate: bytes_per_second });
    }

    fn with_snapshot<R>(&self, look: impl FnOnce(&[ConnectionInfo], &NetworkStats) -> R) -> R {
        let is_fresh = |at: StdInstant| at.elapsed() < SNAPSHOT_AGE;
        let can_wait = self.is_running() && !self.0.is_network_thread();
        if can_wait && !self.0.with_snapshot(|snapshot| snapshot.taken_at.is_some_and(is_fresh)) {
            let (reply, pending) = answer();
            self.0.commands.insist(Command::Snapshot(reply));
            // The thread answers within microseconds; if the machine stands still, an old answer is better than none.
            let _answered = pending.wait(Some(PATIENCE));
        }
        self.0.with_snapshot(|snapshot| look(&snapshot.connections, &snapshot.network))
    }

    fn checked(&self, channel: ChannelId, data: Bytes) -> Result<Bytes, SendError> {
        let most = self.0.facts.max_message;
        if usize::from(channel.0) >= self.0.facts.channels.len() {
            return Err(SendError::NoSuchChannel(data));
        }
        if data.len() > most { Err(SendError::TooLarge { message: data, most }) } else { Ok(data) }
    }

    fn push(&self, command: Command) -> Result<(), SendError> {
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
}

/// How old a snapshot may be.
const SNAPSHOT_AGE: Duration = Duration::from_millis(100);
/// How long a question waits for the network thread.
const PATIENCE: Duration = Duration::from_secs(1);
