//! The crowd's reports to the program or person that started it: one object per line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::percentiles::Percentiles;

/// A report of the crowd, written as one line of JSON.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// All attempts to connect have ended, with success or failure.
    Connected {
        /// The number of bots.
        clients: usize,
        /// The number of bots that the server let in.
        connected: usize,
        /// The times that connecting took, in microseconds.
        connect_us: Option<Percentiles>,
        /// The number of bots that were not let in, for each reason.
        failures: BTreeMap<String, usize>,
    },
    /// The state of the crowd, once a second.
    Second(State),
    /// The bots have stopped playing, and every message in flight has arrived or will not arrive.
    Settled {
        /// The time from the last connection until the bots stopped playing, in milliseconds.
        played_ms: u64,
        /// The bots' counters during the time of play alone.
        played: Totals,
        /// The round-trip times during the time of play, in microseconds.
        rtt_us: Option<Percentiles>,
        /// The state of the crowd after the time of play.
        state: State,
    },
    /// The bots have received the server's last message, or have waited long enough for it.
    Ended {
        /// The server's last messages to bots, and the number of bots that got each message.
        told: BTreeMap<String, usize>,
    },
}

/// The state of the crowd at one time.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct State {
    /// Milliseconds since the first attempt to connect.
    pub at_ms: u64,
    /// The number of bots whose connection is usable now.
    pub connected: usize,
    /// The number of times that a connection was interrupted or lost.
    pub interruptions: u64,
    /// The round-trip times of the last second, in microseconds.
    pub rtt_us: Option<Percentiles>,
    /// The bots' counters so far.
    pub totals: Totals,
}

/// The counters of all bots together.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Datagrams that the bots sent.
    pub datagrams_up: u64,
    /// Datagrams from the bots that were declared lost. A lost datagram that carried only an acknowledgement is not counted.
    pub datagrams_up_lost: u64,
    /// Datagrams that reached the bots.
    pub datagrams_down: u64,
    /// Bytes of the datagrams that the bots sent, without IP and UDP headers.
    pub bytes_up: u64,
    /// Bytes of the datagrams that reached the bots, without IP and UDP headers.
    pub bytes_down: u64,
    /// Messages that the bots sent.
    pub messages_up: u64,
    /// Messages that reached the bots.
    pub messages_down: u64,
    /// Reliable messages (chat lines) that the bots sent.
    pub reliable_sent: u64,
    /// Reliable messages from the bots whose delivery the server confirmed.
    pub reliable_delivered: u64,
    /// Reliable messages from the bots that were reported as unconfirmed, for example after a restart of the server.
    #[serde(default)]
    pub reliable_told: u64,
    /// Chat lines that the server had to pass on, counted once per line and receiving bot. A server that was killed may have passed
    /// on fewer lines.
    pub to_hear: u64,
    /// Chat lines that reached the bots.
    pub heard: u64,
    /// Chat lines that arrived twice or out of order.
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

    /// Returns the share of datagrams that were lost on their way to the server, in percent; `None` if none were sent.
    #[must_use]
    pub fn loss_up_percent(&self) -> Option<f64> {
        (self.datagrams_up > 0).then(|| self.datagrams_up_lost as f64 * 100.0 / self.datagrams_up as f64)
    }

    /// Returns the difference between these counters and those of `earlier`.
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
    fn a_report_of_bots_is_printed_on_one_line_that_parses_to_the_same_report() {
        let totals = Totals { bytes_up: 5, heard: 2, ..Totals::default() };
        let report = Report::Second(State { at_ms: 1000, connected: 3, totals, ..State::default() });
        let line = serde_json::to_string(&report).unwrap();
        assert!(line.starts_with(r#"{"event":"second","at_ms":1000,"#) && !line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
    }

    #[test]
    fn report_totals_are_added_and_subtracted_counter_by_counter() {
        let one = Totals { bytes_up: 5, heard: 2, ..Totals::default() };
        let sum: Totals = [one, one].into_iter().sum();
        assert_eq!((sum.bytes_up, sum.heard), (10, 4));
        assert_eq!(sum.since(one), one);
    }
}
