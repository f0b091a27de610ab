//! Lines about clients that come and go: a few a second at most, the rest summed up, so that no crowd fills the log.

use std::fmt;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::token_bucket::{Rate, TokenBucket};

/// What became of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    Joined,
    Left,
    FellSilent,
    CameBack,
    SentAway,
}

/// Says which lines about clients are logged one by one, and sums up the others. It reads no clock.
#[derive(Debug)]
pub(crate) struct PresenceLog {
    lines: TokenBucket,
    left_out: LeftOut,
    /// Since when lines are left out that no summary has counted.
    since: Option<Instant>,
}

/// Lines that were left out, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LeftOut {
    joined: u64,
    left: u64,
    fell_silent: u64,
    came_back: u64,
    sent_away: u64,
}

impl PresenceLog {
    pub(crate) const fn new() -> Self {
        let left_out = LeftOut { joined: 0, left: 0, fell_silent: 0, came_back: 0, sent_away: 0 };
        Self { lines: TokenBucket::new(), left_out, since: None }
    }

    /// Whether a line of its own is to be logged about `what`; if not, it is counted.
    pub(crate) fn may_log(&mut self, now: Instant, what: Presence) -> bool {
        // Once a line was left out, none is logged until the summary: a log with gaps here and there misleads.
        if self.since.is_none() && self.lines.overdraw(RATE, now, 1) {
            return true;
        }
        self.since.get_or_insert(now);
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

    /// What was left out, when it is time to say so: every [`SUM_UP_EVERY`] while lines are left out, or `at_once`.
    pub(crate) fn sum_up(&mut self, now: Instant, at_once: bool) -> Option<LeftOut> {
        let is_due = now.saturating_since(self.since?) >= SUM_UP_EVERY;
        if !is_due && !at_once {
            return None;
        }
        self.since = None;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.joined, "joined"),
            (self.left, "left"),
            (self.fell_silent, "fell silent"),
            (self.came_back, "came back"),
            (self.sent_away, "were sent away"),
        ];
        for (place, (count, what)) in counts.into_iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{}{count} {what}", if place == 0 { "" } else { ", " })?;
        }
        f.write_str(": too many to log one by one")
    }
}

/// Fifty lines at once, five a second.
const RATE: Rate = Rate::per_second(5, Duration::from_secs(10));
/// How often lines that were left out are summed up.
const SUM_UP_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_takes_few_lines_and_every_one_of_it_is_counted() {
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
    fn a_few_clients_are_logged_one_by_one() {
        let (start, mut log) = (Instant::ZERO, PresenceLog::new());
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            assert!(log.may_log(now, Presence::Joined) && log.may_log(now, Presence::Left));
            assert_eq!(log.sum_up(now, false), None);
        }
    }

    #[test]
    fn a_summary_names_what_happened_and_nothing_else() {
        let left_out = LeftOut { joined: 3, sent_away: 1, ..LeftOut::default() };
        assert_eq!(left_out.to_string(), "3 joined, 1 were sent away: too many to log one by one");
    }
}
