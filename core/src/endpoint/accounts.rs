//! On whose account connections go: an address that is proven to be the peer's pays for its place, and no other.

use alloc::collections::{BTreeMap, VecDeque};

use super::Endpoint;
use super::accept::Admission;
use crate::config::Config;
use crate::connection::Connection;
use crate::event::{ConnectionId, Refusal};
use crate::limits;
use crate::source::Source;
use crate::time::Instant;

/// The connections that were accepted, counted by source, and those that no source pays for yet.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    counts: BTreeMap<Source, usize>,
    /// Newcomers whose address has yet to answer, and until when it may, the earliest first.
    unvalidated: VecDeque<(Instant, ConnectionId)>,
}

impl Accounts {
    /// Connections on the account of `source`.
    fn count(&self, source: Source) -> usize {
        self.counts.get(&source).copied().unwrap_or(0)
    }

    /// Whether one more connection may go on the account of `source`.
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

    /// Whether one more newcomer may wait for an answer from its address.
    pub(super) fn may_wait(&self) -> bool {
        self.unvalidated.len() < limits::UNVALIDATED
    }

    pub(super) fn wait(&mut self, now: Instant, connection: ConnectionId) {
        self.unvalidated.push_back((now + limits::UNVALIDATED_FOR, connection));
    }

    /// Says whether `connection` waited.
    pub(super) fn end_wait(&mut self, connection: ConnectionId) -> bool {
        let before = self.unvalidated.len();
        self.unvalidated.retain(|(_, waiting)| *waiting != connection);
        self.unvalidated.len() < before
    }

    /// When the first of those that wait has waited for too long; [`Instant::MAX`] if none waits.
    pub(super) fn next_timeout(&self) -> Instant {
        self.unvalidated.front().map_or(Instant::MAX, |(until, _)| *until)
    }

    fn take_expired(&mut self, now: Instant) -> Option<ConnectionId> {
        self.unvalidated.pop_front_if(|(until, _)| *until <= now).map(|(_, connection)| connection)
    }
}

impl Endpoint {
    /// Puts an accepted connection on the account of its source, or lets it wait until it has one.
    pub(super) fn open_account(&mut self, now: Instant, connection: ConnectionId, source: Option<Source>) {
        let Some(member) = self.connections.member_mut(connection) else { return };
        if let Some(old) = core::mem::replace(&mut member.source, source) {
            self.accounts.leave(old);
        }
        match source {
            Some(source) => self.accounts.join(source),
            None => self.accounts.wait(now, connection),
        }
    }

    /// Takes a connection off its account, or ends its wait for one.
    pub(super) fn close_account(&mut self, connection: ConnectionId) {
        let source = self.connections.member_mut(connection).and_then(|member| member.source.take());
        match source {
            Some(source) => self.accounts.leave(source),
            None => {
                self.accounts.end_wait(connection);
            }
        }
    }

    /// The peer of a connection answered from an address that it was not known to have.
    ///
    /// A newcomer's source begins to pay, if it has room. A session that another source pays for moves to the new account if there is
    /// room; else the old one goes on paying, so that two addresses never hold more than two shares, and nobody who is in is
    /// thrown out.
    pub(super) fn move_account(&mut self, connection: ConnectionId) {
        let Some(member) = self.connections.member(connection) else { return };
        let Some(address) = member.connection.transport_address() else { return };
        let (old, new) = (member.source, self.links.source(address));
        let has_room = self.accounts.has_room(new, &self.config);
        match old {
            Some(old) if old != new && has_room => {
                self.accounts.leave(old);
                self.accounts.join(new);
            }
            Some(_) => return,
            None if !self.accounts.end_wait(connection) => return,
            None => {
                let peer = member.connection.session().peer().clone();
                let refusal = match self.admit(address, &peer) {
                    Admission::Refuse(refusal) => Some(refusal),
                    _ => (!has_room).then_some(Refusal::TooManyFromAddress),
                };
                if let Some(refusal) = refusal {
                    self.end(connection, |state| state.turn_out(refusal));
                    return;
                }
                self.accounts.join(new);
            }
        }
        if let Some(member) = self.connections.member_mut(connection) {
            member.source = Some(new);
        }
    }

    /// Ends the newcomers whose address did not answer in time.
    pub(super) fn end_unvalidated(&mut self, now: Instant) {
        while let Some(connection) = self.accounts.take_expired(now) {
            self.end(connection, Connection::give_up_on_address);
        }
    }

    fn end(&mut self, connection: ConnectionId, end: impl FnOnce(&mut Connection)) {
        if let Some(state) = self.connections.get_mut(connection) {
            end(state);
        }
        self.refresh(connection);
    }
}
