//! The methods of a handle, which any thread may call: sending, connecting, events, limits.

mod hold;
mod questions;
mod worlds;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tickwire_core::message::{NetMessage, Outcome, Verdict};
use tickwire_core::{
    Authenticator, Bytes, ChannelId, ConnectOptions, ConnectionId, Event, MessageId, PublicKey, Route, Secret,
};

pub use self::hold::Hold;
use crate::address::NetworkAddress;
use crate::answer::answer;
use crate::attempt::Attempt;
use crate::command::Command;
use crate::command_queue::NotQueued;
use crate::dial::DialRequest;
use crate::error::{CommandError, ConnectError, SendError};
use crate::policy::Policy;
use crate::shared::Shared;

/// The code with which the driver closes the connection of a peer that sent too many invalid messages.
pub const INVALID_MESSAGES: u16 = 0xfe07;

/// A handle to a running server, client or peer. Cloning a handle is cheap, and all threads may use it.
///
/// ```
/// # use tickwire_core::message::{BoundedString, NetMessage, Registry};
/// # use tickwire_core::{Access, Config, ConnectOptions, Event};
/// # use tickwire_native::{Client, Options, Server};
/// # #[derive(NetMessage)]
/// # struct Chat { text: BoundedString<200> }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut registry = Registry::new();
/// # registry.register::<Chat>()?;
/// # let mut config = Config::new(1);
/// # config.access = Access::Open;
/// # let server = Server::start(Options::new(config).registry(registry.clone()).bind("127.0.0.1:0".parse()?))?;
/// let handle = server.handle();
/// let greeter = std::thread::spawn(move || {
///     // This thread takes every event of the server. `None`: the server was stopped, or no event came for 1 s.
///     while let Some(event) = handle.wait_event(std::time::Duration::from_secs(1)) {
///         if let Event::Connected { connection, .. } = event {
///             return handle.send(connection, &Chat { text: BoundedString::truncated("welcome") }).is_ok();
///         }
///     }
///     false
/// });
/// # let client = Client::start(Options::new(Config::new(1)).registry(registry))?;
/// # client.connect(&server.local_address().into(), ConnectOptions::new(server.public_key())).wait()?;
/// assert!(greeter.join().expect("the thread does not panic"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.0.facts.local_address)
    }
}

/// The result of a broadcast: the connections that the broadcast skipped because of a full queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Broadcast {
    /// The connections on which the queue of the channel was full, so that the message was not sent on them.
    pub full: Vec<ConnectionId>,
}

impl Handle {
    // ----- Sending

    /// Sends a message on the channel of the message's type. The network thread gets the message immediately, unless this thread
    /// [holds](Handle::hold) messages.
    ///
    /// The result is the number of the message on this connection and channel. `Event::Delivered` and the list in `Event::Closed`
    /// identify the message by this number. If the connection ended before the network thread took the message, neither event lists
    /// the message, and the message was not sent.
    ///
    /// # Errors
    /// [`SendError`] if encoding fails, or the driver refuses the message. In the second case, the error holds the encoded message.
    pub fn send<T: NetMessage>(&self, connection: ConnectionId, message: &T) -> Result<MessageId, SendError> {
        self.send_with(connection, message, T::ROUTE)
    }

    /// Sends a message on a channel other than that of its type: `"chat"` stands for a channel's name, `ChannelId(2)` for its number,
    /// `Delivery::Sequenced` for the first channel with this delivery guarantee. `SendOptions` select a channel too.
    ///
    /// # Errors
    /// [`SendError`] if encoding fails, or the driver refuses the message. In the second case, the error holds the encoded message.
    pub fn send_with<T: NetMessage>(
        &self,
        connection: ConnectionId,
        message: &T,
        on: impl Into<Route>,
    ) -> Result<MessageId, SendError> {
        let data = self.0.facts.registry.encode(message)?;
        match on.into().channel(&self.0.facts.channels) {
            Some(channel) => self.send_bytes(connection, channel, data),
            None => Err(SendError::NoSuchChannel(data)),
        }
    }

    /// Sends bytes that the caller has already encoded, on a channel.
    ///
    /// # Errors
    /// [`SendError`] with the bytes, if the driver does not accept the bytes.
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
            None if self.0.commands.is_closed() => return Err(SendError::Stopped(data)),
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

    /// Sends a message to every connection, on the channel of the message's type.
    ///
    /// # Errors
    /// [`SendError`] if the driver rejects the message for all connections, for example because encoding fails. A connection whose
    /// channel is full causes no error: the result lists the connection.
    pub fn broadcast<T: NetMessage>(&self, message: &T) -> Result<Broadcast, SendError> {
        self.broadcast_with(message, T::ROUTE)
    }

    /// Sends a message to every connection, on a channel other than that of its type (see [`Handle::send_with`]).
    ///
    /// # Errors
    /// The errors of [`Handle::broadcast`].
    pub fn broadcast_with<T: NetMessage>(
        &self,
        message: &T,
        on: impl Into<Route>,
    ) -> Result<Broadcast, SendError> {
        let data = self.0.facts.registry.encode(message)?;
        match on.into().channel(&self.0.facts.channels) {
            Some(channel) => self.broadcast_bytes(channel, data, &[]),
            None => Err(SendError::NoSuchChannel(data)),
        }
    }

    /// Sends bytes that the caller has already encoded to every connection except those in `except`, on `channel`.
    ///
    /// # Errors
    /// The errors of [`Handle::broadcast`].
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

    /// Holds the messages that this thread sends until the returned guard is dropped. The messages are then sent together, many in
    /// one datagram. Hold messages only while the game computes one of its frames, because a longer hold delays the messages. They are
    /// sent early if another thread sends a message without a hold, if the queue to the network thread is half full, or if the game
    /// calls a method, other than `commit`, that the network thread must process: for example `connect` or `channel_stats`.
    pub fn hold(&self) -> Hold {
        Hold::new(Arc::clone(&self.0))
    }

    // ----- Connecting and disconnecting

    /// Begins to connect to the server at `to`. The driver resolves a host name and dials its addresses in order, 250 ms apart (less
    /// if the system refuses to send to an address), until an address answers. The attempt continues with this address.
    pub fn connect(&self, to: &NetworkAddress, options: ConnectOptions) -> Attempt {
        let (reply, pending) = answer();
        let request = Box::new(DialRequest { address: to.clone(), options, reply });
        if let Err((_, Command::Connect(request))) = self.0.insist(Command::Connect(request)) {
            request.reply.reply(Err(ConnectError::QueueFull));
        }
        Attempt::new(pending, self.0.network_thread.clone())
    }

    /// Closes a connection immediately, and sends the peer `code` (0xfeff for a larger code) and up to 256 bytes of `text`.
    /// For an unknown connection, or after the endpoint has stopped, the call has no effect and returns no error.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn disconnect(&self, connection: ConnectionId, code: u16, text: &str) -> Result<(), CommandError> {
        self.leave(connection, code, text, None)
    }

    /// Closes a connection as [`Handle::disconnect`] does, but only once all its reliable messages are delivered, or after `within`.
    /// The connection accepts no further messages. Dropping the client, server or peer blocks until the connection is closed.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
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

    /// Allows the peer with the public key `peer_key` and the shared secret `psk`, both from signalling, to connect. A client rejects
    /// the peer nevertheless. [`Peer::connect_to_peer`](crate::Peer::connect_to_peer) allows the dialled peer to connect too.
    ///
    /// # Errors
    /// [`ConnectError::Usage`] if the secret is all zeros, [`ConnectError::Stopped`] if the endpoint was stopped,
    /// [`ConnectError::OnNetworkThread`] if an accept policy calls this method.
    pub fn expect_peer(
        &self,
        psk: impl Into<Secret>,
        peer_key: impl Into<PublicKey>,
    ) -> Result<(), ConnectError> {
        let (psk, peer_key) = (psk.into(), peer_key.into());
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

    /// Withdraws the permission that [`Handle::expect_peer`] gave. An established connection to the peer continues.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn forget_peer(
        &self,
        psk: impl Into<Secret>,
        peer_key: impl Into<PublicKey>,
    ) -> Result<(), CommandError> {
        self.order(Command::ForgetPeer { psk: psk.into(), peer_key: peer_key.into() })
    }

    /// Replaces the policy that accepts or refuses new clients. The network thread calls the policy and waits for the decision, so
    /// the policy must return quickly. The policy may call every method of a handle, but a method that would wait for the network
    /// thread returns an error, `None`, `false`, an empty list, or the latest stored statistics.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn set_accept_policy(&self, policy: impl Authenticator + 'static) -> Result<(), CommandError> {
        self.order(Command::Admit(Policy(Box::new(policy))))
    }

    // ----- Events

    /// Takes the next event from the queue, or returns `None` if the queue is empty. In each frame, call it until it returns `None`.
    ///
    /// If message types are registered, the game gets only valid messages of these types. The driver drops and counts all other
    /// messages, as `update` does, and closes a connection that sends more than 8 of them in 10 s, with the code [`INVALID_MESSAGES`]
    /// (`Options::screen_messages`). An `Event::Closed` with the null connection, `ConnectionId::default()`, reports a failed attempt
    /// to connect, or a failure that ended the endpoint.
    #[must_use]
    pub fn next_event(&self) -> Option<Event> {
        while let Some(event) = self.next_unscreened() {
            if self.is_welcome(&event) {
                return Some(event);
            }
        }
        None
    }

    /// Takes the next event from the queue without checking the message in it.
    pub(crate) fn next_unscreened(&self) -> Option<Event> {
        self.0.events.take(|| self.0.commands.wake()).ok()
    }

    /// Takes the next event from the queue, and waits up to `timeout` for an event if the queue is empty.
    ///
    /// Returns `None` if no event came, or if the endpoint was stopped and no event is left; [`Handle::is_running`] then returns
    /// `false`. A call that waits while the endpoint stops returns immediately. Each later call waits 10 ms, or `timeout` if that is
    /// shorter, so a loop that calls repeatedly does not occupy a processor.
    #[must_use]
    pub fn wait_event(&self, timeout: Duration) -> Option<Event> {
        let deadline = Instant::now().checked_add(timeout);
        let mut left = timeout;
        loop {
            let event = self.0.events.next_within(left, || self.0.commands.wake())?;
            if self.is_welcome(&event) {
                return Some(event);
            }
            left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
        }
    }

    /// Waits for the next event. Returns `None` once the endpoint is stopped and no event is left.
    pub async fn event(&self) -> Option<Event> {
        loop {
            let event = self.0.events.next(|| self.0.commands.wake()).await?;
            if self.is_welcome(&event) {
                return Some(event);
            }
        }
    }

    /// Returns whether the game may receive `event`. A message that does not decode uses up a part of its sender's
    /// budget.
    fn is_welcome(&self, event: &Event) -> bool {
        if !self.0.facts.screens_messages {
            return true;
        }
        let (connection, outcome) = match event {
            Event::Message { connection, data, .. } => {
                (*connection, self.0.screen().dispatch(self.now(), &mut (), &mut (), *connection, data))
            }
            Event::Closed { connection, .. } => {
                self.0.screen().forget(*connection);
                return true;
            }
            _ => return true,
        };
        match outcome {
            Outcome::Handled { .. } => true,
            Outcome::Rejected { verdict, .. } => {
                self.reject(connection, verdict);
                false
            }
        }
    }

    /// Handles an invalid message. Disconnects its sender if the sender's budget is exhausted.
    pub(crate) fn reject(&self, connection: ConnectionId, verdict: Verdict) {
        self.0.messages_rejected.fetch_add(1, Ordering::Relaxed);
        if verdict == Verdict::Close {
            // Events are drained on the game's thread, which waits for room.
            let _taken = self.disconnect(connection, INVALID_MESSAGES, "too many invalid messages");
        }
    }

    /// Returns the number of events in the queue.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.0.events.len()
    }

    // ----- Limits

    /// Limits the total rate of UDP payload that the endpoint sends on all connections to `bytes_per_second`. A value below 1000
    /// bytes/s is raised to 1000 bytes/s. `None` removes the limit. `Config::bandwidth` sets the initial limit.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn set_bandwidth_limit(&self, bytes_per_second: Option<NonZeroU32>) -> Result<(), CommandError> {
        self.order(Command::LimitAll(bytes_per_second))
    }

    /// Limits the rate of UDP payload that the endpoint sends on one connection to `bytes_per_second`. A value below 1000 bytes/s is
    /// raised to 1000 bytes/s. `None` restores `Config::connection_bandwidth`. `ConnectOptions::bandwidth` sets the initial limit.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn set_connection_bandwidth_limit(
        &self,
        connection: ConnectionId,
        bytes_per_second: Option<NonZeroU32>,
    ) -> Result<(), CommandError> {
        self.order(Command::LimitOne { connection, rate: bytes_per_second })
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
                NotQueued::Full(command) => (command, true),
                NotQueued::Stopped(command) => (command, false),
            };
            let data = match command {
                Command::Send { data, .. } | Command::Broadcast { data, .. } => data,
                _ => Bytes::new(),
            };
            if is_full { SendError::QueueFull(data) } else { SendError::Stopped(data) }
        })
    }

    /// Wakes the network thread if the queue requests it, or if the queue is full.
    fn wake_after(&self, pushed: Result<bool, SendError>) -> Result<(), SendError> {
        if !matches!(pushed, Ok(false)) {
            self.0.commands.wake();
        }
        pushed.map(drop)
    }
}
