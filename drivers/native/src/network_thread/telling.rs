//! From the core's events to the game's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tickwire_core::{ChannelId, ConnectionId, Event, Instant};

use super::NetworkThread;
use crate::backlog::Outbox;
use crate::shared::Gate;

impl NetworkThread {
    /// Moves events to the game's queue until there are none, or no room. What is not polled holds the peer's credit back.
    pub(super) fn tell(&mut self, now: Instant) {
        let mut is_news = false;
        let mut has_waited = self.held.is_some();
        loop {
            let event = match self.held.take() {
                Some(event) => event,
                None => {
                    let Some(event) = self.endpoint.poll_event() else { break };
                    if self.is_kept_from_game(now, &event) {
                        continue;
                    }
                    event
                }
            };
            match self.shared.events.push(event) {
                Ok(()) => {
                    is_news = true;
                    has_waited = false;
                }
                // Whoever stops the endpoint waits for it, and drains nothing meanwhile.
                Err(_) if self.end.is_some() => {}
                Err(event) => {
                    if !has_waited {
                        self.shared.events.count_stall();
                    }
                    self.held = Some(event);
                    break;
                }
            }
        }
        if is_news {
            self.shared.events.announce();
        }
    }

    /// Says that a channel takes messages again. The queue may have no room: then the next `send` finds it out.
    pub(super) fn announce_room(&mut self, connection: ConnectionId, channel: ChannelId) {
        if self.held.is_none()
            && let Err(event) = self.shared.events.push(Event::SendReady { connection, channel })
        {
            self.held = Some(event);
        }
        self.shared.events.announce();
    }

    /// Notes what the driver has to know of an event. Says whether the game need not see it.
    fn is_kept_from_game(&mut self, now: Instant, event: &Event) -> bool {
        match event {
            Event::Connected { connection, .. } => self.on_connected(now, *connection),
            Event::Message { .. } => self.counters.messages_received += 1,
            Event::SendReady { connection, channel } => {
                let Some(outbox) = self.outboxes.get_mut(*connection) else { return true };
                return !outbox.on_send_ready(now, &mut self.endpoint, *connection, *channel);
            }
            Event::Interrupted { connection } => self.set_interrupted(*connection, true),
            Event::Resumed { connection, .. } => self.set_interrupted(*connection, false),
            Event::Closed { connection, reason, .. } => {
                self.shared.table_mut().remove(*connection);
                self.outboxes.remove(*connection);
                return self.dials.on_closed(now, &mut self.endpoint, *connection, reason);
            }
            _ => {}
        }
        false
    }

    fn on_connected(&mut self, now: Instant, connection: ConnectionId) {
        let gate = Arc::new(Gate::default());
        self.shared.table_mut().insert(connection, Arc::clone(&gate));
        self.outboxes.insert(connection, Outbox::new(gate));
        self.dials.on_connected(now, &mut self.endpoint, connection);
    }

    fn set_interrupted(&self, connection: ConnectionId, is_interrupted: bool) {
        if let Some(outbox) = self.outboxes.get(connection) {
            outbox.gate().is_interrupted.store(is_interrupted, Ordering::Release);
        }
    }
}
