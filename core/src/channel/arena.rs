//! Memory for payloads: many messages share one allocation, and released memory is reused.
//!
//! After the arena has grown to the size that its connections need, no packet causes an allocation. The exception is a
//! message of more than [`ARENA_LARGE`] bytes, which has its own allocation for the application to keep. Such a message is
//! larger than any datagram, so it takes several packets to cause one allocation.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use super::parts::{Parts, Spare};
use super::room::Room;
use crate::limits::{
    ARENA_CHUNK, ARENA_CHUNK_LEAST, ARENA_CHUNKS, ARENA_LARGE, ARENA_LARGE_CHUNK, ARENA_LARGE_CHUNKS,
    ARENA_REST, ARENA_SHARED, MESSAGE_SIZE, REASSEMBLY_MEMORY,
};
use crate::time::Instant;

/// How long a message is likely to live. Messages with different lives do not share a chunk, or one small message could keep
/// 16 KiB alive for each 64 bytes that its sender was charged. For the same reason what waits for earlier messages
/// shares nothing: it lies on pages of its own until its turn comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// Until the application takes it: reliable messages.
    Queued,
    /// Until the application takes it, or newer ones push it out: unreliable messages.
    Passing,
}

/// Copies payloads into shared chunks, and uses a chunk again when all its slices are gone.
#[derive(Debug)]
pub(crate) struct Arena {
    queued: Pools,
    passing: Pools,
    /// Memory for messages of which parts are here, or that wait for earlier ones.
    pub(super) spare: Spare,
    /// How much of it there may be.
    pub(super) room: Room,
    /// A packed payload that came in parts.
    pub(super) packed: Vec<u8>,
    /// Buffer for the message that [`Self::packed`] unpacks to.
    pub(super) unpacked: Vec<u8>,
    /// Whether it was used since [`Self::handle_timeout`] had something to do.
    pub(super) is_used: bool,
    /// When it is next looked for memory that nobody uses.
    rest_at: Instant,
}

#[derive(Debug)]
struct Pools {
    small: Pool,
    large: Pool,
}

/// Chunks, each four times as large as the one before, up to a size.
#[derive(Debug)]
pub(super) struct Pool {
    chunk: usize,
    /// Bytes of the newest chunk.
    newest: usize,
    chunks: usize,
    open: Option<BytesMut>,
    full: VecDeque<BytesMut>,
}

impl Arena {
    /// An arena whose connections, as many as `connections`, hold at most `most` bytes of messages of up to `max_message`
    /// bytes that the application cannot have yet.
    pub(crate) fn new(most: u64, max_message: usize, connections: usize) -> Self {
        Self {
            queued: Pools::default(),
            passing: Pools::default(),
            spare: Spare::default(),
            room: Room::new(most, max_message, connections),
            packed: Vec::new(),
            unpacked: Vec::new(),
            is_used: false,
            rest_at: Instant::MAX,
        }
    }

    /// Sees to it that memory which is not used any more goes back to the system. To be called after whatever may have
    /// used some.
    #[inline]
    pub(crate) fn arm(&mut self, now: Instant) {
        if self.rest_at == Instant::MAX && self.has_spare() {
            self.rest_at = now + ARENA_REST;
        }
    }

    /// When [`Self::handle_timeout`] next has something to do.
    pub(crate) const fn next_timeout(&self) -> Instant {
        self.rest_at
    }

    /// Gives memory back that was not used since the last time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if now < self.rest_at {
            return;
        }
        if core::mem::take(&mut self.is_used) {
            self.rest_at = now + ARENA_REST;
        } else {
            self.rest_at = Instant::MAX;
            self.trim();
        }
    }

    /// Whether there is memory that nobody uses.
    fn has_spare(&self) -> bool {
        !(self.queued.is_empty()
            && self.passing.is_empty()
            && self.spare.is_empty()
            && self.packed.capacity() == 0
            && self.unpacked.capacity() == 0)
    }

    /// Gives all memory that nobody uses back to the system. Memory that others still hold is freed when they release it.
    pub(crate) fn trim(&mut self) {
        (self.queued, self.passing) = Default::default();
        (self.packed, self.unpacked) = Default::default();
        self.spare.trim();
    }

    /// A copy of `bytes`.
    pub(super) fn copy(&mut self, bytes: &[u8], keep: Keep) -> Bytes {
        let pools = self.pools(keep);
        let open = if bytes.len() > ARENA_SHARED { &mut pools.large.open } else { &mut pools.small.open };
        match open {
            Some(open) if open.capacity() >= bytes.len() && !bytes.is_empty() => {
                open.extend_from_slice(bytes);
                open.split().freeze()
            }
            _ => pools.concat([bytes].into_iter(), bytes.len()),
        }
    }

    /// A copy of a message that is complete.
    pub(super) fn join(&mut self, parts: Parts, keep: Keep) -> Bytes {
        let message = self.pools(keep).concat(parts.iter(), parts.total() as usize);
        self.spare.recycle(parts);
        message
    }

    fn pools(&mut self, keep: Keep) -> &mut Pools {
        match keep {
            Keep::Queued => &mut self.queued,
            Keep::Passing => &mut self.passing,
        }
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new(REASSEMBLY_MEMORY, MESSAGE_SIZE, 1)
    }
}

impl Default for Pools {
    fn default() -> Self {
        Self { small: Pool::default(), large: Pool::new(ARENA_LARGE_CHUNK, ARENA_LARGE_CHUNKS) }
    }
}

impl Pools {
    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    fn concat<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Bytes {
        match length {
            0 => Bytes::new(),
            _ if length > ARENA_LARGE => own(parts, length),
            _ if length > ARENA_SHARED => self.large.concat(parts, length),
            _ => self.small.concat(parts, length),
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(ARENA_CHUNK, ARENA_CHUNKS)
    }
}

impl Pool {
    const fn new(chunk: usize, chunks: usize) -> Self {
        Self { chunk, newest: 0, chunks, open: None, full: VecDeque::new() }
    }

    fn is_empty(&self) -> bool {
        self.open.is_none() && self.full.is_empty()
    }

    /// A copy of `parts`, one after the other, `length` bytes in all and no more than a chunk has.
    pub(super) fn concat<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Bytes {
        let mut chunk = match self.open.take() {
            Some(open) if open.capacity() >= length => open,
            open => self.turn_over(open, length),
        };
        for part in parts {
            chunk.extend_from_slice(part);
        }
        let copy = chunk.split().freeze();
        self.open = Some(chunk);
        copy
    }

    /// A chunk that nobody uses any more, or a new one, in place of one that is full. It has room for `length` bytes.
    fn turn_over(&mut self, full: Option<BytesMut>, length: usize) -> BytesMut {
        self.full.extend(full);
        let size = (4 * self.newest).max(length).max(ARENA_CHUNK_LEAST).next_power_of_two().min(self.chunk);
        self.newest = size;
        let free = self.full.iter_mut().position(|chunk| chunk.try_reclaim(size));
        let fresh = free.and_then(|index| self.full.swap_remove_back(index));
        if self.full.len() > self.chunks {
            self.full.pop_front();
        }
        fresh.unwrap_or_else(|| BytesMut::with_capacity(size))
    }
}

/// A copy of `parts`, one after the other, with an allocation of its own.
pub(super) fn own<'a>(parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Bytes {
    let mut copy = Vec::with_capacity(length);
    for part in parts {
        copy.extend_from_slice(part);
    }
    copy.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_copy_equals_the_copied_bytes() {
        let mut arena = Arena::default();
        let copies: Vec<_> = (0..100u8).map(|byte| arena.copy(&[byte; 999], Keep::Queued)).collect();
        assert!(copies.iter().zip(0..).all(|(copy, byte)| **copy == [byte; 999]));
        for length in [0, 1, ARENA_SHARED + 1, ARENA_LARGE, ARENA_LARGE + 1] {
            let message: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let stored = arena.spare.store(&message);
            assert_eq!(arena.copy(&message, Keep::Passing), message);
            assert_eq!(arena.join(stored, Keep::Passing), message);
        }
    }

    #[test]
    fn a_chunk_is_reused_after_its_slices_are_dropped() {
        for length in [10_000, 1000, 64, 1] {
            let mut arena = Arena::default();
            let mut live = VecDeque::new();
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..100_000 {
                let copy = arena.copy(&[2; 10_000][..length], Keep::Queued);
                seen.insert(copy.as_ptr());
                live.push_back(copy);
                if live.len() > 20 {
                    live.pop_front();
                }
            }
            let chunk = if length > ARENA_SHARED { ARENA_LARGE_CHUNK } else { ARENA_CHUNK };
            assert!(seen.len() <= 4 * (chunk / length), "{} places", seen.len());
        }
    }

    #[test]
    fn the_arena_tracks_at_most_8_full_chunks_that_the_application_still_holds() {
        let mut arena = Arena::default();
        let _kept: Vec<_> = (0..10_000).map(|_| arena.copy(&[1; 1000], Keep::Passing)).collect();
        assert!(arena.passing.small.full.len() <= ARENA_CHUNKS);
        let _kept: Vec<_> = (0..100).map(|_| arena.copy(&[1; ARENA_LARGE], Keep::Passing)).collect();
        assert!(arena.passing.large.full.len() <= ARENA_LARGE_CHUNKS);
    }

    #[test]
    fn reliable_and_unreliable_messages_share_no_arena_chunk() {
        let mut arena = Arena::default();
        for _ in 0..16 {
            // Until chunks have their size.
            arena.copy(&[1; ARENA_SHARED], Keep::Queued);
            arena.copy(&[1; ARENA_SHARED], Keep::Passing);
        }
        let (one, other) = (arena.copy(&[1; 10], Keep::Queued), arena.copy(&[1; 10], Keep::Passing));
        let distance = (one.as_ptr() as usize).abs_diff(other.as_ptr() as usize);
        assert!(distance >= ARENA_CHUNK - 20, "{distance}");
        assert!(arena.copy(&[1; ARENA_LARGE + 1], Keep::Queued).is_unique());
    }
}
