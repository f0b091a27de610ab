//! Log lines about clients that join and leave: at most a few lines a second, with a summary of the others, so that no
//! crowd fills the log.

use std::fmt;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::token_bucket::{Rate, TokenBucket};

/// An event of a client's presence. The event is a warning if the server disconnected the client, and information
/// otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    Joined,
    Left,
    FellSilent,
    CameBack,
    SentAway,
}

/// Decides which events of clients are logged one by one, and counts the others for summaries. The caller passes the
/// time.
#[derive(Debug)]
pub(crate) struct PresenceLog {
    news: Lines,
    /// The limit of the warnings, which is separate, so that other events do not displace warnings.
    warnings: Lines,
    left_out: LeftOut,
}

/// The limit of log lines for one level.
#[derive(Debug, Default)]
struct Lines {
    bucket: TokenBucket,
    /// The time since which lines have been left out that no summary has reported. `None` if no line was left out.
    since: Option<Instant>,
}

/// The numbers of lines that were left out, by kind of event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LeftOut {
    joined: u64,
    left: u64,
    fell_silent: u64,
    came_back: u64,
    sent_away: u64,
}

impl PresenceLog {
    pub(crate) fn new() -> Self {
        Self { news: Lines::default(), warnings: Lines::default(), left_out: LeftOut::default() }
    }

    /// Returns whether the event `what` gets a log line of its own. Counts the event otherwise.
    pub(crate) fn may_log(&mut self, now: Instant, what: Presence) -> bool {
        let lines = if what == Presence::SentAway { &mut self.warnings } else { &mut self.news };
        // Once a line was left out, none is logged until the summary: a log with gaps here and there misleads.
        if lines.since.is_none() && lines.bucket.overdraw(RATE, now, 1) {
            return true;
        }
        lines.since.get_or_insert(now);
        let count = match what {
            Presence::Joined => &mut self.left_out.joined,
            Presence::Left => &mut self.left_out.left,
            Presence::FellSilent => &mut self.left_out.fell_silent,
            Presence::CameBack => &mut self.left_out.came_back,
            Presence::SentAway => &mut self.left_out.sent_away,
        };
        *count += 1;
        false
    }

    /// Returns the numbers of lines that were left out, if a summary is due: every [`SUM_UP_EVERY`] while lines are
    /// left out, or always with `at_once`. The numbers then begin at 0 again.
    pub(crate) fn sum_up(&mut self, now: Instant, at_once: bool) -> Option<LeftOut> {
        let since = [self.news.since, self.warnings.since].into_iter().flatten().min()?;
        if now.saturating_since(since) < SUM_UP_EVERY && !at_once {
            return None;
        }
        (self.news.since, self.warnings.since) = (None, None);
        Some(std::mem::take(&mut self.left_out))
    }
}

impl LeftOut {
    /// Returns whether warnings were left out.
    pub(crate) const fn has_warnings(&self) -> bool {
        self.sent_away > 0
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.joined, "joined"),
            (self.left, "left"),
            (self.fell_silent, "stopped answering"),
            (self.came_back, "resumed their sessions"),
            (self.sent_away, "disconnected by the server"),
        ];
        for (place, (count, what)) in counts.into_iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{}{count} {what}", if place == 0 { "" } else { ", " })?;
        }
        f.write_str("; there were too many events to log each event separately")
    }
}

/// The rate of log lines: 50 lines at once, and 5 lines per second.
const RATE: Rate = Rate::per_second(5, Duration::from_secs(10));
/// The time from the first line that is left out to the summary.
const SUM_UP_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presence_log_takes_fewer_than_150_lines_for_28000_joins_and_leaves() {
        let (start, mut log) = (Instant::ZERO, PresenceLog::new());
        let (mut lines, mut summed) = (0, 0);
        for millis in 0..14_000 {
            let now = start + Duration::from_millis(millis);
            for what in [Presence::Joined, Presence::Left] {
                lines += u64::from(log.may_log(now, what));
            }
            if let Some(left_out) = log.sum_up(now, false) {
                summed += left_out.joined + left_out.left;
                lines += 1;
            }
        }
        let rest = log.sum_up(start + Duration::from_secs(14), true).unwrap();
        summed += rest.joined + rest.left;
        assert!(lines < 150, "{lines}");
        assert_eq!(lines - 1 + summed, 28_000);
        assert_eq!(log.sum_up(start + Duration::from_secs(99), true), None);
    }

    #[test]
    fn a_summary_of_omitted_log_lines_is_a_warning_if_it_counts_a_warning() {
        let (now, mut log) = (Instant::ZERO, PresenceLog::new());
        while log.may_log(now, Presence::Joined) {}
        let logged = (0..60).filter(|_| log.may_log(now, Presence::SentAway)).count();
        assert_eq!(logged, 50);
        let left_out = log.sum_up(now + SUM_UP_EVERY, false).unwrap();
        assert_eq!((left_out.joined, left_out.sent_away, left_out.has_warnings()), (1, 10, true));
        while log.may_log(now, Presence::Left) {}
        assert!(!log.sum_up(now + SUM_UP_EVERY, false).unwrap().has_warnings());
    }

    #[test]
    fn one_join_and_one_leave_per_second_are_logged_on_separate_lines() {
        let (start, mut log) = (Instant::ZERO, PresenceLog::new());
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            assert!(log.may_log(now, Presence::Joined) && log.may_log(now, Presence::Left));
            assert_eq!(log.sum_up(now, false), None);
        }
    }

    #[test]
    fn a_summary_of_omitted_log_lines_names_only_events_that_happened() {
        let left_out = LeftOut { joined: 3, sent_away: 1, ..LeftOut::default() };
        assert_eq!(
            left_out.to_string(),
            "3 joined, 1 disconnected by the server; there were too many events to log each event separately"
        );
    }
}
