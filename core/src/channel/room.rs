//! Limits on the memory for messages that are not yet available to the application: messages in reassembly, and
//! ordered messages that arrived early.
//!
//! An endpoint has one [`Room`], and each connection has an [`Account`]. Three limits apply to each byte:
//!
//! - A connection holds at most [`HELD_PER_RECEIVED`] times the bytes that it received for these messages, plus
//!   [`HELD_FREE`] bytes.
//! - Each connection has a fixed share: half of the memory without the reserve, divided by the maximum number of
//!   connections. Bytes beyond the share come out of the other half. A connection takes at most as many bytes of this
//!   half as the connection leaves free (dynamic thresholds, Choudhury and Hahne 1998).
//! - A reserve of the size of one largest message serves one message at a time, so that messages in reassembly can be
//!   completed, one after another. Connections get the reserve in the order in which they first found no memory.

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

/// The memory limits of an endpoint.
#[derive(Debug)]
pub(crate) struct Room {
    tally: Arc<RoomTally>,
    /// The number of bytes that a connection may always hold.
    share: usize,
    /// The number of bytes that all connections together may hold beyond their shares.
    common: usize,
    /// The size of the reserve, in bytes.
    reserve: usize,
    /// The time at which the current message got the reserve.
    reserved_at: Instant,
    /// `true` if the reserve was given to a message since [`Self::is_next`] last ran.
    was_reserved: bool,
    /// The numbers of the waiting connections in the queue for the reserve, lowest first.
    turns: VecDeque<u64>,
    next_turn: u64,
    /// The time until which only the first connection in the queue may take the reserve.
    offered_until: Instant,
    last_account: usize,
}

/// The counters that an account corrects without access to the [`Room`] when its connection ends.
#[derive(Debug, Default)]
struct RoomTally {
    /// The number of bytes that all accounts hold beyond their shares, without the reserve.
    common: AtomicUsize,
    /// The number of the account that has the reserve, or 0 if no account has the reserve.
    owner: AtomicUsize,
    /// The number of bytes of the reserve that the owner uses.
    reserve_used: AtomicUsize,
}

/// The memory account of one connection.
#[derive(Debug)]
pub(crate) struct Account {
    tally: Arc<RoomTally>,
    number: usize,
    held: usize,
    share: usize,
    /// The number of bytes of `held` beyond the share, without the bytes of the reserve.
    common: usize,
    /// The number of bytes of `held` that come out of the reserve.
    reserve_used: usize,
    /// The number of bytes received for held messages since the most recent time at which the connection held no byte.
    received: usize,
    most: usize,
    turn: Option<u64>,
    reserved: Option<Reserved>,
    /// `true` if the next held bytes come out of the reserve.
    is_reserve_charged: bool,
}

/// The message that has the reserve.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    message: (ChannelId, u64),
    since: Instant,
}

/// A request for memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) now: Instant,
    /// The largest number of heap bytes that the request needs.
    pub(super) growth: usize,
    /// The message that may use the reserve, or `None` if no message may.
    pub(super) message: Option<(ChannelId, u64)>,
}

impl Room {
    /// Creates limits of `most` bytes for at most `connections` connections. `most` is raised to the size of two
    /// reserves for messages of `max_message` bytes.
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

    /// Creates an empty account for a connection with a receive window of `window` bytes.
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

    /// Removes an account from the queue for the reserve.
    pub(super) fn forget(&mut self, account: &mut Account) {
        if let Some(turn) = account.turn.take()
            && let Ok(place) = self.turns.binary_search(&turn)
        {
            self.turns.remove(place);
        }
    }

    /// Returns the number of unused bytes of the half that connections share.
    fn free(&self) -> usize {
        self.common.saturating_sub(self.tally.common.load(Ordering::Relaxed))
    }

    fn owner(&self) -> usize {
        self.tally.owner.load(Ordering::Relaxed)
    }

    /// Returns whether the connection with the number `turn` in the queue may take the reserve now. No message has
    /// the reserve at the time of the call.
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
    /// Returns the time until which a message that got the reserve at `since` may keep it.
    fn reserved_until(&self, since: Instant) -> Instant {
        let used = self.reserve_used.load(Ordering::Relaxed) as u64;
        since + RESERVED_FOR + Span::from_micros(used.saturating_mul(1_000_000) / RESERVED_BYTES_PER_SECOND)
    }
}

impl Account {
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Returns whether the connection holds no memory, and neither has nor waits for the reserve.
    pub(super) const fn is_unused(&self) -> bool {
        self.held == 0 && self.turn.is_none() && self.reserved.is_none()
    }

    /// Records that `bytes` bytes arrived for messages that this connection holds.
    pub(super) const fn on_received(&mut self, bytes: usize) {
        if self.held == 0 {
            self.received = 0;
        }
        self.received = self.received.saturating_add(bytes);
    }

    /// Records that a message of the connection grew or shrank from `before` to `after` bytes.
    pub(super) fn change(&mut self, before: usize, after: usize) {
        let is_reserve_charged = core::mem::take(&mut self.is_reserve_charged);
        self.held = (self.held + after).saturating_sub(before);
        if is_reserve_charged {
            self.reserve_used += after.saturating_sub(before);
            self.tally.reserve_used.store(self.reserve_used, Ordering::Relaxed);
        }
        self.tell();
    }

    /// Updates the sum over all accounts of the bytes beyond the shares.
    fn tell(&mut self) {
        let common = self.held.saturating_sub(self.share + self.reserve_used);
        if common != self.common {
            self.tally.common.fetch_add(common, Ordering::Relaxed);
            self.tally.common.fetch_sub(core::mem::replace(&mut self.common, common), Ordering::Relaxed);
        }
    }

    /// Returns whether the limits permit the request. The request may make the connection wait for the reserve, or
    /// take the reserve.
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

    /// Returns this connection's number in the queue for the reserve. Gives the connection a new number if it has
    /// none.
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

    /// Releases the reserve if `message` has it, because the message is complete or dropped.
    pub(super) fn on_message_gone(&mut self, message: (ChannelId, u64)) {
        if self.reserved.is_some_and(|reserved| reserved.message == message) {
            self.give_back_reserve();
        }
    }

    /// Releases the reserve if a message of this connection has it.
    pub(super) fn give_back_reserve(&mut self) {
        if self.drop_reserve() {
            let owner = &self.tally.owner;
            let _ = owner.compare_exchange(self.number, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Takes the reserve from this account's message. Returns `true` if a message had the reserve.
    fn drop_reserve(&mut self) -> bool {
        let had = self.reserved.take().is_some();
        if had {
            self.reserve_used = 0;
            self.tell();
        }
        had
    }

    /// Returns the time until which a message of this connection may keep the reserve, or `None` without the reserve.
    pub(super) fn reserved_until(&self) -> Option<Instant> {
        self.reserved.map(|reserved| self.tally.reserved_until(reserved.since))
    }

    /// Returns `true` if the message's time with the reserve has ended and other connections wait. If no connection
    /// waits, the message keeps the reserve for another period.
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
