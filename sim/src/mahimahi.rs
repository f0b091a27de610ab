//! Bandwidth traces in the format of Mahimahi. Each line of a trace is the time, in milliseconds, of an opportunity,
//! at which 1500 bytes may pass. Small packets share an opportunity, and a large packet uses several opportunities.
//! The trace repeats.

use core::fmt;
use std::sync::Arc;

/// The number of bytes that may pass at each delivery opportunity of a bandwidth trace.
pub const OPPORTUNITY_BYTES: u32 = 1500;

/// A bandwidth trace in the format of Mahimahi: the times at which 1500 bytes may pass (opportunities).
#[derive(Clone, Debug)]
pub struct LinkTrace {
    /// The times of the opportunities in milliseconds, in ascending order. The last time is above zero, and the trace
    /// repeats after it.
    opportunities: Arc<[u32]>,
    period_ms: u32,
}

/// The reason why a string is not a valid bandwidth trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceError {
    /// The line with this number (counted from 1) is not a whole number of milliseconds from 0 to 4,294,967,295.
    NotANumber(usize),
    /// The line with this number (counted from 1) has an earlier time than the line above it.
    Backwards(usize),
    /// The trace is empty, or the time of its final line is 0 ms.
    Empty,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(line) => {
                write!(f, "line {line} is not a number of milliseconds; write one whole number per line")
            }
            Self::Backwards(line) => {
                write!(f, "line {line} has an earlier time than the line above it; sort the lines by time")
            }
            Self::Empty => {
                f.write_str("the trace has a length of 0 ms; end it with a line whose time is above 0 ms")
            }
        }
    }
}

impl core::error::Error for TraceError {}

impl LinkTrace {
    /// Parses a bandwidth trace with one whole number of milliseconds per line. The function skips empty lines and
    /// lines that begin with `#`.
    ///
    /// # Errors
    /// [`TraceError`] for the first line that violates the format, or for a trace with a length of 0 ms.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut opportunities: Vec<u32> = Vec::new();
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = line.parse().map_err(|_| TraceError::NotANumber(index + 1))?;
            if opportunities.last().is_some_and(|&last| last > at) {
                return Err(TraceError::Backwards(index + 1));
            }
            opportunities.push(at);
        }
        match opportunities.last() {
            None | Some(0) => Err(TraceError::Empty),
            Some(&period_ms) => Ok(Self { opportunities: opportunities.into(), period_ms }),
        }
    }

    /// Returns the length of the trace in milliseconds, after which the trace repeats.
    #[must_use]
    pub const fn period_ms(&self) -> u32 {
        self.period_ms
    }

    /// Returns the average rate of the trace, in bytes per second.
    #[must_use]
    pub fn bytes_per_second(&self) -> u64 {
        self.bytes_per_period().saturating_mul(1000) / u64::from(self.period_ms)
    }

    /// Returns the number of bytes that may pass in one period of the trace.
    #[must_use]
    pub fn bytes_per_period(&self) -> u64 {
        self.opportunities.len() as u64 * u64::from(OPPORTUNITY_BYTES)
    }

    /// Returns the longest time in which no packet may pass, in milliseconds.
    #[must_use]
    pub fn longest_gap_ms(&self) -> u32 {
        let mut previous = 0;
        let gaps = self.opportunities.iter().map(|&at| at - core::mem::replace(&mut previous, at));
        gaps.max().unwrap_or(0)
    }

    /// Returns the gaps that end at `until_ms` or earlier: the periods of at least `least_ms` in which no packet may
    /// pass. Each gap is a pair of times in milliseconds: the opportunity (or the start of the trace) before the gap,
    /// and the opportunity after the gap.
    #[must_use]
    pub fn gaps_ms(&self, least_ms: u64, until_ms: u64) -> Vec<(u64, u64)> {
        let times = (0..).map(|index| self.time_us(index) / 1000).take_while(|&at| at <= until_ms);
        let mut previous = 0;
        let gaps = times.map(|at| (core::mem::replace(&mut previous, at), at));
        gaps.filter(|(before, after)| after - before >= least_ms).collect()
    }

    /// Returns the time of the opportunity with the number `index`, in microseconds. The numbers continue through all
    /// repetitions of the trace.
    pub(crate) fn time_us(&self, index: u64) -> u64 {
        let count = self.opportunities.len() as u64;
        let within = self.opportunities.get((index % count) as usize).copied().unwrap_or(0);
        let ms = (index / count) * u64::from(self.period_ms) + u64::from(within);
        ms.saturating_mul(1000)
    }

    /// Returns the number of bytes that may pass from the start of the run up to and including the time `end_us`.
    #[must_use]
    pub fn bytes_until(&self, end_us: u64) -> u64 {
        self.first_from(end_us.saturating_add(1)) * u64::from(OPPORTUNITY_BYTES)
    }

    /// Returns the number of the first opportunity at `now_us` or later.
    pub(crate) fn first_from(&self, now_us: u64) -> u64 {
        let now_ms = now_us.div_ceil(1000);
        // The last opportunity of a loop and the first of the next may share a millisecond: begin one loop early.
        let begun = (now_ms / u64::from(self.period_ms)).saturating_sub(1);
        let mut base = begun * u64::from(self.period_ms);
        let mut index = begun * self.opportunities.len() as u64;
        loop {
            let wanted = now_ms - base;
            let within = self.opportunities.partition_point(|&at| u64::from(at) < wanted);
            if within < self.opportunities.len() {
                return index + within as u64;
            }
            base += u64::from(self.period_ms);
            index += self.opportunities.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn gaps_ms_finds_the_gaps_of_a_trace_in_every_repetition() {
        let trace = LinkTrace::parse("5\n10\n40\n50\n").unwrap();
        assert_eq!(trace.gaps_ms(10, 110), [(10, 40), (40, 50), (60, 90), (90, 100)]);
        assert_eq!(trace.gaps_ms(11, 109), [(10, 40), (60, 90)]);
    }

    use super::*;

    #[test]
    fn the_delivery_opportunities_of_a_trace_continue_through_its_repetitions() {
        let trace = LinkTrace::parse("1\n3\n3\n10\n").unwrap();
        let times: Vec<u64> = (0..9).map(|index| trace.time_us(index) / 1000).collect();
        assert_eq!(times, [1, 3, 3, 10, 11, 13, 13, 20, 21]);
        assert_eq!((trace.period_ms(), trace.bytes_per_period(), trace.longest_gap_ms()), (10, 6000, 7));
    }

    #[test]
    fn the_first_delivery_opportunity_after_a_time_is_found_in_every_repetition_of_a_trace() {
        let trace = LinkTrace::parse("0\n3\n3\n10\n").unwrap();
        for now in 0..100_000 {
            let naive = (0..).find(|&index| trace.time_us(index) >= now).unwrap();
            assert_eq!(trace.first_from(now), naive, "{now}");
        }
    }

    #[test]
    fn the_error_about_an_invalid_bandwidth_trace_names_the_line_number() {
        assert_eq!(LinkTrace::parse("1\nx\n").unwrap_err(), TraceError::NotANumber(2));
        assert_eq!(LinkTrace::parse("# a\n5\n4\n").unwrap_err(), TraceError::Backwards(3));
        assert_eq!(LinkTrace::parse("").unwrap_err(), TraceError::Empty);
        assert_eq!(LinkTrace::parse("0\n0\n").unwrap_err(), TraceError::Empty);
    }
}
