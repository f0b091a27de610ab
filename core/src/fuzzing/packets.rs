//! The packet numbers that an endpoint has received and sent.

use core::ops::Range;

use crate::connection::SentPackets;
use crate::crypto::ReplayWindow;
use crate::time::Instant;

/// The window of received packet numbers, which rejects replayed packets.
#[derive(Debug, Default)]
pub struct Replay(ReplayWindow);

impl Replay {
    /// Returns `true` if the packet number `number` is inside or above the window, and was not inserted before.
    #[must_use]
    pub fn check(&self, number: u64) -> bool {
        self.0.check(number)
    }

    /// Records that the packet number `number` was received.
    pub fn insert(&mut self, number: u64) {
        self.0.insert(number);
    }
}

/// The record of the sent packets. [`Sent::trim`] removes packets older than the oldest packet in flight.
#[derive(Debug, Default)]
pub struct Sent(SentPackets);

impl Sent {
    /// Records that the packet with the next packet number was sent at `now`, with a size of `bytes` bytes. `eliciting`
    /// is `true` for an ack-eliciting packet (RFC 9002 §2).
    pub fn record(&mut self, now: Instant, bytes: usize, eliciting: bool) {
        self.0.record(now, bytes, eliciting);
    }

    /// Removes the packet `number` from the packets in flight, as acknowledged or lost, and returns its size in bytes.
    /// Returns `None` if the packet was not in flight.
    pub fn settle(&mut self, number: u64) -> Option<u64> {
        self.0.settle(number).map(|settled| settled.bytes)
    }

    /// Drops the records of packets older than the oldest packet in flight.
    pub fn trim(&mut self) {
        self.0.trim();
    }

    /// Returns the packet number that the next packet will have.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.next()
    }

    /// Returns the number of packets in flight, and the sum of their sizes in bytes.
    #[must_use]
    pub fn in_flight(&self) -> (usize, u64) {
        (self.0.in_flight(), self.0.bytes_in_flight())
    }

    /// Returns the packet number of the oldest packet in flight, or `None` if no packet is in flight.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.0.unsettled_below(self.0.next()).find(|&number| self.0.frames_of(number).is_some())
    }

    /// Returns the range of packet numbers from the oldest recorded packet up to `end`. Every packet in flight below
    /// `end` is in this range.
    #[must_use]
    pub fn unsettled_below(&self, end: u64) -> Range<u64> {
        self.0.unsettled_below(end)
    }
}
