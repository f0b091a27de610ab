//! The crowd's reports to the program or person that started it: one object per line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::percentiles::Percentiles;

/// One line.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// All attempts to connect have ended, one way or the other.
    Connected {
        /// Bots.
        clients: usize,
        /// Those that the server let in.
        connected: usize,
        /// How long that took them, in microseconds.
        connect_us: Option<Percentiles>,
        /// Why the others were not let in, and how many of them for each reason.
        failures: BTreeMap<String, usize>,
    },
    /// How they do, once a second.
    Second(State),
    /// They have stopped playing, and what is under way has arrived or will not.
    Settled {
        /// From the time that all were connected until they stopped playing.
        played_ms: u64,
        /// The bots' counters in that time alone.
        played: Totals,
        /// Round trips in that time.
        rtt_us: Option<Percentiles>,
        /// How they are now.
        state: State,
    },
    /// They have heard the server's good-bye, or waited for it long enough.
    Ended {
        /// The server's last messages to bots, and how many bots got each.
        told: BTreeMap<String, usize>,
    },
}

/// How the crowd does.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct State {
    /// Milliseconds since the first attempt.
    pub at_ms: u64,
    /// Bots whose connection is usable now.
    pub connected: usize,
    /// Times that a connection fell silent, or was lost.
    pub interruptions: u64,
    /// Round trips of the last second.
    pub rtt_us: Option<Percentiles>,
    /// The bots' counters so far.
    pub totals: Totals,
}

/// The counters of all bots together.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Datagrams that they sent.
    pub datagrams_up: u64,
    /// Of these, those that were noticed to be lost. A bare acknowledgement that is lost is not noticed.
    pub datagrams_up_lost: u64,
    /// Datagrams that reached them.
    pub datagrams_down: u64,
    /// Bytes of the datagrams that they sent, IP and UDP headers not included.
    pub bytes_up: u64,
    /// Bytes of the datagrams that reached them.
    pub bytes_down: u64,
    /// Messages that they sent.
    pub messages_up: u64,
    /// Messages that reached them.
    pub messages_down: u64,
    /// Reliable messages (chat lines) that they sent.
    pub reliable_sent: u64,
    /// Of these, those whose delivery the server confirmed.
    pub reliable_delivered: u64,
    /// Of the others, those that they were told may not have arrived: the server was restarted, say.
    #[serde(default)]
    pub reliable_told: u64,
    /// Chat lines that the server had to pass on to them: each line to each bot. One that was killed may have passed on less.
    pub to_hear: u64,
    /// Chat lines that reached them.
    pub heard: u64,
    /// Chat lines that came twice, or out of their order.
    pub misplaced: u64,
}

impl Totals {
    /// Applies `of` to each pair of counters.
    fn zip(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            datagrams_up: of(self.datagrams_up, other.datagrams_up),
            datagrams_up_lost: of(self.datagrams_up_lost, other.datagrams_up_lost),
            datagrams_down: of(self.datagrams_down, other.datagrams_down),
            bytes_up: of(self.bytes_up, other.bytes_up),
            bytes_down: of(self.bytes_down, other.bytes_down),
            messages_up: of(self.messages_up, other.messages_up),
            messages_down: of(self.messages_down, other.messages_down),
            reliable_sent: of(self.reliable_sent, other.reliable_sent),
            reliable_delivered: of(self.reliable_delivered, other.reliable_delivered),
            reliable_told: of(self.reliable_told, other.reliable_told),
            to_hear: of(self.to_hear, other.to_hear),
            heard: of(self.heard, other.heard),
            misplaced: of(self.misplaced, other.misplaced),
        }
    }

    /// Datagrams that were lost on their way to the server, in percent; none of none.
    #[must_use]
    pub fn loss_up_percent(&self) -> Option<f64> {
        (self.datagrams_up > 0).then(|| self.datagrams_up_lost as f64 * 100.0 / self.datagrams_up as f64)
    }

    /// Returns the counts between `earlier` and now.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        self.zip(earlier, u64::saturating_sub)
    }
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }
}

impl std::iter::Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| sum + one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_that_reads_as_it_was_written() {
        let totals = Totals { bytes_up: 5, heard: 2, ..Totals::default() };
        let report = Report::Second(State { at_ms: 1000, connected: 3, totals, ..State::default() });
        let line = serde_json::to_string(&report).unwrap();
        assert!(line.starts_with(r#"{"event":"second","at_ms":1000,"#) && !line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
    }

    #[test]
    fn totals_are_added_and_subtracted_counter_by_counter() {
        let one = Totals { bytes_up: 5, heard: 2, ..Totals::default() };
        let sum: Totals = [one, one].into_iter().sum();
        assert_eq!((sum.bytes_up, sum.heard), (10, 4));
        assert_eq!(sum.since(one), one);
    }
}
