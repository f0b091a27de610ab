//! Reliable messages that were sent in part, or that the peer has not acknowledged in full.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::piece::{Begun, FramedMessage};
use super::queue::{Queue, QueuedMessage};
use crate::channel::ids;
use crate::channel::ranges::RangeSet;
use crate::event::{ChannelId, Violation};
use crate::limits::{CUTS_KEPT, RELIABLE_WINDOW};
use crate::wire::Writer;
use crate::wire::message::Chain;

/// The reliable messages of one channel, from the lowest unacknowledged message on. Their ids are consecutive.
#[derive(Debug)]
pub(super) struct Window {
    channel: ChannelId,
    ordered: bool,
    /// The id of the first slot. The message in the first slot is never acknowledged, because the window removes
    /// acknowledged messages from its front.
    base: u64,
    slots: VecDeque<WindowSlot>,
    /// The ids of messages with lost bytes to resend, ascending.
    lost: VecDeque<u64>,
    /// The id of the fragmented message whose end was never sent.
    unfinished: Option<u64>,
    /// Unused memory for the state of fragmented messages.
    #[expect(clippy::vec_box, reason = "the boxes themselves are reused")]
    spare: Vec<Box<Cut>>,
}

#[derive(Debug)]
struct WindowSlot {
    number: u64,
    payload: Bytes,
    state: SlotState,
    /// The number of transmissions of the whole message, modulo 256. The loss of an earlier transmission does not
    /// count against a later transmission.
    sends: u8,
}

#[derive(Debug)]
enum SlotState {
    /// The whole message was sent in one frame.
    Flying,
    /// The message must be resent from its beginning.
    Lost,
    /// The message was sent in fragments.
    Cut(Box<Cut>),
    /// The peer acknowledged the whole message.
    Acked,
}

#[derive(Debug, Default)]
struct Cut {
    acked: RangeSet,
    lost: RangeSet,
    /// The offset of the first byte that was never sent.
    sent: u64,
}

/// The part of a message that a frame carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SentPart {
    pub(super) id: u64,
    /// The offset of the first byte in the frame.
    pub(super) start: u64,
    /// The offset after the final byte in the frame.
    pub(super) end: u64,
    /// The number of transmissions of the whole message so far, or `None` for a fragment.
    pub(super) whole: Option<u8>,
    /// `true` if the bytes were sent before.
    pub(super) repeated: bool,
}

/// The state of a message number in the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// The window does not contain the message.
    No,
    /// The message was sent in part or in full and is not acknowledged.
    Unacked,
    /// The message is acknowledged, but an earlier message of the window is not.
    Acked,
}

impl Window {
    pub(super) const fn new(channel: ChannelId, ordered: bool, base: u64) -> Self {
        Self {
            channel,
            ordered,
            base,
            slots: VecDeque::new(),
            lost: VecDeque::new(),
            unfinished: None,
            spare: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the id of the next message, or `None` if the window contains a message.
    pub(super) fn idle_base(&self) -> Option<u64> {
        self.is_empty().then_some(self.base)
    }

    /// Returns the number of messages in the window, which includes acknowledged messages after an unacknowledged
    /// message.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether a message of the window has lost bytes, or bytes that were never sent.
    pub(super) fn has_piece(&self) -> bool {
        !self.lost.is_empty() || self.unfinished.is_some()
    }

    /// Returns whether the window has space for another message.
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < RELIABLE_WINDOW as usize
    }

    /// Writes the next part of a message in the window: of the oldest message with lost bytes, or else of the
    /// unfinished message.
    pub(super) fn write(&mut self, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<SentPart> {
        match self.lost.front() {
            Some(&id) => self.write_lost(id, writer, chain),
            None => self.write_unfinished(self.unfinished?, writer, chain),
        }
    }

    /// Moves the oldest message of the queue to the window and writes its first frame, if a frame fits. Returns the
    /// part that was written, and the cost of the message in bytes.
    pub(super) fn begin(
        &mut self,
        queue: &mut Queue,
        writer: &mut Writer<'_>,
        chain: &mut Chain,
    ) -> Option<(SentPart, u64)> {
        let id = self.base + self.slots.len() as u64;
        let payload = &queue.front()?.payload;
        let length = payload.len() as u64;
        let message = FramedMessage { channel: self.channel, id, numbered: true, payload };
        let (state, end, whole) = match message.begin(writer, chain)? {
            Begun::Whole => (SlotState::Flying, length, Some(1)),
            Begun::Cut(end) => {
                self.unfinished = Some(id).filter(|_| end < length);
                (SlotState::Cut(fresh_cut(&mut self.spare, end)), end, None)
            }
        };
        let QueuedMessage { number, payload, cost, .. } = queue.pop()?;
        self.slots.push_back(WindowSlot { number, payload, state, sends: 1 });
        Some((SentPart { id, start: 0, end, whole, repeated: false }, cost))
    }

    /// Processes the acknowledgement of `count` messages from `id` on, each of which was sent whole. Calls
    /// `delivered` as [`Self::on_acked`] does.
    pub(super) fn on_acked_whole(&mut self, id: u64, count: u64, delivered: &mut impl FnMut(u64)) {
        let end = id + count;
        // A message that was sent once and is acknowledged in order leaves at once.
        if id <= self.base {
            while self.base < end
                && let Some(slot) = self.slots.pop_front_if(|slot| matches!(slot.state, SlotState::Flying))
            {
                self.base += 1;
                delivered(slot.number);
            }
        }
        for id in (id.max(self.base)..end).take(self.slots.len()) {
            self.acknowledge(id, delivered);
        }
        self.advance(delivered);
    }

    /// Processes the acknowledgement of a part. Calls `delivered` with the number of each message that the peer's
    /// application can now receive.
    pub(super) fn on_acked(&mut self, sent: &SentPart, delivered: &mut impl FnMut(u64)) {
        let Some(slot) = self.slot(sent.id) else { return };
        match &mut slot.state {
            SlotState::Acked => return,
            // A resume forgot the fragments of the old transport; what is acknowledged here is whole.
            SlotState::Flying | SlotState::Lost if sent.whole.is_none() => return,
            SlotState::Cut(cut) if sent.whole.is_none() => {
                cut.acked.insert(sent.start, sent.end);
                cut.lost.remove(sent.start, sent.end);
                if !cut.acked.covers(0, slot.payload.len() as u64) {
                    let nothing_lost = cut.lost.is_empty();
                    if nothing_lost {
                        self.unmark_lost(sent.id);
                    }
                    return;
                }
            }
            SlotState::Flying | SlotState::Lost | SlotState::Cut(_) => {}
        }
        self.acknowledge(sent.id, delivered);
        self.advance(delivered);
    }

    /// Processes the loss, or the suspected loss, of a part. The window resends the bytes that are not acknowledged,
    /// unless the whole message was sent again since.
    pub(super) fn on_lost(&mut self, sent: &SentPart) {
        let Some(slot) = self.slot(sent.id) else { return };
        match (&mut slot.state, sent.whole) {
            (state @ SlotState::Flying, Some(sends)) if sends == slot.sends => *state = SlotState::Lost,
            (SlotState::Cut(cut), None) => {
                let end = sent.end.min(cut.sent);
                if cut.acked.covers(sent.start, end) {
                    return;
                }
                // The lost bytes were not acknowledged before, so nothing else is removed again.
                cut.lost.insert(sent.start, end);
                cut.lost.remove_all(&cut.acked);
            }
            _ => return,
        }
        self.mark_lost(sent.id);
    }

    /// Prepares for a new transport: all unacknowledged messages are resent from their beginning.
    pub(super) fn restart(&mut self) {
        self.lost.clear();
        self.unfinished = None;
        for (slot, id) in self.slots.iter_mut().zip(self.base..) {
            if !matches!(slot.state, SlotState::Acked) {
                slot.state = SlotState::Lost;
                self.lost.push_back(id);
            }
        }
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.slots.shrink_to_fit();
        self.lost.shrink_to_fit();
        self.spare = Vec::new();
    }

    /// Processes the peer's resume state. The peer received all messages below `floor`, and the messages in `ranges`,
    /// which are distances from the floor. Calls `delivered` as [`Self::on_acked`] does.
    ///
    /// # Errors
    /// [`Violation::BadResume`] if the state contains a message that was never sent, or lacks an acknowledged message
    /// below the window.
    pub(super) fn on_received(
        &mut self,
        floor: u32,
        ranges: impl Iterator<Item = Range<u32>>,
        delivered: &mut impl FnMut(u64),
    ) -> Result<(), Violation> {
        let next = self.base + self.slots.len() as u64;
        let floor = ids::expand(floor, self.base);
        if floor < self.base || floor > next {
            return Err(Violation::BadResume);
        }
        (self.base..floor).for_each(|id| self.acknowledge(id, delivered));
        let mut above = floor;
        for range in ranges {
            let (start, end) = (floor + u64::from(range.start), floor + u64::from(range.end));
            if start <= above || end <= start || end > next {
                return Err(Violation::BadResume);
            }
            (start..end).for_each(|id| self.acknowledge(id, delivered));
            above = end;
        }
        self.advance(delivered);
        Ok(())
    }

    pub(super) fn find(&self, number: u64) -> Held {
        let found = self.slots.binary_search_by_key(&number, |slot| slot.number);
        match found.ok().and_then(|index| self.slots.get(index)) {
            None => Held::No,
            Some(WindowSlot { state: SlotState::Acked, .. }) => Held::Acked,
            Some(_) => Held::Unacked,
        }
    }

    /// Returns the numbers of the messages that the peer's application may not have received.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = u64> {
        let open = |slot: &&WindowSlot| self.ordered || !matches!(slot.state, SlotState::Acked);
        self.slots.iter().filter(open).map(|slot| slot.number)
    }

    fn write_lost(&mut self, id: u64, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<SentPart> {
        let channel = self.channel;
        let (slots, spare) = (&mut self.slots, &mut self.spare);
        let slot = slots.get_mut(usize::try_from(id.checked_sub(self.base)?).ok()?)?;
        let length = slot.payload.len() as u64;
        let message = FramedMessage { channel, id, numbered: true, payload: &slot.payload };
        let (start, end, whole) = match &mut slot.state {
            SlotState::Cut(cut) => {
                let (start, end) = cut.lost.first()?;
                let stop = message.fragment(start, end, writer, chain)?;
                cut.lost.remove(start, stop);
                (start, stop, false)
            }
            state => match message.begin(writer, chain)? {
                Begun::Whole => {
                    *state = SlotState::Flying;
                    slot.sends = slot.sends.wrapping_add(1);
                    (0, length, true)
                }
                Begun::Cut(stop) => {
                    let mut cut = fresh_cut(spare, length);
                    cut.lost.insert(stop, length);
                    *state = SlotState::Cut(cut);
                    (0, stop, false)
                }
            },
        };
        let sends = slot.sends;
        if !matches!(&slot.state, SlotState::Cut(cut) if !cut.lost.is_empty()) {
            self.unmark_lost(id);
        }
        Some(SentPart { id, start, end, whole: whole.then_some(sends), repeated: true })
    }

    fn write_unfinished(&mut self, id: u64, writer: &mut Writer<'_>, chain: &mut Chain) -> Option<SentPart> {
        let channel = self.channel;
        let slot = self.slot(id)?;
        let SlotState::Cut(cut) = &mut slot.state else { return None };
        let message = FramedMessage { channel, id, numbered: true, payload: &slot.payload };
        let (start, length) = (cut.sent, slot.payload.len() as u64);
        let end = message.fragment(start, length, writer, chain)?;
        cut.sent = end;
        if end == length {
            self.unfinished = None;
        }
        Some(SentPart { id, start, end, whole: None, repeated: false })
    }

    fn acknowledge(&mut self, id: u64, delivered: &mut impl FnMut(u64)) {
        let ordered = self.ordered;
        let Some(slot) = self.slot(id) else { return };
        if matches!(slot.state, SlotState::Acked) {
            return;
        }
        let state = core::mem::replace(&mut slot.state, SlotState::Acked);
        slot.payload = Bytes::new();
        if !ordered {
            delivered(slot.number);
        }
        // A message in flight was neither lost nor cut.
        if matches!(state, SlotState::Flying) {
            return;
        }
        self.unmark_lost(id);
        if self.unfinished == Some(id) {
            self.unfinished = None;
        }
        if let SlotState::Cut(cut) = state
            && self.spare.len() < CUTS_KEPT
        {
            self.spare.push(cut);
        }
    }

    /// Removes acknowledged messages from the front of the window.
    fn advance(&mut self, delivered: &mut impl FnMut(u64)) {
        while let Some(WindowSlot { number, .. }) =
            self.slots.pop_front_if(|slot| matches!(slot.state, SlotState::Acked))
        {
            if self.ordered {
                delivered(number);
            }
            self.base += 1;
        }
    }

    fn slot(&mut self, id: u64) -> Option<&mut WindowSlot> {
        self.slots.get_mut(usize::try_from(id.checked_sub(self.base)?).ok()?)
    }

    fn mark_lost(&mut self, id: u64) {
        if let Err(place) = self.lost.binary_search(&id) {
            self.lost.insert(place, id);
        }
    }

    fn unmark_lost(&mut self, id: u64) {
        if let Ok(place) = self.lost.binary_search(&id) {
            self.lost.remove(place);
        }
    }
}

/// Returns the state of a message that was sent up to the offset `sent`, in reused memory if there is any.
#[expect(clippy::vec_box, reason = "the boxes themselves are reused")]
fn fresh_cut(spare: &mut Vec<Box<Cut>>, sent: u64) -> Box<Cut> {
    let mut cut = spare.pop().unwrap_or_default();
    cut.acked.clear();
    cut.lost.clear();
    cut.sent = sent;
    cut
}
