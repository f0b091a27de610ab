//! Clocks, processor time and memory of this process.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Returns the time of the machine's monotonic clock, which all processes share, in nanoseconds.
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Returns the processor time of all threads of this process, in user mode and in the kernel, in nanoseconds.
/// `/proc/self/stat` has only a resolution of 10 ms.
pub(crate) fn cpu_nanoseconds() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Returns the resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> Result<u64> {
    let line = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 =
        line.split_whitespace().nth(1).context("/proc/self/statm has no second field")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// Returns the load averages of the machine as text.
pub(crate) fn load_average() -> String {
    let line = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Raises the limit of open files, because 1,000 clients need more than the usual 1,000 files.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is not granted, opening sockets will say so.
    let _granted = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Returns the value below which the share `share` of the sorted `samples` lies.
pub(crate) fn percentile(samples: &[u64], share: f64) -> u64 {
    let place = (samples.len() as f64 * share) as usize;
    samples.get(place.min(samples.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// A clock with sixty ticks per second.
pub(crate) struct Pace {
    next: u64,
}

impl Pace {
    /// Creates a clock whose first tick is due now.
    pub(crate) fn new() -> Self {
        Self { next: now() }
    }

    /// Returns the time at which the next tick is due, in nanoseconds.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Returns whether a tick is due. Missed ticks are skipped.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = now();
        if now < self.next {
            return false;
        }
        self.next = (self.next + TICK).max(now.saturating_sub(TICK));
        true
    }
}

/// The time between two ticks, in nanoseconds.
pub(crate) const TICK: u64 = 1_000_000_000 / 60;
