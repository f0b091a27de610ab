//! What a connection has to tell besides messages, in reserved places: a slow application loses none of it, and a peer
//! cannot make it grow.

use alloc::vec::Vec;

use crate::address::Address;
use crate::event::{CloseReason, ConnectionId, Event, PeerInfo, Undelivered};

/// The places for notices of one connection.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    connected: Option<(Address, PeerInfo, Option<ConnectionId>)>,
    interrupted: bool,
    /// `Interrupted` was told, and `Resumed` was not told since.
    is_away: bool,
    resumed: Option<Address>,
    moved: Option<Address>,
    rate: Option<u64>,
    closed: Option<(CloseReason, Vec<Undelivered>)>,
    is_closed: bool,
}

impl Notices {
    pub(crate) fn connected(&mut self, address: Address, peer: PeerInfo, replaces: Option<ConnectionId>) {
        self.connected = Some((address, peer, replaces));
    }

    pub(crate) fn interrupted(&mut self) {
        // A resumption that was not told yet never happened, as far as anybody knows.
        self.resumed = None;
        self.interrupted = !self.is_away;
    }

    pub(crate) fn resumed(&mut self, address: Address) {
        self.moved = None;
        self.resumed = Some(address);
    }

    pub(crate) fn moved(&mut self, address: Address) {
        self.moved = Some(address);
    }

    /// The path carries so many bytes per second now.
    pub(crate) const fn rate_changed(&mut self, bytes_per_second: u64) {
        if !self.is_closed {
            self.rate = Some(bytes_per_second);
        }
    }

    /// The last notice. Only the first one counts.
    pub(crate) fn closed(&mut self, reason: CloseReason, undelivered: Vec<Undelivered>) {
        if !self.is_closed {
            self.is_closed = true;
            self.closed = Some((reason, undelivered));
        }
    }

    /// Nothing is ever told of this connection: the application never heard of it.
    pub(crate) fn silence(&mut self) {
        *self = Self { is_closed: true, ..Self::default() };
    }

    /// Whether `Closed` was noted, told or not.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether `Closed` was noted and told.
    pub(crate) const fn closed_was_told(&self) -> bool {
        self.is_closed && self.closed.is_none()
    }

    /// The next notice that comes before messages.
    pub(crate) fn next_before_messages(&mut self, connection: ConnectionId) -> Option<Event> {
        if let Some((address, peer, replaces)) = self.connected.take() {
            return Some(Event::Connected { connection, address, peer, replaces });
        }
        if core::mem::take(&mut self.interrupted) {
            self.is_away = true;
            return Some(Event::Interrupted { connection });
        }
        if let Some(address) = self.resumed.take() {
            self.is_away = false;
            return Some(Event::Resumed { connection, address });
        }
        if let Some(address) = self.moved.take() {
            return Some(Event::Moved { connection, address });
        }
        let bytes_per_second = self.rate.take()?;
        Some(Event::RateChanged { connection, bytes_per_second })
    }

    /// The notice that comes after everything else.
    pub(crate) fn take_closed(&mut self, connection: ConnectionId) -> Option<Event> {
        let (reason, undelivered) = self.closed.take()?;
        Some(Event::Closed { connection, reason, undelivered })
    }

    /// Whether anything waits to be told.
    pub(crate) const fn is_pending(&self) -> bool {
        self.connected.is_some()
            || self.interrupted
            || self.resumed.is_some()
            || self.moved.is_some()
            || self.rate.is_some()
            || self.closed.is_some()
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
    fn an_interruption_is_told_whatever_was_not_told_before_it() {
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
