//! The reports of the program `tickwire-bots`, written as one JSON object per line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::percentiles::Percentiles;

/// A report of the program `tickwire-bots` about its bots, written as one line of JSON.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// All attempts to connect have ended, with success or failure.
    Connected {
        /// The number of bots.
        clients: usize,
        /// The number of bots that the server accepted.
        connected: usize,
        /// The percentiles of the time that connecting took, in microseconds.
        connect_us: Option<Percentiles>,
        /// The number of bots that could not connect, for each reason.
        failures: BTreeMap<String, usize>,
    },
    /// The state of all bots, reported once a second.
    Second(State),
    /// The bots have stopped sending messages. After that, either all messages arrived and each connected bot showed the
    /// world that the order to finish named, if any, or 20 s passed.
    Settled {
        /// The time from the final bot's connection until the bots stopped sending messages, in milliseconds.
        played_ms: u64,
        /// The bots' counters for this time only.
        played: Totals,
        /// The percentiles of the round-trip times in this time, in microseconds.
        rtt_us: Option<Percentiles>,
        /// The state of all bots after this time.
        state: State,
        /// The number of bots whose world differs from the server's world.
        #[serde(default)]
        worlds_wrong: usize,
        /// A human-readable description of one of these bots.
        #[serde(default)]
        wrong_world: Option<String>,
    },
    /// The connections of all bots have ended, or the bots have stopped waiting for the server to close the connections.
    Ended {
        /// The final messages that the server sent to bots, each with the number of bots that received it.
        told: BTreeMap<String, usize>,
    },
}

/// The state of all bots at one time.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct State {
    /// The time since the first attempt to connect, in milliseconds.
    pub at_ms: u64,
    /// The number of bots whose connection carries messages now.
    pub connected: usize,
    /// The number of times that a connection was interrupted or lost.
    pub interruptions: u64,
    /// The percentiles of the bots' smoothed round-trip times in the previous second, in microseconds.
    pub rtt_us: Option<Percentiles>,
    /// The bots' counters so far.
    pub totals: Totals,
}

/// The counters of all bots together.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// The number of datagrams that the bots sent.
    pub datagrams_up: u64,
    /// The number of datagrams from the bots that were declared lost. A lost datagram that carried only an ACK frame
    /// does not count.
    pub datagrams_up_lost: u64,
    /// The number of datagrams that the bots received from the server.
    pub datagrams_down: u64,
    /// The number of bytes in the datagrams that the bots sent, without IP and UDP headers.
    pub bytes_up: u64,
    /// The number of bytes in the datagrams that the bots received from the server, without IP and UDP headers.
    pub bytes_down: u64,
    /// The number of messages that the bots sent.
    pub messages_up: u64,
    /// The number of messages that the bots received.
    pub messages_down: u64,
    /// The number of snapshot events that the bots received. Each event contains changes of the server's world.
    #[serde(default)]
    pub snapshots: u64,
    /// The number of reliable messages (chat lines) that the bots sent.
    pub reliable_sent: u64,
    /// The number of reliable messages from the bots whose delivery the server confirmed.
    pub reliable_delivered: u64,
    /// The number of reliable messages from the bots that were reported as unconfirmed, for example after a restart of
    /// the server.
    #[serde(default)]
    pub reliable_told: u64,
    /// The number of chat lines that the server had to send to bots, with each line counted once for each receiving
    /// bot. A server that was killed may have sent fewer lines.
    pub to_hear: u64,
    /// The number of chat lines that the bots received in order and for the first time.
    pub heard: u64,
    /// The number of chat lines that arrived twice or out of order, including the first line after a missing line.
    pub misplaced: u64,
}

impl Totals {
    /// Applies `of` to each pair of equal counters.
    fn zip(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            datagrams_up: of(self.datagrams_up, other.datagrams_up),
            datagrams_up_lost: of(self.datagrams_up_lost, other.datagrams_up_lost),
            datagrams_down: of(self.datagrams_down, other.datagrams_down),
            bytes_up: of(self.bytes_up, other.bytes_up),
            bytes_down: of(self.bytes_down, other.bytes_down),
            messages_up: of(self.messages_up, other.messages_up),
            messages_down: of(self.messages_down, other.messages_down),
            snapshots: of(self.snapshots, other.snapshots),
            reliable_sent: of(self.reliable_sent, other.reliable_sent),
            reliable_delivered: of(self.reliable_delivered, other.reliable_delivered),
            reliable_told: of(self.reliable_told, other.reliable_told),
            to_hear: of(self.to_hear, other.to_hear),
            heard: of(self.heard, other.heard),
            misplaced: of(self.misplaced, other.misplaced),
        }
    }

    /// Returns the share of the bots' datagrams that were lost, in percent, or `None` if the bots sent no datagram.
    #[must_use]
    pub fn loss_up_percent(&self) -> Option<f64> {
        (self.datagrams_up > 0).then(|| self.datagrams_up_lost as f64 * 100.0 / self.datagrams_up as f64)
    }

    /// Subtracts from each counter the same counter of `earlier`, and returns the result. A result below 0 is raised to 0.
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
