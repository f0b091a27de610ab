//! Replies that belong to no connection, queued until the socket or the link takes them. Their buffers are reused.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::links::Links;
use crate::address::{Address, LinkId, Path};
use crate::limits;

/// A bounded queue of stateless replies.
#[derive(Debug, Default)]
pub(super) struct Replies {
    queue: VecDeque<(Path, Vec<u8>)>,
    /// Those whose link had no credit when their turn came, at most one for each link.
    blocked: Vec<(Path, Vec<u8>)>,
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

    /// Writes the oldest reply that may leave to `buffer`, and spends the credit of its link.
    pub(super) fn write(&mut self, links: &mut Links, buffer: &mut [u8]) -> Option<(Path, usize)> {
        while let Some((to, reply)) = self.queue.pop_front() {
            if !links.has_credit(to.remote) {
                // One per link: nobody takes the places of others by not reading.
                if self.blocked.iter().any(|(blocked, _)| blocked.remote == to.remote) {
                    self.give_back(reply);
                } else {
                    self.blocked.push((to, reply));
                }
                continue;
            }
            let size = reply.len();
            let written = buffer.get_mut(..size).map(|place| place.copy_from_slice(&reply));
            self.give_back(reply);
            links.spend(to.remote, size as u64);
            return written.map(|()| (to, size));
        }
        None
    }

    /// A link may take something again: the replies that waited for it stand in line once more.
    pub(super) fn unblock(&mut self, link: LinkId) {
        let here = Address::Link(link);
        self.queue.extend(self.blocked.extract_if(.., |(to, _)| to.remote == here));
    }

    /// A link is gone, and what was meant for it too.
    pub(super) fn forget(&mut self, link: LinkId) {
        let elsewhere = |(to, _): &(Path, Vec<u8>)| to.remote != Address::Link(link);
        self.queue.retain(elsewhere);
        self.blocked.retain(elsewhere);
    }

    /// Takes back a buffer that was not needed.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        if self.spare.len() < limits::REPLY_QUEUE {
            self.spare.push(buffer);
        }
    }

    /// Whether none may leave.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
