//! Memory for payloads: many small messages share one allocation.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::limits::{ARENA_CHUNK, ARENA_CHUNKS, ARENA_SHARED};

/// How long a payload is likely to live. What lives differently does not share a chunk, or one small message could keep
/// 16 KiB alive for each 64 bytes that its sender was charged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// Until the application takes it: reliable messages.
    Queued,
    /// Until the application takes it, or newer ones push it out: unreliable messages.
    Passing,
    /// Until earlier messages are there: an allocation of its own.
    Held,
}

/// Copies payloads into shared chunks, and uses a chunk again when all its slices are gone.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    queued: Pool,
    passing: Pool,
}

#[derive(Debug, Default)]
struct Pool {
    open: Option<BytesMut>,
    full: VecDeque<BytesMut>,
}

impl Arena {
    /// A copy of `bytes`.
    pub(crate) fn copy(&mut self, bytes: &[u8], keep: Keep) -> Bytes {
        self.concat(&[bytes], keep)
    }

    /// A copy of `parts`, one after the other.
    pub(crate) fn concat(&mut self, parts: &[&[u8]], keep: Keep) -> Bytes {
        let length = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return Bytes::new();
        }
        let pool = match keep {
            Keep::Queued => &mut self.queued,
            Keep::Passing => &mut self.passing,
            Keep::Held => return own(parts, length),
        };
        if length > ARENA_SHARED { own(parts, length) } else { pool.concat(parts, length) }
    }
}

impl Pool {
    fn concat(&mut self, parts: &[&[u8]], length: usize) -> Bytes {
        let mut chunk = match self.open.take() {
            Some(open) if open.capacity() >= length => open,
            open => self.turn_over(open),
        };
        for part in parts {
            chunk.extend_from_slice(part);
        }
        let copy = chunk.split().freeze();
        self.open = Some(chunk);
        copy
    }

    /// A chunk that nobody uses any more, or a new one, in place of one that is full.
    fn turn_over(&mut self, full: Option<BytesMut>) -> BytesMut {
        self.full.extend(full);
        let free = self.full.iter_mut().position(|chunk| chunk.try_reclaim(ARENA_CHUNK));
        let fresh = free.and_then(|index| self.full.swap_remove_back(index));
        if self.full.len() > ARENA_CHUNKS {
            self.full.pop_front();
        }
        fresh.unwrap_or_else(|| BytesMut::with_capacity(ARENA_CHUNK))
    }
}

fn own(parts: &[&[u8]], length: usize) -> Bytes {
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
    fn copies_hold_what_was_copied() {
        let mut arena = Arena::default();
        let copies: Vec<_> = (0..100u8).map(|byte| arena.copy(&[byte; 999], Keep::Queued)).collect();
        assert!(copies.iter().zip(0..).all(|(copy, byte)| **copy == [byte; 999]));
        assert_eq!(arena.concat(&[b"a", b"", b"bc"], Keep::Passing), "abc");
    }

    #[test]
    fn a_chunk_is_used_again_when_its_slices_are_gone() {
        for length in [1000, 64, 1] {
            let mut arena = Arena::default();
            let mut live = VecDeque::new();
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..100_000 {
                let copy = arena.copy(&[2; 1000][..length], Keep::Queued);
                seen.insert(copy.as_ptr());
                live.push_back(copy);
                if live.len() > 20 {
                    live.pop_front();
                }
            }
            assert!(seen.len() <= 4 * (ARENA_CHUNK / length), "{} places", seen.len());
        }
    }

    #[test]
    fn chunks_that_others_hold_on_to_are_let_go() {
        let mut arena = Arena::default();
        let _kept: Vec<_> = (0..10_000).map(|_| arena.copy(&[1; 1000], Keep::Passing)).collect();
        assert!(arena.passing.full.len() <= ARENA_CHUNKS);
    }

    #[test]
    fn what_is_held_shares_with_nobody() {
        let mut arena = Arena::default();
        assert!(arena.copy(&[1; 10], Keep::Held).is_unique());
        let (one, _other) = (arena.copy(&[1; 10], Keep::Queued), arena.copy(&[1; 10], Keep::Queued));
        assert!(!one.is_unique());
        assert!(arena.copy(&[1; ARENA_SHARED + 1], Keep::Queued).is_unique());
    }
}
