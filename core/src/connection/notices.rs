//! The events of a connection other than messages. Each kind of event has reserved memory, so a slow application loses no
//! event, and a peer cannot increase the memory for events.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::address::Address;
use crate::event::{CloseReason, ConnectionId, Event, PeerInfo, ResumeOverFailure, Unconfirmed};

/// The reserved places for the notices of one connection.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// The waiting notices. `None` in most connections.
    pending: Option<Box<Pending>>,
    interrupted: bool,
    /// `true` if `Interrupted` was reported, and `Resumed` was not reported after it.
    is_away: bool,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Pending {
    connected: Option<(Address, PeerInfo, Option<ConnectionId>)>,
    resumed: Option<Address>,
    moved: Option<Address>,
    rate: Option<u64>,
    not_resumed: Option<(Address, ResumeOverFailure)>,
    closed: Option<(CloseReason, Vec<Unconfirmed>)>,
}

impl Notices {
    pub(crate) fn connected(&mut self, address: Address, peer: PeerInfo, replaces: Option<ConnectionId>) {
        self.pending().connected = Some((address, peer, replaces));
    }

    pub(crate) fn interrupted(&mut self) {
        // A resumption that was not told yet never happened, as far as anybody knows.
        self.take(|pending| pending.resumed.take());
        self.interrupted = !self.is_away;
    }

    pub(crate) fn resumed(&mut self, address: Address) {
        let pending = self.pending();
        pending.moved = None;
        pending.resumed = Some(address);
    }

    pub(crate) fn moved(&mut self, address: Address) {
        self.pending().moved = Some(address);
    }

    /// Records that the session could not be moved to the path to `address`.
    pub(crate) fn resume_over_failed(&mut self, address: Address, failure: ResumeOverFailure) {
        if !self.is_closed {
            self.pending().not_resumed = Some((address, failure));
        }
    }

    /// Records that the path now carries `bytes_per_second`.
    pub(crate) fn rate_changed(&mut self, bytes_per_second: u64) {
        if !self.is_closed {
            self.pending().rate = Some(bytes_per_second);
        }
    }

    /// Records that the connection has ended. [`Notices::closed`] follows once the fate of every message is known.
    pub(crate) const fn end(&mut self) {
        self.is_closed = true;
    }

    /// Records the final notice, once.
    pub(crate) fn closed(&mut self, reason: CloseReason, unconfirmed: Vec<Unconfirmed>) {
        self.pending().closed = Some((reason, unconfirmed));
    }

    /// Drops all notices and accepts no more, because the application does not know this connection.
    pub(crate) fn silence(&mut self) {
        *self = Self { is_closed: true, ..Self::default() };
    }

    /// Returns `true` if the connection has ended, whether or not `Closed` was reported.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Returns `true` if `Closed` was recorded and reported.
    pub(crate) fn closed_was_told(&self) -> bool {
        self.is_closed && self.pending.as_ref().is_none_or(|pending| pending.closed.is_none())
    }

    /// Returns the next notice that is reported before messages.
    pub(crate) fn next_before_messages(&mut self, connection: ConnectionId) -> Option<Event> {
        if !self.is_pending() {
            return None;
        }
        if let Some((address, peer, replaces)) = self.take(|pending| pending.connected.take()) {
            return Some(Event::Connected { connection, address, peer, replaces });
        }
        if core::mem::take(&mut self.interrupted) {
            self.is_away = true;
            return Some(Event::Interrupted { connection });
        }
        if let Some(address) = self.take(|pending| pending.resumed.take()) {
            self.is_away = false;
            return Some(Event::Resumed { connection, address });
        }
        if let Some(address) = self.take(|pending| pending.moved.take()) {
            return Some(Event::Moved { connection, address });
        }
        if let Some((address, failure)) = self.take(|pending| pending.not_resumed.take()) {
            return Some(Event::ResumeOverFailed { connection, address, failure });
        }
        let bytes_per_second = self.take(|pending| pending.rate.take())?;
        Some(Event::RateChanged { connection, bytes_per_second })
    }

    /// Returns the notice that is reported after all other events.
    pub(crate) fn take_closed(&mut self, connection: ConnectionId) -> Option<Event> {
        let (reason, unconfirmed) = self.take(|pending| pending.closed.take())?;
        Some(Event::Closed { connection, reason, unconfirmed })
    }

    /// Returns `true` if a notice waits to be reported.
    pub(crate) const fn is_pending(&self) -> bool {
        self.interrupted || self.pending.is_some()
    }

    fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    fn take<T>(&mut self, take: impl FnOnce(&mut Pending) -> Option<T>) -> Option<T> {
        let taken = take(self.pending.as_deref_mut()?);
        self.pending.take_if(|pending| pending.is_empty());
        taken
    }
}

impl Pending {
    const fn is_empty(&self) -> bool {
        self.connected.is_none()
            && self.resumed.is_none()
            && self.moved.is_none()
            && self.rate.is_none()
            && self.not_resumed.is_none()
            && self.closed.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::LinkId;

    fn told(notices: &mut Notices) -> Vec<Event> {
        core::iter::from_fn(|| notices.next_before_messages(ConnectionId::default())).collect()
    }

    #[test]
    fn a_resumption_followed_by_an_interruption_before_the_next_poll_is_not_reported() {
        let here = Address::Link(LinkId(1));
        let mut notices = Notices::default();
        // A peer that came back on another link was never away.
        notices.resumed(here);
        notices.interrupted();
        assert!(matches!(told(&mut notices)[..], [Event::Interrupted { .. }]));
        notices.resumed(here);
        notices.interrupted();
        assert!(told(&mut notices).is_empty());
        notices.resumed(here);
        assert!(matches!(told(&mut notices)[..], [Event::Resumed { .. }]));
        notices.interrupted();
        notices.resumed(here);
        assert!(matches!(told(&mut notices)[..], [Event::Interrupted { .. }, Event::Resumed { .. }]));
    }
}
