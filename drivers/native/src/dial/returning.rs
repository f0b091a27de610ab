//! Reconnecting by name: the driver resolves the server's name again, because its addresses, or those that this host
//! can reach, may have changed.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tickwire_core::{CloseReason, ConnectionId, ConnectionState, Endpoint, Instant};

use crate::address::{NetworkAddress, why_not_unicast};
use crate::resolve::{self, Lookup, Resolver};

/// The connections that were made to a name, and the search for those that were interrupted.
pub(crate) struct Returns {
    resolver: Arc<dyn Resolver>,
    names: BTreeMap<ConnectionId, NetworkAddress>,
    searches: BTreeMap<ConnectionId, Search>,
}

/// The search for the server of one interrupted connection. The core dials; the search says where.
struct Search {
    lookup: Option<Lookup>,
    /// The addresses that the last lookup found.
    found: Vec<SocketAddr>,
    /// Those of `found` whose turn comes in this round.
    waiting: VecDeque<SocketAddr>,
    /// When the next address has its turn, or the name is resolved again.
    next_at: Instant,
    /// How long a turn lasts in this round. It doubles from round to round, for paths that are slower than that.
    turn: Duration,
    /// How long to wait after a lookup that found nothing. It doubles too.
    pause: Duration,
}

impl Returns {
    pub(super) const fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, names: BTreeMap::new(), searches: BTreeMap::new() }
    }

    /// A connection was made to a name.
    pub(super) fn remember(&mut self, endpoint: &Endpoint, connection: ConnectionId, name: NetworkAddress) {
        self.names.retain(|id, _| endpoint.state(*id) != ConnectionState::Disconnected);
        self.names.insert(connection, name);
    }

    /// A connection takes the place of one whose session was lost.
    pub(crate) fn replace(&mut self, old: ConnectionId, new: ConnectionId) {
        self.searches.remove(&old);
        if let Some(name) = self.names.remove(&old) {
            self.names.insert(new, name);
        }
    }

    /// A connection is over. Where its session was lost, another may take its place right away.
    pub(super) fn on_closed(&mut self, connection: ConnectionId, reason: &CloseReason) {
        if *reason != CloseReason::SessionLost {
            self.names.remove(&connection);
        }
        self.searches.remove(&connection);
    }

    pub(crate) fn on_interrupted(&mut self, now: Instant, connection: ConnectionId) {
        if self.names.contains_key(&connection) {
            self.searches.insert(connection, Search::new(now));
        }
    }

    pub(crate) fn on_resumed(&mut self, connection: ConnectionId) {
        self.searches.remove(&connection);
    }

    pub(super) fn advance(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        can_reach: impl Fn(SocketAddr) -> bool,
        context: &mut Context<'_>,
    ) {
        let Self { resolver, names, searches } = self;
        for (connection, search) in searches {
            let Some(name) = names.get(connection) else { continue };
            let look_up = || resolve::begin(resolver, name);
            if let Some(address) = search.next_address(now, look_up, &can_reach, context) {
                endpoint.redirect(now, *connection, address);
            }
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let due = self.searches.values().filter(|search| search.lookup.is_none());
        due.map(|search| search.next_at).min().unwrap_or(Instant::MAX)
    }
}

impl Search {
    const fn new(now: Instant) -> Self {
        Self {
            lookup: None,
            found: Vec::new(),
            waiting: VecDeque::new(),
            next_at: now,
            turn: FIRST_TURN,
            pause: FIRST_TURN,
        }
    }

    /// The address whose turn begins now, if one does. After the last one the name is resolved again.
    fn next_address(
        &mut self,
        now: Instant,
        look_up: impl Fn() -> Lookup,
        can_reach: impl Fn(SocketAddr) -> bool,
        context: &mut Context<'_>,
    ) -> Option<SocketAddr> {
        loop {
            if let Some(lookup) = &mut self.lookup {
                let Poll::Ready(found) = lookup.as_mut().poll(context) else { return None };
                self.lookup = None;
                let is_usable = |at: &SocketAddr| can_reach(*at) && why_not_unicast(at.ip()).is_none();
                let found: Vec<_> = found.unwrap_or_default().into_iter().filter(is_usable).collect();
                self.waiting = found.iter().copied().collect();
                self.next_at = now;
                if found.is_empty() {
                    // Nobody can be asked, perhaps because the network is away.
                    self.next_at = now + doubled(&mut self.pause);
                } else if found != self.found {
                    (self.turn, self.pause) = (FIRST_TURN, FIRST_TURN);
                }
                self.found = found;
            }
            if now < self.next_at {
                return None;
            }
            if let Some(address) = self.waiting.pop_front() {
                let is_last = self.waiting.is_empty();
                self.next_at = now + if is_last { doubled(&mut self.turn) } else { self.turn };
                return Some(address);
            }
            self.lookup = Some(look_up());
        }
    }
}

/// The time, which is twice as long from now on.
fn doubled(time: &mut Duration) -> Duration {
    std::mem::replace(time, (*time * 2).min(LAST_TURN))
}

/// How long the core dials one address in the first round.
const FIRST_TURN: Duration = Duration::from_millis(500);
/// And at most, after rounds that were each twice as long as the last.
const LAST_TURN: Duration = Duration::from_secs(4);
