//! The ticks on which the changes of a unit are committed.

/// A rate at which ticks are due. At 0 Hz, every tick is due.
///
/// A tick is due if it is the first tick at or after a multiple of `ticks per second / hz`. The offset shifts the due
/// ticks. Different offsets spread the units of a world over the ticks, and equal offsets gather the units of one owner.
/// With equal offsets, the due ticks of a rate are among the due ticks of each multiple of the rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct DueRate {
    hz: u16,
    offset: u16,
}

impl DueRate {
    /// A rate at which every tick is due.
    pub(super) const EVERY_TICK: Self = Self { hz: 0, offset: 0 };

    /// Creates a rate of `hz` due ticks per second, with an offset derived from `seed`. At 0 Hz, every tick is due.
    /// The golden ratio spreads the offsets of consecutive seeds over a second.
    pub(super) fn new(hz: u16, seed: u32, ticks_per_second: u32) -> Self {
        if hz == 0 || u32::from(hz) >= ticks_per_second {
            return Self::EVERY_TICK;
        }
        let spread = u64::from(seed.wrapping_mul(0x9e37_79b9)) * u64::from(ticks_per_second);
        // The offset is below the ticks per second, which are at most 10,000.
        Self { hz, offset: (spread >> 32) as u16 }
    }

    /// Returns the first due tick from `tick` on.
    pub(super) fn next_due(self, tick: u64, ticks_per_second: u32) -> u64 {
        if self.hz == 0 {
            return tick;
        }
        let (hz, second) = (u64::from(self.hz), u64::from(ticks_per_second));
        // The sum of a tick and an offset is below 20,000; times 65,535, it is far below 2^64.
        let passed = (tick % second + u64::from(self.offset)) * hz % second;
        if passed < hz { tick } else { tick.saturating_add((second - passed).div_ceil(hz)) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn the_due_ticks_of_a_rate_are_evenly_spread_over_each_second() {
        fn property(seed: u32, hz: u16, ticks: u16, from: u32) -> bool {
            let (ticks, from) = (u32::from(ticks % 300) + 1, u64::from(from));
            let hz = hz % 300;
            let rate = DueRate::new(hz, seed, ticks);
            let due: Vec<u64> = (from..=from + u64::from(ticks))
                .filter(|tick| rate.next_due(*tick, ticks) == *tick)
                .collect();
            let expected = if hz == 0 { ticks } else { ticks.min(hz.into()) };
            let in_second = due.iter().filter(|tick| **tick < from + u64::from(ticks)).count();
            let (least, most) = (ticks / expected, ticks.div_ceil(expected));
            let gaps = due.windows(2).map(|pair| (pair[1] - pair[0]) as u32);
            in_second == expected as usize && gaps.into_iter().all(|gap| (least..=most).contains(&gap))
        }
        quickcheck(property as fn(u32, u16, u16, u32) -> bool);
    }

    #[test]
    fn next_due_returns_the_earliest_due_tick() {
        fn property(seed: u32, hz: u8, ticks: u16, from: u32) -> bool {
            let ticks = u32::from(ticks % 200) + 1;
            let rate = DueRate::new(hz.into(), seed, ticks);
            let next = rate.next_due(from.into(), ticks);
            rate.next_due(next, ticks) == next
                && (u64::from(from)..next).all(|tick| rate.next_due(tick, ticks) == next)
        }
        quickcheck(property as fn(u32, u8, u16, u32) -> bool);
    }

    #[test]
    fn the_due_ticks_of_units_with_consecutive_ids_are_spread_over_all_ticks() {
        let mut due_at = [0; 3];
        for id in 1..=300 {
            due_at[DueRate::new(20, id, 60).next_due(600, 60) as usize - 600] += 1;
        }
        assert!(due_at.iter().all(|units| (95..=105).contains(units)), "{due_at:?}");
    }

    #[test]
    fn units_of_one_owner_at_a_slow_rate_are_due_only_on_due_ticks_of_a_faster_rate() {
        let (slow, fast) = (DueRate::new(5, 77, 60), DueRate::new(20, 77, 60));
        for tick in 0..600 {
            let next = slow.next_due(tick, 60);
            assert_eq!(fast.next_due(next, 60), next);
        }
    }

    #[test]
    fn due_ticks_near_the_maximum_tick_do_not_overflow() {
        let rate = DueRate::new(1, 12_345, 10_000);
        assert!(rate.next_due(u64::MAX - 1, 10_000) >= u64::MAX - 1);
    }
}
