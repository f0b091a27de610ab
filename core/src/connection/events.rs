//! What a connection tells, in the order promised: `Connected` first, `Closed` last and once.

use super::Connection;
use crate::event::Event;

impl Connection {
    /// The next event.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let connection = self.id;
        if let Some(event) = self.notices.next_before_messages(connection) {
            return Some(event);
        }
        if let Some((channel, message)) = self.send.take_delivered() {
            return Some(Event::Delivered { connection, channel, message });
        }
        if let Some((channel, data)) = self.receive.pop() {
            return Some(Event::Message { connection, channel, data });
        }
        if let Some(channel) = self.ready.take().filter(|_| !self.notices.is_closed()) {
            return Some(Event::SendReady { connection, channel });
        }
        self.notices.take_closed(connection)
    }

    /// Whether [`Connection::next_event`] would return one.
    pub(crate) fn has_event(&self) -> bool {
        self.notices.is_pending()
            || self.receive.has_messages()
            || self.send.has_delivered()
            || (!self.notices.is_closed() && self.ready.is_some())
    }
}
