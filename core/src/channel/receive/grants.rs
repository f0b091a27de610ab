//! Flow-control credit for the peer: the amount of reliable data that the peer may send.

use crate::event::Violation;

/// The flow-control account of one connection. All numbers of bytes are totals since the session began.
#[derive(Debug)]
pub(super) struct Grants {
    window: u64,
    /// The number of reliable bytes that the peer may send.
    advertised: u64,
    /// The number of reliable bytes charged to the peer. The receiver charges a whole message when its first frame
    /// arrives.
    charged: u64,
    /// The number of charged bytes whose messages the application has taken.
    consumed: u64,
    /// `true` if the most recent CREDIT frame was lost, so that the credit must be sent again.
    repeat: bool,
}

impl Grants {
    pub(super) const fn new(window: u64) -> Self {
        Self { window, advertised: window, charged: 0, consumed: 0, repeat: false }
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    /// Charges `cost` bytes to the peer.
    ///
    /// # Errors
    /// [`Violation::CreditExceeded`] if the peer has less credit than `cost`.
    pub(super) fn charge(&mut self, cost: u64) -> Result<(), Violation> {
        let charged = self.charged.saturating_add(cost);
        if charged > self.advertised {
            return Err(Violation::CreditExceeded);
        }
        self.charged = charged;
        Ok(())
    }

    /// Refunds the `cost` of an incomplete message, which the peer will send again from its beginning.
    pub(super) fn refund(&mut self, cost: u64) {
        self.charged = self.charged.saturating_sub(cost);
    }

    /// Records that the application took a message that cost `cost` bytes.
    pub(super) fn consume(&mut self, cost: u64) {
        self.consumed = self.consumed.saturating_add(cost);
    }

    /// Returns the total credit to advertise, if the credit grew by at least a quarter of the window or must be
    /// repeated.
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
