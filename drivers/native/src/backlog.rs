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
        Self { gate, lanes: BTreeMap::new(), limit: None }
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
                if let Err(CoreSendError::Full(data)) = endpoint.send(now, connection, channel, data) {
                    lane.push_back_to_front(data);
                    return false;
                }
            }
            self.lanes.remove(&channel);
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
        while budget > 0 && !self.lanes.is_empty() {
            for (channel, lane) in &mut self.lanes {
                if budget <= 0 {
                    break;
                }
                let Some(data) = lane.pop() else {
                    emptied.push(*channel);
                    continue;
                };
                let size = data.len() as i64;
                match endpoint.send(now, connection, *channel, data) {
                    Err(CoreSendError::Full(data)) => {
                        lane.push_back_to_front(data);
                        budget = 0;
                    }
                    _ => budget -= size + FRAMING,
                }
            }
            for channel in emptied.drain(..) {
                self.lanes.remove(&channel);
                if self.gate.is_full(channel) {
                    self.gate.set_full(channel, false);
                    ready(channel);
                }
            }
        }
    }

    /// When [`Outbox::feed`] can do something by itself.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.limit {
            Some(limit) if !self.lanes.is_empty() => limit.bucket.ready_at(),
            _ => Instant::MAX,
        }
    }

    /// Whether it needs [`Outbox::feed`].
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some() || !self.lanes.is_empty()
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
