//! Distinguishes random losses of large datagrams from losses on a path that drops all datagrams above a certain size (a
//! black hole, RFC 8899 section 4.3).

/// The loss of a datagram of up to this many bytes says nothing about sizes.
const TINY: u64 = 350;

/// The losses since a packet whose size, it may be, does not pass any more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Suspicion {
    /// The first packet that was lost.
    since: u64,
    /// The smallest size that may not pass; 0 if nothing is suspected.
    pub(super) size: u16,
    /// The largest smaller datagram acknowledged since.
    pub(super) passed: u16,
    /// Lowest packet number of a smaller datagram acknowledged since, none of them lost after it: it proves that the path was up then.
    passed_at: Option<u64>,
    /// Datagrams of the size or more that were lost.
    lost: u32,
    /// Those of them that were lost after `passed_at`.
    count: u32,
}

impl Suspicion {
    pub(super) const fn is_there(&self) -> bool {
        self.size != 0
    }

    /// Datagrams that were lost while smaller ones passed.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Packet `number` was acknowledged. Returns how many losses were chance, if it shows that their size passes.
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

    /// Packet `number` counts as lost. Returns whether that was chance as far as anybody can tell.
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
