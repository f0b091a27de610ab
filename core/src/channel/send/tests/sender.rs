//! A wrapper around the sending side, for tests.

use core::ops::{Deref, DerefMut};

use super::*;
use crate::fair::VirtualClock;

/// A sending side with the virtual time of its session.
pub(super) struct Sender {
    side: SendSide,
    shares: VirtualClock,
}

impl Sender {
    pub(super) fn new(channels: &[ChannelConfig], credit: u64) -> Self {
        Self { side: SendSide::new(channels.into(), MOST, credit), shares: VirtualClock::default() }
    }

    pub(super) fn has_sendable(&self) -> bool {
        self.side.has_sendable(self.shares)
    }

    pub(super) fn write_pieces(
        &mut self,
        now: Instant,
        writer: &mut Writer<'_>,
        note: impl FnMut(PieceRecord),
    ) {
        self.side.write_pieces(now, &mut self.shares, writer, note);
    }
}

impl Deref for Sender {
    type Target = SendSide;

    fn deref(&self) -> &SendSide {
        &self.side
    }
}

impl DerefMut for Sender {
    fn deref_mut(&mut self) -> &mut SendSide {
        &mut self.side
    }
}
