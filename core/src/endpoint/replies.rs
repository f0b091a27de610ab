//! Replies that belong to no connection, queued until the socket or the link accepts them. Their buffers are
//! reused.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::links::Links;
use crate::address::{Address, LinkId, Path};
use crate::limits;

/// A bounded queue of stateless replies.
#[derive(Debug, Default)]
pub(super) struct Replies {
    queue: VecDeque<(Path, Vec<u8>)>,
    /// The replies whose link had no credit at their turn, at most one for each link.
    blocked: Vec<(Path, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Replies {
    /// Returns an empty buffer for a reply.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Queues a reply. Returns `true` if the queue had space.
    pub(super) fn push(&mut self, to: Path, reply: Vec<u8>) -> bool {
        if reply.is_empty() || self.queue.len() >= limits::REPLY_QUEUE {
            self.give_back(reply);
            return false;
        }
        self.queue.push_back((to, reply));
        true
    }

    /// Writes the oldest reply that may be sent to `buffer`, and spends the credit of its link.
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

    /// Queues the replies that waited for `link` again, because the link has credit.
    pub(super) fn unblock(&mut self, link: LinkId) {
        let here = Address::Link(link);
        self.queue.extend(self.blocked.extract_if(.., |(to, _)| to.remote == here));
    }

    /// Drops the replies for a link that has ended.
    pub(super) fn forget(&mut self, link: LinkId) {
        let elsewhere = |(to, _): &(Path, Vec<u8>)| to.remote != Address::Link(link);
        self.queue.retain(elsewhere);
        self.blocked.retain(elsewhere);
    }

    /// Takes back a buffer that was not used.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        if self.spare.len() < limits::REPLY_QUEUE {
            self.spare.push(buffer);
        }
    }

    /// Returns `true` if no reply may be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
