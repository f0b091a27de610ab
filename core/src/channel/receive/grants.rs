//! Flow-control credit for the peer: the amount of reliable data that the peer may send.

use crate::event::Violation;

/// The account of one connection's reliable bytes, all totals since the session began.
#[derive(Debug)]
pub(super) struct Grants {
    window: u64,
    /// Bytes that the peer may have begun.
    advertised: u64,
    /// Bytes that the peer has begun.
    charged: u64,
    /// Bytes that the application has taken.
    consumed: u64,
    /// The last grant may not have arrived.
    repeat: bool,
}

impl Grants {
    pub(super) const fn new(window: u64) -> Self {
        Self { window, advertised: window, charged: 0, consumed: 0, repeat: false }
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    /// Charges `cost`.
    pub(super) fn charge(&mut self, cost: u64) -> Result<(), Violation> {
        let charged = self.charged.saturating_add(cost);
        if charged > self.advertised {
            return Err(Violation::CreditExceeded);
        }
        self.charged = charged;
        Ok(())
    }

    /// Takes a charge back: its message will be begun again.
    pub(super) fn refund(&mut self, cost: u64) {
        self.charged = self.charged.saturating_sub(cost);
    }

    /// The application took what had cost `cost`.
    pub(super) fn consume(&mut self, cost: u64) {
        self.consumed = self.consumed.saturating_add(cost);
    }

    /// The total to advertise, if it is worth a frame.
    pub(super) fn due(&self) -> Option<u64> {
        let total = self.consumed.saturating_add(self.window);
        let more = total.saturating_sub(self.advertised);
        (self.repeat || more >= self.window / 4).then_some(total)
    }

    pub(super) fn on_sent(&mut self, total: u64) {
        self.advertised = self.advertised.max(total);
        self.repeat = false;
    }

    pub(super) fn on_lost(&mut self) {
        self.repeat = true;
    }
}
