//! Carries out the game's commands on the network thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tickwire_core::{
    Admission, AdmissionRequest, Bytes, ChannelId, ConnectionId, ConnectionState, Instant, Refusal,
};

use super::{End, NetworkThread};
use crate::backlog::{Farewell, Offered, Outbox};
use crate::command::Command;
use crate::stats::ConnectionInfo;

impl NetworkThread {
    /// Executes up to [`COMMANDS_PER_TURN`] commands. Returns whether more commands are queued.
    pub(super) fn carry_out_orders(&mut self, now: Instant) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            // Asked each time: somebody may have begun to hold.
            let Some(command) = self.shared.commands.take() else { return false };
            if !command.is_question() {
                self.coalescing.on_activity(now);
            }
            self.carry_out(now, command);
        }
        true
    }

    fn carry_out(&mut self, now: Instant, command: Command) {
        match command {
            Command::Send { connection, channel, data } => self.send(now, connection, channel, data),
            Command::Broadcast { channel, data, except, born_before } => {
                self.broadcast(now, channel, &data, &except, born_before);
            }
            Command::Connect(request) => self.dials.begin(now, *request),
            Command::Disconnect { connection, code, text, deliver_within } => match deliver_within {
                None => self.endpoint.close(now, connection, code, &text),
                Some(within) => self.close(now, connection, Farewell { code, text, deadline: now + within }),
            },
            Command::ExpectPeer { psk, peer_key, reply } => {
                reply.reply(self.endpoint.expect_peer(psk, peer_key));
            }
            Command::ForgetPeer { psk, peer_key } => self.endpoint.forget_peer(&psk, &peer_key),
            Command::Admit(policy) => {
                self.endpoint.set_authenticator(policy.guarded(Arc::clone(&self.shared.policy_panics)));
            }
            Command::LimitAll(rate) => self.endpoint.set_bandwidth(now, rate.map(|rate| rate.get().into())),
            Command::LimitOne { connection, rate } => {
                self.endpoint.set_connection_bandwidth(now, connection, rate.map(|rate| rate.get().into()));
            }
            Command::Commit => self.commit_next(now),
            Command::SetViewer { connection, viewer } => self.set_viewer(now, connection, viewer),
            Command::Snapshot(reply) => {
                self.take_snapshot(now);
                reply.reply(());
            }
            Command::Ask(question) => question(&self.endpoint),
            Command::Stop { code, text, grace, cuts_short } => {
                self.stop(now, Farewell { code, text, deadline: now + grace }, cuts_short);
            }
            Command::Abort => self.end = Some(End::AtOnce),
        }
    }

    fn send(&mut self, now: Instant, connection: ConnectionId, channel: ChannelId, data: Bytes) {
        let Some(outbox) = self.outboxes.get_mut(connection) else {
            self.counters.messages_too_late += 1;
            return;
        };
        match outbox.offer(now, &mut self.endpoint, connection, channel, data) {
            Offered::TooLate => self.counters.messages_too_late += 1,
            Offered::Waits => {
                self.counters.messages_sent += 1;
                if outbox.gate().is_full(channel) {
                    self.shared.full_somewhere.store(true, Ordering::Release);
                }
            }
            Offered::Taken => self.counters.messages_sent += 1,
        }
    }

    fn broadcast(
        &mut self,
        now: Instant,
        channel: ChannelId,
        data: &Bytes,
        except: &[ConnectionId],
        born_before: u64,
    ) {
        // In the order of their ids, so that equal histories give equal outputs.
        let is_meant =
            |id: ConnectionId, outbox: &Outbox| outbox.born() < born_before && !except.contains(&id);
        let meant = self.outboxes.iter().filter(|(id, outbox)| is_meant(*id, outbox));
        let meant: Vec<ConnectionId> = meant.map(|(id, _)| id).collect();
        for &connection in &meant {
            self.send(now, connection, channel, data.clone());
        }
    }

    /// Closes all connections and ends the thread. Connections that are already closing keep their deadline, unless the
    /// stop `cuts_short`.
    fn stop(&mut self, now: Instant, farewell: Farewell, cuts_short: bool) {
        let all: Vec<ConnectionId> = self.endpoint.connections().collect();
        let mut at = farewell.deadline;
        for &connection in &all {
            match self.outboxes.get(connection).and_then(Outbox::leaves_by) {
                Some(leaves_by) if !cuts_short => at = at.max(leaves_by),
                _ => self.close(now, connection, farewell.clone()),
            }
        }
        self.endpoint.set_authenticator(|_: &AdmissionRequest<'_>| {
            Admission::Refuse(Refusal::Other { code: 0, text: "the server is stopping".into() })
        });
        self.end = Some(End::Graceful { at: at + GOOD_BYE, leaving: all });
    }

    /// Closes a connection once its messages are delivered, including messages that the core has not accepted yet.
    fn close(&mut self, now: Instant, connection: ConnectionId, farewell: Farewell) {
        match self.outboxes.get_mut(connection) {
            Some(outbox) => {
                outbox.close(now, &mut self.endpoint, connection, farewell);
                if outbox.deadline().is_some() {
                    self.leaving.insert(connection);
                }
            }
            // It is not made yet: nothing waits for it here.
            None => {
                let Farewell { code, text, deadline } = farewell;
                self.endpoint.close_after_delivery(now, connection, code, &text, deadline);
            }
        }
    }

    /// Stores current reports of connections and counters for the game.
    pub(super) fn take_snapshot(&mut self, now: Instant) {
        let connections = self.outboxes.keys();
        let connections: Vec<ConnectionInfo> =
            connections.filter_map(|connection| ConnectionInfo::of(&self.endpoint, connection)).collect();
        let shared = &self.shared;
        let mut network = self.counters.clone();
        network.uptime = now.saturating_since(Instant::ZERO);
        network.connections =
            connections.iter().filter(|info| info.state == ConnectionState::Connected).count();
        network.half_open = self.endpoint.half_open();
        network.memory = self.endpoint.memory();
        network.drops = self.endpoint.drops().clone();
        network.policy_panics = shared.policy_panics.load(Ordering::Relaxed);
        network.messages_rejected = shared.messages_rejected.load(Ordering::Relaxed);
        network.commands_refused = shared.commands.refused();
        network.commands_waiting = shared.commands.len();
        network.event_stalls = shared.events.stalls();
        network.events_waiting = shared.events.len();
        network.worlds = self.tally.totals();
        shared.with_snapshot(|snapshot| {
            snapshot.taken_at = Some(std::time::Instant::now());
            snapshot.connections = connections;
            snapshot.network = network;
        });
    }
}

/// The number of commands executed before the socket is read.
const COMMANDS_PER_TURN: usize = 1024;
/// The time for closing connections after the time that is allowed for deliveries.
const GOOD_BYE: Duration = Duration::from_secs(2);
