//! The rate limit that heavy loss puts on a controller that ignores loss: the rate that the path delivers.

use super::per_second;
use crate::time::{Instant, Span};

/// The loss, in thousandths, above which a path counts as overloaded.
const HEAVY: u64 = 100;
/// The loss, in thousandths, below which a cut of the rate has helped.
const CURED: u64 = 50;
/// The largest loss, in thousandths, that counts as random.
const TOLERATED_MOST: u64 = 600;
/// The smallest number of acknowledged or lost packets from which a share of loss is computed.
const PACKETS_LEAST: u64 = 30;
/// The time for which a cap holds before the sender tries a higher rate. The time doubles each time that the path does not
/// carry more.
const HOLD: Span = Span::from_secs(2);
const HOLD_MOST: Span = Span::from_secs(32);

/// Counts losses over intervals, and caps the rate to the rate that was delivered in an interval with heavy loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct LossCap {
    since: Instant,
    lost: u64,
    acked: u64,
    acked_bytes: u64,
    state: CapState,
    /// The loss, in thousandths, that no cut has reduced, plus [`HEAVY`].
    tolerated: u64,
    hold: Span,
}

#[derive(Clone, Copy, Debug)]
enum CapState {
    Free,
    /// The rate was just cut. The current interval still counts packets that were sent before the cut.
    Cut {
        cap: u64,
    },
    /// The loss in the current interval shows whether the cut helped.
    Examined {
        cap: u64,
    },
    /// The cut reduced the loss. `chance` is the random loss, which does not depend on the rate, in thousandths. `is_calm`
    /// is `true` if the loss in the latest interval exceeds `chance` by at most half of [`CURED`].
    Held {
        cap: u64,
        until: Instant,
        is_calm: bool,
        chance: u64,
    },
}

impl LossCap {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            lost: 0,
            acked: 0,
            acked_bytes: 0,
            state: CapState::Free,
            tolerated: HEAVY,
            hold: HOLD,
        }
    }

    /// Returns the rate cap in bytes per second, or `None` without a cap.
    pub(super) const fn cap(&self) -> Option<u64> {
        match self.state {
            CapState::Free => None,
            CapState::Cut { cap } | CapState::Examined { cap } | CapState::Held { cap, .. } => Some(cap),
        }
    }

    pub(super) fn on_acked(&mut self, now: Instant, packets: u64, bytes: u64, interval: Span) {
        self.acked = self.acked.saturating_add(packets);
        self.acked_bytes = self.acked_bytes.saturating_add(bytes);
        self.judge(now, interval);
    }

    pub(super) fn on_lost(&mut self, now: Instant, packets: u64, interval: Span) {
        self.lost = self.lost.saturating_add(packets);
        self.judge(now, interval);
    }

    /// Records that packets that were declared lost have arrived.
    pub(super) const fn on_late(&mut self, packets: u64) {
        self.lost = self.lost.saturating_sub(packets);
        self.acked = self.acked.saturating_add(packets);
    }

    fn judge(&mut self, now: Instant, interval: Span) {
        let packets = self.lost.saturating_add(self.acked);
        if packets < PACKETS_LEAST {
            return;
        }
        let elapsed = now.since(self.since);
        if elapsed < interval {
            return;
        }
        // Four standard deviations are put down to chance: sqrt(n × 0.1 × 0.9) is 3/10 of sqrt(n). With three, one in
        // twenty two-minute calls through 5 % of random loss was cut once for nothing.
        let chance = packets.isqrt().saturating_mul(12) / 10;
        let share = self.lost.saturating_mul(1000) / packets;
        let is_heavy = self.lost.saturating_sub(chance).saturating_mul(1000) / packets > self.tolerated;
        let delivered = per_second(self.acked_bytes, elapsed.as_micros()).max(1);
        self.state = self.next_state(now, (share, packets), is_heavy, delivered);
        (self.since, self.lost, self.acked, self.acked_bytes) = (now, 0, 0, 0);
    }

    fn next_state(&mut self, now: Instant, sample: (u64, u64), is_heavy: bool, delivered: u64) -> CapState {
        let (share, packets) = sample;
        match self.state {
            CapState::Free if is_heavy => CapState::Cut { cap: delivered },
            CapState::Free => {
                let excess = self.tolerated.saturating_sub(share.saturating_add(HEAVY));
                self.tolerated = self.tolerated.saturating_sub(excess / 8).max(HEAVY);
                CapState::Free
            }
            CapState::Cut { cap } => CapState::Examined { cap },
            CapState::Examined { .. } if share > CURED => {
                // Losses that a cut does not cure are not caused by our rate. Repeated cuts would end at zero.
                self.tolerated = share.saturating_add(HEAVY).min(TOLERATED_MOST);
                CapState::Free
            }
            CapState::Examined { cap } => self.hold(now, cap, share),
            CapState::Held { cap, .. } if is_heavy => CapState::Cut { cap: cap.min(delivered) },
            CapState::Held { cap, until, chance, .. } if now < until => {
                let is_calm = share <= chance.saturating_add(CURED / 2);
                CapState::Held { cap, until, is_calm, chance: (chance * 3 + share) / 4 }
            }
            CapState::Held { cap, is_calm: true, chance, .. } if is_above(share, packets, chance) => {
                // More was tried, and it is too much: no need to wait until a tenth is lost.
                self.hold(now, cap - cap / 8, chance)
            }
            CapState::Held { cap, until, chance, .. } => {
                let raised = cap.saturating_add((cap / 16).max(1));
                // Where twice as much goes through, by the least window, it caps nothing: to raise it would take for ever.
                if delivered <= cap.saturating_mul(2) && raised < delivered.saturating_mul(2) {
                    let is_calm = share <= chance.saturating_add(CURED / 2);
                    return CapState::Held { cap: raised, until, is_calm, chance };
                }
                self.hold = HOLD;
                CapState::Free
            }
        }
    }

    fn hold(&mut self, now: Instant, cap: u64, chance: u64) -> CapState {
        let until = now + self.hold;
        self.hold = self.hold.saturating_mul(2).min(HOLD_MOST);
        CapState::Held { cap, until, is_calm: true, chance }
    }
}

/// Returns `true` if the loss exceeds the random loss `chance`, plus two of its standard deviations, by more than
/// [`CURED`].
fn is_above(share: u64, packets: u64, chance: u64) -> bool {
    let deviations = packets.saturating_mul(chance).saturating_mul(4) / 1000;
    let spread = deviations.isqrt().saturating_mul(1000) / packets.max(1);
    share > chance.saturating_add(CURED).saturating_add(spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Span = Span::from_millis(500);

    struct Path {
        cap: LossCap,
        now: Instant,
    }

    impl Path {
        fn new() -> Self {
            Self { cap: LossCap::new(Instant::ZERO), now: Instant::ZERO }
        }

        /// Plays half a second in which `sent` packets of 1000 bytes leave, of which `lost` are lost.
        fn play(&mut self, sent: u64, lost: u64) {
            self.cap.on_lost(self.now, lost, INTERVAL);
            self.now += INTERVAL;
            self.cap.on_acked(self.now, sent - lost, (sent - lost) * 1000, INTERVAL);
        }
    }

    #[test]
    fn losing_23_of_100_packets_caps_the_rate_to_the_delivered_rate_but_losing_22_does_not() {
        let mut path = Path::new();
        path.play(100, 10);
        assert_eq!(path.cap.cap(), None);
        path.play(100, 22);
        assert_eq!(path.cap.cap(), None);
        path.play(100, 23);
        assert_eq!(path.cap.cap(), Some(154_000));
    }

    #[test]
    fn rate_independent_loss_of_30_percent_sets_a_rate_cap_in_2_of_100_rounds() {
        let mut path = Path::new();
        let mut capped = 0;
        for _ in 0..100 {
            path.play(100, 30);
            capped += u32::from(path.cap.cap().is_some());
        }
        assert_eq!(capped, 2);
        // More than that is another matter.
        path.play(100, 80);
        assert_eq!(path.cap.cap(), Some(40_000));
    }

    #[test]
    fn a_rate_cap_without_loss_rises_after_six_rounds_until_loss_returns() {
        let mut path = Path::new();
        path.play(200, 100);
        for _ in 0..5 {
            path.play(100, 0);
            assert_eq!(path.cap.cap(), Some(200_000));
        }
        path.play(100, 0);
        assert_eq!(path.cap.cap(), Some(212_500));
        path.play(130, 33);
        assert_eq!(path.cap.cap(), Some(194_000));
    }

    #[test]
    fn a_rate_cap_is_lifted_within_23_rounds_while_random_loss_is_five_percent() {
        let mut path = Path::new();
        path.play(200, 100);
        // Three of sixty, two, five, and so on: the mean is three.
        for lost in [2, 2, 3, 4, 1, 5, 3, 2, 5, 2, 3, 4, 3, 5, 1, 3, 4, 2, 5, 3, 2, 4, 3] {
            path.play(60, lost);
        }
        assert_eq!(path.cap.cap(), None);
    }

    /// Seed 1335 of the swarm: a path lost all large datagrams for 40 s, and a cap of 187 bytes per second remained, below
    /// the least window.
    #[test]
    fn regression_a_rate_cap_far_below_the_delivered_rate_is_lifted_within_three_rounds() {
        let mut cap = LossCap::new(Instant::ZERO);
        let until = Instant::ZERO + Span::from_secs(1);
        cap.state = CapState::Held { cap: 187, until, is_calm: true, chance: 0 };
        let mut path = Path { cap, ..Path::new() };
        path.play(100, 0);
        path.play(100, 0);
        path.play(100, 0);
        assert_eq!(path.cap.cap(), None);
    }

    #[test]
    fn a_rate_cap_above_twice_the_delivered_rate_is_lifted_within_13_rounds_without_loss() {
        let mut path = Path::new();
        path.play(200, 100);
        for _ in 0..13 {
            path.play(40, 0);
        }
        assert_eq!(path.cap.cap(), None);
    }
}
