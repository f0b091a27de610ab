//! A reliable channel whose messages reach the application in order.

use alloc::boxed::Box;

use super::payload::Payload;
use crate::channel::parts::{Parts, Spare};
use crate::channel::sorted::{Keyed, Sorted};
use crate::limits::PAGE;

/// Bytes that a run counts beside its page.
const PLACE: usize = Sorted::<Run>::PLACE;
/// Bytes before each message on a page.
const LENGTH: usize = 2;

/// The messages received on an ordered channel.
#[derive(Debug)]
pub(super) struct Ordered {
    /// Everything below was received.
    pub(super) floor: u64,
    /// The messages received above the floor, by the id of the first message of each run. There is no place for what was not:
    /// of a window of messages somebody may send the last one only, on every channel.
    held: Sorted<Run>,
    /// Bytes of the heap.
    memory: usize,
}

/// Messages in a row that wait for earlier ones.
#[derive(Debug)]
struct Run {
    /// The id of the first one.
    first: u64,
    messages: Messages,
}

#[derive(Debug)]
enum Messages {
    /// On one page, each behind its length.
    Page(Log),
    /// A message of its own.
    Large(Parts),
}

#[derive(Debug)]
struct Log {
    page: Box<[u8]>,
    /// Messages that it had.
    count: u16,
    /// Messages of those that were taken.
    taken: u16,
    /// Where the next one begins.
    at: u16,
    /// Where the last one ends.
    end: u16,
}

impl Keyed for Run {
    fn key(&self) -> u64 {
        self.first
    }
}

impl Run {
    /// The id after the last message.
    const fn end(&self) -> u64 {
        match &self.messages {
            Messages::Page(log) => self.first + log.count as u64,
            Messages::Large(_) => self.first + 1,
        }
    }
}

impl Log {
    fn push(&mut self, message: &[u8], spare: &mut Spare) {
        let start = usize::from(self.end);
        let end = start + LENGTH + message.len();
        if self.page.len() < end {
            let mut page = spare.page(end);
            if let (Some(old), Some(new)) = (self.page.get(..start), page.get_mut(..start)) {
                new.copy_from_slice(old);
            }
            spare.recycle_page(core::mem::replace(&mut self.page, page));
        }
        if let Some((length, room)) = self.page.get_mut(start..end).and_then(<[u8]>::split_first_chunk_mut) {
            *length = (message.len() as u16).to_le_bytes();
            room.copy_from_slice(message);
        }
        self.end = end as u16;
        self.count += 1;
    }

    /// The next message.
    fn next(&mut self) -> Option<&[u8]> {
        self.taken += 1;
        let (length, rest) = self.page.get(usize::from(self.at)..)?.split_first_chunk()?;
        let length = u16::from_le_bytes(*length);
        self.at += LENGTH as u16 + length;
        rest.get(..usize::from(length))
    }
}

impl Ordered {
    pub(super) const fn new(floor: u64) -> Self {
        Self { floor, held: Sorted::new(), memory: 0 }
    }

    /// Bytes of the heap.
    pub(super) const fn memory(&self) -> usize {
        self.memory
    }

    /// Whether the message `ahead` of the floor was received.
    pub(super) fn has(&self, ahead: usize) -> bool {
        if self.memory == 0 {
            return false;
        }
        let id = self.floor + ahead as u64;
        self.held.before(id).is_some_and(|run| id < run.end())
    }

    /// Bytes of the heap that a message of `length` bytes takes at most.
    pub(super) const fn growth(length: usize) -> usize {
        PLACE + 2 * (LENGTH + length)
    }

    /// Keeps the message `ahead` of the floor, which is not the one at the floor and was not received before.
    pub(super) fn hold(&mut self, ahead: usize, payload: Payload<'_>, spare: &mut Spare) {
        let id = self.floor + ahead as u64;
        let message = match payload {
            Payload::Borrowed(message) if LENGTH + message.len() <= PAGE => message,
            Payload::Borrowed(message) => return self.hold_large(id, spare.store(message)),
            Payload::Joined(parts) => return self.hold_large(id, parts),
        };
        if let Some(run) = self.held.before_mut(id)
            && run.end() == id
            && let Messages::Page(log) = &mut run.messages
            && usize::from(log.end) + LENGTH + message.len() <= PAGE
        {
            let size = log.page.len();
            log.push(message, spare);
            self.memory += log.page.len() - size;
            return;
        }
        let mut log = Log { page: Box::default(), count: 0, taken: 0, at: 0, end: 0 };
        log.push(message, spare);
        self.memory += PLACE + log.page.len();
        self.held.insert(Run { first: id, messages: Messages::Page(log) });
    }

    fn hold_large(&mut self, id: u64, parts: Parts) {
        self.memory += PLACE + parts.memory();
        self.held.insert(Run { first: id, messages: Messages::Large(parts) });
    }

    /// The message at the floor is there.
    pub(super) fn advance(&mut self) {
        self.floor += 1;
    }

    /// The message at the floor, if it was kept. [`Self::advance_held`] is to follow.
    pub(super) fn front(&mut self) -> Option<Payload<'_>> {
        let run = self.held.first_mut().filter(|run| run.first <= self.floor)?;
        if matches!(run.messages, Messages::Page(_)) {
            let Messages::Page(log) = &mut self.held.first_mut()?.messages else { return None };
            return log.next().map(Payload::Borrowed);
        }
        let first = run.first;
        let Messages::Large(parts) = self.held.remove(first)?.messages else { return None };
        self.memory = self.memory.saturating_sub(PLACE + parts.memory());
        Some(Payload::Joined(parts))
    }

    /// The message that [`Self::front`] gave was taken.
    pub(super) fn advance_held(&mut self, spare: &mut Spare) {
        self.advance();
        let is_empty = |run: &Run| matches!(&run.messages, Messages::Page(log) if log.taken == log.count);
        if let Some(first) = self.held.first_mut().filter(|run| is_empty(run)).map(|run| run.first)
            && let Some(Run { messages: Messages::Page(log), .. }) = self.held.remove(first)
        {
            self.memory = self.memory.saturating_sub(PLACE + log.page.len());
            spare.recycle_page(log.page);
        }
    }

    /// Gives up what waits, and says how many bytes that were.
    pub(super) fn clear(&mut self) -> usize {
        self.held = Sorted::new();
        core::mem::take(&mut self.memory)
    }

    /// Gives unused memory back.
    pub(super) fn rest(&mut self) {
        self.held.shrink_to_fit();
    }

    /// How far above the floor messages were received.
    pub(super) fn span(&self) -> usize {
        self.held.last().map_or(0, |run| (run.end() - self.floor) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_out_of_order_message_of_one_byte_takes_at_most_six_bytes_of_memory() {
        let (mut ordered, mut spare) = (Ordered::new(7), Spare::default());
        for ahead in 1..=2000 {
            ordered.hold(ahead, Payload::Borrowed(&[ahead as u8]), &mut spare);
        }
        assert!(ordered.memory() <= 2000 * 3 * 2, "{}", ordered.memory());
        assert!(ordered.front().is_none() && !ordered.has(0) && ordered.has(2000) && ordered.span() == 2001);
        ordered.advance();
        for ahead in 1..=2000 {
            let Some(Payload::Borrowed(message)) = ordered.front() else { panic!() };
            assert_eq!(message, [ahead as u8]);
            ordered.advance_held(&mut spare);
        }
        assert_eq!((ordered.memory(), ordered.floor, ordered.span()), (0, 2008, 0));
    }
}
