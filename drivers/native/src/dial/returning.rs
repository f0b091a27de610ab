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

/// The connections that were made to a name, and the searches for new addresses of the interrupted connections.
pub(crate) struct Returns {
    resolver: Arc<dyn Resolver>,
    names: BTreeMap<ConnectionId, NetworkAddress>,
    searches: BTreeMap<ConnectionId, Search>,
}

/// The search for the server of one interrupted connection. The search chooses the addresses, and the core dials them.
struct Search {
    lookup: Option<Lookup>,
    /// The addresses that the latest resolution returned.
    found: Vec<SocketAddr>,
    /// The addresses in `found` that have not had their turn in this round.
    waiting: VecDeque<SocketAddr>,
    /// The time at which the next address has its turn, or the name is resolved again.
    next_at: Instant,
    /// The length of a turn in this round. The length doubles with each round, for paths with a longer round trip.
    turn: Duration,
    /// The wait after a resolution that returned no address. The wait doubles each time.
    pause: Duration,
}

impl Returns {
    pub(super) const fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, names: BTreeMap::new(), searches: BTreeMap::new() }
    }

    /// Stores that `connection` was made to `name`.
    pub(super) fn remember(&mut self, endpoint: &Endpoint, connection: ConnectionId, name: NetworkAddress) {
        self.names.retain(|id, _| endpoint.state(*id) != ConnectionState::Disconnected);
        self.names.insert(connection, name);
    }

    /// Transfers the entry of a connection whose session was lost to the connection that replaces it.
    pub(crate) fn replace(&mut self, old: ConnectionId, new: ConnectionId) {
        self.searches.remove(&old);
        if let Some(name) = self.names.remove(&old) {
            self.names.insert(new, name);
        }
    }

    /// Handles the end of a connection. If its session was lost, another connection can replace it immediately.
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

    /// Returns the address whose turn begins now, or `None` if no turn begins. After the last address, the name is
    /// resolved again.
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

/// Returns `time`, and doubles the stored value for the next call.
fn doubled(time: &mut Duration) -> Duration {
    std::mem::replace(time, (*time * 2).min(LAST_TURN))
}

/// The time for which the core dials one address in the first round.
const FIRST_TURN: Duration = Duration::from_millis(500);
/// The longest turn. Each round's turns are twice as long as those of the round before, up to this time.
const LAST_TURN: Duration = Duration::from_secs(4);
