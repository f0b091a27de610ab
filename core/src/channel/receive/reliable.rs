//! One reliable channel of the receiving side.

use alloc::vec::Vec;
use core::ops::Range;

use super::Receipt;
use super::grants::Grants;
use super::inbox::Inbox;
use super::ordered::Ordered;
use super::payload::{Goal, Message, Payload, Reading};
use super::reassembly::{Fragment, Reassembly};
use super::unordered::Unordered;
use crate::channel::arena::{Arena, Keep};
use crate::channel::ids;
use crate::event::{ChannelId, Violation};
use crate::limits::{MESSAGE_OVERHEAD, REASSEMBLY_OVERHEAD, RELIABLE_WINDOW, RESUME_RANGES};

/// What a reliable channel keeps.
#[derive(Debug)]
pub(super) struct Reliable {
    order: Order,
    /// Messages in reassembly, by their id. They wait as long as their sender does: credit bounds them, and however late
    /// the rest comes, because of the path or of what is more urgent, its sender has promised it.
    reassemblies: Vec<(u64, Reassembly)>,
}

/// How the messages of a reliable channel reach the application.
#[derive(Debug)]
pub(super) enum Order {
    /// As sent.
    Ordered(Ordered),
    /// As they come.
    Unordered(Unordered),
}

/// What the reliable channels of a connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) inbox: Inbox,
    pub(super) grants: Grants,
    /// Bytes of reliable messages in reassembly, overhead included.
    pub(super) reassembly_bytes: u64,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// All of a message.
    Whole(&'a [u8]),
    /// Some bytes of it.
    Fragment(Fragment<'a>),
}

/// What a frame meets on its way to the application.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) channel: ChannelId,
    pub(super) reading: Reading,
    pub(super) shared: &'a mut Shared,
    pub(super) arena: &'a mut Arena,
}

impl Shared {
    /// Bytes that reassembly may take beyond those it has.
    fn reassembly_room(&self) -> u64 {
        self.grants.window().saturating_mul(REASSEMBLY_OVERHEAD).saturating_sub(self.reassembly_bytes)
    }
}

impl Reliable {
    pub(super) const fn new(order: Order) -> Self {
        Self { order, reassemblies: Vec::new() }
    }

    /// Takes a frame of the message whose id on the wire is `id`.
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
        if self.has(ahead) {
            return Ok(Receipt::Duplicate);
        }
        let payload = match body {
            Body::Whole(data) => {
                self.begin_whole(&mut context, id, data)?;
                Payload::Borrowed(data)
            }
            Body::Fragment(fragment) => match self.take_fragment(&mut context, id, fragment)? {
                Step::Complete => {
                    let Some(reassembly) = self.remove_reassembly(context.shared, id) else {
                        return Ok(Receipt::Taken);
                    };
                    Payload::Joined(reassembly.into_parts())
                }
                Step::Partial => return Ok(Receipt::Taken),
                Step::NoRoom => return Ok(Receipt::Refused),
            },
        };
        self.finish(context, ahead, payload)?;
        Ok(Receipt::Taken)
    }

    /// The lowest id not received.
    pub(super) const fn floor(&self) -> u64 {
        match &self.order {
            Order::Ordered(ordered) => ordered.floor,
            Order::Unordered(unordered) => unordered.floor,
        }
    }

    /// What was received above the floor, as distances from it. At most [`RESUME_RANGES`].
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

    /// Bytes of messages that wait for earlier ones, overhead included.
    pub(super) fn held_bytes(&self) -> u64 {
        match &self.order {
            Order::Ordered(ordered) => ordered.held().map(|held| held.message.len() + MESSAGE_OVERHEAD).sum(),
            Order::Unordered(_) => 0,
        }
    }

    /// Gives up messages in reassembly; their sender begins them again.
    pub(super) fn drop_partial(&mut self, shared: &mut Shared) {
        for (_, reassembly) in self.reassemblies.drain(..) {
            shared.grants.refund(cost(reassembly.total()));
            shared.reassembly_bytes = shared.reassembly_bytes.saturating_sub(reassembly.memory());
        }
    }

    /// Gives unused memory back.
    pub(super) fn rest(&mut self) {
        self.reassemblies.shrink_to_fit();
        match &mut self.order {
            Order::Ordered(ordered) => ordered.rest(),
            Order::Unordered(unordered) => unordered.rest(),
        }
    }

    /// Charges a message that came whole, unless some of it came before in fragments, as from a sender that found the
    /// packets smaller and cut it.
    fn begin_whole(&mut self, context: &mut Context<'_>, id: u64, data: &[u8]) -> Result<(), Violation> {
        let length = data.len() as u64;
        match self.remove_reassembly(context.shared, id) {
            Some(reassembly) if reassembly.total() != length => Err(Violation::BadFragment),
            Some(reassembly) => {
                context.arena.spare.recycle(reassembly.into_parts());
                Ok(())
            }
            None => context.shared.grants.charge(cost(length)),
        }
    }

    fn take_fragment(
        &mut self,
        context: &mut Context<'_>,
        id: u64,
        fragment: Fragment<'_>,
    ) -> Result<Step, Violation> {
        let (shared, spare) = (&mut *context.shared, &mut context.arena.spare);
        if fragment.total > context.reading.payload_most() {
            return Err(Violation::MessageTooLarge);
        }
        let place = match self.reassemblies.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => place,
            Err(place) => {
                let reassembly = Reassembly::new(fragment.total, spare);
                if reassembly.memory() + reassembly.growth(&fragment)? > shared.reassembly_room() {
                    spare.recycle(reassembly.into_parts());
                    return Ok(Step::NoRoom);
                }
                shared.grants.charge(cost(fragment.total))?;
                shared.reassembly_bytes += reassembly.memory();
                self.reassemblies.insert(place, (id, reassembly));
                place
            }
        };
        let Some((_, reassembly)) = self.reassemblies.get_mut(place) else { return Ok(Step::NoRoom) };
        if reassembly.growth(&fragment)? > shared.reassembly_room() || reassembly.is_crumbled_by(&fragment) {
            return Ok(Step::NoRoom);
        }
        let before = reassembly.memory();
        reassembly.insert(fragment, spare)?;
        // It may shrink: what fills a gap joins ranges.
        shared.reassembly_bytes = (shared.reassembly_bytes + reassembly.memory()).saturating_sub(before);
        Ok(if reassembly.is_complete() { Step::Complete } else { Step::Partial })
    }

    fn finish(&mut self, context: Context<'_>, ahead: usize, payload: Payload<'_>) -> Result<(), Violation> {
        let Context { channel, reading, shared, arena, .. } = context;
        let size = payload.len();
        let direct = ahead == 0 || matches!(self.order, Order::Unordered(_));
        let goal = if direct { Goal::Now(Keep::Queued) } else { Goal::Later };
        let mut charge = cost(size as u64);
        let message = payload.into_message(reading, goal, arena, |length| {
            // The sender was charged for the message or for its payload, whichever is longer; the latter is known first.
            let extra = length.saturating_sub(size) as u64;
            charge += extra;
            shared.grants.charge(extra)
        })?;
        match (&mut self.order, message) {
            (Order::Ordered(ordered), Message::Later(message)) => {
                ordered.hold(ahead, message, charge);
            }
            (Order::Ordered(ordered), Message::Now(message)) => {
                shared.inbox.push_reliable(channel, message, charge);
                ordered.advance();
                while let Some((message, charge)) = ordered.next() {
                    shared.inbox.push_reliable(channel, arena.release(message, Keep::Queued), charge);
                }
            }
            (Order::Unordered(unordered), message) => {
                unordered.take(ahead);
                if let Message::Now(message) = message {
                    shared.inbox.push_reliable(channel, message, charge);
                }
            }
        }
        Ok(())
    }

    fn remove_reassembly(&mut self, shared: &mut Shared, id: u64) -> Option<Reassembly> {
        let place = self.reassemblies.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let (_, reassembly) = self.reassemblies.remove(place);
        shared.reassembly_bytes = shared.reassembly_bytes.saturating_sub(reassembly.memory());
        Some(reassembly)
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

/// What a fragment did.
enum Step {
    Complete,
    Partial,
    NoRoom,
}

/// What a payload of `length` bytes is charged.
const fn cost(length: u64) -> u64 {
    length.saturating_add(MESSAGE_OVERHEAD)
}
