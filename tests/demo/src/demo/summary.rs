//! The outcome of a demonstration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::view::{Load, PROCESSES, mebibytes, milliseconds};
use crate::percentiles::Percentiles;
use crate::report::Totals;

/// The outcome of a demonstration.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    pub(super) clients: u16,
    /// The number of bots that were connected at the end of the play.
    pub(super) connected: usize,
    pub(super) interruptions: u64,
    pub(super) connect_us: Option<Percentiles>,
    /// The number of bots that could not connect, for each reason.
    pub(super) failures: BTreeMap<String, usize>,
    pub(super) rtt_us: Option<Percentiles>,
    pub(super) played_ms: u64,
    /// The bots' counters for the time in which all bots played.
    pub(super) played: Totals,
    /// The bots' counters for the whole run.
    pub(super) totals: Totals,
    pub(super) loss_down: Option<f64>,
    /// The usage of server, conditioner and bots while all bots played.
    pub(super) loads: [Load; 3],
    pub(super) ticks: u64,
    pub(super) overruns: u64,
    /// The number of reliable messages that the server had not sent when it stopped.
    pub(super) not_sent: u64,
    /// The number of reliable messages that the server had sent, but that were not acknowledged before it stopped.
    pub(super) unconfirmed: u64,
    /// The number of bots whose world differed from the server's at the end, and a description of one such bot.
    pub(super) worlds_wrong: usize,
    pub(super) wrong_world: Option<String>,
    /// `true` if the server ended with success.
    pub(super) stopped_in_order: bool,
    pub(super) told: BTreeMap<String, usize>,
    pub(super) link: Value,
    pub(super) link_text: String,
    pub(super) interrupted: bool,
}

impl Summary {
    /// Returns the faults of the demonstration. The list is empty if there is no fault.
    pub(super) fn faults(&self) -> Vec<String> {
        let totals = &self.totals;
        let mut faults = Vec::new();
        for (why, count) in &self.failures {
            faults.push(format!("{count} bots could not connect: {why}"));
        }
        let mut unless = |is_well: bool, fault: String| {
            if !is_well {
                faults.push(fault);
            }
        };
        let Self { connected, clients, .. } = *self;
        unless(
            connected == usize::from(clients),
            format!("{connected} of {clients} bots were connected at the end"),
        );
        let missing = totals.reliable_sent.saturating_sub(totals.reliable_delivered);
        unless(
            missing == 0,
            format!(
                "{missing} of {} reliable messages were not delivered to the server",
                totals.reliable_sent
            ),
        );
        let missing = totals.to_hear.saturating_sub(totals.heard);
        unless(
            missing == 0,
            format!("{missing} of {} reliable messages were not delivered to the bots", totals.to_hear),
        );
        unless(
            totals.misplaced == 0,
            format!("{} reliable messages arrived twice or out of order", totals.misplaced),
        );
        unless(
            self.worlds_wrong == 0,
            format!(
                "the world of {} of {clients} bots differs from the server's, although all agents had stopped: {}",
                self.worlds_wrong,
                self.wrong_world.as_deref().unwrap_or("no bot described its world")
            ),
        );
        unless(self.stopped_in_order, "the server process did not exit with success".into());
        let told = self.told_by_server();
        unless(
            told >= connected,
            format!("only {told} of {connected} bots received the server's reason for stopping"),
        );
        faults
    }

    fn told_by_server(&self) -> usize {
        self.told
            .iter()
            .filter(|(text, _)| text.starts_with("the server is stopping"))
            .map(|(_, count)| count)
            .sum()
    }

    fn per_second(&self, count: u64) -> f64 {
        count as f64 * 1000.0 / self.played_ms.max(1) as f64
    }

    fn bytes_each(&self, bytes: u64) -> f64 {
        self.per_second(bytes) / self.connected.max(1) as f64
    }

    /// Returns the summary as JSON. Unknown values are `null`.
    pub(super) fn json(&self, faults: &[String]) -> Value {
        let ms = |us: Option<Percentiles>| match us {
            Some(us) => json!({
                "p50": milliseconds(us.p50),
                "p90": milliseconds(us.p90),
                "p99": milliseconds(us.p99),
                "max": milliseconds(us.max),
            }),
            None => Value::Null,
        };
        let load = |load: Load| json!({ "cpu_percent": load.cpu_percent.map(tenths), "rss_bytes": load.rss });
        let [server, conditioner, bots] = self.loads.map(load);
        let mut object = json!({
            "clients": self.clients,
            "connected": self.connected,
            "seconds": self.played_ms as f64 / 1000.0,
            "link": self.link,
            "connect_ms": ms(self.connect_us),
            "rtt_ms": ms(self.rtt_us),
            "loss_percent": { "up": self.played.loss_up_percent().map(tenths), "down": self.loss_down.map(tenths) },
            "bytes_per_second_per_client": {
                "up": self.bytes_each(self.played.bytes_up).round(),
                "down": self.bytes_each(self.played.bytes_down).round(),
            },
            "messages_per_second": {
                "up": self.per_second(self.played.messages_up).round(),
                "down": self.per_second(self.played.messages_down).round(),
            },
            "reliable": {
                "sent": self.totals.reliable_sent,
                "delivered": self.totals.reliable_delivered,
                "broadcast": self.totals.to_hear,
                "heard": self.totals.heard,
                "misplaced": self.totals.misplaced,
            },
            "worlds_wrong": self.worlds_wrong,
            "snapshots_per_second": self.per_second(self.played.snapshots).round(),
            "interruptions": self.interruptions,
            "told": self.told,
            "server": server,
            "conditioner": conditioner,
            "bots": bots,
            "interrupted": self.interrupted,
            "faults": faults,
        });
        if let Some(Value::Object(server)) = object.get_mut("server") {
            server.insert("ticks".into(), self.ticks.into());
            server.insert("tick_overruns".into(), self.overruns.into());
            server.insert("not_sent".into(), self.not_sent.into());
            server.insert("unconfirmed".into(), self.unconfirmed.into());
        }
        object
    }

    /// Returns the summary as text for a person.
    pub(super) fn text(&self) -> String {
        let mut out = String::from("\nsummary\n");
        for (name, text) in self.traffic() {
            out += &format!("  {name:<16}{text}\n");
        }
        for (name, load) in PROCESSES.iter().zip(self.loads) {
            let cpu = load
                .cpu_percent
                .map_or_else(|| "CPU not known on this system".into(), |cpu| format!("{cpu:.1} % of a core"));
            let rss = load.rss.map_or_else(String::new, |rss| format!(", {:.1} MiB", mebibytes(rss)));
            out += &format!("  {name:<16}{cpu}{rss}\n");
        }
        for (text, count) in &self.told {
            out += &format!("  {:<16}{count} bots received the reason: {text}\n", "final message");
        }
        out
    }

    /// Returns the figures of the replicated world in words.
    fn world(&self) -> String {
        format!(
            "{:.0} snapshots/s, all bots together; the world of {} of {} bots differs from the server's",
            self.per_second(self.played.snapshots),
            self.worlds_wrong,
            self.connected
        )
    }

    /// Returns the figures of the network and of the game as text, each with its name.
    fn traffic(&self) -> [(&'static str, String); 10] {
        let Totals { reliable_sent, reliable_delivered, to_hear, heard, .. } = self.totals;
        let percent =
            |value: Option<f64>| value.map_or_else(|| "not known".into(), |value| format!("{value:.1} %"));
        let percentiles = |us: Option<Percentiles>| match us {
            Some(us) => format!(
                "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
                milliseconds(us.p50),
                milliseconds(us.p90),
                milliseconds(us.p99),
                milliseconds(us.max)
            ),
            None => "not known".into(),
        };
        let kilobytes = |bytes| self.bytes_each(bytes) / 1000.0;
        [
            (
                "bots",
                format!(
                    "{} of {} connected after {:.1} s of play",
                    self.connected,
                    self.clients,
                    self.played_ms as f64 / 1000.0
                ),
            ),
            ("network", self.link_text.clone()),
            ("connecting", percentiles(self.connect_us)),
            ("round trip", percentiles(self.rtt_us)),
            (
                "losses noticed",
                format!(
                    "{} to the server, {} to the bots",
                    percent(self.played.loss_up_percent()),
                    percent(self.loss_down)
                ),
            ),
            (
                "each bot",
                format!(
                    "{:.1} kB/s up, {:.1} kB/s down",
                    kilobytes(self.played.bytes_up),
                    kilobytes(self.played.bytes_down)
                ),
            ),
            (
                "messages",
                format!(
                    "{:.0}/s up, {:.0}/s down, all bots together",
                    self.per_second(self.played.messages_up),
                    self.per_second(self.played.messages_down)
                ),
            ),
            ("world", self.world()),
            (
                "reliable",
                format!(
                    "{reliable_delivered} of {reliable_sent} delivered to the server, {heard} of {to_hear} to the bots"
                ),
            ),
            ("ticks", format!("{}, {} began late", self.ticks, self.overruns)),
        ]
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Summary {
        let totals =
            Totals { reliable_sent: 5, reliable_delivered: 5, to_hear: 10, heard: 10, ..Totals::default() };
        Summary {
            clients: 2,
            connected: 2,
            totals,
            stopped_in_order: true,
            told: [("the server is stopping (SIGTERM)".to_owned(), 2)].into(),
            ..Summary::default()
        }
    }

    #[test]
    fn the_demo_summary_reports_only_violated_expectations_as_faults() {
        assert_eq!(good().faults(), [""; 0]);
        let with = |change: fn(&mut Summary)| {
            let mut summary = good();
            change(&mut summary);
            summary.faults().join("; ")
        };
        type Harm = fn(&mut Summary);
        let cases: [(Harm, &str); 8] = [
            (|summary| summary.worlds_wrong = 1, "the world of 1 of 2 bots differs from the server's"),
            (|summary| summary.connected = 1, "1 of 2 bots were connected"),
            (
                |summary| summary.totals.reliable_delivered = 4,
                "1 of 5 reliable messages were not delivered to the server",
            ),
            (|summary| summary.totals.heard = 7, "3 of 10 reliable messages were not delivered to the bots"),
            (|summary| summary.totals.misplaced = 1, "arrived twice or out of order"),
            (|summary| summary.stopped_in_order = false, "did not exit with success"),
            (|summary| summary.told.clear(), "only 0 of 2 bots received"),
            (|summary| summary.failures.extend([("full".into(), 1)]), "1 bots could not connect: full"),
        ];
        for (change, expected) in cases {
            let faults = with(change);
            assert!(faults.contains(expected), "{faults}");
        }
    }

    #[test]
    fn unknown_figures_of_the_demo_summary_are_null_in_json() {
        let json = good().json(&[]);
        assert_eq!((&json["server"]["cpu_percent"], &json["rtt_ms"]), (&Value::Null, &Value::Null));
        assert!(good().text().contains("not known"));
    }
}
