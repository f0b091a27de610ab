//! The ledger: the messages and events of both ends of every session, and the rules that they must keep.
//!
//! A *side* is one end of a session: a connection of one incarnation of a node. A message names the side that sent it,
//! so the first message that arrives determines the peer of its receiver permanently.

mod fates;

use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::limits::LEAST_DATAGRAM;
use tickwire_core::{
    ChannelConfig, CloseReason, ConnectionId, Delivery, Fate, MessageId, PeerInfo, Refusal, Unconfirmed,
    VIOLATION_CODES,
};

use super::bits::Bits;
use super::content::Name;
use super::plan::Plan;
use crate::fault::NodeId;

/// The number of a side: its index in the ledger.
pub(super) type SideId = u32;

/// The state of a side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    /// The side is dialling.
    Opening,
    /// The endpoint has reported `Connected`.
    Up,
    /// The endpoint has reported `Closed`.
    Over,
    /// The node of the side has crashed.
    Dead,
}

/// One end of a session.
#[derive(Debug)]
pub(super) struct SessionSide {
    pub(super) node: NodeId,
    pub(super) connection: ConnectionId,
    pub(super) life: Life,
    /// The other end of the session. `None` until a message has arrived.
    pub(super) peer: Option<SideId>,
    pub(super) identity: PeerInfo,
    /// The side that this side replaces.
    pub(super) replaces: Option<SideId>,
    /// The number of times that the endpoint has reported `Interrupted`.
    pub(super) interruptions: u32,
    pub(super) sent: Vec<Sent>,
    got: Vec<Got>,
}

/// The messages that a side sent on one channel.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The number of messages queued so far, which is also the number of the next message.
    pub(super) count: u32,
    /// The reliable messages without a final outcome, in ascending order.
    pub(super) open: Vec<u32>,
    /// The messages for which a receipt arrived.
    receipts: Bits,
    /// The messages that the endpoint reported as never sent.
    not_sent: BTreeSet<u32>,
    /// The messages that the receiver skipped, because it received a later message first. Only messages that were never
    /// sent may be skipped.
    skipped: BTreeSet<u32>,
    /// The messages that were still queued when their connection stopped sending. The endpoint must not report any of
    /// them as sent.
    unbegun: BTreeSet<u32>,
    /// `true` if `send` has returned `Full` and the endpoint has not reported `SendReady` since then.
    pub(super) awaits_ready: bool,
}

/// The messages that a side received on one channel.
#[derive(Debug, Default)]
struct Got {
    numbers: Bits,
    /// The number after the newest received message.
    next: u32,
}

/// Returns the identity in the ticket of the client on `node`.
pub(super) fn identity(node: NodeId) -> PeerInfo {
    PeerInfo { identity: [node as u8; 16], user_data: vec![node as u8; node].into() }
}

/// The counters for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) delivered: u64,
    pub(super) receipts: u64,
    pub(super) connected: u64,
    pub(super) interrupted: u64,
    pub(super) resumed: u64,
    pub(super) moved: u64,
    pub(super) lost_sessions: u64,
    pub(super) timed_out: u64,
    pub(super) closed: u64,
    pub(super) full: u64,
    /// The number of world views that were reported as complete.
    pub(super) views: u64,
}

impl Figures {
    /// Returns each counter with the name that reports use.
    pub(super) const fn by_name(&self) -> [(&'static str, u64); 11] {
        [
            ("messages_delivered", self.delivered),
            ("receipts", self.receipts),
            ("connected", self.connected),
            ("interrupted", self.interrupted),
            ("resumed", self.resumed),
            ("moved", self.moved),
            ("sessions_lost", self.lost_sessions),
            ("timed_out", self.timed_out),
            ("closed", self.closed),
            ("queue_full", self.full),
            ("views_complete", self.views),
        ]
    }
}

/// The messages and events of one run.
#[derive(Debug)]
pub(super) struct Ledger {
    seed: u64,
    largest: usize,
    channels: Vec<ChannelConfig>,
    /// `true` if clients connect with tickets that contain their identity.
    has_identities: bool,
    /// `true` if paths may carry less than the 1200 bytes that every path must carry.
    has_narrow_paths: bool,
    /// `true` if the server has closed a connection. A client that has not received the close may then try to resume
    /// the ended session.
    server_ended_one: bool,
    pub(super) sides: Vec<SessionSide>,
    /// The sides of the running incarnations, by node and connection.
    by_connection: BTreeMap<(NodeId, ConnectionId), SideId>,
    pub(super) figures: Figures,
    scratch: Vec<u8>,
}

type Checked = Result<(), String>;

impl Ledger {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            seed: plan.seed,
            largest: plan.largest,
            channels: plan.channels().to_vec(),
            has_identities: plan.tickets,
            has_narrow_paths: plan.mtu < u32::from(LEAST_DATAGRAM),
            server_ended_one: false,
            sides: Vec::new(),
            by_connection: BTreeMap::new(),
            figures: Figures::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn side(&self, id: SideId) -> &SessionSide {
        &self.sides[id as usize]
    }

    pub(super) fn side_mut(&mut self, id: SideId) -> &mut SessionSide {
        &mut self.sides[id as usize]
    }

    pub(super) fn is_reliable(&self, channel: usize) -> bool {
        matches!(self.channels[channel].delivery, Delivery::ReliableOrdered | Delivery::ReliableUnordered)
    }

    /// Returns the side of a connection of the running incarnation.
    pub(super) fn find(&self, node: NodeId, connection: ConnectionId) -> Result<SideId, String> {
        let found = self.by_connection.get(&(node, connection)).copied();
        found.ok_or_else(|| {
            format!("node {node} reported an event of {connection:?}, which has ended or never existed")
        })
    }

    /// Returns the sides of `node` that have not ended.
    pub(super) fn alive_on(&self, node: NodeId) -> impl Iterator<Item = SideId> + '_ {
        let sides = self.by_connection.iter().filter(move |((of, _), _)| *of == node);
        sides.map(|(_, side)| *side)
    }

    /// Adds a side to the ledger.
    pub(super) fn open(&mut self, node: NodeId, connection: ConnectionId, life: Life) -> SideId {
        let id = self.sides.len() as SideId;
        let channels = self.channels.len();
        self.sides.push(SessionSide {
            node,
            connection,
            life,
            peer: None,
            identity: PeerInfo::default(),
            replaces: None,
            interruptions: 0,
            sent: (0..channels).map(|_| Sent::default()).collect(),
            got: (0..channels).map(|_| Got::default()).collect(),
        });
        self.by_connection.insert((node, connection), id);
        id
    }

    /// Handles the crash of a node, which ends all of its sides.
    pub(super) fn died(&mut self, node: NodeId) {
        let sides = &mut self.sides;
        self.by_connection.retain(|&(of, _), side| {
            if of == node {
                sides[*side as usize].life = Life::Dead;
            }
            of != node
        });
    }

    /// Returns the next message that `side` sends on `channel`.
    pub(super) fn compose(&self, side: SideId, channel: u8) -> Vec<u8> {
        let number = self.side(side).sent[usize::from(channel)].count;
        let mut message = Vec::new();
        Name { side, channel, number }.write(self.seed, self.largest, &mut message);
        message
    }

    /// Checks and records that a message was queued with the number `message`.
    pub(super) fn on_queued(&mut self, side: SideId, channel: u8, message: MessageId) -> Checked {
        let is_reliable = self.is_reliable(usize::from(channel));
        let sent = &mut self.side_mut(side).sent[usize::from(channel)];
        let number = sent.count;
        sent.count += 1;
        if is_reliable {
            sent.open.push(number);
        }
        if message.0 == u64::from(number) {
            return Ok(());
        }
        Err(format!("the core gave message {number} of channel {channel} the number {}", message.0))
    }

    /// Checks and records a message that arrived at `side`.
    pub(super) fn on_message(&mut self, side: SideId, channel: u8, data: &[u8]) -> Checked {
        let name = Name::read(data).ok_or_else(|| {
            format!("a message of {} bytes arrived, which is too short to contain a message name", data.len())
        })?;
        if name.channel != channel || name.side as usize >= self.sides.len() {
            return Err(format!(
                "{name:?} arrived on channel {channel}, but no message with this name was sent on this channel"
            ));
        }
        self.expect_up(side, "a message")?;
        self.pair(side, name.side)?;
        if name.number >= self.side(name.side).sent[usize::from(channel)].count {
            return Err(format!("{name:?} arrived, but was never sent"));
        }
        let mut expected = core::mem::take(&mut self.scratch);
        name.write(self.seed, self.largest, &mut expected);
        let same = expected == data;
        self.scratch = expected;
        if !same {
            return Err(format!("{name:?} arrived with changed bytes"));
        }
        self.check_order(side, name)?;
        self.figures.delivered += 1;
        Ok(())
    }

    /// Records that two sides are the ends of one session. Returns an error if one of them already has a different
    /// peer.
    fn pair(&mut self, receiver: SideId, sender: SideId) -> Checked {
        match (self.side(receiver).peer, self.side(sender).peer) {
            (Some(a), Some(b)) if a == sender && b == receiver => Ok(()),
            (None, None) if (self.side(receiver).node == 0) != (self.side(sender).node == 0) => {
                self.side_mut(receiver).peer = Some(sender);
                self.side_mut(sender).peer = Some(receiver);
                self.check_identity(receiver, sender)
            }
            (a, b) => Err(format!(
                "side {receiver} (paired with {a:?}) received a message of side {sender} (paired with {b:?})"
            )),
        }
    }

    /// Checks that the server has the identity of the client's ticket, even after the session was resumed.
    fn check_identity(&self, a: SideId, b: SideId) -> Checked {
        let (server, client) = if self.side(a).node == 0 { (a, b) } else { (b, a) };
        let expected =
            if self.has_identities { identity(self.side(client).node) } else { PeerInfo::default() };
        let found = &self.side(server).identity;
        if *found == expected {
            return Ok(());
        }
        Err(format!(
            "side {server} reports the identity {found:?} for node {}, which differs from the node's ticket",
            self.side(client).node
        ))
    }

    fn check_order(&mut self, receiver: SideId, name: Name) -> Checked {
        let channel = usize::from(name.channel);
        let Name { number, .. } = name;
        let config = &self.channels[channel];
        let (delivery, expires) = (config.delivery, config.lifetime.is_some());
        let got = &mut self.sides[receiver as usize].got[channel];
        if !got.numbers.insert(number) {
            return Err(format!("{name:?} arrived twice"));
        }
        let next = got.next;
        got.next = next.max(number + 1);
        let sent = &mut self.sides[name.side as usize].sent[channel];
        if sent.not_sent.contains(&number) {
            return Err(format!("{name:?} arrived, although its fate was reported as never sent"));
        }
        match delivery {
            Delivery::Unreliable | Delivery::ReliableUnordered => Ok(()),
            Delivery::Sequenced if number >= next => Ok(()),
            Delivery::ReliableOrdered if number == next => Ok(()),
            Delivery::ReliableOrdered if number > next && expires => {
                sent.skipped.extend(next..number);
                Ok(())
            }
            Delivery::Sequenced | Delivery::ReliableOrdered => {
                Err(format!("{name:?} arrived when message {next} was expected"))
            }
        }
    }

    fn expect_up(&self, side: SideId, what: &str) -> Checked {
        match self.side(side).life {
            Life::Up => Ok(()),
            life => Err(format!("the endpoint reported {what} to side {side}, whose state is {life:?}")),
        }
    }

    /// Returns whether the other end of `side` has received a message.
    fn was_given(&self, side: SideId, channel: usize, number: u32) -> bool {
        let peer = self.side(side).peer;
        peer.is_some_and(|peer| self.side(peer).got[channel].numbers.contains(number))
    }

    /// Checks and records a `Connected` event.
    pub(super) fn on_connected(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        peer: PeerInfo,
        replaces: Option<ConnectionId>,
    ) -> Result<SideId, String> {
        let known = self.by_connection.get(&(node, connection)).copied();
        let id = match (known, replaces) {
            (Some(id), None) if self.side(id).life == Life::Opening => id,
            (None, Some(_)) if node != 0 => self.open(node, connection, Life::Opening),
            (None, None) if node == 0 => self.open(node, connection, Life::Opening),
            _ => {
                return Err(format!(
                    "node {node} reported Connected for {connection:?} with the replaced connection {replaces:?}, which \
                     contradicts the side {known:?} that the connection has so far"
                ));
            }
        };
        let replaced = replaces.and_then(|old| {
            let mut sides = self.sides.iter().enumerate().rev();
            sides
                .find(|(_, side)| side.node == node && side.connection == old && side.life != Life::Dead)
                .map(|(index, _)| index as SideId)
        });
        if replaces.is_some() && replaced.is_none() {
            return Err(format!(
                "{connection:?} replaces {replaces:?}, which is not a known connection of its node"
            ));
        }
        let side = self.side_mut(id);
        side.life = Life::Up;
        side.identity = peer;
        side.replaces = replaced;
        self.figures.connected += 1;
        Ok(id)
    }

    /// Checks and records an event that is allowed only between `Connected` and `Closed`.
    pub(super) fn on_news(
        &self,
        node: NodeId,
        connection: ConnectionId,
        what: &str,
    ) -> Result<SideId, String> {
        let side = self.find(node, connection)?;
        self.expect_up(side, what)?;
        Ok(side)
    }

    /// Checks and records a `SendReady` event.
    pub(super) fn on_send_ready(&mut self, side: SideId, channel: u8) -> Checked {
        let sent = &mut self.side_mut(side).sent[usize::from(channel)];
        if core::mem::take(&mut sent.awaits_ready) {
            return Ok(());
        }
        Err(format!("side {side} reported SendReady for channel {channel}, whose queue was not full"))
    }

    /// Checks and records a `Closed` event.
    pub(super) fn on_closed(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        reason: &CloseReason,
        unconfirmed: &[Unconfirmed],
    ) -> Result<SideId, String> {
        let side = self.find(node, connection)?;
        self.by_connection.remove(&(node, connection));
        if core::mem::replace(&mut self.side_mut(side).life, Life::Over) == Life::Opening {
            // Nothing leaves before `Connected`.
            self.on_stopped(side, |_, _| Some(Fate::Queued));
        }
        self.figures.closed += 1;
        match reason {
            CloseReason::SessionLost => self.figures.lost_sessions += 1,
            CloseReason::TimedOut => self.figures.timed_out += 1,
            CloseReason::Local { .. } => self.server_ended_one |= node == 0,
            CloseReason::ConnectTimedOut { .. } => {}
            CloseReason::Peer { code, .. } if *code < VIOLATION_CODES => {}
            // Some plans have paths of 600 bytes.
            CloseReason::PathTooNarrow { .. } if self.has_narrow_paths => {}
            // A client came back late with its first ticket; with another one it is let in.
            CloseReason::Refused(Refusal::Expired) if node != 0 && self.has_identities => {}
            // A client came back to a session that the server ended, and did not hear of it.
            CloseReason::Refused(Refusal::SessionEnded) if node != 0 && self.server_ended_one => {}
            _ => return Err(format!("side {side} of node {node} was closed: {reason:?}")),
        }
        self.check_fates(side, unconfirmed)?;
        Ok(side)
    }
}
