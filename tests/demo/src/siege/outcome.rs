//! The results of a siege: a table, and the requirements that the results miss.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::canary::Canaries;

/// The results of one attack.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) sent: u64,
    pub(super) reflected: Option<String>,
    pub(super) canaries: Canaries,
    pub(super) cpu_percent: Option<f64>,
    pub(super) rss: Option<u64>,
    pub(super) rss_growth: Option<u64>,
    pub(super) ticks: u64,
    pub(super) overruns: u64,
    pub(super) welcomes: u64,
    pub(super) most_welcomes: u64,
    pub(super) log_bytes: u64,
}

/// The results of all attacks.
#[derive(Clone, Debug, Default)]
pub(super) struct SiegeOutcome {
    pub(super) rows: Vec<Row>,
    pub(super) bots_stayed: bool,
    pub(super) stopped_in_order: bool,
}

impl SiegeOutcome {
    /// Returns the faults of the siege. The list is empty if there is no fault.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.rows.iter().flat_map(Row::faults).collect();
        if !self.bots_stayed {
            faults.push("the process of the bots ended before the siege was over".into());
        }
        if !self.stopped_in_order {
            faults.push("the server process did not exit with success".into());
        }
        faults
    }

    pub(super) fn json(&self, faults: &[String]) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({ "attacks": rows, "bots_stayed": self.bots_stayed, "faults": faults })
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{:<21}{:>10}{:>11}{:>8}{:>8}{:>9}{:>7}{:>10}{:>10}{:>9}\n",
            "attack",
            "datagrams",
            "canaries %",
            "p50 ms",
            "p99 ms",
            "answered",
            "CPU %",
            "overruns",
            "RSS MiB",
            "log kB"
        );
        for row in &self.rows {
            let or_none = |value: Option<String>| value.unwrap_or_else(|| "?".into());
            let time =
                |percent| or_none(row.canaries.percentile(percent).map(|time| format!("{:.1}", ms(time))));
            let _infallible = writeln!(
                text,
                "{:<21}{:>10}{:>11.1}{:>8}{:>8}{:>9}{:>7}{:>10}{:>10}{:>9}",
                row.name,
                row.sent,
                row.canaries.success(),
                time(50),
                time(99),
                row.welcomes,
                or_none(row.cpu_percent.map(|percent| format!("{percent:.0}"))),
                format!("{}/{}", row.overruns, row.ticks),
                or_none(row.rss.map(|rss| format!("{:.1}", rss as f64 / MIB))),
                row.log_bytes.div_ceil(1000),
            );
        }
        text
    }
}

impl Row {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut note =
            |is_fault: bool, text: String| faults.extend(is_fault.then(|| format!("{}: {text}", self.name)));
        let success = self.canaries.success();
        note(
            success < LEAST_SUCCESS,
            format!("only {success:.1} % of the canaries connected; at least {LEAST_SUCCESS} % are required"),
        );
        let slowest = self.canaries.percentile(99).unwrap_or_default();
        note(
            slowest > MOST_WAIT,
            format!(
                "the 99th percentile of the canaries' connect times is {slowest:?}, but the limit is {MOST_WAIT:?}"
            ),
        );
        let (welcomes, most) = (self.welcomes, self.most_welcomes);
        note(welcomes > most, format!("the server answered {welcomes} handshakes, but the limit is {most}"));
        let cpu = self.cpu_percent.unwrap_or(0.0);
        note(cpu > MOST_CPU, format!("the server used {cpu:.0} % of a core, but the limit is {MOST_CPU} %"));
        let growth = self.rss_growth.unwrap_or(0);
        note(
            growth > MOST_GROWTH,
            format!("the memory of the server grew by {growth} bytes, but the limit is {MOST_GROWTH} bytes"),
        );
        let log = self.log_bytes;
        note(
            log > MOST_LOG,
            format!("the server wrote {log} bytes to its log, but the limit is {MOST_LOG} bytes"),
        );
        let overruns = self.overruns * 100 / self.ticks.max(1);
        note(
            overruns > MOST_OVERRUNS,
            format!("{overruns} % of the ticks began late, but the limit is {MOST_OVERRUNS} %"),
        );
        if let Some(reflected) = &self.reflected {
            note(true, format!("answers are larger than the datagrams that caused them: {reflected}"));
        }
        faults
    }

    fn json(&self) -> Value {
        let time = |percent| self.canaries.percentile(percent).map(ms);
        json!({
            "name": self.name,
            "datagrams_sent": self.sent,
            "canaries": self.canaries.times.len() + self.canaries.failed,
            "canary_success_percent": self.canaries.success(),
            "connect_ms_p50": time(50),
            "connect_ms_p99": time(99),
            "handshakes_answered": self.welcomes,
            "cpu_percent": self.cpu_percent,
            "ticks": self.ticks,
            "tick_overruns": self.overruns,
            "rss_bytes": self.rss,
            "rss_growth_bytes": self.rss_growth,
            "log_bytes": self.log_bytes,
        })
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

const MIB: f64 = 1_048_576.0;
/// The least share of the canaries that must connect, in percent.
const LEAST_SUCCESS: f64 = 99.0;
const MOST_WAIT: Duration = Duration::from_secs(1);
/// The largest permitted processor time of the server, as a percentage of one core.
const MOST_CPU: f64 = 80.0;
const MOST_GROWTH: u64 = 32 << 20;
const MOST_LOG: u64 = 512 << 10;
/// The largest permitted share of ticks that begin late, in percent.
const MOST_OVERRUNS: u64 = 5;
