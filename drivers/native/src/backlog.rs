//! Messages that the game has handed over and the core has not taken yet: its queue is full, or a limit holds them back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tickwire_core::error::SendError as CoreSendError;
use tickwire_core::{Bytes, ChannelConfig, ChannelId, ConnectionId, Endpoint, Instant};

use crate::bandwidth::{Bucket, Rate};
use crate::shared::Gate;

/// What one connection still has to hand to the core. Empty for nearly all of them, nearly always.
pub(crate) struct Outbox {
    gate: Arc<Gate>,
    lanes: BTreeMap<ChannelId, Lane>,
    limit: Option<Limit>,
    /// To be said when all that waits here is in the core.
    farewell: Option<Farewell>,
    /// Messages that the core took no more: the connection was over.
    given_up: u64,
}

/// How a connection is to be closed, once what was sent on it is delivered.
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

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Bytes>,
    bytes: u64,
}

struct Limit {
    bucket: Bucket,
    /// What the connection had sent when the bucket was debited last.
    counted: u64,
}

/// What became of a message.
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
    pub(crate) const fn new(gate: Arc<Gate>) -> Self {
        Self { gate, lanes: BTreeMap::new(), limit: None, farewell: None, given_up: 0 }
    }

    pub(crate) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Takes a message for the core. What waits on a channel is never overtaken there.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        channel: (ChannelId, &ChannelConfig),
        data: Bytes,
    ) -> Offered {
        let (id, config) = channel;
        if self.limit.is_some() || self.lanes.contains_key(&id) {
            let lane = self.lanes.entry(id).or_default();
            lane.push(data);
            if lane.bytes >= config.queue_bytes || lane.waiting.len() >= config.queue_messages {
                self.gate.set_full(id, true);
            }
            return Offered::Waits;
        }
        match endpoint.send(now, connection, id, data) {
            Ok(_) => Offered::Taken,
            Err(CoreSendError::Full(data)) => {
                self.lanes.entry(id).or_default().push(data);
                self.gate.set_full(id, true);
                Offered::Waits
            }
            Err(_) => Offered::TooLate,
        }
    }

    /// Hands over what waits on one channel. Says whether the game should hear that there is room again.
    pub(crate) fn on_send_ready(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        channel: ChannelId,
    ) -> bool {
        if self.limit.is_none()
            && let Some(lane) = self.lanes.get_mut(&channel)
        {
            while let Some(data) = lane.pop() {
                match endpoint.send(now, connection, channel, data) {
                    Ok(_) => {}
                    Err(CoreSendError::Full(data)) => {
                        lane.push_back_to_front(data);
                        return false;
                    }
                    Err(_) => self.given_up += 1,
                }
            }
            self.lanes.remove(&channel);
            self.say_farewell(now, endpoint, connection);
        }
        let was_full = self.gate.is_full(channel) && !self.lanes.contains_key(&channel);
        if was_full {
            self.gate.set_full(channel, false);
        }
        was_full
    }

    /// Limits the connection, or no longer.
    pub(crate) fn set_limit(&mut self, now: Instant, counted: u64, rate: Option<Rate>) {
        self.limit = rate.map(|rate| Limit { bucket: Bucket::new(rate, now), counted });
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
        match &self.farewell {
            Some(said) if said.deadline <= farewell.deadline => {}
            _ => self.farewell = Some(farewell),
        }
        self.say_farewell(now, endpoint, connection);
    }

    fn say_farewell(&mut self, now: Instant, endpoint: &mut Endpoint, connection: ConnectionId) {
        let is_due = |farewell: &mut Farewell| self.lanes.is_empty() || now >= farewell.deadline;
        if let Some(farewell) = self.farewell.take_if(is_due) {
            self.give_up();
            farewell.say(now, endpoint, connection);
        }
    }

    /// What waits here is not sent any more.
    pub(crate) fn give_up(&mut self) {
        self.given_up += self.lanes.values().map(|lane| lane.waiting.len() as u64).sum::<u64>();
        self.lanes.clear();
    }

    /// Messages that were not sent because the connection was over. They are told once.
    pub(crate) const fn take_given_up(&mut self) -> u64 {
        std::mem::replace(&mut self.given_up, 0)
    }

    /// Hands over as much as the limit allows, in turns between the channels. Calls `ready` for each channel that has room
    /// again.
    pub(crate) fn feed(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        mut ready: impl FnMut(ChannelId),
    ) {
        let stats = endpoint.stats(connection).unwrap_or_default();
        let mut budget = i64::MAX;
        if let Some(limit) = &mut self.limit {
            let is_open = limit.bucket.has_credit(now);
            limit.bucket.spend(stats.bytes_sent.saturating_sub(limit.counted));
            limit.counted = stats.bytes_sent;
            // What is in the core's queue leaves by itself: it is as good as spent.
            let underway = i64::try_from(stats.queued_bytes).unwrap_or(i64::MAX);
            budget = if is_open { limit.bucket.credit().saturating_sub(underway) } else { 0 };
        }
        let mut emptied = Vec::new();
        let (mut blocked, mut full_now) = (Vec::new(), Vec::new());
        while budget > 0 && self.lanes.len() > blocked.len() {
            for (channel, lane) in self.lanes.iter_mut().filter(|(channel, _)| !blocked.contains(*channel)) {
                if budget <= 0 {
                    break;
                }
                let Some(data) = lane.pop() else {
                    emptied.push(*channel);
                    continue;
                };
                let size = data.len() as i64;
                match endpoint.send(now, connection, *channel, data) {
                    Ok(_) => budget -= size + FRAMING,
                    Err(CoreSendError::Full(data)) => {
                        lane.push_back_to_front(data);
                        full_now.push(*channel);
                    }
                    Err(_) => self.given_up += 1,
                }
            }
            blocked.append(&mut full_now);
            for channel in emptied.drain(..) {
                self.lanes.remove(&channel);
                if self.gate.is_full(channel) {
                    self.gate.set_full(channel, false);
                    ready(channel);
                }
            }
        }
        self.say_farewell(now, endpoint, connection);
    }

    /// When [`Outbox::feed`] can do something by itself.
    pub(crate) fn deadline(&self) -> Instant {
        let limit = match &self.limit {
            Some(limit) if !self.lanes.is_empty() => limit.bucket.ready_at(),
            _ => Instant::MAX,
        };
        self.farewell.as_ref().map_or(limit, |farewell| farewell.deadline.min(limit))
    }

    /// Whether it needs [`Outbox::feed`].
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some() || !self.lanes.is_empty() || self.farewell.is_some()
    }
}

impl Lane {
    fn push(&mut self, data: Bytes) {
        self.bytes += data.len() as u64;
        self.waiting.push_back(data);
    }

    fn pop(&mut self) -> Option<Bytes> {
        let data = self.waiting.pop_front()?;
        self.bytes -= data.len() as u64;
        Some(data)
    }

    fn push_back_to_front(&mut self, data: Bytes) {
        self.bytes += data.len() as u64;
        self.waiting.push_front(data);
    }
}

/// What a message costs on the wire beyond its bytes, roughly: the bucket is debited by what was really sent.
const FRAMING: i64 = 8;
