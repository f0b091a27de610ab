//! A congestion window that never changes: for links with a congestion control of their own, and for tests.

use super::{AckReport, Controller, LossReport};
use crate::time::Instant;

/// A constant congestion window without pacing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedWindow(
    /// The fixed congestion window, in bytes.
    pub u64,
);

impl Controller for FixedWindow {
    fn on_ack(&mut self, _report: &AckReport) {}
    fn on_loss(&mut self, _report: &LossReport) {}
    fn on_marked(&mut self, _now: Instant, _newest_sent_at: Instant) {}
    fn window(&self) -> u64 {
        self.0
    }
    fn pacing_rate(&self) -> u64 {
        u64::MAX
    }
    fn rate(&self) -> u64 {
        u64::MAX
    }
    fn set_datagram(&mut self, _datagram: u64) {}
    fn on_black_hole(&mut self, _now: Instant) {}
    fn reset(&mut self, _now: Instant) {}
}
