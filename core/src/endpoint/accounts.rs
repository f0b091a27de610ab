//! The accounts that limit connections per source. A connection counts towards the limit of an address only after the
//! peer has proved that it receives at this address.

use alloc::collections::{BTreeMap, VecDeque};

use crate::config::Config;
use crate::event::ConnectionId;
use crate::limits;
use crate::source::Source;
use crate::time::Instant;

/// The accepted connections, counted by source, and the connections that no source accounts for yet.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    counts: BTreeMap<Source, usize>,
    /// New connections whose address has not been validated, with the deadline of each validation, earliest first.
    unvalidated: VecDeque<(Instant, ConnectionId)>,
}

impl Accounts {
    /// Returns the number of connections that count towards the limit of `source`.
    fn count(&self, source: Source) -> usize {
        self.counts.get(&source).copied().unwrap_or(0)
    }

    /// Returns `true` if one more connection may count towards the limit of `source`.
    pub(super) fn has_room(&self, source: Source, config: &Config) -> bool {
        self.count(source) < config.places_per_source()
    }

    pub(super) fn join(&mut self, source: Source) {
        *self.counts.entry(source).or_insert(0) += 1;
    }

    pub(super) fn leave(&mut self, source: Source) {
        if let Some(count) = self.counts.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&source);
            }
        }
    }

    /// Returns `true` if one more new connection may wait for the validation of its address.
    pub(super) fn may_wait(&self) -> bool {
        self.unvalidated.len() < limits::UNVALIDATED
    }

    pub(super) fn wait(&mut self, now: Instant, connection: ConnectionId) {
        self.unvalidated.push_back((now + limits::UNVALIDATED_FOR, connection));
    }

    /// Ends the wait of `connection`. Returns `true` if the connection waited.
    pub(super) fn end_wait(&mut self, connection: ConnectionId) -> bool {
        let before = self.unvalidated.len();
        self.unvalidated.retain(|(_, waiting)| *waiting != connection);
        self.unvalidated.len() < before
    }

    /// Returns the deadline of the connection that has waited longest, or [`Instant::MAX`] if no connection waits.
    pub(super) fn next_timeout(&self) -> Instant {
        self.unvalidated.front().map_or(Instant::MAX, |(until, _)| *until)
    }

    pub(super) fn take_expired(&mut self, now: Instant) -> Option<ConnectionId> {
        self.unvalidated.pop_front_if(|(until, _)| *until <= now).map(|(_, connection)| connection)
    }
}
