//! Messages of the game that wait in the driver because the core's queue is full.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tickwire_core::error::SendError as CoreSendError;
use tickwire_core::{
    Bytes, ChannelConfig, ChannelId, ConnectionId, Delivery, Endpoint, Fate, Instant, MessageId, Unconfirmed,
};

use crate::shared::Gate;

/// Messages of one connection that the core has not taken yet. It is empty nearly always.
pub(crate) struct Outbox {
    gate: Arc<Gate>,
    /// Connections that had been made before this one.
    born: u64,
    lanes: BTreeMap<ChannelId, Lane>,
    /// The core's id of the last message that it took, by channel. Ids count from 0.
    last: BTreeMap<ChannelId, MessageId>,
    /// To be said when all that waits here is in the core.
    farewell: Option<Farewell>,
    /// When the connection is closed, once good-bye is to be said.
    leaves_by: Option<Instant>,
    /// Messages that the core took no more: the connection was over.
    given_up: u64,
}

/// How a connection is closed once its messages are delivered.
#[derive(Clone)]
pub(crate) struct Farewell {
    pub(crate) code: u16,
    pub(crate) text: String,
    /// When it is closed, delivered or not.
    pub(crate) deadline: Instant,
}

impl Farewell {
    fn say(&self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        endpoint.close_after_delivery(now, connection, self.code, &self.text, self.deadline);
    }
}

/// Messages that wait on one channel.
type Lane = VecDeque<Bytes>;

/// The fate of an offered message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offered {
    /// The core has it.
    Taken,
    /// It waits here.
    Waits,
    /// The connection is over.
    TooLate,
}

impl Outbox {
    pub(crate) const fn new(gate: Arc<Gate>, born: u64) -> Self {
        Self {
            gate,
            born,
            lanes: BTreeMap::new(),
            last: BTreeMap::new(),
            farewell: None,
            leaves_by: None,
            given_up: 0,
        }
    }

    pub(crate) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) const fn born(&self) -> u64 {
        self.born
    }

    /// Takes a message for the core. What waits on a channel is never overtaken there.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        channel: ChannelId,
        data: Bytes,
    ) -> Offered {
        if let Some(lane) = self.lanes.get_mut(&channel) {
            lane.push_back(data);
            return Offered::Waits;
        }
        match endpoint.send(now, connection, channel, data) {
            Ok(message) => {
                self.last.insert(channel, message);
                Offered::Taken
            }
            Err(CoreSendError::Full(data)) => {
                self.lanes.insert(channel, Lane::from([data]));
                self.gate.set_full(channel, true);
                Offered::Waits
            }
            Err(_) => Offered::TooLate,
        }
    }

    /// Hands the waiting messages of one channel to the core. Returns whether to tell the game that the channel has room again.
    pub(crate) fn on_send_ready(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        channel: ChannelId,
    ) -> bool {
        if let Some(lane) = self.lanes.get_mut(&channel) {
            while let Some(data) = lane.pop_front() {
                match endpoint.send(now, connection, channel, data) {
                    Ok(message) => {
                        self.last.insert(channel, message);
                    }
                    Err(CoreSendError::Full(data)) => {
                        lane.push_front(data);
                        return false;
                    }
                    Err(_) => self.given_up += 1,
                }
            }
            self.lanes.remove(&channel);
            self.say_farewell(now, endpoint, connection);
        }
        let was_full = self.gate.is_full(channel);
        if was_full {
            self.gate.set_full(channel, false);
        }
        was_full
    }

    /// Closes the connection as soon as what waits here, and what the core has, is delivered; at the deadline at the
    /// latest.
    pub(crate) fn close(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        farewell: Farewell,
    ) {
        self.leaves_by = Some(self.leaves_by.map_or(farewell.deadline, |at| at.min(farewell.deadline)));
        match &self.farewell {
            Some(said) if said.deadline <= farewell.deadline => {}
            _ => self.farewell = Some(farewell),
        }
        self.say_farewell(now, endpoint, connection);
    }

    /// Says good-bye if nothing waits here any more, or no longer may.
    pub(crate) fn say_farewell(&mut self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        let is_due = |farewell: &mut Farewell| self.lanes.is_empty() || now >= farewell.deadline;
        if let Some(farewell) = self.farewell.take_if(is_due) {
            farewell.say(now, endpoint, connection);
        }
    }

    /// The latest time when the connection is closed. `None` if it is not to be closed.
    pub(crate) const fn leaves_by(&self) -> Option<Instant> {
        self.leaves_by
    }

    /// When it says good-bye, whatever waits; none if it does not.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.farewell.as_ref().map(|farewell| farewell.deadline)
    }

    /// The connection is over: what waits here is not sent any more. Lists the reliable messages among it, as the core lists
    /// what it had, in order of channel and number.
    pub(crate) fn give_up(&mut self, channels: &[ChannelConfig]) -> Vec<Unconfirmed> {
        let mut unconfirmed = Vec::new();
        for (channel, lane) in std::mem::take(&mut self.lanes) {
            self.given_up += lane.len() as u64;
            let delivery = channels.get(usize::from(channel.0)).map(|config| config.delivery);
            if matches!(delivery, Some(Delivery::ReliableOrdered | Delivery::ReliableUnordered)) {
                let first = self.last.get(&channel).map_or(0, |message| message.0 + 1);
                unconfirmed.extend((first..).zip(lane).map(|(number, _)| Unconfirmed {
                    channel,
                    message: MessageId(number),
                    fate: Fate::NotSent,
                }));
            }
        }
        unconfirmed
    }

    /// Messages that were not sent because the connection was over. They are returned once.
    pub(crate) const fn take_given_up(&mut self) -> u64 {
        std::mem::replace(&mut self.given_up, 0)
    }
}
