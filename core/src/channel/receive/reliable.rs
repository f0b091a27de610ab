//! One reliable channel of the receiving side.

use alloc::boxed::Box;
use core::ops::Range;

use bytes::Bytes;

use super::grants::Grants;
use super::holding::{Holding, Receipt};
use super::inbox::Inbox;
use super::ordered::Ordered;
use super::payload::{Payload, Reading};
use super::reassembly::Fragment;
use super::unordered::Unordered;
use crate::channel::arena::{Arena, Keep};
use crate::channel::ids;
use crate::channel::parts::{Parts, Spare};
use crate::channel::room::{Account, Request};
use crate::channel::sorted::{Keyed, Sorted};
use crate::event::{ChannelId, Violation};
use crate::limits::{MESSAGE_OVERHEAD, RELIABLE_WINDOW, RESUME_RANGES};
use crate::time::Instant;

/// The number of bytes that a message in reassembly costs in addition to its parts.
const PLACE: usize = Sorted::<Incomplete>::PLACE;
/// The size in bytes of the smallest frame header of a whole message.
const FRAME: usize = 2;

/// The receive state of a reliable channel.
#[derive(Debug)]
pub(super) struct Reliable {
    order: Order,
    /// Messages in reassembly, sorted by id. They have no deadline, because the sender must complete each of them,
    /// however late. Flow-control credit bounds their memory.
    reassemblies: Sorted<Incomplete>,
}

/// A message in reassembly.
#[derive(Debug)]
struct Incomplete {
    id: u64,
    parts: Parts,
}

impl Keyed for Incomplete {
    fn key(&self) -> u64 {
        self.id
    }
}

/// The order in which the messages of a reliable channel reach the application.
#[derive(Debug)]
pub(super) enum Order {
    /// The order in which the peer sent the messages.
    Ordered(Ordered),
    /// The order in which the messages become complete.
    Unordered(Unordered),
}

/// The state that the reliable channels of a connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) inbox: Inbox,
    pub(super) grants: Grants,
    /// The account of incomplete and early messages. The first such message creates the account.
    pub(super) account: Option<Box<Account>>,
}

/// The part of a message that a frame carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// A whole message.
    Whole(&'a [u8]),
    /// A fragment of a message.
    Fragment(Fragment<'a>),
}

/// The time, the channel and the shared state for the processing of a frame.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) channel: ChannelId,
    pub(super) reading: Reading,
    pub(super) shared: &'a mut Shared,
    pub(super) arena: &'a mut Arena,
}

impl Shared {
    /// Returns the account of incomplete and early messages, with the arena. Creates the account if it does not exist
    /// yet.
    pub(super) fn holding<'a>(&'a mut self, arena: &'a mut Arena) -> Holding<'a> {
        let window = self.grants.window();
        let account = self.account.get_or_insert_with(|| Box::new(arena.room.open(window)));
        Holding { account, arena }
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.inbox.rest();
        self.account.take_if(|account| account.is_unused());
    }

    /// Subtracts `bytes` from the memory that the account holds.
    pub(super) fn release(&mut self, bytes: usize) {
        if let Some(account) = &mut self.account {
            account.change(bytes, 0);
        }
    }
}

impl Reliable {
    pub(super) const fn new(order: Order) -> Self {
        Self { order, reassemblies: Sorted::new() }
    }

    /// Processes a frame of the message whose id on the wire is `id`.
    pub(super) fn take(
        &mut self,
        mut context: Context<'_>,
        id: u32,
        body: Body<'_>,
    ) -> Result<Receipt, Violation> {
        let id = ids::expand(id, self.floor());
        let Some(ahead) = id.checked_sub(self.floor()) else { return Ok(Receipt::Duplicate) };
        if ahead >= u64::from(RELIABLE_WINDOW) {
            return Err(Violation::CreditExceeded);
        }
        let ahead = ahead as usize;
        // The one at the floor never was.
        if ahead > 0 && self.has(ahead) {
            return Ok(Receipt::Duplicate);
        }
        let is_next = ahead == 0 || matches!(self.order, Order::Unordered(_));
        let payload = match body {
            Body::Whole(data) => {
                if !is_next && !has_room(&mut context, data) {
                    return Ok(Receipt::Refused);
                }
                self.begin_whole(&mut context, id, data)?;
                if is_next && !context.reading.compressed {
                    return self.pass_whole(context, ahead, data);
                }
                Payload::Borrowed(data)
            }
            Body::Fragment(fragment) => match self.take_fragment(&mut context, id, fragment, is_next)? {
                Step::Complete => match self.remove_reassembly(&mut context, id) {
                    Some(parts) => Payload::Joined(parts),
                    None => return Ok(Receipt::Taken),
                },
                Step::Partial => return Ok(Receipt::Taken),
                Step::NoRoom => return Ok(Receipt::Refused),
            },
        };
        if is_next {
            self.pass(context, ahead, payload)?;
        } else {
            self.hold(context, ahead, payload)?;
        }
        Ok(Receipt::Taken)
    }

    /// Returns the lowest message id not received.
    pub(super) const fn floor(&self) -> u64 {
        match &self.order {
            Order::Ordered(ordered) => ordered.floor,
            Order::Unordered(unordered) => unordered.floor,
        }
    }

    /// Returns the floor, or `None` if the channel holds an incomplete or an early message.
    pub(super) fn idle_floor(&self) -> Option<u64> {
        (self.reassemblies.is_empty() && self.span() == 0).then(|| self.floor())
    }

    /// Returns the messages received above the floor, as distances from the floor: at most [`RESUME_RANGES`] ranges.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u32>> + Clone {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = (at..self.span()).find(|&ahead| self.has(ahead))?;
            let end = (start..self.span()).find(|&ahead| !self.has(ahead)).unwrap_or_else(|| self.span());
            at = end;
            Some(start as u32..end as u32)
        })
        .take(RESUME_RANGES)
    }

    /// Drops all messages in reassembly and refunds their credit. The peer sends them again from the beginning.
    pub(super) fn drop_partial(&mut self, shared: &mut Shared) {
        core::mem::take(&mut self.reassemblies).drain(|Incomplete { parts, .. }| {
            shared.grants.refund(cost(parts.total().into()));
            shared.release(PLACE + parts.memory());
        });
    }

    /// Drops the messages that wait for earlier messages.
    pub(super) fn drop_early(&mut self, shared: &mut Shared) {
        if let Order::Ordered(ordered) = &mut self.order {
            shared.release(ordered.clear());
        }
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.reassemblies.shrink_to_fit();
        match &mut self.order {
            Order::Ordered(ordered) => ordered.rest(),
            Order::Unordered(unordered) => unordered.rest(),
        }
    }

    /// Charges a whole message to the peer. If fragments of the message arrived before, the message is already
    /// charged, and the method drops the fragments. A sender sends both if the path's datagram size changes.
    fn begin_whole(&mut self, context: &mut Context<'_>, id: u64, data: &[u8]) -> Result<(), Violation> {
        let length = data.len() as u64;
        if self.reassemblies.is_empty() {
            return context.shared.grants.charge(cost(length));
        }
        match self.remove_reassembly(context, id) {
            Some(parts) if u64::from(parts.total()) != length => Err(Violation::BadFragment),
            Some(parts) => {
                context.arena.spare.recycle(parts);
                Ok(())
            }
            None => context.shared.grants.charge(cost(length)),
        }
    }

    #[inline(never)]
    fn take_fragment(
        &mut self,
        context: &mut Context<'_>,
        id: u64,
        fragment: Fragment<'_>,
        is_next: bool,
    ) -> Result<Step, Violation> {
        // An ordered message that came early would not go when it is complete.
        let message = is_next.then_some((context.channel, id));
        let request = Request { now: context.now, growth: fragment.growth() + PLACE, message };
        let total = fragment.total()?;
        let place = fragment.place(total)?;
        let Holding { account, arena } = context.shared.holding(context.arena);
        account.on_received(fragment.wire_bytes());
        if !account.admits(&mut arena.room, request) {
            return Ok(Step::NoRoom);
        }
        let begin = || Incomplete { id, parts: Spare::begin(total) };
        let Some((incomplete, is_new)) = self.reassemblies.get_or_insert_with(id, begin) else {
            return Ok(Step::NoRoom);
        };
        let parts = &mut incomplete.parts;
        if parts.total() != total {
            return Err(Violation::BadFragment);
        }
        if place.crumbles(parts) {
            return Ok(Step::NoRoom);
        }
        let before = if is_new { 0 } else { PLACE + parts.memory() };
        place.store(parts, &mut arena.spare);
        account.change(before, PLACE + parts.memory());
        let step = if parts.is_complete() { Step::Complete } else { Step::Partial };
        if is_new {
            context.shared.grants.charge(cost(fragment.total))?;
        }
        Ok(step)
    }

    /// Delivers an uncompressed whole message that does not wait for earlier messages, which is the most frequent
    /// case.
    #[inline(always)]
    fn pass_whole(&mut self, context: Context<'_>, ahead: usize, data: &[u8]) -> Result<Receipt, Violation> {
        if data.len() > context.reading.max_message {
            return Err(Violation::MessageTooLarge);
        }
        let message = context.arena.copy(data, Keep::Queued);
        self.deliver(context, ahead, message, cost(data.len() as u64))?;
        Ok(Receipt::Taken)
    }

    /// Delivers a message that does not wait for earlier messages, and the messages that waited for it.
    #[inline(never)]
    fn pass(&mut self, context: Context<'_>, ahead: usize, payload: Payload<'_>) -> Result<(), Violation> {
        let grants = &mut context.shared.grants;
        let size = payload.len();
        let mut charge = cost(size as u64);
        let message = payload.into_message(context.reading, Keep::Queued, context.arena, |length| {
            // The sender was charged for the message or for its payload, whichever is longer; the latter is known first.
            let extra = length.saturating_sub(size) as u64;
            charge += extra;
            grants.charge(extra)
        })?;
        self.deliver(context, ahead, message, charge)
    }

    #[inline(always)]
    fn deliver(
        &mut self,
        context: Context<'_>,
        ahead: usize,
        message: Bytes,
        charge: u64,
    ) -> Result<(), Violation> {
        context.shared.inbox.push_reliable(context.channel, message, charge);
        match &mut self.order {
            Order::Unordered(unordered) => unordered.take(ahead),
            Order::Ordered(ordered) => {
                ordered.advance();
                if ordered.memory() > 0 {
                    return Self::deliver_held(ordered, context);
                }
            }
        }
        Ok(())
    }

    /// Delivers the early messages that follow the delivered message without a gap.
    #[inline(never)]
    fn deliver_held(ordered: &mut Ordered, context: Context<'_>) -> Result<(), Violation> {
        let Context { channel, reading, shared, arena, .. } = context;
        let before = ordered.memory();
        while let Some(payload) = ordered.front() {
            let size = payload.len();
            let message = payload.into_message(reading, Keep::Queued, arena, |_| Ok(()))?;
            let charge = cost(size.max(message.len()) as u64);
            shared.inbox.push_reliable(channel, message, charge);
            ordered.advance_held(&mut arena.spare);
        }
        if let Some(account) = &mut shared.account {
            account.change(before, ordered.memory());
        }
        Ok(())
    }

    /// Stores an early message in its compressed form, because decompression can make it 255 times as long.
    #[inline(never)]
    fn hold(&mut self, context: Context<'_>, ahead: usize, payload: Payload<'_>) -> Result<(), Violation> {
        let Context { reading, shared, arena, .. } = context;
        let length = payload.message_len(reading, arena)?;
        shared.grants.charge(length.saturating_sub(payload.len()) as u64)?;
        if let Order::Ordered(ordered) = &mut self.order {
            let before = ordered.memory();
            ordered.hold(ahead, payload, &mut arena.spare);
            shared.holding(arena).account.change(before, ordered.memory());
        }
        Ok(())
    }

    fn remove_reassembly(&mut self, context: &mut Context<'_>, id: u64) -> Option<Parts> {
        let Incomplete { parts, .. } = self.reassemblies.remove(id)?;
        let account = context.shared.holding(context.arena).account;
        account.change(PLACE + parts.memory(), 0);
        account.on_message_gone((context.channel, id));
        Some(parts)
    }

    fn has(&self, ahead: usize) -> bool {
        match &self.order {
            Order::Ordered(ordered) => ordered.has(ahead),
            Order::Unordered(unordered) => unordered.has(ahead),
        }
    }

    fn span(&self) -> usize {
        match &self.order {
            Order::Ordered(ordered) => ordered.span(),
            Order::Unordered(unordered) => unordered.span(),
        }
    }
}

/// The state of a message after one of its fragments was received.
enum Step {
    Complete,
    Partial,
    NoRoom,
}

/// Returns whether the account has room for an early whole message.
fn has_room(context: &mut Context<'_>, data: &[u8]) -> bool {
    let holding = context.shared.holding(context.arena);
    holding.account.on_received(data.len() + FRAME);
    let request = Request { now: context.now, growth: Ordered::growth(data.len()), message: None };
    holding.account.admits(&mut holding.arena.room, request)
}

/// Returns the credit that a payload of `length` bytes costs, in bytes.
const fn cost(length: u64) -> u64 {
    length.saturating_add(MESSAGE_OVERHEAD)
}
