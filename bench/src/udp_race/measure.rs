//! Clocks, processor time and memory of this process.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the machine's monotonic clock, which all processes share.
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Processor time of all threads of this process, user and system, in nanoseconds. `/proc/self/stat` shows the same in
/// hundredths of a second.
pub(crate) fn cpu_nanoseconds() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> Result<u64> {
    let line = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 =
        line.split_whitespace().nth(1).context("/proc/self/statm has no second field")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// The load averages, for the report.
pub(crate) fn load_average() -> String {
    let line = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// A thousand clients need more than the usual thousand files.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is not granted, opening sockets will say so.
    let _granted = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// The value below which `share` of the sorted `samples` are.
pub(crate) fn percentile(samples: &[u64], share: f64) -> u64 {
    let place = (samples.len() as f64 * share) as usize;
    samples.get(place.min(samples.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// Sixty ticks a second.
pub(crate) struct Pace {
    next: u64,
}

impl Pace {
    /// The first tick is due now.
    pub(crate) fn new() -> Self {
        Self { next: now() }
    }

    /// When the next tick is due.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Whether a tick is due; ticks that were missed are left out.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = now();
        if now < self.next {
            return false;
        }
        self.next = (self.next + TICK).max(now.saturating_sub(TICK));
        true
    }
}

/// Nanoseconds between two ticks.
pub(crate) const TICK: u64 = 1_000_000_000 / 60;
