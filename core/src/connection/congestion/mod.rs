//! How much may be in flight: a trait, and the controllers behind it.

mod fixed;

pub use fixed::FixedWindow;

use crate::time::{Duration, Instant};

/// What a controller hears of an acknowledged packet.
#[derive(Clone, Copy, Debug)]
pub struct AckedPacket {
    /// When the packet left.
    pub sent_at: Instant,
    /// Its size in bytes, overhead included.
    pub bytes: u64,
    /// The smoothed round-trip time now.
    pub rtt: Duration,
    /// Bytes still in flight without it.
    pub in_flight: u64,
}

/// Decides how many bytes may be in flight. It sees plain numbers only, never the connection.
pub trait Controller: Send + Sync {
    /// A packet that counts left.
    fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64);
    /// A packet was acknowledged.
    fn on_acked(&mut self, now: Instant, packet: AckedPacket);
    /// A packet was declared lost.
    fn on_lost(&mut self, now: Instant, sent_at: Instant, bytes: u64);
    /// Bytes that may be in flight.
    fn window(&self) -> u64;
    /// The path changed: start again.
    fn reset(&mut self, now: Instant);
}
