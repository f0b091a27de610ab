//! Distinguishes random losses of large datagrams from losses on a path that drops all datagrams above a certain size (a
//! black hole, RFC 8899 section 4.3).

/// The size, in bytes, up to which the loss of a datagram says nothing about sizes.
const TINY: u64 = 350;

/// The losses since the first lost packet whose size may no longer pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Suspicion {
    /// The number of the first lost packet.
    since: u64,
    /// The smallest size that may not pass, or 0 without a suspicion.
    pub(super) size: u16,
    /// The size of the largest smaller datagram that was acknowledged since.
    pub(super) passed: u16,
    /// The lowest packet number of a smaller datagram that was acknowledged since, if no smaller datagram was lost after
    /// it. The acknowledgement proves that the path was up then.
    passed_at: Option<u64>,
    /// The number of lost datagrams of the suspected size or more.
    lost: u32,
    /// The number of these datagrams that were lost after `passed_at`.
    count: u32,
}

impl Suspicion {
    pub(super) const fn is_there(&self) -> bool {
        self.size != 0
    }

    /// Returns the number of datagrams that were lost while smaller datagrams passed.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Records that packet `number` was acknowledged. If this proves that the suspected size passes, returns the number of
    /// losses that were random.
    #[cold]
    pub(super) fn on_acked(&mut self, number: u64, bytes: u64) -> u32 {
        if number <= self.since {
            return 0;
        }
        if bytes >= self.size.into() {
            return core::mem::take(self).lost;
        }
        self.passed = self.passed.max(bytes as u16);
        self.passed_at = Some(self.passed_at.map_or(number, |earlier| earlier.min(number)));
        0
    }

    /// Records that packet `number` was declared lost. Returns `true` if the loss seems to be random.
    pub(super) fn on_lost(&mut self, number: u64, bytes: u64) -> bool {
        if !self.is_there() {
            if bytes <= TINY {
                return true;
            }
            (self.since, self.size, self.lost) = (number, bytes as u16, 1);
            return false;
        }
        if number < self.since {
            return true;
        }
        if bytes <= TINY || bytes <= self.passed.into() {
            // Nothing passed for a while.
            self.passed_at = self.passed_at.filter(|passed_at| *passed_at > number);
            return true;
        }
        self.size = self.size.min(bytes as u16);
        self.lost = self.lost.saturating_add(1);
        let is_after = self.passed_at.is_some_and(|passed_at| number > passed_at);
        self.count = self.count.saturating_add(u32::from(is_after));
        false
    }
}
