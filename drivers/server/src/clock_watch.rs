//! Log messages for tickets that look expired because of a wrong clock.

use std::time::{Duration, Instant};

use tickwire_core::text::Counted;
use tickwire_native::ClockReport;

/// Turns the reports on clocks into warnings for the log, and limits how often a warning is repeated.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    looked_at: Instant,
    /// The time at which the current minute of counting expired tickets began.
    minute_at: Instant,
    /// The report at the beginning of that minute.
    counted: ClockReport,
    /// The report whose clock steps and tickets from the future have been logged.
    told: ClockReport,
    expired_told_at: Option<Instant>,
    future_told_at: Option<Instant>,
}

impl ClockWatch {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            looked_at: now,
            minute_at: now,
            counted: ClockReport::default(),
            told: ClockReport::default(),
            expired_told_at: None,
            future_told_at: None,
        }
    }

    /// Returns warnings for the log, if at least a second has passed since the previous call that read a report.
    pub(crate) fn look(&mut self, now: Instant, report: impl FnOnce() -> ClockReport) -> Vec<String> {
        if now.saturating_duration_since(self.looked_at) < LOOK_EVERY {
            return Vec::new();
        }
        self.looked_at = now;
        let report = report();
        let warnings = [self.step(&report), self.expired(now, &report), self.future(now, &report)];
        warnings.into_iter().flatten().collect()
    }

    /// Returns a warning if the clock was set since the previous report.
    fn step(&mut self, report: &ClockReport) -> Option<String> {
        if report.steps == self.told.steps {
            return None;
        }
        self.told.steps = report.steps;
        let way = if report.last_step_us > 0 { "forward" } else { "back" };
        let by = shown(Duration::from_micros(report.last_step_us.unsigned_abs()));
        Some(format!(
            "the machine's clock was set {way} by {by}, or the machine slept; tickets now expire by the new time, so \
             check the clock with `date -u`"
        ))
    }

    /// Returns a warning if at least [`EXPIRED_MANY`] tickets had expired within a minute.
    fn expired(&mut self, now: Instant, report: &ClockReport) -> Option<String> {
        let count = report.tickets.expired.saturating_sub(self.counted.tickets.expired);
        let is_minute_over = now.saturating_duration_since(self.minute_at) >= MINUTE;
        if is_minute_over || count >= EXPIRED_MANY {
            (self.minute_at, self.counted) = (now, *report);
        }
        if count < EXPIRED_MANY || !is_time(now, self.expired_told_at) {
            return None;
        }
        self.expired_told_at = Some(now);
        let by = shown(report.tickets.expired_by);
        Some(format!(
            "{count} clients were refused within a minute because their tickets had expired, the latest ticket {by} \
             ago by this machine's clock; compare `date -u` on this machine and on the machine that mints tickets, \
             and set the clock that is wrong (this server follows within a second); if both are right, mint tickets \
             for longer"
        ))
    }

    /// Returns a warning if clients presented tickets that expire later than any ticket that this server mints now.
    fn future(&mut self, now: Instant, report: &ClockReport) -> Option<String> {
        let count = report.tickets.from_the_future.saturating_sub(self.told.tickets.from_the_future);
        if count == 0 || !is_time(now, self.future_told_at) {
            return None;
        }
        self.future_told_at = Some(now);
        self.told.tickets.from_the_future = report.tickets.from_the_future;
        let ahead = shown(report.tickets.ahead_by);
        Some(format!(
            "{} reconnected with tickets that this server made when its clock showed a time {ahead} later; \
             check the clock with `date -u`: if the clock is behind, set it (this server follows within a second); \
             if the clock was ahead before, do nothing",
            Counted(count, "client")
        ))
    }
}

fn is_time(now: Instant, told_at: Option<Instant>) -> bool {
    told_at.is_none_or(|at| now.saturating_duration_since(at) >= TELL_EVERY)
}

/// Returns a duration as text in its two largest units.
fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// The number of expired tickets within a minute from which on the cause is probably a wrong clock.
const EXPIRED_MANY: u64 = 3;
/// The shortest time between two warnings of the same kind.
const TELL_EVERY: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the warnings of a simulated run of `seconds` seconds, each with its second. The watch reads a report
    /// every second, which `report` changes first.
    fn said(seconds: u64, mut report: impl FnMut(u64, &mut ClockReport)) -> Vec<(u64, String)> {
        let start = Instant::now();
        let (mut watch, mut seen) = (ClockWatch::new(start), ClockReport::default());
        let mut said = Vec::new();
        for second in 1..=seconds {
            report(second, &mut seen);
            let warnings = watch.look(start + Duration::from_secs(second), || seen);
            said.extend(warnings.into_iter().map(|warning| (second, warning)));
        }
        said
    }

    #[test]
    fn three_expired_tickets_within_a_minute_are_logged_once_in_ten_minutes() {
        let said = said(1300, |_, report| {
            report.tickets.expired += 1;
            report.tickets.expired_by = Duration::from_secs(7260);
        });
        let seconds: Vec<u64> = said.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [3, 603, 1203]);
        let text = &said[0].1;
        assert!(
            text.contains("3 clients") && text.contains("2 h 1 min ago") && text.contains("date -u"),
            "{text}"
        );
    }

    #[test]
    fn fewer_than_three_expired_tickets_per_minute_are_not_logged() {
        let said = said(3600, |second, report| report.tickets.expired += u64::from(second % 40 == 0));
        assert_eq!(said, []);
    }

    #[test]
    fn each_clock_step_is_logged_with_its_direction() {
        let said = said(10, |second, report| {
            if second == 4 {
                (report.steps, report.last_step_us) = (1, -90_000_000);
            }
            if second == 7 {
                (report.steps, report.last_step_us) = (2, 86_400_000_000);
            }
        });
        assert_eq!(said.len(), 2);
        assert!(said[0].0 == 4 && said[0].1.contains("back by 1 min 30 s"), "{said:?}");
        assert!(said[1].0 == 7 && said[1].1.contains("forward by 1 d 0 h"), "{said:?}");
    }

    #[test]
    fn tickets_from_the_future_are_logged_immediately_and_then_as_a_sum_every_ten_minutes() {
        let said = said(700, |second, report| {
            report.tickets.from_the_future += u64::from(second <= 5);
            report.tickets.ahead_by = Duration::from_secs(10_800);
        });
        let seconds: Vec<u64> = said.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [1, 601]);
        assert!(said[0].1.starts_with("1 client ") && said[1].1.starts_with("4 clients "), "{said:?}");
        assert!(said[0].1.contains("3 h 0 min later"), "{said:?}");
    }

    #[test]
    fn the_clock_watch_checks_the_statistics_at_most_once_a_second() {
        let start = Instant::now();
        let mut watch = ClockWatch::new(start);
        assert!(watch.look(start + Duration::from_millis(999), || panic!("too soon")).is_empty());
    }
}
