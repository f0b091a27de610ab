//! The endpoint, which owns every connection of a process, and its calls for drivers and games.

mod accept;
mod accounts;
mod authenticator;
mod bandwidth;
mod charging;
mod datagram;
mod deadlines;
mod dial;
mod directory;
mod first_data;
mod getters;
mod ids;
mod link_verbs;
mod links;
mod members;
mod occupancy;
mod options;
mod peers;
mod places;
mod poll;
mod replies;
mod throttle;
mod tickets;
mod world_table;
mod worlds;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;

use bytes::Bytes;

use self::accounts::Accounts;
pub use self::authenticator::{Admission, AdmissionRequest, Authenticator};
use self::deadlines::Deadlines;
pub use self::getters::ConnectionState;
use self::ids::IdTable;
use self::links::Links;
use self::members::Members;
pub use self::options::ConnectOptions;
use self::places::Places;
pub use self::poll::Transmit;
use self::replies::Replies;
use self::throttle::Throttle;
use self::world_table::EndpointWorlds;
use crate::channel::Arena;
use crate::config::{Access, Config, Secrets};
use crate::connection::{Connection, Outlook, Settings, reliable_channels};
use crate::crypto::Key;
use crate::drop::DropCounts;
use crate::error::{ConfigError, SendError};
use crate::event::{ChannelId, ConnectionId, MessageId};
use crate::handshake::{AcceptSetup, Acceptor, Parameters, SourceBuckets};
use crate::rng::Rng;
use crate::schema::Schema;
use crate::time::{Instant, Span};
use crate::token_bucket::TokenBucket;

/// The number of answers per second to unknown connection ids of one source, so that a flood does not block other sources.
const UNKNOWN_PER_SECOND_AND_SOURCE: u32 = 50;

/// A deterministic, sans-IO protocol endpoint that both accepts and dials connections.
///
/// An endpoint owns every connection of a process. It opens no socket, reads no clock and draws no entropy: the caller
/// passes datagrams and times in, and takes datagrams and events out. The crate's front page is a complete example;
/// [`crate::drivers_contract`] lists the duties of the caller and the promises of the endpoint.
///
/// Commands ([`connect`](Self::connect), [`send`](Self::send), …), inputs ([`handle_datagram`](Self::handle_datagram),
/// [`handle_timeout`](Self::handle_timeout)), outputs ([`poll_transmit`](Self::poll_transmit),
/// [`poll_event`](Self::poll_event), [`poll_timeout`](Self::poll_timeout)) and getters may be called in any order, at
/// any time. Work that a call does not finish stays due. No call fails because of bytes from the network: an `Err`
/// means a mistake of the caller, a full queue, or a connection that has ended. `now` comes from the caller's monotonic
/// clock. A time before the latest time passed to the endpoint counts as that latest time.
///
/// [`ConnectionState`] has the states of a connection and the events between them.
///
/// ```
/// use tickwire_core::{ChannelId, Config, ConnectOptions, Endpoint, Instant, Secrets};
///
/// # let (identity, seed, server_key) = ([1; 32], [2; 32], [3; 32]);
/// let mut endpoint = Endpoint::new(Config::new(0x6d79_6761_6d65), Secrets::new(identity), seed, Instant::ZERO)?;
/// let server: std::net::SocketAddr = "192.0.2.1:7777".parse()?;
/// let connection = endpoint.connect(Instant::ZERO, server, ConnectOptions::new(server_key))?;
/// endpoint.send(Instant::ZERO, connection, ChannelId(0), "hello")?;
/// let mut buffer = [0; 1200];
/// assert!(endpoint.poll_transmit(Instant::ZERO, &mut buffer).is_some_and(|hello| hello.size == 1200));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Endpoint {
    config: Config,
    settings: Settings,
    public_key: Key,
    schema: Schema,
    parameters: Parameters,
    rng: Rng,
    now: Instant,
    connections: Members,
    ids: IdTable,
    /// Connections that this end dialled.
    dialled: BTreeSet<ConnectionId>,
    /// Sessions that clients may resume.
    sessions: BTreeMap<[u8; 16], ConnectionId>,
    accounts: Accounts,
    places: Places,
    /// The number of dials so far, including repeated dials.
    dials: u64,
    acceptor: Acceptor,
    authenticator: Option<Box<dyn Authenticator>>,
    replies: Replies,
    /// The connections that have data to send, in turn.
    ready: VecDeque<ConnectionId>,
    /// The connections that have events to report, in turn.
    telling: VecDeque<ConnectionId>,
    /// The connections that were used since their indexes were set, in turn.
    unsettled: VecDeque<ConnectionId>,
    /// The time at which the first of these connections was used.
    unsettled_since: Instant,
    /// `true` if `poll_transmit` was called after the latest call of `handle_timeout`.
    is_transmitting: bool,
    deadlines: Deadlines,
    links: Links,
    arena: Arena,
    drops: DropCounts,
    throttle: Throttle,
    unknown_budget: TokenBucket,
    /// Limits the search for the connection of an Unknown message, which anybody can send.
    lookup_budget: TokenBucket,
    unknown_sources: SourceBuckets,
    worlds: EndpointWorlds,
}

impl Endpoint {
    /// Creates an endpoint whose clock begins at `now`.
    ///
    /// `seed` is used once and must be fresh at every start, from the system's entropy, because ephemeral keys come
    /// from the seed. Only a simulator may choose the seed. `secrets` are the keys that outlive restarts.
    ///
    /// # Errors
    /// [`ConfigError`] if a value of `config` is out of its range, or `secrets` lacks the ticket key that `config` needs.
    pub fn new(config: Config, secrets: Secrets, seed: [u8; 32], now: Instant) -> Result<Self, ConfigError> {
        config.check(&secrets)?;
        let mut rng = Rng::from_seed(seed);
        let settings = Settings {
            provider: Arc::clone(&config.provider),
            heartbeat: Span::of(config.heartbeat),
            idle_timeout: Span::of(config.idle_timeout),
            ack_delay: Span::of(config.ack_delay),
            resume_window: Span::of(config.resume_window),
            reconnect_for: Span::of(config.reconnect_for),
            rotate_after: config.rotate_after,
            channels: config.channels.as_slice().into(),
            congestion: config.congestion,
            bandwidth: config.connection_bandwidth.unwrap_or(u64::MAX),
            reliable_channels: reliable_channels(&config.channels),
        };
        let schema = config.handshake_schema();
        let parameters = config.parameters(schema.hash());
        let unknown_sources = SourceBuckets::new(
            UNKNOWN_PER_SECOND_AND_SOURCE,
            UNKNOWN_PER_SECOND_AND_SOURCE,
            rng.array().into(),
        );
        let acceptor =
            Acceptor::new(Arc::clone(&config.provider), &secrets, AcceptSetup::new(&config), &mut rng);
        Ok(Self {
            settings,
            public_key: acceptor.public_key(),
            schema,
            parameters,
            rng,
            now,
            connections: Members::default(),
            ids: IdTable::default(),
            dialled: BTreeSet::new(),
            sessions: BTreeMap::new(),
            accounts: Accounts::default(),
            places: Places::default(),
            dials: 0,
            acceptor,
            authenticator: None,
            replies: Replies::default(),
            ready: VecDeque::new(),
            telling: VecDeque::new(),
            unsettled: VecDeque::new(),
            unsettled_since: now,
            is_transmitting: true,
            deadlines: Deadlines::default(),
            links: Links::default(),
            arena: Arena::new(config.reassembly_memory, config.max_message, config.max_connections),
            drops: DropCounts::default(),
            throttle: Throttle::new(now, config.bandwidth),
            unknown_budget: TokenBucket::new(),
            lookup_budget: TokenBucket::new(),
            unknown_sources,
            worlds: EndpointWorlds::new(&config),
            config,
        })
    }

    /// Sets the authenticator that accepts or refuses each client that does not resume a session. The endpoint calls the
    /// authenticator after it has checked the client's ticket, pre-shared key or cookie.
    pub fn set_authenticator(&mut self, authenticator: impl Authenticator + 'static) {
        self.authenticator = Some(Box::new(authenticator));
    }

    /// Queues a message for sending. `poll_transmit` writes the message to packets. Messages may be queued before `Connected`.
    ///
    /// # Errors
    /// [`SendError`], which returns the message: the queue is full (a `SendReady` event follows), the message is larger than
    /// the configuration allows, the connection is closing, or there is no such connection or channel.
    pub fn send(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        channel: ChannelId,
        message: impl Into<Bytes>,
    ) -> Result<MessageId, SendError> {
        let now = self.advance(now);
        let message = message.into();
        let Some(member) = self.connections.member_mut(connection) else {
            return Err(SendError::NoSuchConnection(message));
        };
        if member.connection.is_leaving() {
            return Err(SendError::Closing(message));
        }
        let queued = member.connection.session_mut().enqueue(now, channel, message);
        if !member.is_unsettled {
            self.touch(connection);
        }
        queued
    }

    /// Closes a connection at once. The connection then neither sends nor receives messages. The peer receives `code`
    /// (the protocol reserves 0xff00 and above, which count as 0xfeff) and up to 256 bytes of `text`. The `Closed`
    /// event lists the reliable messages that the peer did not confirm. The event follows at once if no reliable message
    /// is in flight, else with the peer's answer. Without an answer, the event follows after five probe timeouts, at most
    /// 5 s. The call ignores an unknown connection.
    pub fn close(&mut self, now: Instant, connection: ConnectionId, code: u16, text: &str) {
        self.advance(now);
        if let Some(state) = self.connections.get_mut(connection) {
            state.close(code, text);
            self.refresh(connection);
        }
    }

    /// Closes a connection as [`Endpoint::close`] does, once all queued messages are sent and all reliable messages are
    /// acknowledged, or at `deadline`. If the game calls this method several times, the earliest deadline counts.
    pub fn close_after_delivery(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        code: u16,
        text: &str,
        deadline: Instant,
    ) {
        self.advance(now);
        if let Some(state) = self.connections.get_mut(connection) {
            state.close_after_delivery(code, text, deadline);
            self.refresh(connection);
        }
    }

    /// Does the work that is due at `now`. Each call does a bounded amount of work, and work beyond that stays due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.acceptor.next_timeout() <= now {
            for id in self.acceptor.expire(now) {
                self.ids.release(id);
            }
        }
        if self.accounts.next_timeout() <= now {
            self.end_unvalidated(now);
        }
        // Usually `poll_transmit` follows and settles what was used just now. A driver that cannot send goes by timers only.
        let is_transmitting = core::mem::take(&mut self.is_transmitting);
        if !is_transmitting || self.unsettled_since < now {
            self.settle();
        }
        self.arena.handle_timeout(now);
        for _ in 0..crate::limits::TIMERS_PER_CALL {
            let Some((at, connection)) = self.deadlines.first() else { break };
            if at > now {
                break;
            }
            if let Some(state) = self.connections.get_mut(connection) {
                state.handle_timeout(now, &mut self.arena, &mut self.rng, &self.settings);
            }
            self.refresh(connection);
        }
    }

    /// Returns a connection whose state the fuzzer changes.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn connection_mut(&mut self, connection: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(connection)
    }

    /// Advances the endpoint's clock, which never runs backwards.
    fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// Records that a connection was used. Its indexes are set at the next poll, once for all uses until then. Rare changes
    /// that concern more than this connection are handled at once.
    fn touch(&mut self, connection: ConnectionId) {
        let Some(member) = self.connections.member_mut(connection) else { return };
        if member.connection.is_special() {
            self.refresh(connection);
            return;
        }
        if !member.is_unsettled {
            if self.unsettled.is_empty() {
                self.unsettled_since = self.now;
            }
            member.is_unsettled = true;
            self.unsettled.push_back(connection);
        }
        if !member.is_queued_to_tell && member.connection.has_event() {
            member.is_queued_to_tell = true;
            self.telling.push_back(connection);
        }
    }

    /// Sets the indexes of connections that were used, at most a fixed number of them.
    fn settle(&mut self) {
        for _ in 0..crate::limits::CONNECTIONS_PER_POLL {
            let Some(connection) = self.next_unsettled() else { return };
            self.refresh(connection);
        }
    }

    /// Returns a connection that was used since its indexes were set.
    fn next_unsettled(&mut self) -> Option<ConnectionId> {
        let connection = self.unsettled.pop_front()?;
        if let Some(member) = self.connections.member_mut(connection) {
            member.is_unsettled = false;
        }
        Some(connection)
    }

    /// Updates the indexes for a connection that may have changed. Only this method updates them.
    fn refresh(&mut self, connection: ConnectionId) {
        let now = self.now;
        let Some(state) = self.connections.get_mut(connection) else { return };
        if !state.is_special() {
            let outlook = state.look(now);
            self.apply(connection, &outlook);
            return;
        }
        self.attend(connection);
        if let Some(state) = self.connections.get_mut(connection) {
            let outlook = state.look(now);
            self.apply(connection, &outlook);
        }
    }

    /// Sets the indexes by the state of a connection.
    #[inline(always)]
    fn apply(&mut self, connection: ConnectionId, outlook: &Outlook) {
        let now = self.now;
        let Some(member) = self.connections.member_mut(connection) else { return };
        let state = &mut member.connection;
        // A paced connection sends bursts of the intended size only if it is woken in time, not before.
        self.deadlines.set(now, connection, outlook.next, !outlook.waits);
        let links = outlook.links;
        if links != member.links {
            self.links.move_connection(connection, core::mem::replace(&mut member.links, links), links);
        }
        // Only links have credit; what runs over none need not be asked where it goes.
        let is_blocked =
            links != [None; 2] && state.target(now).is_some_and(|address| !self.links.has_credit(address));
        if !member.is_queued_to_send && outlook.sends && !is_blocked {
            member.is_queued_to_send = true;
            self.ready.push_back(connection);
        }
        // A connection that is being made holds nothing back.
        if outlook.waits {
            let is_limited = !self.throttle.is_open(now);
            if is_limited || !member.is_queued_to_send {
                state.hold_back(now, is_limited);
            }
        }
        if !member.is_queued_to_tell && outlook.tells {
            member.is_queued_to_tell = true;
            self.telling.push_back(connection);
        }
    }

    /// Does the work that a connection cannot do by itself.
    fn attend(&mut self, connection: ConnectionId) {
        let now = self.now;
        let Some(state) = self.connections.get_mut(connection) else { return };
        state.close_if_drained();
        // Where there are no tickets, whoever was thrown out may come again anyway.
        let name = *state.session().name();
        let is_remembered = name != [0; 16] && self.config.access == Access::Tickets;
        if state.take_disowned() && is_remembered {
            let newest = state.session().ticket_expiry();
            let (wall, until) = (self.wall(now), self.last_expiry(now, newest));
            self.acceptor.end_session(wall, name, until);
        }
        let Some(state) = self.connections.get_mut(connection) else { return };
        for id in state.take_retired_ids() {
            self.ids.release(id);
        }
        let is_found = state.take_found();
        if state.take_wants_dial() {
            self.dial_again(now, connection);
        }
        if is_found {
            self.move_account(connection);
        }
        self.push_ticket(now, connection);
        self.settle_place(connection);
        if self.connections.get(connection).is_some_and(Connection::is_gone) {
            self.remove(connection);
        }
    }

    /// Removes a connection whose `Closed` was reported.
    fn remove(&mut self, connection: ConnectionId) {
        self.deadlines.remove(connection);
        self.dialled.remove(&connection);
        let Some(mut member) = self.connections.remove(connection) else { return };
        member.connection.session_mut().leave(&mut self.arena);
        self.links.move_connection(connection, member.links, [None; 2]);
        // A stale place in a queue would stay while nobody polls.
        if member.is_queued_to_send {
            self.ready.retain(|queued| *queued != connection);
        }
        if member.is_unsettled {
            self.unsettled.retain(|queued| *queued != connection);
        }
        let session = member.connection.session().name();
        if self.sessions.get(session) == Some(&connection) {
            self.sessions.remove(session);
        }
        match member.source {
            Some(source) => self.accounts.leave(source),
            None => {
                self.accounts.end_wait(connection);
            }
        }
        self.places.remove(connection);
    }
}
