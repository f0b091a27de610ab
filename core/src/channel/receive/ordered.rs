//! A reliable channel whose messages reach the application in order.

use alloc::boxed::Box;

use super::payload::Payload;
use crate::channel::parts::{Parts, Spare};
use crate::channel::sorted::{Keyed, Sorted};
use crate::limits::PAGE;

/// The number of bytes that a run costs in addition to its page.
const PLACE: usize = Sorted::<Run>::PLACE;
/// The number of bytes of the length before each message on a page.
const LENGTH: usize = 2;

/// The messages received on an ordered channel.
#[derive(Debug)]
pub(super) struct Ordered {
    /// The lowest message id not received. All messages with lower ids were received.
    pub(super) floor: u64,
    /// The messages received above the floor, sorted by the id of the first message of each run. Missing messages
    /// take no memory. Otherwise, a peer that sends only the final message of the window on every channel could
    /// occupy much memory.
    held: Sorted<Run>,
    /// The heap memory of the early messages, in bytes.
    memory: usize,
}

/// Messages with consecutive ids that wait for earlier messages.
#[derive(Debug)]
struct Run {
    /// The id of the first message of the run.
    first: u64,
    messages: Messages,
}

#[derive(Debug)]
enum Messages {
    /// Messages on one page, each preceded by its length.
    Page(Log),
    /// A single message that is not stored on a shared page.
    Large(Parts),
}

#[derive(Debug)]
struct Log {
    page: Box<[u8]>,
    /// The number of messages that were stored on the page.
    count: u16,
    /// The number of messages that were taken from the page.
    taken: u16,
    /// The offset of the next message on the page.
    at: u16,
    /// The offset of the end of the final message on the page.
    end: u16,
}

impl Keyed for Run {
    fn key(&self) -> u64 {
        self.first
    }
}

impl Run {
    /// Returns the id after the final message of the run.
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

    /// Takes the next message from the page.
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

    /// Returns the heap memory of the early messages, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.memory
    }

    /// Returns whether the message `ahead` ids above the floor was received.
    pub(super) fn has(&self, ahead: usize) -> bool {
        if self.memory == 0 {
            return false;
        }
        let id = self.floor + ahead as u64;
        self.held.before(id).is_some_and(|run| id < run.end())
    }

    /// Returns the most heap memory that a message of `length` bytes can take, in bytes.
    pub(super) const fn growth(length: usize) -> usize {
        PLACE + 2 * (LENGTH + length)
    }

    /// Stores the message `ahead` ids above the floor. `ahead` is above 0, and the message was not received before.
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

    /// Raises the floor by 1 after the message at the floor was received.
    pub(super) fn advance(&mut self) {
        self.floor += 1;
    }

    /// Takes the message at the floor, if it was stored. The caller must then call [`Self::advance_held`].
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

    /// Raises the floor by 1 after [`Self::front`] took a message, and recycles a page without further messages.
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

    /// Drops the early messages, and returns the memory that they occupied, in bytes.
    pub(super) fn clear(&mut self) -> usize {
        self.held = Sorted::new();
        core::mem::take(&mut self.memory)
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.held.shrink_to_fit();
    }

    /// Returns the distance from the floor to the id after the highest message received, or 0 without early messages.
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
