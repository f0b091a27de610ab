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
    /// The timeout of an attempt whose options set no timeout.
    timeout: Duration,
    resolver: Arc<dyn Resolver>,
    /// The connections that their attempt closed in favour of another address, or gave up. The driver reports no events
    /// of these connections to the game.
    silenced: BTreeSet<ConnectionId>,
    /// The connections that were made to a name. The name may later resolve to other addresses.
    pub(crate) returns: Returns,
    /// The failed attempts that no event has reported to the game yet.
    failures: VecDeque<CloseReason>,
}

struct Dial {
    address: NetworkAddress,
    options: ConnectOptions,
    reply: Replier<Result<ConnectionId, ConnectError>>,
    begun_at: Instant,
    /// The time at which the whole attempt fails, including the resolution of the name.
    deadline: Instant,
    lookup: Option<Lookup>,
    /// The number of addresses of the name that can be tried.
    addresses: u32,
    waiting: VecDeque<SocketAddr>,
    tried: Vec<SocketAddr>,
    unreached: Vec<Unreached>,
    /// The connections that may still be established, the oldest first.
    hopeful: Vec<Hope>,
    /// The connection that was closed to make room for the next address. Its place becomes free when the core reports that
    /// the connection has ended.
    clearing: Option<ConnectionId>,
    /// The time at which the next address is tried.
    next_at: Instant,
    /// The number of addresses that were closed to make room for the next address.
    turns: u32,
    last_reason: Option<CloseReason>,
    /// The error of the latest call in which the core refused to dial an address.
    last_error: Option<ConnectError>,
}

/// A connection that is being established to one address.
struct Hope {
    connection: ConnectionId,
    address: SocketAddr,
    since: Instant,
    /// The number of datagrams for this address that the system refused since it last accepted a datagram for this
    /// address.
    refused: u32,
    /// The system's error text. `None` once the system has accepted a datagram.
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

    /// Advances all attempts: polls name resolutions, dials addresses that are due, and reports failed attempts.
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

    /// Returns the time at which [`Self::advance`] is due.
    pub(crate) fn deadline(&self) -> Instant {
        let due = self.active.iter().map(Dial::due).min().unwrap_or(Instant::MAX);
        due.min(self.returns.deadline())
    }

    /// Completes the attempt to which the established `connection` belongs, and closes the other connections of the
    /// attempt.
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

    /// Returns whether no attempt is running.
    pub(crate) const fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// Returns whether the attempt of `connection` has closed or given up `connection`. The connection may have been
    /// established nevertheless.
    pub(crate) fn is_silenced(&self, connection: ConnectionId) -> bool {
        self.silenced.contains(&connection)
    }

    /// Returns the next failed attempt. Each failure is returned once.
    pub(crate) fn next_failure(&mut self) -> Option<CloseReason> {
        self.failures.pop_front()
    }

    /// Handles a datagram to this address that the system accepted.
    pub(crate) fn on_sent(&mut self, to: SocketAddr) {
        let hopes = self.active.iter_mut().flat_map(|dial| &mut dial.hopeful);
        for hope in hopes.filter(|hope| hope.address == to) {
            hope.refused = 0;
            hope.refusal = None;
        }
    }

    /// Handles a datagram to this address that the system refused. The attempt then tries the next address without
    /// delay, and gives up this address after [`REFUSED_SENDS`] consecutive refusals.
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

    /// Handles the end of a connection. Returns whether the event must not be reported to the game.
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

    /// Returns the time at which [`Self::advance`] is due for this attempt.
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

    /// Advances the attempt. An error ends the attempt.
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

    /// Keeps the addresses that can be tried, and lists the others with the reason.
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

    /// Closes a connection of this attempt, because the endpoint has no place for another connection. The addresses then
    /// take turns in one place. A closed address is tried again after the others, for twice as long.
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

    /// Removes a connection of this attempt that failed.
    fn lose(&mut self, connection: ConnectionId) {
        for lost in self.hopeful.extract_if(.., |hope| hope.connection == connection) {
            if let Some(words) = lost.refusal {
                self.tried.retain(|tried| *tried != lost.address);
                let cause = UnreachedCause::SendRefused(words);
                self.unreached.push(Unreached { address: lost.address, cause });
            }
        }
    }

    /// Returns the error with which the whole attempt fails.
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

/// Returns how much the end of a connection reveals about its server. The error of an attempt with several addresses
/// uses the end with the highest value.
fn weight(reason: &CloseReason) -> u8 {
    match reason {
        _ if *reason == SILENCE => 0,
        CloseReason::ConnectTimedOut { .. } => 2,
        _ => 1,
    }
}

const SILENCE: CloseReason =
    CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, key_hint: None };
/// The time without an answer from an address after which the next address is tried in parallel, as RFC 8305 section 8
/// recommends. If addresses take turns, it is the length of the first turn.
const STAGGER: Duration = Duration::from_millis(250);
/// The largest number of times that a turn doubles: a turn is at most 2^5 times as long as the first, which is 8 s.
const LONGEST_TURN: u32 = 5;
/// The number of consecutive refused datagrams after which an attempt gives up an address. A Hello is sent every 200
/// ms, so this takes 0.8 s.
const REFUSED_SENDS: u32 = 5;
/// The largest number of failed attempts that wait to be reported by an event. The [`Attempt`](crate::Attempt) of every failed
/// attempt still returns its result.
const FAILURES: usize = 1024;
