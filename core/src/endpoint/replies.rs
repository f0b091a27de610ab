//! Replies that belong to no connection, until the socket takes them. Their buffers are used again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::address::Path;
use crate::limits;

/// A bounded queue of stateless replies.
#[derive(Debug, Default)]
pub(super) struct Replies {
    queue: VecDeque<(Path, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Replies {
    /// An empty buffer to write a reply to.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Queues a reply. Says whether there was room.
    pub(super) fn push(&mut self, to: Path, reply: Vec<u8>) -> bool {
        if reply.is_empty() || self.queue.len() >= limits::REPLY_QUEUE {
            self.give_back(reply);
            return false;
        }
        self.queue.push_back((to, reply));
        true
    }

    /// Writes the oldest reply to `buffer`.
    pub(super) fn write(&mut self, buffer: &mut [u8]) -> Option<(Path, usize)> {
        let (to, reply) = self.queue.pop_front()?;
        let size = reply.len();
        let written = buffer.get_mut(..size).map(|place| place.copy_from_slice(&reply));
        self.give_back(reply);
        written.map(|()| (to, size))
    }

    /// Takes back a buffer that was not needed.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        if self.spare.len() < limits::REPLY_QUEUE {
            self.spare.push(buffer);
        }
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
