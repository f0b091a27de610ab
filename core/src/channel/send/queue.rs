//! Messages that wait for their first transmission.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use crate::channel::ranges::RangeSet;
use crate::config::ChannelConfig;
use crate::limits::EXPIRED_RANGES;
use crate::time::Instant;

/// A message that was never sent.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Its number on the channel, in the order of sending.
    pub(super) number: u64,
    /// What goes on the wire.
    pub(super) payload: Bytes,
    /// What it costs in every budget: bytes and overhead.
    pub(super) cost: u64,
    expires: Instant,
}

/// A channel's messages that wait for their first transmission, oldest first.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: u64,
    bytes_most: u64,
    messages_most: usize,
    lifetime: Option<Duration>,
    next_number: u64,
    /// The cost of a message that was handed back, until the queue has room for it again.
    refused: Option<u64>,
    expired: RangeSet,
    /// Of numbers below this it is no longer known whether they expired.
    forgotten: u64,
}

/// What the queue knows of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// No message has it yet.
    Unused,
    /// It waits.
    Waiting,
    /// It was dropped when its lifetime passed.
    Expired,
    /// It left the queue so long ago that nobody knows why.
    Forgotten,
    /// It was taken to be sent.
    Taken,
}

impl Queue {
    pub(super) const fn new(config: &ChannelConfig) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            bytes_most: config.queue_bytes,
            messages_most: config.queue_messages,
            lifetime: config.lifetime,
            next_number: 0,
            refused: None,
            expired: RangeSet::new(),
            forgotten: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes that wait, overhead included.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a message of `cost` may be queued beside `reserved` more messages that count. An empty queue takes any
    /// message. If not, the queue remembers that it owes a word when there is room.
    pub(super) fn admit(&mut self, cost: u64, reserved: usize) -> bool {
        let fits = self.bytes.saturating_add(cost) <= self.bytes_most
            && self.len().saturating_add(reserved) < self.messages_most;
        let admitted = fits || (self.waiting.is_empty() && reserved == 0);
        if !admitted {
            self.refused = Some(self.refused.map_or(cost, |refused| refused.max(cost)));
        }
        admitted
    }

    /// Queues a message that was admitted, and says its number.
    pub(super) fn push(&mut self, now: Instant, payload: Bytes, cost: u64) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.bytes += cost;
        let expires = self.lifetime.map_or(Instant::MAX, |lifetime| now + lifetime);
        self.waiting.push_back(Waiting { number, payload, cost, expires });
        number
    }

    pub(super) fn front(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(waiting.cost);
        Some(waiting)
    }

    /// Whether the queue owes a word and has drained to half; says so once.
    pub(super) fn take_ready(&mut self, reserved: usize) -> bool {
        let messages = self.len().saturating_add(reserved);
        let drained = self.refused.is_some_and(|cost| {
            self.bytes <= self.bytes_most / 2
                && self.bytes.saturating_add(cost) <= self.bytes_most
                && messages <= self.messages_most / 2
                || messages == 0
        });
        if drained {
            self.refused = None;
        }
        drained
    }

    /// Drops what waited longer than its lifetime, and says how many.
    pub(super) fn expire(&mut self, now: Instant) -> u64 {
        let mut count = 0;
        while self.next_expiry().is_some_and(|expires| expires <= now) {
            let Some(dropped) = self.pop() else { break };
            self.expired.insert(dropped.number, dropped.number + 1);
            count += 1;
        }
        while self.expired.len() > EXPIRED_RANGES {
            self.forgotten = self.expired.remove_first().map_or(self.forgotten, |(_, end)| end);
        }
        count
    }

    /// When the oldest message's lifetime passes. All of a channel live equally long, so the oldest goes first.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.lifetime.and_then(|_| self.waiting.front()).map(|waiting| waiting.expires)
    }

    pub(super) fn place(&self, number: u64) -> Place {
        if number >= self.next_number {
            Place::Unused
        } else if self.waiting.front().is_some_and(|front| front.number <= number) {
            // Messages only leave at the front, so whatever is behind it is still there.
            Place::Waiting
        } else if self.expired.covers(number, number + 1) {
            Place::Expired
        } else if number < self.forgotten {
            Place::Forgotten
        } else {
            Place::Taken
        }
    }

    /// The numbers that wait.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().map(|waiting| waiting.number)
    }
}
