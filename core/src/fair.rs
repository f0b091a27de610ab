//! Start-time fair queueing (Goyal, Vin and Cheng, 1996) in integers: the choice of the party that sends next.
//!
//! The next piece of each party has a start tag: the virtual time at which the party's earlier pieces are paid off. The
//! party with the lowest tag sends first. Virtual time follows the lowest tag of all parties that want to send, so a
//! party that was idle gains no credit. The session stores the clock. Its parties are the channels and the world, each
//! with its own [`Share`].

/// The number of virtual time units per byte at priority 0, as a power of two.
const UNITS_SHIFT: u32 = 7;
const PRIORITY_MAX: u8 = 7;

/// The virtual time of one session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct VirtualClock(u64);

impl VirtualClock {
    /// Advances to the lowest start tag of the parties that want to send.
    pub(crate) fn advance(&mut self, lowest: u64) {
        self.0 = self.0.max(lowest);
    }
}

/// The position of one party in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Share {
    paid: u64,
    shift: u32,
}

impl Share {
    /// Creates a share with the weight 2^`priority`. A priority above 7 counts as 7.
    pub(crate) fn new(priority: u8) -> Self {
        Self { paid: 0, shift: UNITS_SHIFT - u32::from(priority.min(PRIORITY_MAX)) }
    }

    /// Returns the start tag of the party's next piece.
    pub(crate) fn start(&self, clock: VirtualClock) -> u64 {
        self.paid.max(clock.0)
    }

    /// Charges the party for `bytes` that it sent.
    pub(crate) fn charge(&mut self, clock: VirtualClock, bytes: usize) {
        self.paid = self.start(clock).saturating_add((bytes as u64) << self.shift);
    }
}
