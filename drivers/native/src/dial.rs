//! Attempts to connect: a name is resolved, and its addresses are tried in order, each a little after the last, until
//! one answers.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tickwire_core::{CloseReason, ConnectOptions, ConnectionId, Endpoint, Instant};

use crate::address::NetworkAddress;
use crate::attempt::Replier;
use crate::error::ConnectError;
use crate::resolve::resolve;

/// What the game asked for.
pub(crate) struct DialRequest {
    pub(crate) address: NetworkAddress,
    pub(crate) options: ConnectOptions,
    pub(crate) reply: Replier<Result<ConnectionId, ConnectError>>,
}

/// All attempts that are under way.
pub(crate) struct Dials {
    active: Vec<Dial>,
    /// How long an attempt may take that was not told otherwise.
    timeout: Duration,
    /// Connections that lost against a sibling; the game never hears of them.
    silenced: BTreeSet<ConnectionId>,
}

struct Dial {
    options: ConnectOptions,
    reply: Replier<Result<ConnectionId, ConnectError>>,
    begun_at: Instant,
    /// When all of it, the name's resolution included, has taken too long.
    deadline: Instant,
    lookup: Option<Lookup>,
    waiting: VecDeque<SocketAddr>,
    tried: Vec<SocketAddr>,
    /// Those of `tried` that may still answer.
    hopeful: Vec<ConnectionId>,
    /// When the next address is tried.
    next_at: Instant,
    last_reason: Option<CloseReason>,
    /// Why an address could not even be tried.
    last_error: Option<ConnectError>,
}

/// What finds the addresses.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, ConnectError>> + Send>>;

impl Dials {
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self { active: Vec::new(), timeout, silenced: BTreeSet::new() }
    }

    pub(crate) fn begin(&mut self, now: Instant, request: DialRequest) {
        let DialRequest { address, options, reply } = request;
        self.begin_with(now, Box::pin(async move { resolve(&address).await }), options, reply);
    }

    fn begin_with(
        &mut self,
        now: Instant,
        lookup: Lookup,
        options: ConnectOptions,
        reply: Replier<Result<ConnectionId, ConnectError>>,
    ) {
        let timeout = options.chosen_timeout().unwrap_or(self.timeout);
        self.active.push(Dial {
            options,
            reply,
            begun_at: now,
            deadline: now + timeout,
            lookup: Some(lookup),
            waiting: VecDeque::new(),
            tried: Vec::new(),
            hopeful: Vec::new(),
            next_at: now,
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
            match dial.advance(now, endpoint, &can_reach, context) {
                Ok(()) => place += 1,
                Err(error) => self.active.swap_remove(place).reply.reply(Err(error)),
            }
        }
    }

    /// When something is to be done by itself.
    pub(crate) fn deadline(&self) -> Instant {
        let due = self.active.iter().map(|dial| match dial.hopeful.is_empty() {
            _ if dial.lookup.is_some() => dial.deadline,
            true => Instant::ZERO,
            // The core's own timers end what is under way.
            false if dial.waiting.is_empty() || dial.next_at >= dial.deadline => Instant::MAX,
            false => dial.next_at,
        });
        due.min().unwrap_or(Instant::MAX)
    }

    /// A connection is made: the others of its attempt are given up.
    pub(crate) fn on_connected(&mut self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        let Some(place) = self.active.iter().position(|dial| dial.hopeful.contains(&connection)) else {
            return;
        };
        let dial = self.active.swap_remove(place);
        for other in dial.hopeful {
            if other != connection {
                self.silenced.insert(other);
                endpoint.close(now, other, 0, "another address answered first");
            }
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

    /// A connection is over. Says whether the game need not hear of it.
    pub(crate) fn on_closed(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        reason: &CloseReason,
    ) -> bool {
        if self.silenced.remove(&connection) {
            return true;
        }
        let Some(place) = self.active.iter().position(|dial| dial.hopeful.contains(&connection)) else {
            return false;
        };
        let Some(dial) = self.active.get_mut(place) else { return false };
        dial.hopeful.retain(|hopeful| *hopeful != connection);
        // A refusal is authentic: no other address of the same server will say anything else.
        if matches!(reason, CloseReason::Refused(_)) {
            let dial = self.active.swap_remove(place);
            for other in dial.hopeful {
                self.silenced.insert(other);
                endpoint.close(now, other, 0, "refused at another address");
            }
            let after = now.saturating_since(dial.begun_at);
            dial.reply.reply(Err(ConnectError::of(reason.clone(), dial.tried, after)));
            return true;
        }
        // A hint says more than silence.
        let says_more = |old: &CloseReason| {
            !matches!(
                old,
                CloseReason::ConnectTimedOut { version_hint: Some(_), .. }
                    | CloseReason::ConnectTimedOut { narrow_path: true, .. }
            )
        };
        if dial.last_reason.as_ref().is_none_or(says_more) {
            dial.last_reason = Some(reason.clone());
        }
        dial.next_at = now;
        true
    }
}

impl Dial {
    /// An error ends the attempt.
    fn advance(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        can_reach: impl Fn(SocketAddr) -> bool,
        context: &mut Context<'_>,
    ) -> Result<(), ConnectError> {
        if let Some(lookup) = &mut self.lookup {
            let Poll::Ready(found) = lookup.as_mut().poll(context) else {
                return if now < self.deadline { Ok(()) } else { Err(self.failure(now)) };
            };
            self.lookup = None;
            let found = found?;
            self.waiting = found.iter().copied().filter(|address| can_reach(*address)).collect();
            if self.waiting.is_empty() {
                return Err(ConnectError::NoUsableAddress { addresses: found });
            }
        }
        if now < self.deadline
            && (now >= self.next_at || self.hopeful.is_empty())
            && let Some(address) = self.waiting.pop_front()
        {
            self.tried.push(address);
            self.next_at = now + STAGGER;
            // However many addresses there are, the attempt takes no longer than it may.
            let options = self.options.clone().timeout(self.deadline.saturating_since(now));
            match endpoint.connect(now, address, options) {
                Ok(connection) => self.hopeful.push(connection),
                // Another address may do; those that were tried already go on.
                Err(error) => self.last_error = Some(error.into()),
            }
        }
        if self.hopeful.is_empty() && (self.waiting.is_empty() || now >= self.deadline) {
            return Err(self.failure(now));
        }
        Ok(())
    }

    /// Why nothing came of it.
    fn failure(&mut self, now: Instant) -> ConnectError {
        if let (None, Some(error)) = (&self.last_reason, self.last_error.take()) {
            return error;
        }
        let silence = CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false };
        let reason = self.last_reason.take().unwrap_or(silence);
        let after = now.saturating_since(self.begun_at);
        ConnectError::of(reason, std::mem::take(&mut self.tried), after)
    }
}

/// How long an address may be silent before the next one is tried beside it (RFC 8305 recommends as much).
const STAGGER: Duration = Duration::from_millis(250);
