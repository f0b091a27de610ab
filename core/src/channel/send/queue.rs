//! Messages that wait for their first transmission.

use alloc::collections::VecDeque;
use core::num::NonZeroU64;

use bytes::Bytes;

use crate::channel::ranges::RangeSet;
use crate::config::ChannelConfig;
use crate::limits::{DROPPED_RANGES, DROPPED_RANGES_AT_REST, STALE_AFTER};
use crate::time::{Instant, Span};

/// A message that was never sent.
#[derive(Debug)]
pub(super) struct QueuedMessage {
    /// Its number on the channel, in the order of sending.
    pub(super) number: u64,
    /// The bytes that go on the wire.
    pub(super) payload: Bytes,
    /// The bytes that it costs in every budget, overhead included.
    pub(super) cost: u64,
    queued_at: Instant,
}

/// A channel's messages that wait for their first transmission, oldest first.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<QueuedMessage>,
    bytes: u64,
    bytes_most: u64,
    messages_most: usize,
    /// How long a message may wait, in microseconds, if not for ever.
    lifetime_us: Option<NonZeroU64>,
    next_number: u64,
    /// The cost of a message that was handed back, until the queue has room for it again.
    refused: Option<NonZeroU64>,
    /// Numbers below this waited at a moment when the path took nothing.
    held_below: u64,
    dropped: RangeSet,
    /// Of numbers below this it is no longer known whether they were dropped.
    forgotten: u64,
}

/// The state of a message number, as the queue knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NumberState {
    /// No message has it yet.
    Unused,
    /// It waits.
    Waiting,
    /// It was dropped: its lifetime passed, or it gave way to newer ones.
    Dropped,
    /// It left the queue too long ago for the reason to be on record.
    Forgotten,
    /// It was taken to be sent.
    Taken,
}

impl Queue {
    pub(super) fn new(config: &ChannelConfig) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            bytes_most: config.queue_bytes,
            messages_most: config.queue_messages,
            lifetime_us: config.lifetime.map(|lifetime| {
                NonZeroU64::MIN.saturating_add(Span::of(lifetime).as_micros().saturating_sub(1))
            }),
            next_number: 0,
            refused: None,
            held_below: 0,
            dropped: RangeSet::new(),
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
    /// message.
    pub(super) fn has_room(&self, cost: u64, reserved: usize) -> bool {
        let fits = self.bytes.saturating_add(cost) <= self.bytes_most
            && self.len().saturating_add(reserved) < self.messages_most;
        fits || (self.waiting.is_empty() && reserved == 0)
    }

    /// A message of `cost` is handed back: the queue owes a word when there is room for it.
    pub(super) fn refuse(&mut self, cost: u64) {
        self.refused = self.refused.max(NonZeroU64::new(cost));
    }

    /// Queues a message that was admitted, and says its number.
    pub(super) fn push(&mut self, now: Instant, payload: Bytes, cost: u64) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.bytes += cost;
        self.waiting.push_back(QueuedMessage { number, payload, cost, queued_at: now });
        number
    }

    pub(super) fn front(&self) -> Option<&QueuedMessage> {
        self.waiting.front()
    }

    pub(super) fn pop(&mut self) -> Option<QueuedMessage> {
        let waiting = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(waiting.cost);
        Some(waiting)
    }

    /// Whether the queue owes a word and has drained to half; says so once.
    pub(super) fn take_ready(&mut self, reserved: usize) -> bool {
        let messages = self.len().saturating_add(reserved);
        let drained = self.refused.is_some_and(|cost| {
            self.bytes <= self.bytes_most / 2
                && self.bytes.saturating_add(cost.get()) <= self.bytes_most
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
            count += self.drop_oldest();
        }
        count
    }

    /// The path takes nothing now: the waiting messages are held back.
    pub(super) fn hold_back(&mut self) {
        self.held_below = self.next_number;
    }

    /// Whether the oldest message that waits was held back.
    pub(super) fn is_held(&self) -> bool {
        self.waiting.front().is_some_and(|front| front.number < self.held_below)
    }

    /// Drops what was held back and gives way to newer messages, never the newest, and says how many: all of it if
    /// `only_newest`, else what waited longer than [`STALE_AFTER`].
    pub(super) fn give_way(&mut self, now: Instant, only_newest: bool) -> u64 {
        let mut count = 0;
        while self.waiting.len() > 1
            && self.waiting.front().is_some_and(|front| {
                front.number < self.held_below
                    && (only_newest || now.since(front.queued_at) > Span::of(STALE_AFTER))
            })
        {
            count += self.drop_oldest();
        }
        count
    }

    /// Drops the oldest messages until one of `cost` finds room, and says how many.
    pub(super) fn make_room(&mut self, cost: u64) -> u64 {
        let mut count = 0;
        while !self.has_room(cost, 0) {
            count += self.drop_oldest();
        }
        count
    }

    /// Drops the oldest message, and says how many that were.
    fn drop_oldest(&mut self) -> u64 {
        let Some(QueuedMessage { number, .. }) = self.pop() else { return 0 };
        self.dropped.insert(number, number + 1);
        self.remember_dropped(DROPPED_RANGES);
        1
    }

    /// Forgets the oldest ranges of numbers of dropped messages, and keeps the newest `ranges`.
    fn remember_dropped(&mut self, ranges: usize) {
        while self.dropped.len() > ranges {
            self.forgotten = self.dropped.remove_first().map_or(self.forgotten, |(_, end)| end);
        }
    }

    /// Gives unused memory back.
    pub(super) fn rest(&mut self) {
        self.waiting.shrink_to_fit();
        self.remember_dropped(DROPPED_RANGES_AT_REST);
        self.dropped.shrink();
    }

    /// When the oldest message's lifetime passes. All of a channel live equally long, so the oldest goes first.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let lifetime_us = self.lifetime_us?.get();
        self.waiting.front().map(|waiting| waiting.queued_at.plus_micros(lifetime_us))
    }

    pub(super) fn place(&self, number: u64) -> NumberState {
        if number >= self.next_number {
            NumberState::Unused
        } else if self.waiting.front().is_some_and(|front| front.number <= number) {
            // Messages only leave at the front, so whatever is behind it is still there.
            NumberState::Waiting
        } else if self.dropped.covers(number, number + 1) {
            NumberState::Dropped
        } else if number < self.forgotten {
            NumberState::Forgotten
        } else {
            NumberState::Taken
        }
    }

    /// The numbers that wait.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().map(|waiting| waiting.number)
    }
}
