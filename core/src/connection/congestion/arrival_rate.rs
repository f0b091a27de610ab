//! The rate at which packets arrive at the peer, by the peer's clock. Acknowledgements that are delayed, compressed or
//! lost on the return path do not change this rate.

use super::per_second;

/// The shortest time over which the rate is measured, in µs. The longest time is twice as long. Bursts and gaps
/// average out.
const SPAN_US: u32 = 200_000;
/// The age, in µs, above which arrivals do not count towards the current rate.
const SPAN_MOST_US: u32 = 10_000_000;

/// The low bits of the number of arrived bytes, and of their arrival time in microseconds. Every connection stores two
/// marks.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    bytes: u32,
    at_us: u32,
}

/// Measures the rate at which bytes arrive at the peer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ArrivalRate {
    /// The low bits of the number of arrived bytes.
    bytes: u32,
    /// The mark from which the rate is measured, and the next mark, which will replace it.
    marks: Option<(Mark, Mark)>,
    rate: u64,
}

impl ArrivalRate {
    /// Adds `bytes` acknowledged bytes. [`ArrivalRate::measure`] then sets their arrival time.
    pub(super) const fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.wrapping_add(bytes as u32);
    }

    /// Records that all bytes so far had arrived at `at_us`, on a clock of any epoch.
    pub(super) fn measure(&mut self, at_us: i64) {
        let mark = Mark { bytes: self.bytes, at_us: at_us as u32 };
        let Some((from, next)) = &mut self.marks else {
            self.marks = Some((mark, mark));
            return;
        };
        let (span, since) = (mark.at_us.wrapping_sub(from.at_us), mark.at_us.wrapping_sub(next.at_us));
        if since > SPAN_MOST_US {
            // Long ago, or the clock was put back.
            self.marks = Some((mark, mark));
            self.rate = 0;
            return;
        }
        if span >= SPAN_US {
            self.rate = per_second(u64::from(mark.bytes.wrapping_sub(from.bytes)), u64::from(span));
        }
        if since >= SPAN_US {
            (*from, *next) = (*next, mark);
        }
    }

    /// Drops all measurements, because the clock or the path changed.
    pub(super) const fn forget(&mut self) {
        self.marks = None;
        self.rate = 0;
    }

    /// Returns the low bits of the number of arrived bytes.
    pub(super) const fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Returns the arrival rate in bytes per second, or 0 if the rate is unknown.
    pub(super) const fn get(&self) -> u64 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets 1000 bytes arrive every 10 ms from `from_us` on, acknowledged in groups of three. Returns the measured
    /// rates.
    fn steady(arrivals: &mut ArrivalRate, from_us: i64, packets: i64) -> alloc::vec::Vec<u64> {
        let acknowledged = |packet: i64| {
            arrivals.add(1000);
            (packet % 3 == 2).then(|| {
                arrivals.measure(from_us + packet * 10_000);
                arrivals.get()
            })
        };
        (0..packets).filter_map(acknowledged).collect()
    }

    #[test]
    fn a_steady_arrival_rate_is_measured_exactly_after_210_ms_at_any_clock_value() {
        for from in [-1_000_000_000, -77, 0, (1 << 32) - 1_000_000, 1 << 40] {
            let rates = steady(&mut ArrivalRate::default(), from, 300);
            assert_eq!(rates.iter().position(|rate| *rate != 0), Some(7), "210 ms after the first");
            assert!(rates.iter().skip(7).all(|rate| *rate == 100_000), "{rates:?}");
        }
    }

    #[test]
    fn a_change_of_the_arrival_rate_is_measured_within_500_ms() {
        let mut arrivals = ArrivalRate::default();
        steady(&mut arrivals, 0, 300);
        for packet in 0..25 {
            arrivals.add(1000);
            arrivals.measure(3_000_000 + packet * 20_000);
        }
        assert_eq!(arrivals.get(), 50_000);
    }

    #[test]
    fn a_peer_clock_that_was_set_back_or_replaced_restarts_the_measurement_of_the_arrival_rate() {
        for is_told in [false, true] {
            let mut arrivals = ArrivalRate::default();
            steady(&mut arrivals, 9_000_000, 300);
            if is_told {
                arrivals.forget();
                assert_eq!(arrivals.get(), 0);
            }
            let rates = steady(&mut arrivals, 0, 90);
            assert_eq!(rates.first(), Some(&0));
            assert_eq!(rates.last(), Some(&100_000));
        }
    }
}
