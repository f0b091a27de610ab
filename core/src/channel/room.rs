//! Memory for messages that are not yet available to the application: messages in reassembly, and ordered messages that
//! arrived early.
//!
//! An endpoint has one [`Room`], and each connection has an [`Account`] of its memory. Three limits apply to each byte:
//!
//! - A connection holds at most [`HELD_PER_RECEIVED`] times the bytes that it received for it, plus [`HELD_FREE`].
//! - Each connection has a share of its own, whatever the others hold: half of the room, divided by the connections that the
//!   endpoint may have. Bytes beyond its share come out of the other half, of which a connection takes at most as much as it
//!   leaves free (dynamic thresholds, Choudhury and Hahne 1998).
//! - Room for one of the largest messages is kept back for one message at a time, so that messages which are begun can be
//!   finished, one after the other. Connections take turns in the order in which they first found no room.

use crate::time::Span;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::event::ChannelId;
use crate::limits::{
    HELD_FREE, HELD_PER_RECEIVED, REASSEMBLY_OVERHEAD, RESERVED_BYTES_PER_SECOND, RESERVED_FOR,
    RESERVED_OFFER, reserved_room,
};
use crate::time::Instant;

/// The room of an endpoint.
#[derive(Debug)]
pub(crate) struct Room {
    tally: Arc<RoomTally>,
    /// Bytes that a connection may always hold.
    share: usize,
    /// Bytes that connections hold together beyond their shares.
    common: usize,
    /// Bytes that are kept back for one message.
    reserve: usize,
    /// When the reserve was given to the message that it is kept for.
    reserved_at: Instant,
    /// `true` if the reserve was in use when it was last looked at.
    was_reserved: bool,
    /// Turns that connections wait for, lowest first.
    turns: VecDeque<u64>,
    next_turn: u64,
    /// When the turn at the front is passed over.
    offered_until: Instant,
    last_account: usize,
}

/// The part of it that an account settles by itself when its connection ends.
#[derive(Debug, Default)]
struct RoomTally {
    /// Bytes that all accounts hold beyond their shares, without the reserve.
    common: AtomicUsize,
    /// The account that has the reserve; 0 is none.
    owner: AtomicUsize,
    /// Bytes of the reserve in use by it.
    reserve_used: AtomicUsize,
}

/// The memory that one connection holds.
#[derive(Debug)]
pub(crate) struct Account {
    tally: Arc<RoomTally>,
    number: usize,
    held: usize,
    share: usize,
    /// Bytes of `held` beyond the share, without the reserve.
    common: usize,
    /// Bytes of `held` that come out of the reserve.
    reserve_used: usize,
    /// Bytes that arrived for messages to hold since nothing was held.
    received: usize,
    most: usize,
    turn: Option<u64>,
    reserved: Option<Reserved>,
    /// `true` if the next bytes that are held come out of the reserve.
    is_reserve_charged: bool,
}

/// The message that the reserve is kept for.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    message: (ChannelId, u64),
    since: Instant,
}

/// More bytes to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) now: Instant,
    /// Bytes of the heap, at most.
    pub(super) growth: usize,
    /// The message that could be finished with the reserve.
    pub(super) message: Option<(ChannelId, u64)>,
}

impl Room {
    /// Room of `most` bytes, or for two messages of `max_message` bytes if that is more, for `connections`.
    pub(crate) fn new(most: u64, max_message: usize, connections: usize) -> Self {
        let reserve = reserved_room(max_message);
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(reserve.saturating_mul(2));
        let half = (most - reserve) / 2;
        Self {
            tally: Arc::default(),
            share: half / connections.max(1),
            common: half,
            reserve,
            reserved_at: Instant::ZERO,
            was_reserved: false,
            turns: VecDeque::new(),
            next_turn: 0,
            offered_until: Instant::ZERO,
            last_account: 0,
        }
    }

    /// An account that holds nothing, of a connection whose receive window has `window` bytes.
    pub(super) fn open(&mut self, window: u64) -> Account {
        self.last_account = self.last_account.wrapping_add(1).max(1);
        let most = window.saturating_mul(REASSEMBLY_OVERHEAD);
        Account {
            tally: Arc::clone(&self.tally),
            number: self.last_account,
            held: 0,
            share: self.share,
            common: 0,
            reserve_used: 0,
            received: 0,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            turn: None,
            reserved: None,
            is_reserve_charged: false,
        }
    }

    /// The turn of a connection that is gone comes no more.
    pub(super) fn forget(&mut self, account: &mut Account) {
        if let Some(turn) = account.turn.take()
            && let Ok(place) = self.turns.binary_search(&turn)
        {
            self.turns.remove(place);
        }
    }

    /// Bytes of the common half that nobody holds.
    fn free(&self) -> usize {
        self.common.saturating_sub(self.tally.common.load(Ordering::Relaxed))
    }

    fn owner(&self) -> usize {
        self.tally.owner.load(Ordering::Relaxed)
    }

    /// Whether it is the turn of `turn`. Nobody has the reserve.
    fn is_next(&mut self, now: Instant, turn: u64) -> bool {
        if core::mem::take(&mut self.was_reserved) {
            self.offered_until = now + RESERVED_OFFER;
        }
        while self.turns.front().is_some_and(|first| *first < turn) {
            if now < self.offered_until {
                return false;
            }
            self.turns.pop_front();
            self.offered_until = now + RESERVED_OFFER;
        }
        true
    }
}

impl RoomTally {
    /// When a message that has had the reserve since `since` loses it.
    fn reserved_until(&self, since: Instant) -> Instant {
        let used = self.reserve_used.load(Ordering::Relaxed) as u64;
        since + RESERVED_FOR + Span::from_micros(used.saturating_mul(1_000_000) / RESERVED_BYTES_PER_SECOND)
    }
}

impl Account {
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// `bytes` came in for messages that this connection holds.
    pub(super) const fn on_received(&mut self, bytes: usize) {
        if self.held == 0 {
            self.received = 0;
        }
        self.received = self.received.saturating_add(bytes);
    }

    /// The connection holds `after` bytes now instead of `before`.
    pub(super) fn change(&mut self, before: usize, after: usize) {
        let is_reserve_charged = core::mem::take(&mut self.is_reserve_charged);
        self.held = (self.held + after).saturating_sub(before);
        if is_reserve_charged {
            self.reserve_used += after.saturating_sub(before);
            self.tally.reserve_used.store(self.reserve_used, Ordering::Relaxed);
        }
        self.tell();
    }

    /// Brings the tally of all accounts up to date.
    fn tell(&mut self) {
        let common = self.held.saturating_sub(self.share + self.reserve_used);
        if common != self.common {
            self.tally.common.fetch_add(common, Ordering::Relaxed);
            self.tally.common.fetch_sub(core::mem::replace(&mut self.common, common), Ordering::Relaxed);
        }
    }

    /// Whether there is room for what is asked for.
    pub(super) fn admits(&mut self, room: &mut Room, request: Request) -> bool {
        let after = self.held.saturating_add(request.growth);
        let paid = HELD_PER_RECEIVED.saturating_mul(self.received).saturating_add(HELD_FREE);
        if after > paid.min(self.most) {
            return false;
        }
        if after <= self.share + self.reserve_used {
            return true;
        }
        let common = after - self.share - self.reserve_used;
        // Memory that is held already is not free any more.
        common <= room.free().saturating_sub(request.growth) || self.admits_reserved(room, request)
    }

    #[cold]
    fn admits_reserved(&mut self, room: &mut Room, request: Request) -> bool {
        let Request { now, growth, message } = request;
        let Some(message) = message else { return false };
        if room.owner() != self.number {
            if room.owner() != 0 && now < self.tally.reserved_until(room.reserved_at) {
                self.take_turn(room);
                return false;
            }
            // A connection whose time is over is interrupted by a timer of its own.
            let turn = self.take_turn(room);
            if !room.is_next(now, turn) {
                return false;
            }
            room.forget(self);
            room.tally.owner.store(self.number, Ordering::Relaxed);
            room.tally.reserve_used.store(0, Ordering::Relaxed);
            self.reserve_used = 0;
            (room.reserved_at, room.was_reserved) = (now, true);
            self.reserved = Some(Reserved { message, since: now });
        }
        self.is_reserve_charged = self.reserved.is_some_and(|reserved| reserved.message == message)
            && self.reserve_used + growth <= room.reserve;
        self.is_reserve_charged
    }

    /// The turn of this connection; a new one if the last one was passed over.
    fn take_turn(&mut self, room: &mut Room) -> u64 {
        self.drop_reserve();
        if let Some(turn) = self.turn.filter(|turn| room.turns.binary_search(turn).is_ok()) {
            return turn;
        }
        let turn = room.next_turn;
        room.next_turn += 1;
        room.turns.push_back(turn);
        self.turn = Some(turn);
        turn
    }

    /// A message is complete, or given up.
    pub(super) fn on_message_gone(&mut self, message: (ChannelId, u64)) {
        if self.reserved.is_some_and(|reserved| reserved.message == message) {
            self.give_back_reserve();
        }
    }

    /// Nothing is held in reassembly any more.
    pub(super) fn give_back_reserve(&mut self) {
        if self.drop_reserve() {
            let owner = &self.tally.owner;
            let _ = owner.compare_exchange(self.number, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether there was one.
    fn drop_reserve(&mut self) -> bool {
        let had = self.reserved.take().is_some();
        if had {
            self.reserve_used = 0;
            self.tell();
        }
        had
    }

    /// When the message that the reserve is kept for loses it.
    pub(super) fn reserved_until(&self) -> Option<Instant> {
        self.reserved.map(|reserved| self.tally.reserved_until(reserved.since))
    }

    /// Whether the message that the reserve is kept for has had its time while other connections wait for theirs.
    pub(super) fn is_overdue(&mut self, now: Instant, room: &mut Room) -> bool {
        let is_over = self.reserved_until().is_some_and(|until| until <= now);
        let Some(reserved) = self.reserved.as_mut().filter(|_| is_over) else { return false };
        if room.owner() != self.number || !room.turns.is_empty() {
            return true;
        }
        reserved.since = now;
        room.reserved_at = now;
        false
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.held = 0;
        self.give_back_reserve();
        self.tell();
    }
}
