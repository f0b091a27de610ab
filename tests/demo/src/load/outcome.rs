//! The results of a load test.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tickwire_core::text::Counted;

use super::clients::Play;
use super::server::Ticks;
use super::tally::Tally;

/// The results of a load test.
#[derive(Clone, Debug)]
pub(super) struct LoadOutcome {
    /// `true` if no messages were to be sent.
    pub(super) idle: bool,
    pub(super) clients: u16,
    /// The number of clients that were connected at the end.
    pub(super) connected: usize,
    /// The clients' problems, each with the number of clients that had it.
    pub(super) troubles: BTreeMap<String, usize>,
    pub(super) connected_in: Duration,
    pub(super) seconds: u32,
    pub(super) played: Play,
    /// The counters of all clients together.
    pub(super) here: Tally,
    /// The counters of the server.
    pub(super) there: Tally,
    /// The counters of the server's ticks while all clients played.
    pub(super) ticks: Ticks,
    pub(super) cpu_percent: Option<f64>,
    pub(super) rss: Option<u64>,
    pub(super) stopped_in_order: bool,
}

impl LoadOutcome {
    /// Returns the faults of the load test. The list is empty if there is no fault.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut note = |is_fault: bool, text: String| faults.extend(is_fault.then_some(text));
        let gone = usize::from(self.clients) - self.connected;
        let gone_are = Counted(gone as u64, "client");
        note(gone > 0 || !self.troubles.is_empty(), format!("{gone_are} gone: {:?}", self.troubles));
        for (way, sent, received) in self.ways().into_iter().filter(|_| !self.idle) {
            let lost = sent.sure_sent.abs_diff(received.sure_received);
            note(lost > 0, format!("{} lost on the way {way}", Counted(lost, "reliable message")));
            note(
                received.misplaced > 0,
                format!(
                    "{} arrived twice or out of order, {way}",
                    Counted(received.misplaced, "reliable message")
                ),
            );
            let percent = delivered(sent, received);
            let is_poor = percent.is_none_or(|percent| percent < LEAST_DELIVERED);
            let arrived = percent.map_or_else(|| "none".into(), |percent| format!("only {percent:.3} %"));
            note(
                is_poor,
                format!(
                    "{arrived} of the unreliable messages arrived, {way}; at least {LEAST_DELIVERED} % must arrive"
                ),
            );
            let refused = Counted(sent.refused, "message");
            note(sent.refused > 0, format!("the driver refused {refused}, {way}"));
        }
        note(!self.stopped_in_order, "the server process did not exit with success".into());
        faults
    }

    fn ways(&self) -> [(&'static str, &Tally, &Tally); 2] {
        [("up", &self.here, &self.there), ("down", &self.there, &self.here)]
    }

    pub(super) fn json(&self, faults: &[String]) -> Value {
        let way = |sent: &Tally, received: &Tally| {
            json!({
                "unreliable": {
                    "sent": sent.loose_sent,
                    "received": received.loose_received,
                    "delivered_percent": delivered(sent, received),
                },
                "reliable": { "sent": sent.sure_sent, "received": received.sure_received },
                "misplaced": received.misplaced,
                "refused": sent.refused,
            })
        };
        let [up, down] = self.ways().map(|(_, sent, received)| way(sent, received));
        json!({
            "idle": self.idle,
            "clients": self.clients,
            "connected": self.connected,
            "connected_in_ms": milliseconds(self.connected_in),
            "seconds": self.seconds,
            "messages_per_client": self.played.rounds,
            "sent_late_ms": milliseconds(self.played.latest),
            "up": up,
            "down": down,
            "server": {
                "ticks": self.ticks.ticks,
                "overruns": self.ticks.overruns,
                "skipped": self.ticks.skipped,
                "busy_percent": self.busy_percent(),
                "cpu_percent": self.cpu_percent,
                "rss_bytes": self.rss,
            },
            "stopped_in_order": self.stopped_in_order,
            "troubles": self.troubles,
            "faults": faults,
        })
    }

    /// Returns the share of the time in which the game's thread was busy, in percent.
    fn busy_percent(&self) -> f64 {
        self.ticks.busy_us as f64 / (f64::from(self.seconds) * 1e4)
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} of {} clients stayed connected (all were connected after {:.1?}); {} messages per client and direction in {} s\n",
            self.connected, self.clients, self.connected_in, self.played.rounds, self.seconds
        );
        for (way, sent, received) in self.ways().into_iter().filter(|_| !self.idle) {
            let percent = delivered(sent, received);
            let percent = percent.map_or_else(|| "none".into(), |percent| format!("{percent:.3} %"));
            text += &format!(
                "  {way:<5} unreliable {} of {} ({percent}), reliable {} of {}\n",
                received.loose_received, sent.loose_sent, received.sure_received, sent.sure_sent
            );
        }
        let known = |value: Option<String>| value.unwrap_or_else(|| "not known".into());
        text += &format!(
            "  server: {}, {}, {} skipped; game thread busy {:.1} %; CPU {}, memory {}\n",
            Counted(self.ticks.ticks, "tick"),
            Counted(self.ticks.overruns, "overrun"),
            self.ticks.skipped,
            self.busy_percent(),
            known(self.cpu_percent.map(|percent| format!("{percent:.2} % of a core"))),
            known(self.rss.map(|bytes| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)))),
        );
        text += &format!("  clients: sent each message at most {:.1?} late\n", self.played.latest);
        text
    }
}

/// Returns the share of the unreliable messages that arrived, in percent, or `None` if none was sent.
fn delivered(sent: &Tally, received: &Tally) -> Option<f64> {
    (sent.loose_sent > 0).then(|| received.loose_received as f64 * 100.0 / sent.loose_sent as f64)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// The least share of the unreliable messages that must arrive on a network without loss, in percent.
const LEAST_DELIVERED: f64 = 99.9;

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> LoadOutcome {
        let both = Tally {
            loose_sent: 1900,
            loose_received: 1900,
            sure_sent: 100,
            sure_received: 100,
            ..Tally::default()
        };
        LoadOutcome {
            idle: false,
            clients: 2,
            connected: 2,
            troubles: BTreeMap::new(),
            connected_in: Duration::from_millis(5),
            seconds: 50,
            played: Play { rounds: 1000, latest: Duration::ZERO },
            here: both,
            there: both,
            ticks: Ticks { ticks: 3000, busy_us: 500_000, ..Ticks::default() },
            cpu_percent: Some(4.0),
            rss: None,
            stopped_in_order: true,
        }
    }

    type Change = fn(&mut LoadOutcome);

    #[test]
    fn each_kind_of_fault_fails_a_load_test() {
        assert_eq!(good().faults(), [""; 0]);
        let cases: [(Change, &str); 8] = [
            (|outcome| outcome.connected = 1, "1 client gone"),
            (|outcome| outcome.troubles.extend([("interrupted".into(), 1)]), "interrupted"),
            (|outcome| outcome.there.sure_received = 99, "1 reliable message lost on the way up"),
            (|outcome| outcome.here.misplaced = 3, "3 reliable messages arrived twice or out of order, down"),
            (|outcome| outcome.here.loose_received = 1898, "arrived, down"),
            (|outcome| outcome.there.loose_received = 0, "arrived, up"),
            (|outcome| outcome.there.refused = 1, "the driver refused 1 message, down"),
            (|outcome| outcome.stopped_in_order = false, "did not exit with success"),
        ];
        for (change, expected) in cases {
            let mut outcome = good();
            change(&mut outcome);
            let faults = outcome.faults();
            assert!(faults.len() == 1 && faults[0].contains(expected), "{expected}: {faults:?}");
        }
    }

    #[test]
    fn the_figures_of_a_load_test_are_printed_as_text_and_as_json() {
        let json = good().json(&[]);
        assert_eq!(json["up"]["unreliable"]["delivered_percent"], 100.0);
        assert_eq!(
            (&json["server"]["busy_percent"], &json["server"]["rss_bytes"]),
            (&1.0.into(), &Value::Null)
        );
        let text = good().text();
        assert!(text.contains("up    unreliable 1900 of 1900 (100.000 %), reliable 100 of 100"), "{text}");
        assert!(text.contains("memory not known"), "{text}");
    }
}
