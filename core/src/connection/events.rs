//! Events of a connection in the promised order: `Connected` is the first event, and `Closed` is the final event.

use super::Connection;
use crate::event::Event;
use crate::snapshot::spare_changes::SpareChanges;

impl Connection {
    /// Returns the next event.
    pub(crate) fn next_event(&mut self, spare: &mut SpareChanges) -> Option<Event> {
        let connection = self.id;
        if let Some(event) = self.notices.next_before_messages(connection) {
            return Some(event);
        }
        let is_closed = self.notices.is_closed();
        if let Some(event) = self.session.next_event(connection, is_closed, spare) {
            return Some(event);
        }
        self.notices.take_closed(connection)
    }

    /// Returns `true` if [`Connection::next_event`] would return an event.
    pub(crate) fn has_event(&self) -> bool {
        self.notices.is_pending() || self.session.has_event(self.notices.is_closed())
    }
}
