//! The players, which connect, send on every channel, leave, and return.

use core::net::SocketAddr;
use core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use tickwire_core::error::SendError;
use tickwire_core::rng::Rng;
use tickwire_core::time::Instant;
use tickwire_core::{
    Address, ChannelId, ConnectOptions, ConnectionId, ConnectionState, Endpoint, Event, Ticket,
    TicketContents, TicketMint, limits,
};

use super::ledger::{Ledger, Life, Sent, SessionSide, SideId, identity};
use super::plan::{APPLICATION, Plan, WALL};
use super::worlds::SwarmWorlds;
use crate::fault::NodeId;
use crate::host::{Application, Boot, Context};
use crate::network::{home_address, is_strangers};
use crate::rng::{Draws, mix, seed_bytes};

/// How often a node acts: 30 times a second.
const TICK: Duration = Duration::from_micros(33_333);
/// How often, once nothing new is said.
const QUIET_TICK: Duration = Duration::from_millis(100);
/// Ticks between two audits of the fates of messages.
const AUDIT_EVERY: u64 = 15;

/// Addresses where a node itself called.
pub(super) type Called = Rc<RefCell<BTreeSet<(NodeId, SocketAddr)>>>;

type Player<'a, 'b> = &'a mut Context<'b, Endpoint>;

/// All players of one run.
pub(super) struct Players {
    plan: Plan,
    pub(super) ledger: Ledger,
    pub(super) called: Called,
    worlds: Option<SwarmWorlds>,
    /// By node, the time at which the client was connected or its session was resumed.
    reached: Vec<Instant>,
    mint: TicketMint,
    tickets: Rng,
    /// By node, the side that a client plays on.
    current: Vec<Option<SideId>>,
    ticks: Vec<u64>,
    /// From here on nobody leaves, and nothing new is said.
    quiet_from: Instant,
    pub(super) memory_most: u64,
}

impl Players {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            ledger: Ledger::new(plan),
            worlds: plan.has_worlds.then(|| SwarmWorlds::new(plan.seed)),
            reached: vec![Instant::ZERO; plan.clients + 1],
            called: Called::default(),
            mint: TicketMint::new(plan.provider_arc(), &plan.ticket_key()),
            tickets: Rng::from_seed(seed_bytes(mix(plan.seed, TICKETS), 0)),
            current: vec![None; plan.clients + 1],
            ticks: vec![0; plan.clients + 1],
            quiet_from: Instant::ZERO + plan.talking,
            memory_most: 0,
            plan: plan.clone(),
        }
    }

    fn mint(&mut self, node: NodeId, now: Instant) -> Option<Ticket> {
        let who = identity(node);
        let contents = TicketContents {
            identity: who.identity,
            expiry: WALL + (now + self.plan.ticket_life).as_micros(),
            user_data: who.user_data.to_vec(),
        };
        self.mint.mint(&mut self.tickets, APPLICATION, &self.plan.server_key(), contents).ok()
    }

    fn connect(&mut self, player: Player<'_, '_>) {
        let mut options = if self.plan.any_key && !self.plan.tickets {
            ConnectOptions::danger_any_key()
        } else {
            ConnectOptions::new(self.plan.server_key())
        };
        if self.plan.tickets
            && let Some(ticket) = self.mint(player.node, player.time)
        {
            options = options.ticket(ticket);
        }
        let server = home_address(0);
        self.called.borrow_mut().insert((player.node, server));
        match player.host.connect(player.now, server, options) {
            Ok(connection) => {
                let side = self.ledger.open(player.node, connection, Life::Opening);
                self.current[player.node] = Some(side);
            }
            Err(error) => player.fail(format!("cannot dial: {error}")),
        }
    }

    fn is_quiet(&self, player: &Context<'_, Endpoint>) -> bool {
        player.time >= self.quiet_from
    }

    fn act(&mut self, player: Player<'_, '_>) -> Result<(), String> {
        let tick = self.ticks[player.node];
        self.ticks[player.node] += 1;
        let mut draws = Draws::new(mix(mix(self.plan.seed, player.node as u64), tick));
        if player.node != 0 && self.current[player.node].is_none() {
            self.connect(player);
        }
        if player.node == 0
            && let Some(worlds) = &mut self.worlds
        {
            worlds.tick(player, player.time < Instant::ZERO + self.plan.playing)?;
        }
        let sides: Vec<SideId> = self.ledger.alive_on(player.node).collect();
        let quiet = self.is_quiet(player);
        for side in sides {
            let connection = self.ledger.side(side).connection;
            SwarmWorlds::check_frames(player.host, connection)?;
            if tick.is_multiple_of(AUDIT_EVERY) || quiet {
                self.check_identity(player, side)?;
                self.ledger.audit(side, |channel, message| {
                    player.host.fate(connection, ChannelId(channel), message)
                })?;
            }
            if !quiet {
                self.speak(player, side, &mut draws)?;
                self.leave(player, side, &mut draws);
            } else if self.ledger.side(side).peer.is_none() {
                // Only a message tells who is at the other end.
                self.send(player, side, 0)?;
            }
        }
        self.check_limits(player)
    }

    /// The server takes a client for whom it took it at first, however often the session was resumed.
    fn check_identity(&self, player: &Context<'_, Endpoint>, side: SideId) -> Result<(), String> {
        let SessionSide { connection, life, identity, .. } = self.ledger.side(side);
        let found = player.host.peer(*connection);
        if *life != Life::Up || found == Some(identity) {
            return Ok(());
        }
        Err(format!("the identity of the peer of side {side} changed from {identity:?} to {found:?}"))
    }

    /// Says a few things, most often one: enough for about 30 datagrams a second.
    fn speak(&mut self, player: Player<'_, '_>, side: SideId, draws: &mut Draws) -> Result<(), String> {
        if self.ledger.side(side).life == Life::Opening && !draws.chance(200_000) {
            return Ok(());
        }
        let messages = if draws.chance(800_000) { 1 } else { draws.between(2, 6) };
        for _ in 0..messages {
            let channel = draws.below(self.plan.channels().len() as u64) as u8;
            self.send(player, side, channel)?;
        }
        Ok(())
    }

    fn send(&mut self, player: Player<'_, '_>, side: SideId, channel: u8) -> Result<(), String> {
        let connection = self.ledger.side(side).connection;
        let message = self.ledger.compose(side, channel);
        match player.host.send(player.now, connection, ChannelId(channel), message) {
            Ok(id) => self.ledger.on_queued(side, channel, id),
            Err(SendError::Full(_)) => {
                self.ledger.side_mut(side).sent[usize::from(channel)].awaits_ready = true;
                self.ledger.figures.full += 1;
                Ok(())
            }
            Err(SendError::Closing(_)) => Ok(()),
            Err(error) => Err(format!("cannot send on channel {channel}: {error}")),
        }
    }

    fn leave(&mut self, player: Player<'_, '_>, side: SideId, draws: &mut Draws) {
        let likely = if player.node == 0 { self.plan.kicking_ppm } else { self.plan.leaving_ppm };
        if !draws.chance(likely) {
            return;
        }
        let connection = self.ledger.side(side).connection;
        if draws.chance(500_000) {
            self.ledger.on_stopped(side, |channel, message| {
                player.host.fate(connection, ChannelId(channel), message)
            });
            player.host.close(player.now, connection, draws.below(0xff00) as u16, "so long");
        } else {
            let deadline = player.now + Duration::from_millis(draws.below(3_000));
            player.host.close_after_delivery(player.now, connection, 1, "when all is said", deadline);
        }
    }

    fn check_limits(&mut self, player: &Context<'_, Endpoint>) -> Result<(), String> {
        let memory = player.host.memory();
        self.memory_most = self.memory_most.max(memory);
        let connections = player.host.connections().count() as u64;
        let most = connections * self.plan.memory_of_a_connection();
        if memory > most {
            return Err(format!(
                "the endpoint holds {memory} bytes for {connections} connections; the limit is {most}"
            ));
        }
        let half_open = player.host.half_open();
        if half_open > limits::HALF_OPEN {
            return Err(format!(
                "the endpoint keeps {half_open} half-open handshakes; the limit is {}",
                limits::HALF_OPEN
            ));
        }
        Ok(())
    }

    /// Returns the other end of a session. `None` before the first message of the other end, and after the crash of its node.
    fn peer_of(&self, node: NodeId, connection: ConnectionId) -> Option<&SessionSide> {
        let side = self.ledger.find(node, connection).ok()?;
        let peer = self.ledger.side(self.ledger.side(side).peer?);
        // After a crash, the same id may belong to another session.
        (peer.life != Life::Dead).then_some(peer)
    }

    fn on_world_event(&mut self, player: Player<'_, '_>, event: Event) -> Result<(), String> {
        let peer = |connection| self.peer_of(player.node, connection).map(|peer| peer.connection);
        match event {
            Event::Snapshot { connection, changes } => {
                let (ends, viewer) = ((player.node, connection), peer(connection));
                let Some(worlds) = &mut self.worlds else { return Err("this run has no world".into()) };
                worlds.on_snapshot(ends, viewer, &changes)?;
                player.host.recycle(changes);
                Ok(())
            }
            Event::ViewComplete { connection } => {
                let viewer = peer(connection);
                self.ledger.figures.views += 1;
                let Some(worlds) = &self.worlds else { return Err("this run has no world".into()) };
                worlds.on_complete((player.node, connection), viewer)
            }
            other => Err(format!("the endpoint reported an unknown event: {other:?}")),
        }
    }

    fn on_event(&mut self, player: Player<'_, '_>, event: Event) -> Result<(), String> {
        let node = player.node;
        let ledger = &mut self.ledger;
        match event {
            Event::Message { connection, channel, data } => {
                let side = ledger.find(node, connection)?;
                ledger.on_message(side, channel.0, &data)
            }
            Event::Delivered { connection, channel, message } => {
                let side = ledger.find(node, connection)?;
                ledger.on_receipt(side, channel.0, message)
            }
            Event::SendReady { connection, channel } => {
                let side = ledger.find(node, connection)?;
                ledger.on_send_ready(side, channel.0)
            }
            Event::Connected { connection, peer, replaces, .. } => {
                let side = ledger.on_connected(node, connection, peer, replaces)?;
                if node != 0 {
                    self.current[node] = Some(side);
                    self.reached[node] = player.time;
                    return Ok(());
                }
                self.worlds.as_mut().map_or(Ok(()), |worlds| worlds.on_accepted(player, connection))
            }
            Event::Interrupted { connection } => {
                ledger.figures.interrupted += 1;
                let side = ledger.on_news(node, connection, "an interruption")?;
                ledger.side_mut(side).interruptions += 1;
                ledger.on_stopped(side, |channel, message| {
                    player.host.fate(connection, ChannelId(channel), message)
                });
                Ok(())
            }
            Event::Resumed { connection, .. } => {
                ledger.figures.resumed += 1;
                let side = ledger.on_news(node, connection, "a resumption")?;
                ledger.on_resumed(side);
                let client = self.peer_of(node, connection).map_or(0, |peer| peer.node).max(node);
                self.reached[client] = player.time;
                Ok(())
            }
            Event::Moved { address: Address::Udp(address), .. } if is_strangers(address) => {
                Err(format!("the peer moved to {address}, which is not the address of a client"))
            }
            Event::Moved { connection, .. } => {
                ledger.figures.moved += 1;
                ledger.on_news(node, connection, "a move")?;
                Ok(())
            }
            Event::RateChanged { connection, bytes_per_second } => {
                ledger.on_news(node, connection, "a rate")?;
                let refused = Err("the reported rate of the path is 0 bytes per second".into());
                if bytes_per_second == 0 { refused } else { Ok(()) }
            }
            Event::Closed { connection, reason, unconfirmed } => {
                let side = ledger.on_closed(node, connection, &reason, &unconfirmed)?;
                if self.current[node] == Some(side) {
                    self.current[node] = None;
                }
                if let Some(worlds) = &mut self.worlds {
                    worlds.on_closed(node, connection);
                }
                Ok(())
            }
            event => self.on_world_event(player, event),
        }
    }

    /// A client that is not connected yet; `None` if all are.
    pub(super) fn unconnected<'h>(&self, host: impl Fn(NodeId) -> Option<&'h Endpoint>) -> Option<String> {
        (1..=self.plan.clients).find_map(|node| self.unconnected_of(node, &host))
    }

    /// The sides that are in play: the clients' and their peers, and how often each was interrupted.
    pub(super) fn in_play(&self) -> Vec<(SideId, u32)> {
        let clients = self.current.iter().flatten().copied();
        let sides = clients.flat_map(|client| [Some(client), self.ledger.side(client).peer]).flatten();
        sides.map(|side| (side, self.ledger.side(side).interruptions)).collect()
    }

    /// Connections that the server still has beyond one per client.
    pub(super) fn left_behind(&self) -> Option<String> {
        let stale =
            self.ledger.alive_on(0).find(|side| !self.in_play().iter().any(|(known, _)| known == side))?;
        Some(format!("the server still has side {stale}, whose client is gone"))
    }

    /// A message of a session that lives and is not delivered yet; `None` if all are.
    pub(super) fn undelivered(&self) -> Option<String> {
        self.in_play().into_iter().find_map(|(side, _)| self.undelivered_of(side))
    }

    fn undelivered_of(&self, id: SideId) -> Option<String> {
        let side = self.ledger.side(id);
        let open = |(channel, sent): (usize, &Sent)| {
            if let Some(number) = sent.open.first() {
                let count = sent.open.len();
                return Some(format!(
                    "{count} messages of channel {channel} have no reported fate; the first is {number}"
                ));
            }
            sent.awaits_ready.then(|| format!("SendReady of channel {channel} was not reported"))
        };
        let text = side.sent.iter().enumerate().find_map(open)?;
        Some(format!("side {id} of node {}: {text}", side.node))
    }

    /// Returns the connected clients, each with the time from which it can be reached, and with the difference between the
    /// world that it shows and the server's world.
    pub(super) fn world_differences<'h>(
        &self,
        host: impl Fn(NodeId) -> Option<&'h Endpoint>,
    ) -> Vec<(NodeId, Instant, Option<String>)> {
        let Some((worlds, server)) = self.worlds.as_ref().zip(host(0)) else { return Vec::new() };
        let connected = (1..=self.plan.clients).filter(|node| self.unconnected_of(*node, &host).is_none());
        let differences = connected.filter_map(|node| {
            let client = self.ledger.side(self.current[node]?);
            let viewer = self.ledger.side(client.peer?).connection;
            let difference = worlds.difference(server, (node, client.connection, viewer));
            Some((node, self.reached[node], difference))
        });
        differences.collect()
    }

    /// Returns the number of times that a connection got another view.
    pub(super) fn views_changed(&self) -> u64 {
        self.worlds.as_ref().map_or(0, |worlds| worlds.views_changed)
    }

    /// The longest time that anybody should wait for an acknowledgement before asking again (RFC 9002 6.2.1).
    pub(super) fn patience<'h>(&self, host: impl Fn(NodeId) -> Option<&'h Endpoint>) -> Duration {
        let hosts = (0..=self.plan.clients).filter_map(host);
        let stats = hosts.flat_map(|host| host.connections().filter_map(|connection| host.stats(connection)));
        let longest = stats.map(|stats| stats.rtt + stats.jitter * 4).max();
        longest.unwrap_or_default() + self.plan.config().ack_delay
    }

    fn unconnected_of<'h>(
        &self,
        node: NodeId,
        host: &impl Fn(NodeId) -> Option<&'h Endpoint>,
    ) -> Option<String> {
        let Some(client) = self.current[node] else { return Some(format!("node {node} has no connection")) };
        let Some(server) = self.ledger.side(client).peer else {
            return Some(format!("node {node} (side {client}) has received no message"));
        };
        for id in [client, server] {
            let side = self.ledger.side(id);
            let state =
                host(side.node).map_or(ConnectionState::Disconnected, |host| host.state(side.connection));
            if side.life != Life::Up || state != ConnectionState::Connected {
                return Some(format!(
                    "side {id} of node {} is {:?}, and its endpoint reports {state:?}",
                    side.node, side.life
                ));
            }
        }
        None
    }
}

impl Application for Players {
    type Host = Endpoint;

    #[expect(clippy::expect_used, reason = "a plan that no endpoint accepts is a bug of the swarm itself")]
    fn build(&mut self, boot: Boot) -> Endpoint {
        if boot.incarnation > 0 {
            self.ledger.died(boot.node);
            self.current[boot.node] = None;
            if let Some(worlds) = &mut self.worlds {
                worlds.forget(boot.node);
            }
            self.called.borrow_mut().retain(|&(node, _)| node != boot.node);
        }
        let (config, secrets) = (self.plan.config_of(boot.node), self.plan.secrets(boot.node));
        Endpoint::new(config, secrets, boot.seed, boot.now).expect("a valid configuration")
    }

    fn started(&mut self, player: &mut Context<'_, Endpoint>) {
        player.tick_in(TICK / 4 * player.node as u32);
    }

    fn event(&mut self, player: &mut Context<'_, Endpoint>, event: Event) {
        if let Err(text) = self.on_event(player, event) {
            let node = player.node;
            player.fail(format!("node {node}: {text}"));
        }
    }

    fn tick(&mut self, player: &mut Context<'_, Endpoint>) {
        if let Err(text) = self.act(player) {
            let node = player.node;
            player.fail(format!("node {node}: {text}"));
        }
        player.tick_in(if self.is_quiet(player) { QUIET_TICK } else { TICK });
    }
}

const TICKETS: u64 = 0x7469_636b;
