//! The server's loop: it sleeps until the next deadline or request, handles events and requests, and runs the ticks of the
//! game. An idle game has no deadlines.

use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use std::time::{Duration, Instant};

use tickwire_core::message::{Outcome, Verdict};
use tickwire_core::text::Counted;
use tickwire_core::{CloseReason, ConnectionId, Event, Fate};
use tickwire_native::Ending;

use crate::allowance::{Charged, Limits};
use crate::client::{ClientId, shown_address};
use crate::clock_watch::ClockWatch;
use crate::codes;
use crate::config::duration::Shown;
use crate::console;
use crate::error::ServerError;
use crate::game::Game;
use crate::mailbox::Call;
use crate::presence_log::Presence;
use crate::pulse::Turn;
use crate::remote::Order;
use crate::replication::Replication;
use crate::schedule::Due;
use crate::server::Dedicated;
use crate::stop::Summary;

impl<G: Game> Dedicated<G> {
    /// Runs the server until the game, a console command or a [`crate::Remote`] stops it.
    ///
    /// # Errors
    /// [`ServerError::NetworkDied`] if the network driver fails.
    pub fn run(mut self) -> Result<Summary, ServerError> {
        let mut report = OverrunReport::default();
        let mut clocks = ClockWatch::new(Instant::now());
        loop {
            for warning in clocks.look(Instant::now(), || self.context.network.clock_report()) {
                tracing::warn!("{warning}");
            }
            if self.is_at_rest {
                self.rest(&mut report);
            } else {
                let deadline = self.sleep();
                self.step(deadline, &mut report);
            }
            if let Some(why) = self.context.stop.take() {
                return Ok(self.shut_down(&why));
            }
            if !self.context.network.is_running() {
                return Err(self.bury_network());
            }
        }
    }

    /// Handles the remaining events of a network driver that has ended, and returns the error of the server. A failed attempt to
    /// connect is reported in the same way as a failure of the driver, so a report that is not recent is ignored.
    fn bury_network(&mut self) -> ServerError {
        while let Some(event) = self.context.network.next_event() {
            self.take(event);
        }
        self.sum_up_presence(true);
        let reason = self.network_failure.take().filter(|(told, _)| told.elapsed() < RECENT);
        ServerError::NetworkDied { reason: reason.map(|(_, text)| text) }
    }

    /// Runs the ticks that are due. `deadline` is the planned end of the sleep.
    fn step(&mut self, deadline: Instant, report: &mut OverrunReport) {
        let due = self.schedule.advance(deadline, Instant::now());
        if due.ticks > 0 {
            self.turn(due, None);
            report.note(due, self.schedule.step());
        }
    }

    /// Sleeps until the next deadline, and returns the deadline. Requests are handled immediately.
    fn sleep(&mut self) -> Instant {
        let is_alone = self.context.clients.len() == 0;
        let deadline = if is_alone { self.schedule.rest_deadline() } else { self.schedule.deadline() };
        self.sleep_until(deadline);
        deadline
    }

    /// Handles requests until `deadline`, or until the server must stop.
    fn sleep_until(&mut self, deadline: Instant) {
        while self.context.stop.is_none() {
            match self.orders.take_by(deadline) {
                Some(order) => self.obey(order),
                None => break,
            }
            // A flood of orders must not hold the tick.
            if Instant::now() >= deadline {
                break;
            }
        }
    }

    /// Waits until an event or a request arrives or [`REST_MOST`] has passed, and then handles the event or request. The
    /// method then waits for the time of the next tick if no tick was run, so that a flood causes at most twice as many
    /// turns as there are ticks.
    fn rest(&mut self, report: &mut OverrunReport) {
        let handle = self.context.network.clone();
        let waker = Waker::from(Arc::clone(&self.orders));
        // What rang before has been taken in.
        self.orders.hush();
        let mut first = None;
        let call = match pin!(handle.event()).as_mut().poll(&mut task::Context::from_waker(&waker)) {
            Poll::Ready(event) => {
                first = event;
                Call::Bell
            }
            Poll::Pending => self.orders.rest_by(Instant::now() + REST_MOST),
        };
        if matches!(call, Call::Deadline) && self.game.is_at_rest() {
            self.sum_up_presence(false);
            let rested = self.schedule.rest(Instant::now());
            self.leave_out(rested);
            return;
        }
        self.replication.iter_mut().for_each(Replication::wake);
        let due = self.schedule.wake(Instant::now());
        self.leave_out(due.rested);
        if let Call::Letter(order) = call {
            self.obey(order);
        }
        if self.context.stop.is_some() {
            return;
        }
        self.turn(due, first);
        if due.ticks == 0 {
            // The game is awake: what holds it up from here on makes it late.
            let deadline = self.schedule.deadline();
            self.sleep_until(deadline);
            self.step(deadline, report);
        }
    }

    /// Adds ticks that an idle game skipped to the tick number and to the counters.
    fn leave_out(&mut self, rested: u64) {
        self.context.tick += rested;
        self.pulse.note_rest(rested);
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Line { text, reply } => {
                // Who asked may be gone.
                let _gone = reply.send(console::run(self, &text));
            }
            Order::Stop(why) => {
                self.context.stop.get_or_insert(why);
            }
            // The log says what came of it.
            Order::Reload => drop(self.reload()),
        }
    }

    /// Runs one turn: handles the waiting events, `first` before all others, runs the ticks that are due, and sends the
    /// network update if it is due.
    fn turn(&mut self, due: Due, first: Option<Event>) {
        let began = Instant::now();
        // What this turn sends leaves together.
        let handle = self.context.network.clone();
        let hold = handle.hold();
        if let Some(event) = first {
            self.take(event);
        }
        // No more than is there now: a flood must not hold the tick.
        for _ in 0..handle.events_waiting() {
            let Some(event) = handle.next_event() else { break };
            self.take(event);
        }
        let step = self.schedule.step();
        for _ in 0..due.ticks {
            if self.context.stop.is_some() {
                break;
            }
            self.context.tick += 1;
            self.with_game(|game, server| game.tick(server, step));
        }
        if due.network {
            self.with_game(Game::network_update);
            self.replicate();
        }
        drop(hold);
        // Time that orders and this turn took is not rest: steps that are due by now are caught up with, or counted as skipped.
        let now = Instant::now();
        self.is_at_rest = due.ticks > 0 && !self.schedule.is_behind(now) && self.may_rest(now);
        self.sum_up_presence(false);
        self.pulse.note(&Turn {
            ticks: due.ticks,
            overran: due.overrun.is_some(),
            skipped: due.skipped,
            busy: began.elapsed(),
        });
    }

    /// Handles one event, and passes it to the game.
    pub(crate) fn take(&mut self, event: Event) {
        self.with_game(|game, server| game.event(server, &event));
        match event {
            Event::Connected { connection, address, peer, .. } => {
                let id = self.context.clients.join(self.context.network.now(), connection, address, peer);
                self.limit(connection);
                if self.may_log(Presence::Joined) {
                    tracing::info!("client {id} joined from {}", shown_address(address));
                }
                self.with_game(|game, server| game.joined(server, id));
                self.show_world(id);
            }
            Event::Message { connection, data, .. } => self.deliver(connection, &data),
            Event::Interrupted { connection } => self.set_interrupted(connection, true),
            Event::Resumed { connection, address } => {
                self.note_address(connection, address);
                self.set_interrupted(connection, false);
            }
            Event::Moved { connection, address } => self.note_address(connection, address),
            Event::Closed { connection, reason, unconfirmed } => {
                if let CloseReason::Driver { text } = &reason {
                    self.network_failure = Some((Instant::now(), text.clone()));
                }
                let not_sent = unconfirmed.iter().filter(|message| message.fate == Fate::NotSent).count();
                let unconfirmed = unconfirmed.len() - not_sent;
                self.not_sent += not_sent as u64;
                self.unconfirmed += unconfirmed as u64;
                let now = self.context.network.now();
                let Some(client) = self.context.clients.leave(now, connection) else { return };
                self.inbox.forget(client.id);
                let replication = self.replication.iter_mut();
                replication.for_each(|replication| replication.writer.forget_connection(connection));
                if self.may_log(Presence::Left) {
                    tracing::info!(
                        "client {} left: {}; {} were not sent, and {unconfirmed} sent messages were not acknowledged",
                        client.id,
                        Ending(&reason),
                        Counted(not_sent as u64, "message")
                    );
                }
                self.with_game(|game, server| game.left(server, client.id, &reason));
            }
            _ => {}
        }
    }

    fn deliver(&mut self, connection: ConnectionId, data: &[u8]) {
        let now = self.context.network.now();
        let Some(client) = self.context.clients.of_connection(connection) else { return };
        let id = client.id;
        let limits =
            Limits { messages: self.config.client_message_limit, bytes: self.config.client_byte_limit };
        match client.allowance.charge(limits, now, data.len()) {
            Charged::Within => {}
            Charged::Exceeded(why) => return self.send_away(id, connection, codes::FLOODING, &why),
            Charged::Ignored => return,
        }
        let outcome = self.inbox.dispatch(now, &mut self.game, &mut self.context, id, data);
        let verdict = match outcome {
            // Of a type that only the server sends.
            Outcome::Handled { handlers: 0, .. } => self.inbox.violated(now, id),
            Outcome::Handled { .. } => {
                self.taken += 1;
                return;
            }
            Outcome::Rejected { verdict, .. } => verdict,
        };
        if verdict == Verdict::Close {
            self.send_away(id, connection, codes::INVALID_MESSAGES, "too many invalid messages");
        }
    }

    /// Closes the connection of a client that exceeds its limits.
    fn send_away(&mut self, id: ClientId, connection: ConnectionId, code: u16, why: &str) {
        if self.may_log(Presence::SentAway) {
            tracing::warn!("client {id} is disconnected: {why}");
        }
        // The game's thread waits for room: it is refused nothing.
        let _taken = self.context.network.disconnect(connection, code, why);
    }

    /// Returns whether an event of a client gets a log line of its own. Otherwise a summary counts the event.
    fn may_log(&mut self, what: Presence) -> bool {
        self.presence_log.may_log(self.context.network.now(), what)
    }

    /// Logs the numbers of client events that were left out, if a summary is due.
    pub(crate) fn sum_up_presence(&mut self, at_once: bool) {
        match self.presence_log.sum_up(self.context.network.now(), at_once) {
            // As grave as the gravest line that it stands for.
            Some(left_out) if left_out.has_warnings() => tracing::warn!("clients: {left_out}"),
            Some(left_out) => tracing::info!("clients: {left_out}"),
            None => {}
        }
    }

    /// Applies the configured bandwidth limit to one client.
    pub(crate) fn limit(&self, connection: ConnectionId) {
        let limit = self.config.client_bandwidth_limit;
        let _taken = self.context.network.set_connection_bandwidth_limit(connection, limit);
    }

    fn set_interrupted(&mut self, connection: ConnectionId, is_interrupted: bool) {
        let Some(client) = self.context.clients.of_connection(connection) else { return };
        client.is_interrupted = is_interrupted;
        let id = client.id;
        if is_interrupted {
            if self.may_log(Presence::FellSilent) {
                let kept = Shown(self.config.resume_window);
                tracing::info!(
                    "client {id} stopped answering; the server keeps the client's session for {kept}"
                );
            }
            self.with_game(|game, server| game.interrupted(server, id));
        } else {
            if self.may_log(Presence::CameBack) {
                tracing::info!("client {id} resumed its session after an interruption");
            }
            self.with_game(|game, server| game.resumed(server, id));
        }
    }

    fn note_address(&mut self, connection: ConnectionId, address: tickwire_core::Address) {
        if let Some(client) = self.context.clients.of_connection(connection) {
            client.address = address;
        }
    }
}

/// A report on overruns, which the server logs a few times a minute at most.
#[derive(Default)]
struct OverrunReport {
    last: Option<Instant>,
    count: u32,
    skipped: u64,
    worst: Duration,
}

impl OverrunReport {
    fn note(&mut self, due: Due, step: Duration) {
        let Some(late) = due.overrun else { return };
        self.count += 1;
        self.skipped += due.skipped;
        self.worst = self.worst.max(late);
        if self.last.is_none_or(|last| last.elapsed() >= REPORT_EVERY) {
            tracing::warn!(
                "the server is too slow: {} began late, the worst by {:.1?} (the tick interval is {step:.1?}), and {} ticks were skipped; \
                 lower `tick_rate`, or give the server more processor time",
                Counted(self.count.into(), "tick"),
                self.worst,
                self.skipped
            );
            *self = Self { last: Some(Instant::now()), ..Self::default() };
        }
    }
}

/// The longest time for which the server leaves an idle game alone. The regular check distinguishes an idle server from
/// a server that hangs.
const REST_MOST: Duration = Duration::from_secs(1);
/// The time after a reported network failure within which the failure counts as the cause of the end of the network
/// thread.
const RECENT: Duration = Duration::from_secs(10);
const REPORT_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServerConfig;
    use crate::world::World;

    #[test]
    fn a_failed_network_thread_is_reported_even_without_clients() {
        let folder = tempfile::tempdir().unwrap();
        let start = || {
            let config = ServerConfig {
                bind_address: "127.0.0.1:0".parse().unwrap(),
                key_file: folder.path().join("key"),
                ban_file: folder.path().join("bans"),
                ..ServerConfig::default()
            };
            Dedicated::start(World::default(), config).unwrap()
        };
        let mut server = start();
        server.network = None;
        server.take(Event::Closed {
            connection: ConnectionId::default(),
            reason: CloseReason::Driver { text: "receiving has failed: no memory".into() },
            unconfirmed: Vec::new(),
        });
        let error = server.run().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the network thread has stopped: receiving has failed: no memory; remove the cause, and start the server again"
        );
        assert_eq!(error.exit_code(), 1);
        let mut server = start();
        server.network = None;
        assert!(
            server.run().unwrap_err().to_string().contains("please report the last message of the thread")
        );
    }
}
