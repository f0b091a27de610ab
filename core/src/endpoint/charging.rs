//! Assigns connections to accounts: when a connection joins an account, changes its account, and leaves the account.

use super::Endpoint;
use super::authenticator::Admission;
use crate::connection::Connection;
use crate::event::{ConnectionId, Refusal};
use crate::source::Source;
use crate::time::Instant;

impl Endpoint {
    /// Counts an accepted connection towards the limit of its source. Without a source, the connection waits for one.
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

    /// Stops counting a connection towards the limit of its source, or ends its wait for a source.
    pub(super) fn close_account(&mut self, connection: ConnectionId) {
        let source = self.connections.member_mut(connection).and_then(|member| member.source.take());
        match source {
            Some(source) => self.accounts.leave(source),
            None => {
                self.accounts.end_wait(connection);
            }
        }
    }

    /// Updates the account of a connection whose peer answered from a new address.
    ///
    /// A new connection begins to count towards the limit of its source, or ends if the limit does not allow it. A
    /// session that already counts for another source moves to the new source if the limit allows. Otherwise the session
    /// still counts for the old source. Two addresses therefore never occupy more than two shares, and no session that
    /// counts for a source is closed.
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

    /// Ends the new connections whose address did not answer in time.
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
