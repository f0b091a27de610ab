//! Start-time fair queueing: who may send next, in integers.
//!
//! Each channel's next piece has a start tag, the virtual time at which its earlier ones were paid off; the lowest goes
//! first. Virtual time follows the lowest tag of all that want to send, so one that was idle gains no credit.

/// Virtual time units per byte at priority 0.
const UNITS_SHIFT: u32 = 7;
const PRIORITY_MAX: u8 = 7;

/// Virtual time of one connection's channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct VirtualClock(u64);

impl VirtualClock {
    /// Follows the lowest start tag of those who want to send.
    pub(super) fn advance(&mut self, lowest: u64) {
        self.0 = self.0.max(lowest);
    }
}

/// One channel's place in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Share {
    paid: u64,
    shift: u32,
}

impl Share {
    /// A share of weight 2^`priority`; priorities above 7 count as 7.
    pub(super) fn new(priority: u8) -> Self {
        Self { paid: 0, shift: UNITS_SHIFT - u32::from(priority.min(PRIORITY_MAX)) }
    }

    /// The start tag of this channel's next piece.
    pub(super) fn start(&self, clock: VirtualClock) -> u64 {
        self.paid.max(clock.0)
    }

    /// Pays for `bytes` sent.
    pub(super) fn charge(&mut self, clock: VirtualClock, bytes: usize) {
        self.paid = self.start(clock).saturating_add((bytes as u64) << self.shift);
    }
}
