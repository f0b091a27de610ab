//! The one-way delay of packets to the peer, from the receive times in its acknowledgements. The peer's clock starts at
//! an unknown time, so only differences are meaningful.

use crate::time::Instant;

/// Extends the 24-bit times of the peer's clock over their wrap-arounds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OneWayDelay {
    /// The latest clock difference on the wire, and the full difference that it stands for.
    last: Option<(u32, i64)>,
}

const BITS: u32 = 24;

impl OneWayDelay {
    /// Returns the one-way delay of a packet in microseconds, plus a constant. The packet was sent at `sent_at`, and
    /// `received` has the low bits of the peer's clock when it arrived. The result is wrong after a step of more than 8.3
    /// s.
    pub(crate) fn sample(&mut self, sent_at: Instant, received: u32) -> i64 {
        let raw = received.wrapping_sub(sent_at.as_micros() as u32) & ((1 << BITS) - 1);
        let value = match self.last {
            None => 0,
            Some((before, value)) => {
                let step = (raw.wrapping_sub(before) << (32 - BITS)) as i32 >> (32 - BITS);
                value.saturating_add(i64::from(step))
            }
        };
        self.last = Some((raw, value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_delay_differences_are_exact_across_timestamp_wraps_at_any_clock_offset() {
        for offset in [0u64, 1, 0xff_fff0, 0x1234_5678_9abc] {
            let mut delay = OneWayDelay::default();
            let mut first = None;
            for step in 0..100_000u64 {
                let sent = step * 7_919;
                let took = 50_000 + (step * 131) % 300_000;
                let received = ((sent + took + offset) & 0xff_ffff) as u32;
                let value = delay.sample(Instant::saturating_from_micros(sent), received);
                let first = *first.get_or_insert(value - took as i64);
                assert_eq!(value - first, took as i64, "{offset} {step}");
            }
        }
    }

    #[test]
    fn a_peer_clock_that_runs_slow_lowers_the_measured_one_way_delay() {
        let mut delay = OneWayDelay::default();
        let values: alloc::vec::Vec<i64> = (0..3u64)
            .map(|step| {
                delay.sample(Instant::saturating_from_micros(step * 1_000_000), (step * 999_500) as u32)
            })
            .collect();
        assert_eq!(values, [0, -500, -1000]);
    }
}
