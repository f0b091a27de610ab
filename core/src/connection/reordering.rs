//! Measures how far the path reorders packets. A packet that was declared lost and is acknowledged later raises the
//! thresholds of loss detection (RFC 9002 sections 6.1.1 and 6.1.2 leave the method to implementations).

use alloc::boxed::Box;
use core::ops::RangeInclusive;

use crate::time::{Instant, Span};

/// The smallest number of later acknowledged packets after which a packet counts as lost (RFC 9002 section 6.1.1).
const PACKET_THRESHOLD: u64 = 3;
/// The number of lost packets that are stored.
const REMEMBERED: usize = 32;
/// The highest level. At this level a packet counts as lost after 48 later packets, or after two RTTs.
const HIGHEST: u8 = 4;
/// The time after which a level that was not needed is lowered.
const PATIENCE: Span = Span::from_secs(10);

/// The latest losses, and the level of the thresholds that their late acknowledgements led to.
#[derive(Clone, Debug)]
pub(crate) struct Reordering {
    /// The latest losses. `None` before the first loss.
    losses: Option<Box<Losses>>,
    level: u8,
    since: Instant,
}

#[derive(Clone, Debug, Default)]
struct Losses {
    /// The low bits of the lost packet numbers.
    lost: [u32; REMEMBERED],
    remembered: u8,
    next: u8,
    /// The lowest of the stored packet numbers. `highest` is the highest.
    lowest: u64,
    highest: u64,
}

impl Reordering {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { losses: None, level: 0, since: now }
    }

    /// Drops the stored losses, because the connection is idle and no late acknowledgement can arrive for them.
    pub(crate) fn rest(&mut self) {
        self.losses = None;
    }

    /// Returns `true` if the path reordered packets recently.
    pub(crate) const fn is_seen(&self) -> bool {
        self.level > 0
    }

    /// Returns the number of later acknowledged packets after which a packet counts as lost.
    pub(crate) const fn packet_threshold(&self) -> u64 {
        PACKET_THRESHOLD << self.level
    }

    /// Returns the time after its transmission at which a packet counts as lost. Without reordering this time is
    /// `delay`, 9/8 of `rtt`.
    pub(crate) fn loss_delay(&self, delay: Span, rtt: Span) -> Span {
        let more = (rtt / 8).saturating_mul((1u32 << self.level) - 1);
        delay + more.min(rtt)
    }

    /// Records that a packet was declared lost.
    pub(crate) fn on_lost(&mut self, number: u64) {
        self.losses.get_or_insert_default().push(number);
    }

    /// Returns how many of the acknowledged packets in `range` had been declared lost, and drops their records.
    pub(crate) fn take_late(&mut self, range: &RangeInclusive<u64>) -> u64 {
        self.losses.as_deref_mut().map_or(0, |losses| losses.take(range))
    }

    /// Adapts the level after an acknowledgement of `late` packets that had been declared lost.
    pub(crate) fn adapt(&mut self, now: Instant, late: u64) {
        if late > 0 && self.level < HIGHEST {
            self.level += 1;
        }
        if late > 0 {
            self.since = now;
        } else if self.level > 0 && now.since(self.since) >= PATIENCE {
            self.level -= 1;
            self.since = now;
        }
    }
}

impl Losses {
    fn push(&mut self, number: u64) {
        if self.remembered == 0 {
            (self.lowest, self.highest) = (number, number);
        }
        (self.lowest, self.highest) = (self.lowest.min(number), self.highest.max(number));
        if let Some(place) = self.lost.get_mut(usize::from(self.next)) {
            *place = number as u32;
        }
        self.next = (self.next + 1) % REMEMBERED as u8;
        self.remembered = (self.remembered + 1).min(REMEMBERED as u8);
    }

    fn take(&mut self, range: &RangeInclusive<u64>) -> u64 {
        if *range.end() < self.lowest || *range.start() > self.highest {
            return 0;
        }
        let length = (range.end() - range.start()).min(u64::from(u32::MAX)) as u32;
        let start = *range.start() as u32;
        let mut late = 0;
        let mut place = 0;
        while place < usize::from(self.remembered) {
            let is_late = self.lost.get(place).is_some_and(|lost| lost.wrapping_sub(start) <= length);
            if is_late {
                late += 1;
                self.remembered -= 1;
                self.lost.swap(place, usize::from(self.remembered));
                self.next = self.remembered;
            } else {
                place += 1;
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spurious_loss_is_counted_once() {
        let mut reordering = Reordering::new(Instant::ZERO);
        for number in [5, 7, 100, (1 << 32) + 3] {
            reordering.on_lost(number);
        }
        assert_eq!(reordering.take_late(&(6..=99)), 1);
        assert_eq!(reordering.take_late(&(0..=1000)), 3);
        assert_eq!(reordering.take_late(&(0..=1000)), 0);
    }

    #[test]
    fn the_32_latest_losses_are_kept_to_detect_late_acks() {
        let mut reordering = Reordering::new(Instant::ZERO);
        (0..1000).for_each(|number| reordering.on_lost(number));
        assert_eq!(reordering.take_late(&(0..=1000 - REMEMBERED as u64 - 1)), 0);
        assert_eq!(reordering.take_late(&(0..=1000)), REMEMBERED as u64);
    }

    #[test]
    fn ten_seconds_without_a_late_ack_halve_the_reordering_threshold() {
        let (rtt, delay) = (Span::from_millis(80), Span::from_millis(90));
        let mut reordering = Reordering::new(Instant::ZERO);
        assert_eq!((reordering.packet_threshold(), reordering.loss_delay(delay, rtt)), (3, delay));
        (0..9).for_each(|_| reordering.adapt(Instant::ZERO, 1));
        assert_eq!((reordering.packet_threshold(), reordering.loss_delay(delay, rtt)), (48, delay + rtt));
        reordering.adapt(Instant::ZERO + PATIENCE, 0);
        assert_eq!(reordering.packet_threshold(), 24);
    }
}
