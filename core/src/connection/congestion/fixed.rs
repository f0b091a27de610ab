//! A window that never changes: for links with a congestion control of their own, and for tests.

use super::{AckedPacket, Controller};
use crate::time::Instant;

/// A constant congestion window.
#[derive(Clone, Copy, Debug)]
pub struct FixedWindow(
    /// Bytes that may be in flight.
    pub u64,
);

impl Controller for FixedWindow {
    fn on_sent(&mut self, _now: Instant, _bytes: u64, _in_flight: u64) {}
    fn on_acked(&mut self, _now: Instant, _packet: AckedPacket) {}
    fn on_lost(&mut self, _now: Instant, _sent_at: Instant, _bytes: u64) {}
    fn window(&self) -> u64 {
        self.0
    }
    fn reset(&mut self, _now: Instant) {}
}
