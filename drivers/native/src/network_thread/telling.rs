//! Translates the core's events into the game's events.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tickwire_core::{CloseReason, ConnectionId, Event, Instant};

use super::NetworkThread;
use crate::backlog::Outbox;
use crate::shared::Gate;

impl NetworkThread {
    /// Passes events to the game's queue until none are left or the queue is full. Messages that the driver does not poll
    /// use up the peer's flow-control credit.
    pub(super) fn tell(&mut self, now: Instant) {
        self.shared.worlds.give_back(&mut self.endpoint);
        let mut is_news = false;
        let mut has_waited = self.held.is_some();
        loop {
            let Some(event) = self.next_news(now) else { break };
            let pushed = match self.end {
                None => self.shared.events.push(event),
                // Whoever stops the endpoint waits for it, and may drain nothing meanwhile.
                Some(_) => self.shared.events.push_or_spill(event, false),
            };
            match pushed {
                Ok(()) => {
                    is_news = true;
                    has_waited = false;
                }
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
            self.coalescing.on_activity(now);
            self.shared.events.announce();
        }
    }

    /// Passes the core's remaining events to the game when the thread ends, because their messages were acknowledged to
    /// the senders.
    pub(super) fn tell_the_rest(&mut self, now: Instant) {
        while let Some(event) = self.next_news(now) {
            // The queue takes all of it now.
            let _told = self.shared.events.push_or_spill(event, true);
        }
        if let Some(text) = self.failure.take() {
            let event = Event::Closed {
                connection: ConnectionId::default(),
                reason: CloseReason::Driver { text },
                unconfirmed: Vec::new(),
            };
            let _told = self.shared.events.push_or_spill(event, true);
        }
    }

    /// Tells the game that the thread ends because of a panic. A panic may have left the core in an inconsistent state, so
    /// this function does not call the core.
    pub(super) fn tell_panic(&mut self, words: &str) {
        let text = format!("the network thread panicked: {words}; the endpoint has stopped; start a new one");
        if let Some(event) = self.held.take() {
            let _told = self.shared.events.push_or_spill(event, true);
        }
        for connection in self.outboxes.keys().chain([ConnectionId::default()]) {
            let reason = CloseReason::Driver { text: text.clone() };
            let event = Event::Closed { connection, reason, unconfirmed: Vec::new() };
            let _told = self.shared.events.push_or_spill(event, true);
        }
    }

    /// Returns the next event for the game.
    fn next_news(&mut self, now: Instant) -> Option<Event> {
        if let Some(event) = self.held.take() {
            return Some(event);
        }
        if let Some((connection, channel)) = self.with_room.pop_first() {
            return Some(Event::SendReady { connection, channel });
        }
        while let Some(mut event) = self.endpoint.poll_event() {
            if !self.is_kept_from_game(now, &mut event) {
                return Some(event);
            }
        }
        let reason = self.dials.next_failure()?;
        Some(Event::Closed { connection: ConnectionId::default(), reason, unconfirmed: Vec::new() })
    }

    /// Updates the driver's state from an event, and completes the event. Returns whether the event must not reach the
    /// game.
    fn is_kept_from_game(&mut self, now: Instant, event: &mut Event) -> bool {
        match event {
            // It was made while the attempt that it belongs to took another one.
            Event::Connected { connection, .. } if self.dials.is_silenced(*connection) => return true,
            Event::Connected { connection, replaces, .. } => {
                if let Some(old) = replaces {
                    self.dials.returns.replace(*old, *connection);
                }
                self.on_connected(now, *connection);
            }
            Event::Message { .. } => self.counters.messages_received += 1,
            Event::SendReady { connection, channel } => {
                let Some(outbox) = self.outboxes.get_mut(*connection) else { return true };
                return !outbox.on_send_ready(now, &mut self.endpoint, *connection, *channel);
            }
            Event::Interrupted { connection } => {
                self.dials.returns.on_interrupted(now, *connection);
                self.set_interrupted(*connection, true);
            }
            Event::Resumed { connection, .. } => {
                self.dials.returns.on_resumed(*connection);
                self.set_interrupted(*connection, false);
            }
            Event::Closed { connection, reason, unconfirmed } => {
                if let (Some(text), CloseReason::Local { .. }) = (&self.failure, &*reason) {
                    *reason = CloseReason::Driver { text: text.clone() };
                }
                self.shared.table().remove(*connection);
                self.tally.forget(*connection);
                if let Some(mut outbox) = self.outboxes.remove(*connection) {
                    unconfirmed.extend(outbox.give_up(&self.shared.facts.channels));
                    unconfirmed.sort_unstable_by_key(|of| (of.channel, of.message));
                    self.counters.messages_given_up += outbox.take_given_up();
                }
                self.with_room.retain(|(id, _)| id != connection);
                return self.dials.on_closed(now, &mut self.endpoint, *connection, reason);
            }
            _ => {}
        }
        false
    }

    fn on_connected(&mut self, now: Instant, connection: ConnectionId) {
        let gate = Arc::new(Gate::default());
        let born = self.shared.table().insert(connection, Arc::clone(&gate));
        self.outboxes.insert(connection, Outbox::new(gate, born));
        self.dials.on_connected(now, &mut self.endpoint, connection);
    }

    fn set_interrupted(&self, connection: ConnectionId, is_interrupted: bool) {
        if let Some(outbox) = self.outboxes.get(connection) {
            outbox.gate().is_interrupted.store(is_interrupted, Ordering::Release);
        }
    }
}
