//! The processor time and the memory of a process.

use std::time::{Duration, Instant};

/// Processor time and memory of a process at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    at: Instant,
    /// The processor time on all cores, in user mode and in the kernel.
    cpu: Duration,
    /// The resident memory, in bytes.
    pub(crate) rss: u64,
}

impl Usage {
    /// Returns the usage of a running process, or `None` if the system does not report it.
    pub(crate) fn of(process: u32) -> Option<Self> {
        read(process).map(|(cpu, rss)| Self { at: Instant::now(), cpu, rss })
    }

    /// Returns the processor time since `earlier`, as a percentage of one core.
    pub(crate) fn cpu_percent_since(&self, earlier: &Self) -> f64 {
        let time = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        if time > 0.0 { self.cpu.saturating_sub(earlier.cpu).as_secs_f64() / time * 100.0 } else { 0.0 }
    }
}

#[cfg(target_os = "linux")]
fn read(process: u32) -> Option<(Duration, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (ticks, pages) = parse(&stat)?;
    let cpu = Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
    Some((cpu, pages * rustix::param::page_size() as u64))
}

#[cfg(not(target_os = "linux"))]
const fn read(_: u32) -> Option<(Duration, u64)> {
    None
}

/// Parses the clock ticks and the pages in `/proc/PID/stat`. The second field is a name in parentheses, which may
/// contain any characters.
#[cfg(target_os = "linux")]
fn parse(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    // The third field is the first of these.
    let field = |number: usize| rest.split_whitespace().nth(number - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?, field(24)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn cpu_times_are_parsed_after_a_process_name_with_spaces_and_parentheses() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 1000 9999 321 184467";
        assert_eq!(parse(stat), Some((300, 321)));
        assert_eq!(parse("7 (a"), None);
    }

    #[test]
    fn the_usage_of_the_test_process_includes_its_memory_and_cpu_time() {
        let before = Usage::of(std::process::id()).unwrap();
        assert!(before.rss > 100_000, "{before:?}");
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
        let percent = Usage::of(std::process::id()).unwrap().cpu_percent_since(&before);
        assert!(percent > 5.0, "{percent}");
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_usage() {
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
