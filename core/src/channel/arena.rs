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

/// The expected lifetime of a message. Messages with different lifetimes do not share a chunk. Otherwise, one small
/// message could keep 16 KiB of memory alive for each 64 bytes that the receiver charged to the sender. For the same
/// reason, messages that wait for earlier messages are stored on separate pages outside of these chunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// A reliable message, which lives until the application takes it.
    Queued,
    /// An unreliable message, which lives until the application takes it or newer messages displace it.
    Passing,
}

/// An allocator that copies payloads into shared chunks, and reuses a chunk after all slices of the chunk are
/// dropped.
#[derive(Debug)]
pub(crate) struct Arena {
    queued: Pools,
    passing: Pools,
    /// The memory for messages in reassembly, and for messages that wait for earlier messages.
    pub(super) spare: Spare,
    /// The limits of the memory that messages may occupy before the application can receive them.
    pub(super) room: Room,
    /// A buffer for a compressed payload that arrived in fragments.
    pub(super) packed: Vec<u8>,
    /// A buffer for the decompressed message.
    pub(super) unpacked: Vec<u8>,
    /// `true` if a frame was received since [`Self::handle_timeout`] last ran.
    pub(super) is_used: bool,
    /// The time at which the arena next releases unused memory, or [`Instant::MAX`] if no timer is set.
    rest_at: Instant,
}

#[derive(Debug)]
struct Pools {
    small: Pool,
    large: Pool,
}

/// A pool of chunks. Each new chunk is four times as large as the previous chunk, up to the size `chunk`.
#[derive(Debug)]
pub(super) struct Pool {
    chunk: usize,
    /// The size of the newest chunk, in bytes.
    newest: usize,
    chunks: usize,
    open: Option<BytesMut>,
    full: VecDeque<BytesMut>,
}

impl Arena {
    /// Creates an arena for `connections` connections and for messages of up to `max_message` bytes. The connections
    /// together hold at most `most` bytes that the application cannot receive yet.
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

    /// Sets the timer that releases unused memory, unless the timer is already set. Call this method after every use
    /// of the arena.
    #[inline]
    pub(crate) fn arm(&mut self, now: Instant) {
        if self.rest_at == Instant::MAX && self.has_spare() {
            self.rest_at = now + ARENA_REST;
        }
    }

    /// Returns the time at which [`Self::handle_timeout`] must be called, or [`Instant::MAX`].
    pub(crate) const fn next_timeout(&self) -> Instant {
        self.rest_at
    }

    /// Releases all unused memory if no frame was received since the previous timeout. Otherwise, sets the timer
    /// again.
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

    /// Returns whether the arena holds memory that it could release.
    fn has_spare(&self) -> bool {
        !(self.queued.is_empty()
            && self.passing.is_empty()
            && self.spare.is_empty()
            && self.packed.capacity() == 0
            && self.unpacked.capacity() == 0)
    }

    /// Releases all memory that the arena keeps for reuse. A chunk that the application still uses is freed when the application drops
    /// its slices.
    pub(crate) fn trim(&mut self) {
        (self.queued, self.passing) = Default::default();
        (self.packed, self.unpacked) = Default::default();
        self.spare.trim();
    }

    /// Returns a copy of `bytes`.
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

    /// Returns the complete message in `parts` as one slice, and recycles the memory of `parts`.
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

    /// Returns a concatenation of `parts`. `length` is the sum of the lengths of `parts`, and is at most the size of
    /// a chunk.
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

    /// Returns a chunk with space for `length` bytes: a chunk without live slices, or else a new chunk. Keeps the
    /// chunk `full` for later reuse.
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

/// Returns a concatenation of `parts` in a separate allocation. `length` is the sum of the lengths of `parts`.
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
    fn an_arena_chunk_is_reused_after_its_slices_are_dropped() {
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
    fn the_arena_tracks_at_most_8_small_and_4_large_full_chunks_that_the_application_still_holds() {
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
