//! Messages of the game that wait in the driver while the core's queue is full.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tickwire_core::error::SendError as CoreSendError;
use tickwire_core::{
    Bytes, ChannelConfig, ChannelId, ConnectionId, Delivery, Endpoint, Fate, Instant, MessageId, Unconfirmed,
};

use crate::shared::Gate;

/// The messages of one connection that the core has not accepted yet. The outbox is almost always empty.
pub(crate) struct Outbox {
    gate: Arc<Gate>,
    /// The number of connections that were established before this connection.
    born: u64,
    lanes: BTreeMap<ChannelId, Lane>,
    /// The id of the latest message that the core accepted on each channel. Ids count from 0.
    last: BTreeMap<ChannelId, MessageId>,
    /// The request to close the connection once the core has accepted all messages of this outbox. `None` if the game
    /// made no such request.
    farewell: Option<Farewell>,
    /// The latest time at which the connection is closed. `None` until the game requests the close.
    leaves_by: Option<Instant>,
    /// The number of messages that the core did not accept, because the connection had ended.
    given_up: u64,
}

/// A request to close a connection once its messages are delivered.
#[derive(Clone)]
pub(crate) struct Farewell {
    pub(crate) code: u16,
    pub(crate) text: String,
    /// The time at which the connection is closed even if messages are not delivered.
    pub(crate) deadline: Instant,
}

impl Farewell {
    fn say(&self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        endpoint.close_after_delivery(now, connection, self.code, &self.text, self.deadline);
    }
}

/// The messages that wait on one channel.
type Lane = VecDeque<Bytes>;

/// The result of offering a message to the core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offered {
    /// The core accepted the message.
    Taken,
    /// The message waits in the outbox.
    Waits,
    /// The outbox dropped the message, because the connection had ended.
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

    /// Offers a message to the core, or queues the message behind the messages that already wait on its channel.
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

    /// Passes the waiting messages of one channel to the core. Returns whether the game must be notified that the channel has
    /// space again.
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

    /// Closes the connection as soon as all messages of the outbox and of the core are delivered, or at the deadline.
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

    /// Asks the core to close the connection if the outbox is empty or the deadline has passed.
    pub(crate) fn say_farewell(&mut self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        let is_due = |farewell: &mut Farewell| self.lanes.is_empty() || now >= farewell.deadline;
        if let Some(farewell) = self.farewell.take_if(is_due) {
            farewell.say(now, endpoint, connection);
        }
    }

    /// Returns the latest time at which the connection is closed, or `None` if the game did not request the close.
    pub(crate) const fn leaves_by(&self) -> Option<Instant> {
        self.leaves_by
    }

    /// Returns the time at which the core must be asked to close the connection even if messages wait. `None` if no
    /// such request is pending.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.farewell.as_ref().map(|farewell| farewell.deadline)
    }

    /// Drops all waiting messages, because the connection has ended. Returns the reliable messages among them, ordered by
    /// channel and message number, as the core orders its own list.
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

    /// Returns the number of messages that were not sent because the connection had ended, and resets the number to 0.
    pub(crate) const fn take_given_up(&mut self) -> u64 {
        std::mem::replace(&mut self.given_up, 0)
    }
}
