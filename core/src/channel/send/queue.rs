//! Messages that wait for their first transmission.

use alloc::boxed::Box;
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
    /// The number of the message on its channel, in the order of sending.
    pub(super) number: u64,
    /// The payload of the message's frames.
    pub(super) payload: Bytes,
    /// The number of bytes that the message costs in every budget, including the overhead.
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
    /// The time that a message may wait, in microseconds, or `None` without a limit.
    lifetime_us: Option<NonZeroU64>,
    next_number: u64,
    /// The largest cost of a rejected message, until the queue has space for this cost again.
    refused: Option<NonZeroU64>,
    /// The path delayed the waiting messages with numbers below this one.
    held_below: u64,
    dropped: RangeSet,
    /// The queue no longer knows which numbers below this one were dropped.
    forgotten: u64,
}

/// The message numbers that an empty queue has used.
#[derive(Clone, Debug)]
pub(super) struct NumbersUsed {
    next: u64,
    /// The numbers of dropped messages, boxed because most channels drop no message.
    dropped: Option<Box<NumbersDropped>>,
}

#[derive(Clone, Debug)]
struct NumbersDropped {
    ranges: RangeSet,
    forgotten: u64,
}

/// The state of a message number in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NumberState {
    /// No message has this number yet.
    Unused,
    /// The message with this number waits.
    Waiting,
    /// The message with this number was dropped, because its lifetime passed or newer messages displaced it.
    Dropped,
    /// The message with this number left the queue so long ago that the reason is no longer recorded.
    Forgotten,
    /// The message with this number left the queue to be sent.
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

    /// Returns the number of bytes that the waiting messages cost, including the overhead.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns whether the queue has space for a message of `cost` bytes. `reserved` messages outside of the queue
    /// count against the limit. An empty queue has space for any message, if `reserved` is 0.
    pub(super) fn has_room(&self, cost: u64, reserved: usize) -> bool {
        let fits = self.bytes.saturating_add(cost) <= self.bytes_most
            && self.len().saturating_add(reserved) < self.messages_most;
        fits || (self.waiting.is_empty() && reserved == 0)
    }

    /// Records that a message of `cost` bytes was rejected, so that [`Self::take_ready`] reports when the queue has
    /// space.
    pub(super) fn refuse(&mut self, cost: u64) {
        self.refused = self.refused.max(NonZeroU64::new(cost));
    }

    /// Queues a message and returns its number.
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

    /// Returns `true` once after a rejection, when the queue has drained to half and has space for the rejected
    /// message.
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

    /// Drops the messages that waited longer than their lifetime. Returns the number of dropped messages.
    pub(super) fn expire(&mut self, now: Instant) -> u64 {
        let mut count = 0;
        while self.next_expiry().is_some_and(|expires| expires <= now) {
            count += self.drop_oldest();
        }
        count
    }

    /// Marks the waiting messages as delayed, because the path cannot take a packet now.
    pub(super) fn hold_back(&mut self) {
        self.held_below = self.next_number;
    }

    /// Returns whether the oldest waiting message is marked as delayed.
    pub(super) fn is_held(&self) -> bool {
        self.waiting.front().is_some_and(|front| front.number < self.held_below)
    }

    /// Drops delayed messages, but never the newest message, and returns the number of dropped messages. Drops all
    /// delayed messages if `only_newest` is `true`, or else the delayed messages that waited longer than
    /// [`STALE_AFTER`].
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

    /// Drops the oldest messages until the queue has space for a message of `cost` bytes. Returns the number of
    /// dropped messages.
    pub(super) fn make_room(&mut self, cost: u64) -> u64 {
        let mut count = 0;
        while !self.has_room(cost, 0) {
            count += self.drop_oldest();
        }
        count
    }

    /// Drops the oldest message. Returns the number of dropped messages, 0 or 1.
    fn drop_oldest(&mut self) -> u64 {
        let Some(QueuedMessage { number, .. }) = self.pop() else { return 0 };
        self.dropped.insert(number, number + 1);
        self.remember_dropped(DROPPED_RANGES);
        1
    }

    /// Keeps the newest `ranges` ranges of numbers of dropped messages, and removes the older ranges.
    fn remember_dropped(&mut self, ranges: usize) {
        while self.dropped.len() > ranges {
            self.forgotten = self.dropped.remove_first().map_or(self.forgotten, |(_, end)| end);
        }
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.waiting.shrink_to_fit();
        self.remember_dropped(DROPPED_RANGES_AT_REST);
        self.dropped.shrink();
    }

    /// Returns the message numbers that the queue has used. Returns `None` if a message waits, or if a rejected message
    /// must still be reported.
    pub(super) fn numbers_used(&self) -> Option<NumbersUsed> {
        if !self.waiting.is_empty() || self.refused.is_some() {
            return None;
        }
        let (ranges, forgotten) = (&self.dropped, self.forgotten);
        let dropped = || Box::new(NumbersDropped { ranges: ranges.clone(), forgotten });
        let has_dropped = !ranges.is_empty() || forgotten > 0;
        Some(NumbersUsed { next: self.next_number, dropped: has_dropped.then(dropped) })
    }

    /// Continues the numbers of an earlier queue of the channel.
    pub(super) fn continue_after(&mut self, used: &NumbersUsed) {
        self.next_number = used.next;
        if let Some(dropped) = used.dropped.as_deref() {
            self.dropped = dropped.ranges.clone();
            self.forgotten = dropped.forgotten;
        }
    }

    /// Returns the time at which the lifetime of the oldest message passes. All messages of a channel have the same
    /// lifetime, so no message expires earlier.
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

    /// Returns the numbers of the waiting messages.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().map(|waiting| waiting.number)
    }
}
