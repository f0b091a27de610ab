//! Packet numbers: those received, and those sent.

use core::ops::Range;

use crate::connection::SentPackets;
use crate::crypto::ReplayWindow;
use crate::time::Instant;

/// The packet numbers received.
#[derive(Debug, Default)]
pub struct Replay(ReplayWindow);

impl Replay {
    /// Whether a number is fresh.
    #[must_use]
    pub fn check(&self, number: u64) -> bool {
        self.0.check(number)
    }

    /// Takes note of a number.
    pub fn insert(&mut self, number: u64) {
        self.0.insert(number);
    }
}

/// The packets sent and not settled.
#[derive(Debug, Default)]
pub struct Sent(SentPackets);

impl Sent {
    /// Records the next packet.
    pub fn record(&mut self, now: Instant, bytes: usize, eliciting: bool) {
        self.0.record(now, bytes, eliciting);
    }

    /// Settles a packet, and says how many bytes it had; `None` if there was nothing to settle.
    pub fn settle(&mut self, number: u64) -> Option<u64> {
        self.0.settle(number).map(|settled| settled.bytes)
    }

    /// Forgets what nobody will ask for again.
    pub fn trim(&mut self) {
        self.0.trim();
    }

    /// The next packet number.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.next()
    }

    /// Packets in flight, and their bytes.
    #[must_use]
    pub fn in_flight(&self) -> (usize, u64) {
        (self.0.in_flight(), self.0.bytes_in_flight())
    }

    /// The oldest packet in flight.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.0.unsettled_below(self.0.next()).find(|&number| self.0.frames_of(number).is_some())
    }

    /// Numbers below `end` that may be in flight.
    #[must_use]
    pub fn unsettled_below(&self, end: u64) -> Range<u64> {
        self.0.unsettled_below(end)
    }
}
