//! Attempts to connect: the driver resolves a name and tries its addresses in order, 250 ms apart, until one of
//! them answers.

mod returning;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tickwire_core::error::ConnectError as CoreConnectError;
use tickwire_core::{CloseReason, ConnectOptions, ConnectionId, Endpoint, Instant};

pub(crate) use self::returning::Returns;
use crate::address::{Host, NetworkAddress, why_not_unicast};
use crate::answer::Replier;
use crate::error::{ConnectError, Unreached, UnreachedCause};
use crate::resolve::{self, Lookup, Resolver};

/// A request of the game to connect.
pub(crate) struct DialRequest {
    pub(crate) address: NetworkAddress,
    pub(crate) options: ConnectOptions,
    pub(crate) reply: Replier<Result<ConnectionId, ConnectError>>,
}

/// All running attempts.
pub(crate) struct Dials {
    active: Vec<Dial>,
    /// How long an attempt may take if its options set no timeout.
    timeout: Duration,
    resolver: Arc<dyn Resolver>,
    /// Connections that lost against a sibling; the game never hears of them.
    silenced: BTreeSet<ConnectionId>,
    /// Connections that were made to a name, which may lead elsewhere later.
    pub(crate) returns: Returns,
    /// Failures of attempts that no event has reported to the game yet.
    failures: VecDeque<CloseReason>,
}

struct Dial {
    address: NetworkAddress,
    options: ConnectOptions,
    reply: Replier<Result<ConnectionId, ConnectError>>,
    begun_at: Instant,
    /// When all of it, the name's resolution included, has taken too long.
    deadline: Instant,
    lookup: Option<Lookup>,
    /// How many addresses the name has that can be tried.
    addresses: u32,
    waiting: VecDeque<SocketAddr>,
    tried: Vec<SocketAddr>,
    unreached: Vec<Unreached>,
    /// The connections that may still be answered, oldest first.
    hopeful: Vec<Hope>,
    /// A connection that was closed to make room for the next address: its place is free once the core has reported its end.
    clearing: Option<ConnectionId>,
    /// When the next address is tried.
    next_at: Instant,
    /// How many addresses gave up their place to the next one.
    turns: u32,
    last_reason: Option<CloseReason>,
    /// Why the core refused to try an address.
    last_error: Option<ConnectError>,
}

/// A connection that is being made to one address.
struct Hope {
    connection: ConnectionId,
    address: SocketAddr,
    since: Instant,
    /// Datagrams that the system refused since it last took one.
    refused: u32,
    /// The system's words, unless it ever took a datagram.
    refusal: Option<String>,
}

impl Dials {
    pub(crate) fn new(timeout: Duration, resolver: Arc<dyn Resolver>) -> Self {
        Self {
            active: Vec::new(),
            timeout,
            returns: Returns::new(Arc::clone(&resolver)),
            resolver,
            silenced: BTreeSet::new(),
            failures: VecDeque::new(),
        }
    }

    pub(crate) fn begin(&mut self, now: Instant, request: DialRequest) {
        let DialRequest { address, options, reply } = request;
        let timeout = options.chosen_timeout().unwrap_or(self.timeout);
        self.active.push(Dial {
            lookup: Some(resolve::begin(&self.resolver, &address)),
            address,
            options,
            reply,
            begun_at: now,
            deadline: now + timeout,
            addresses: 0,
            waiting: VecDeque::new(),
            tried: Vec::new(),
            unreached: Vec::new(),
            hopeful: Vec::new(),
            clearing: None,
            next_at: now,
            turns: 0,
            last_reason: None,
            last_error: None,
        });
    }

    /// Does what can be done now.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        can_reach: impl Fn(SocketAddr) -> bool,
        context: &mut Context<'_>,
    ) {
        let mut place = 0;
        while let Some(dial) = self.active.get_mut(place) {
            match dial.advance(now, endpoint, &mut self.silenced, &can_reach, context) {
                Ok(()) => place += 1,
                Err(error) => {
                    let dial = self.active.swap_remove(place);
                    self.fail(dial, error);
                }
            }
        }
        self.returns.advance(now, endpoint, &can_reach, context);
    }

    /// When something is to be done by itself.
    pub(crate) fn deadline(&self) -> Instant {
        let due = self.active.iter().map(Dial::due).min().unwrap_or(Instant::MAX);
        due.min(self.returns.deadline())
    }

    /// A connection is made: the others of its attempt are given up.
    pub(crate) fn on_connected(&mut self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        let Some(place) = self.active.iter().position(|dial| dial.is_hopeful(connection)) else {
            return;
        };
        let dial = self.active.swap_remove(place);
        for other in dial.hopeful {
            if other.connection != connection {
                self.silenced.insert(other.connection);
                endpoint.close(now, other.connection, 0, "another address answered first");
            }
        }
        if matches!(dial.address.host(), Host::Name(_)) {
            self.returns.remember(endpoint, connection, dial.address);
        }
        dial.reply.reply(Ok(connection));
    }

    /// Whether none is under way.
    pub(crate) const fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// Whether a connection lost against a sibling that was made first. It may have been made too by then.
    pub(crate) fn is_silenced(&self, connection: ConnectionId) -> bool {
        self.silenced.contains(&connection)
    }

    /// The next failure of an attempt. Each failure is returned once.
    pub(crate) fn next_failure(&mut self) -> Option<CloseReason> {
        self.failures.pop_front()
    }

    /// The system took a datagram for this address.
    pub(crate) fn on_sent(&mut self, to: SocketAddr) {
        let hopes = self.active.iter_mut().flat_map(|dial| &mut dial.hopeful);
        for hope in hopes.filter(|hope| hope.address == to) {
            hope.refused = 0;
            hope.refusal = None;
        }
    }

    /// The system refused a datagram for this address. The next address of a name need not wait then; after
    /// [`REFUSED_SENDS`] in a row this one is given up.
    pub(crate) fn on_send_refused(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        to: SocketAddr,
        error: &std::io::Error,
    ) {
        for dial in &mut self.active {
            let Some(hope) = dial.hopeful.iter_mut().find(|hope| hope.address == to) else { continue };
            hope.refused += 1;
            hope.refusal = Some(error.to_string());
            let (connection, is_given_up) = (hope.connection, hope.refused >= REFUSED_SENDS);
            dial.next_at = now;
            if is_given_up {
                dial.lose(connection);
                self.silenced.insert(connection);
                endpoint.close(now, connection, 0, "");
            }
        }
    }

    /// A connection is over. Says whether the game need not hear of it.
    pub(crate) fn on_closed(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        reason: &CloseReason,
    ) -> bool {
        self.returns.on_closed(connection, reason);
        if self.silenced.remove(&connection) {
            for dial in &mut self.active {
                if dial.clearing.take_if(|clearing| *clearing == connection).is_some() {
                    dial.next_at = now;
                }
            }
            return true;
        }
        let Some(place) = self.active.iter().position(|dial| dial.is_hopeful(connection)) else {
            return false;
        };
        let Some(dial) = self.active.get_mut(place) else { return false };
        // A refusal is authentic: no other address of the same server will say anything else.
        if matches!(reason, CloseReason::Refused(_)) {
            let mut dial = self.active.swap_remove(place);
            for other in std::mem::take(&mut dial.hopeful) {
                if other.connection != connection {
                    self.silenced.insert(other.connection);
                    endpoint.close(now, other.connection, 0, "refused at another address");
                }
            }
            dial.last_reason = Some(reason.clone());
            let error = dial.failure(now);
            self.fail(dial, error);
            return true;
        }
        dial.lose(connection);
        if dial.last_reason.as_ref().is_none_or(|old| weight(reason) > weight(old)) {
            dial.last_reason = Some(reason.clone());
        }
        dial.next_at = now;
        true
    }

    fn fail(&mut self, dial: Dial, error: ConnectError) {
        if self.failures.len() < FAILURES {
            self.failures.push_back(error.to_close_reason(dial.last_reason));
        }
        dial.reply.reply(Err(error));
    }
}

impl Dial {
    fn is_hopeful(&self, connection: ConnectionId) -> bool {
        self.hopeful.iter().any(|hope| hope.connection == connection)
    }

    /// When something is to be done by itself.
    fn due(&self) -> Instant {
        if self.lookup.is_some() || self.clearing.is_some() {
            return self.deadline;
        }
        match self.hopeful.is_empty() {
            true => Instant::ZERO,
            // The core's own timers end the connections that are being made.
            false if self.waiting.is_empty() || self.next_at >= self.deadline => Instant::MAX,
            false => self.next_at,
        }
    }

    /// An error ends the attempt.
    fn advance(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        silenced: &mut BTreeSet<ConnectionId>,
        can_reach: impl Fn(SocketAddr) -> bool,
        context: &mut Context<'_>,
    ) -> Result<(), ConnectError> {
        if let Some(lookup) = &mut self.lookup {
            let Poll::Ready(found) = lookup.as_mut().poll(context) else {
                return if now < self.deadline { Ok(()) } else { Err(self.failure(now)) };
            };
            self.lookup = None;
            self.sort_out(found?, can_reach)?;
        }
        let is_turn = now >= self.next_at || self.hopeful.is_empty();
        if now < self.deadline && is_turn && self.clearing.is_none() {
            self.try_next(now, endpoint, silenced);
        }
        let is_over = self.waiting.is_empty() && self.clearing.is_none() || now >= self.deadline;
        if self.hopeful.is_empty() && is_over { Err(self.failure(now)) } else { Ok(()) }
    }

    /// Keeps the addresses that can be tried.
    fn sort_out(
        &mut self,
        found: Vec<SocketAddr>,
        can_reach: impl Fn(SocketAddr) -> bool,
    ) -> Result<(), ConnectError> {
        for address in found {
            if let Some(kind) = why_not_unicast(address.ip()) {
                self.unreached.push(Unreached { address, cause: UnreachedCause::NotUnicast(kind) });
            } else if can_reach(address) {
                self.waiting.push_back(address);
            } else {
                self.unreached.push(Unreached { address, cause: UnreachedCause::OtherFamily });
            }
        }
        self.addresses = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        if self.addresses > 0 {
            return Ok(());
        }
        Err(ConnectError::NoUsableAddress { unreached: std::mem::take(&mut self.unreached) })
    }

    fn try_next(&mut self, now: Instant, endpoint: &mut Endpoint, silenced: &mut BTreeSet<ConnectionId>) {
        let Some(address) = self.waiting.pop_front() else { return };
        self.next_at = now + STAGGER;
        // However many addresses there are, the attempt takes no longer than it may.
        let options = self.options.clone().timeout(self.deadline.saturating_since(now));
        match endpoint.connect(now, address, options) {
            Ok(connection) => {
                if !self.tried.contains(&address) {
                    self.tried.push(address);
                }
                self.hopeful.push(Hope { connection, address, since: now, refused: 0, refusal: None });
            }
            Err(CoreConnectError::TooManyConnections { .. }) if !self.hopeful.is_empty() => {
                self.waiting.push_front(address);
                self.make_room(now, endpoint, silenced);
            }
            // Another address may do; those that were tried already go on.
            Err(error) => {
                self.unreached.push(Unreached { address, cause: UnreachedCause::Usage(error.clone()) });
                self.last_error = Some(error.into());
            }
        }
    }

    /// The endpoint has no place for another connection beside those of this attempt: its addresses take turns in one place.
    /// An address that gave way is tried again after the others, for twice as long.
    fn make_room(&mut self, now: Instant, endpoint: &mut Endpoint, silenced: &mut BTreeSet<ConnectionId>) {
        let Some(oldest) = self.hopeful.first() else { return };
        let round = self.turns.checked_div(self.addresses).unwrap_or(0);
        let turn_ends = oldest.since + STAGGER * 2u32.saturating_pow(round.min(LONGEST_TURN));
        if now < turn_ends && oldest.refused == 0 {
            self.next_at = turn_ends;
            return;
        }
        let Hope { connection, address, .. } = self.hopeful.remove(0);
        self.turns += 1;
        self.waiting.push_back(address);
        self.clearing = Some(connection);
        silenced.insert(connection);
        endpoint.close(now, connection, 0, "another address is tried");
    }

    /// A connection came to nothing.
    fn lose(&mut self, connection: ConnectionId) {
        for lost in self.hopeful.extract_if(.., |hope| hope.connection == connection) {
            if let Some(words) = lost.refusal {
                self.tried.retain(|tried| *tried != lost.address);
                let cause = UnreachedCause::SendRefused(words);
                self.unreached.push(Unreached { address: lost.address, cause });
            }
        }
    }

    /// Why nothing came of it.
    fn failure(&mut self, now: Instant) -> ConnectError {
        let mut unreached = std::mem::take(&mut self.unreached);
        for address in self.waiting.drain(..).filter(|address| !self.tried.contains(address)) {
            unreached.push(Unreached { address, cause: UnreachedCause::NoTime });
        }
        let tried = std::mem::take(&mut self.tried);
        if tried.is_empty() {
            if let Some(error) = self.last_error.take() {
                return error;
            }
            if !unreached.is_empty() {
                return ConnectError::NoUsableAddress { unreached };
            }
        }
        let reason = self.last_reason.clone().unwrap_or(SILENCE);
        ConnectError::of(reason, tried, unreached, now.saturating_since(self.begun_at))
    }
}

/// How much a connection's end says about its server: of several addresses, the one that says most words the error.
fn weight(reason: &CloseReason) -> u8 {
    match reason {
        _ if *reason == SILENCE => 0,
        CloseReason::ConnectTimedOut { .. } => 2,
        _ => 1,
    }
}

const SILENCE: CloseReason =
    CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, key_hint: None };
/// How long an address may be silent before the next one is tried beside it (RFC 8305 recommends as much). Where they take
/// turns, it is the length of the first turn.
const STAGGER: Duration = Duration::from_millis(250);
/// A turn is at most 2^5 times as long as the first: 8 s.
const LONGEST_TURN: u32 = 5;
/// So many refused datagrams in a row end the search at an address. A Hello leaves every 200 ms: it takes 0.8 s.
const REFUSED_SENDS: u32 = 5;
/// The most failed attempts that wait to be reported by an event. Each [`Attempt`](crate::Attempt) gets its result all the same.
const FAILURES: usize = 1024;
