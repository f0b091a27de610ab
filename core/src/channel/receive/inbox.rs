//! Messages that are ready for the application.

use alloc::collections::VecDeque;

use bytes::Bytes;

use crate::event::ChannelId;
use crate::limits::{MESSAGE_OVERHEAD, UNRELIABLE_BACKLOG};

/// Messages that are ready for the application, in the order in which they became ready.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    reliable: VecDeque<Ready>,
    passing: VecDeque<Ready>,
    passing_bytes: u64,
    reliable_bytes: u64,
    next_turn: u64,
}

/// A message that is ready for the application.
#[derive(Debug)]
pub(super) struct Ready {
    turn: u64,
    pub(super) channel: ChannelId,
    pub(super) message: Bytes,
    /// The flow-control credit that returns to the peer when the application takes the message, in bytes.
    pub(super) charge: u64,
}

impl Inbox {
    pub(super) fn is_empty(&self) -> bool {
        self.reliable.is_empty() && self.passing.is_empty()
    }

    pub(super) const fn memory(&self) -> u64 {
        self.passing_bytes + self.reliable_bytes
    }

    #[inline]
    pub(super) fn push_reliable(&mut self, channel: ChannelId, message: Bytes, charge: u64) {
        self.reliable_bytes += footprint(&message);
        let turn = self.turn();
        self.reliable.push_back(Ready { turn, channel, message, charge });
    }

    /// Adds an unreliable message, and drops the oldest unreliable messages above the limit. Calls `dropped` with the
    /// channel of each dropped message.
    pub(super) fn push_passing(
        &mut self,
        channel: ChannelId,
        message: Bytes,
        mut dropped: impl FnMut(ChannelId),
    ) {
        self.passing_bytes += footprint(&message);
        let turn = self.turn();
        self.passing.push_back(Ready { turn, channel, message, charge: 0 });
        // The newest stays, however large: a message of legal size is not refused for its size.
        while self.passing_bytes > UNRELIABLE_BACKLOG && self.passing.len() > 1 {
            let Some(oldest) = self.passing.pop_front() else { return };
            self.passing_bytes = self.passing_bytes.saturating_sub(footprint(&oldest.message));
            dropped(oldest.channel);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Ready> {
        let passing = self.passing.front().map(|ready| ready.turn);
        let reliable = self.reliable.front().map(|ready| ready.turn);
        if reliable.is_some_and(|turn| passing.is_none_or(|other| turn < other)) {
            let ready = self.reliable.pop_front()?;
            self.reliable_bytes = self.reliable_bytes.saturating_sub(footprint(&ready.message));
            Some(ready)
        } else {
            let ready = self.passing.pop_front()?;
            self.passing_bytes = self.passing_bytes.saturating_sub(footprint(&ready.message));
            Some(ready)
        }
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.reliable.shrink_to_fit();
        self.passing.shrink_to_fit();
    }

    fn turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }
}

fn footprint(message: &Bytes) -> u64 {
    message.len() as u64 + MESSAGE_OVERHEAD
}
