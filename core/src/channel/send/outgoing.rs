//! One channel of the sending side.

use bytes::Bytes;

use super::super::lazy::PerChannel;
use super::piece::{Begun, FramedMessage};
use super::queue::{NumberState, NumbersUsed, Queue};
use super::window::{Held, SentPart, Window};
use crate::config::{ChannelConfig, Delivery};
use crate::event::{ChannelId, Fate};
use crate::fair::Share;
use crate::limits::UNRELIABLE_PATIENCE;
use crate::stats::ChannelSent;
use crate::time::{Instant, Span};
use crate::wire::Writer;
use crate::wire::message::Chain;

/// One channel of the sending side.
#[derive(Debug)]
pub(super) struct Outgoing {
    channel: ChannelId,
    delivery: Delivery,
    pub(super) receipts: bool,
    pub(super) compress: bool,
    /// The number of receipts that the application has not taken yet. They count as waiting messages.
    pub(super) receipts_waiting: usize,
    pub(super) queue: Queue,
    pub(super) window: Window,
    pub(super) share: Share,
    /// The rest of an unreliable message whose first fragments were sent.
    rest: Option<Rest>,
    /// The id of the next unreliable message.
    next_id: u64,
    counters: OutgoingCounters,
}

/// The counters of [`ChannelSent`] that the channel does not derive from its queue and its window.
#[derive(Clone, Copy, Debug, Default)]
struct OutgoingCounters {
    messages: u64,
    bytes: u64,
    repeated: u64,
    fragments: u64,
    delivered: u64,
    expired: u64,
    dropped: u64,
    full: u64,
}

#[derive(Debug)]
struct Rest {
    id: u64,
    payload: Bytes,
    start: u64,
    /// The time at which the path first delayed the message, or [`Instant::MAX`] if the path has not delayed the
    /// message.
    held_since: Instant,
}

/// The kind of data that a channel has to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// The channel has no data that it may send.
    Nothing,
    /// An unreliable message, or the rest or the retransmission of a message whose first part was sent. None of them
    /// needs flow-control credit.
    Free,
    /// A reliable message that was never sent and needs this many bytes of flow-control credit.
    Credit(u64),
}

/// The part of a message that a channel wrote, and its cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChannelWritten {
    pub(super) sent: Option<SentPart>,
    /// The flow-control credit that the part used, in bytes.
    pub(super) credit: u64,
}

/// The part of a channel's state that remains while the channel has no messages.
#[derive(Debug)]
pub(super) struct OutgoingSummary {
    numbers: NumbersUsed,
    /// The id of the next message.
    next_id: u64,
    counters: OutgoingCounters,
}

impl PerChannel for Outgoing {
    type Summary = OutgoingSummary;

    fn new(channel: ChannelId, config: &ChannelConfig, first_id: u64) -> Self {
        Self {
            channel,
            delivery: config.delivery,
            receipts: config.receipts,
            compress: config.compress,
            receipts_waiting: 0,
            queue: Queue::new(config),
            window: Window::new(channel, config.delivery == Delivery::ReliableOrdered, first_id),
            share: Share::new(config.priority),
            rest: None,
            next_id: first_id,
            counters: OutgoingCounters::default(),
        }
    }

    fn summary(&self) -> Option<OutgoingSummary> {
        let is_idle = self.rest.is_none() && self.receipts_waiting == 0;
        let next_id = if self.is_reliable() { self.window.idle_base()? } else { self.next_id };
        let numbers = self.queue.numbers_used().filter(|_| is_idle)?;
        Some(OutgoingSummary { numbers, next_id, counters: self.counters })
    }

    fn from_summary(channel: ChannelId, config: &ChannelConfig, summary: &OutgoingSummary) -> Self {
        let mut outgoing = Self::new(channel, config, summary.next_id);
        outgoing.queue.continue_after(&summary.numbers);
        outgoing.counters = summary.counters;
        outgoing
    }
}

impl Outgoing {
    pub(super) const fn is_reliable(&self) -> bool {
        self.delivery.is_reliable()
    }

    pub(super) fn wish(&self) -> Wish {
        if self.rest.is_some() || self.window.has_piece() {
            return Wish::Free;
        }
        match self.queue.front() {
            None => Wish::Nothing,
            Some(_) if !self.is_reliable() => Wish::Free,
            Some(waiting) if self.window.has_room() => Wish::Credit(waiting.cost),
            Some(_) => Wish::Nothing,
        }
    }

    /// Writes the next part of a message, or returns `None` if no part fits.
    pub(super) fn write(&mut self, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<ChannelWritten> {
        let before = writer.written();
        let written = if self.is_reliable() {
            self.write_reliable(writer, chain)?
        } else {
            self.write_once(writer, chain)?;
            ChannelWritten { sent: None, credit: 0 }
        };
        self.counters.bytes += (writer.written() - before) as u64;
        Some(written)
    }

    fn write_reliable(&mut self, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<ChannelWritten> {
        let (sent, credit) = if self.window.has_piece() {
            (self.window.write(writer, chain)?, 0)
        } else {
            let begun = self.window.begin(&mut self.queue, writer, chain)?;
            self.counters.messages += 1;
            begun
        };
        self.counters.repeated += u64::from(sent.repeated);
        self.counters.fragments += u64::from(sent.whole.is_none());
        Some(ChannelWritten { sent: Some(sent), credit })
    }

    fn write_once(&mut self, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<()> {
        let (channel, numbered) = (self.channel, self.delivery == Delivery::Sequenced);
        if let Some(rest) = &mut self.rest {
            let message = FramedMessage { channel, id: rest.id, numbered, payload: &rest.payload };
            let end = message.fragment(rest.start, rest.payload.len() as u64, writer, chain)?;
            rest.start = end;
            if end == rest.payload.len() as u64 {
                self.rest = None;
            }
            self.counters.fragments += 1;
            return Some(());
        }
        let waiting = self.queue.front()?;
        let id = self.next_id;
        let begun =
            FramedMessage { channel, id, numbered, payload: &waiting.payload }.begin(writer, chain)?;
        let waiting = self.queue.pop()?;
        self.counters.messages += 1;
        if let Begun::Cut(start) = begun {
            self.counters.fragments += 1;
            self.rest = Some(Rest { id, payload: waiting.payload, start, held_since: Instant::MAX });
        }
        // Whole unreliable messages travel without an id.
        if numbered || begun != Begun::Whole {
            self.next_id += 1;
        }
        Some(())
    }

    /// Prepares for a new transport: resends unacknowledged messages from the beginning, and drops the rest of an
    /// unreliable message.
    pub(super) fn restart(&mut self) {
        self.window.restart();
        // The peer dropped the beginning.
        self.rest = None;
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.queue.rest();
        self.window.rest();
    }

    pub(super) fn on_delivered(&mut self, count: usize) {
        self.counters.delivered += count as u64;
        if self.receipts {
            self.receipts_waiting += count;
        }
    }

    pub(super) fn on_expired(&mut self, count: u64) {
        self.counters.expired += count;
    }

    /// Records that the queue had no space for a message of `cost` bytes.
    pub(super) fn on_full(&mut self, cost: u64) {
        self.counters.full += 1;
        self.queue.refuse(cost);
    }

    /// Marks the waiting messages as delayed, because the path cannot take a packet now. Returns whether a delayed
    /// message remains.
    pub(super) fn hold_back(&mut self, now: Instant) -> bool {
        self.queue.hold_back();
        if let Some(rest) = &mut self.rest {
            rest.held_since = rest.held_since.min(now);
        }
        self.give_way(now)
    }

    /// Drops the delayed messages that newer messages displace. Returns whether a delayed message remains.
    ///
    /// A message whose first fragments were sent is completed, unless the path delays it for more than
    /// [`UNRELIABLE_PATIENCE`]. Dropping the message earlier would waste its sent fragments, and the same would
    /// happen to each newer message.
    pub(super) fn give_way(&mut self, now: Instant) -> bool {
        let is_given_up = |rest: &mut Rest| now.since(rest.held_since) > Span::of(UNRELIABLE_PATIENCE);
        let rest = self.rest.take_if(is_given_up);
        self.counters.dropped += u64::from(rest.is_some());
        self.counters.dropped += self.queue.give_way(now, self.delivery == Delivery::Sequenced);
        self.rest.is_some() || self.queue.is_held()
    }

    /// Drops the oldest messages until the queue has space for a message of `cost` bytes.
    pub(super) fn make_room(&mut self, cost: u64) {
        self.counters.dropped += self.queue.make_room(cost);
    }

    pub(super) fn fate(&self, number: u64) -> Option<Fate> {
        match self.queue.place(number) {
            NumberState::Unused => None,
            NumberState::Waiting => Some(Fate::Queued),
            NumberState::Dropped => Some(Fate::NotSent),
            _ if !self.is_reliable() => Some(Fate::Unknown),
            place => match self.window.find(number) {
                Held::Unacked => Some(Fate::InFlight),
                Held::Acked if self.delivery == Delivery::ReliableOrdered => Some(Fate::InFlight),
                Held::Acked => Some(Fate::Delivered),
                Held::No if place == NumberState::Forgotten => None,
                Held::No => Some(Fate::Delivered),
            },
        }
    }

    pub(super) fn stats(&self) -> ChannelSent {
        ChannelSent {
            queued: self.queue.len() as u64,
            queued_bytes: self.queue.bytes(),
            in_flight: self.window.len() as u64,
            messages: self.counters.messages,
            bytes: self.counters.bytes,
            repeated: self.counters.repeated,
            fragments: self.counters.fragments,
            delivered: self.counters.delivered,
            expired: self.counters.expired,
            dropped: self.counters.dropped,
            full: self.counters.full,
        }
    }
}
