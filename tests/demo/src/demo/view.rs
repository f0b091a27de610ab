//! The table on standard error: redrawn in place on a terminal, a row per second elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use crate::percentiles::Percentiles;
use crate::report::Totals;

/// The output that shows the progress.
#[derive(Debug)]
pub(super) struct View {
    is_terminal: bool,
    /// The number of lines of the table above the cursor.
    drawn: usize,
    rows: usize,
}

/// The values that the table shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) phase: String,
    pub(super) seconds: f64,
    pub(super) clients: u16,
    pub(super) connected: usize,
    pub(super) interruptions: u64,
    pub(super) connect_us: Option<Percentiles>,
    pub(super) rtt_us: Option<Percentiles>,
    /// The counters of the latest second.
    pub(super) rates: Totals,
    pub(super) totals: Totals,
    /// The loss of the datagrams to the bots, in percent.
    pub(super) loss_down: Option<f64>,
    /// The usage of server, conditioner and bots.
    pub(super) loads: [Load; 3],
}

/// The current usage of the machine by one process.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Load {
    /// The processor time as a percentage of one core.
    pub(super) cpu_percent: Option<f64>,
    /// The resident memory, in bytes.
    pub(super) rss: Option<u64>,
}

impl View {
    pub(super) fn of_standard_error() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { is_terminal: std::io::stderr().is_terminal() && !is_dumb, drawn: 0, rows: 0 }
    }

    /// Prints a line, below the table if there is one.
    pub(super) fn say(&mut self, text: &str) {
        self.drawn = 0;
        write(&format!("{text}\n"));
    }

    /// Shows the current values.
    pub(super) fn show(&mut self, frame: &Frame) {
        if self.is_terminal {
            let panel = panel(frame);
            // Up to where the last one began, and everything below it away.
            let back = if self.drawn > 0 { format!("\x1b[{}A\x1b[J", self.drawn) } else { String::new() };
            self.drawn = panel.lines().count();
            write(&(back + &panel));
            return;
        }
        let head = if self.rows.is_multiple_of(HEAD_EVERY) { HEAD } else { "" };
        self.rows += 1;
        write(&format!("{head}{}\n", row(frame)));
    }
}

fn write(text: &str) {
    // Nobody can be told that nobody can be told.
    let _gone = std::io::stderr().write_all(text.as_bytes());
}

fn panel(frame: &Frame) -> String {
    let Frame { phase, clients, connected, interruptions, rates, totals, .. } = frame;
    let mut out = format!("\n  {phase:<28}{connected} of {clients} bots connected");
    if *interruptions > 0 {
        let _infallible = write!(out, ", {interruptions} interruptions");
    }
    out += "\n\n  milliseconds            p50       p90       p99       max\n";
    out += &percentile_line("connecting", frame.connect_us);
    out += &percentile_line("round trip", frame.rtt_us);
    out += "\n                    to server   to bots\n";
    let line = |name: &str, up: &str, down: &str| format!("  {name:<17}{up:>10}{down:>10}\n");
    let [up, down] = kilobytes_each(frame);
    out += &line("kB/s per bot", &up, &down);
    out += &line("messages/s", &rates.messages_up.to_string(), &rates.messages_down.to_string());
    out += &line("losses noticed %", &loss_up(&frame.rates), &optional(frame.loss_down));
    out += "\n  chat (reliable)    sent     arrived   on the way\n";
    let chat = |name: &str, sent: u64, arrived: u64| {
        format!("  {name:<14}{sent:>9}{arrived:>12}{:>12}\n", sent.saturating_sub(arrived))
    };
    out += &chat("to server", totals.reliable_sent, totals.reliable_delivered);
    out += &chat("to bots", totals.to_hear, totals.heard);
    out += "\n  process             CPU % of a core   memory MiB\n";
    for (name, load) in PROCESSES.iter().zip(frame.loads) {
        let _infallible = writeln!(
            out,
            "  {name:<17}{:>18}{:>13}",
            optional(load.cpu_percent),
            optional(load.rss.map(mebibytes))
        );
    }
    out
}

fn percentile_line(name: &str, us: Option<Percentiles>) -> String {
    let ms = |of: fn(&Percentiles) -> u64| optional(us.map(|us| milliseconds(of(&us))));
    let columns = [ms(|us| us.p50), ms(|us| us.p90), ms(|us| us.p99), ms(|us| us.max)];
    let columns: String = columns.iter().map(|column| format!("{column:>10}")).collect();
    format!("  {name:<15}{columns}\n")
}

fn row(frame: &Frame) -> String {
    let rtt = |of: fn(&Percentiles) -> u64| optional(frame.rtt_us.map(|us| milliseconds(of(&us))));
    let [up, down] = kilobytes_each(frame);
    let Totals { reliable_sent, reliable_delivered, to_hear, heard, .. } = frame.totals;
    let on_the_way = reliable_sent.saturating_sub(reliable_delivered) + to_hear.saturating_sub(heard);
    let [server, ..] = frame.loads;
    format!(
        "{:>5.0}{:>6}{:>8}{:>7}{:>7}{:>7}{:>6}{up:>8}{down:>7}{:>8}{:>7}{:>8}{on_the_way:>8}{:>7}{:>7}",
        frame.seconds,
        frame.connected,
        rtt(|us| us.p50),
        rtt(|us| us.p90),
        rtt(|us| us.p99),
        loss_up(&frame.rates),
        optional(frame.loss_down),
        frame.rates.messages_up,
        frame.rates.messages_down,
        reliable_sent + to_hear,
        optional(server.cpu_percent),
        optional(server.rss.map(mebibytes)),
    )
}

/// Returns the kilobytes per second for each connected bot, upwards and downwards.
fn kilobytes_each(frame: &Frame) -> [String; 2] {
    let each = |bytes: u64| bytes as f64 / 1000.0 / frame.connected.max(1) as f64;
    [frame.rates.bytes_up, frame.rates.bytes_down].map(|bytes| format!("{:.1}", each(bytes)))
}

fn loss_up(totals: &Totals) -> String {
    optional(totals.loss_up_percent())
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.1}"))
}

/// Converts microseconds to milliseconds.
pub(super) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// Converts bytes to mebibytes.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub(super) const PROCESSES: [&str; 3] = ["server", "conditioner", "bots"];

/// The number of rows after which the heading is repeated.
const HEAD_EVERY: usize = 20;

const HEAD: &str = concat!(
    " time  bots   round trip, ms     loss, %    kB/s per bot     messages/s   reliable msgs      server\n",
    "    s    on     p50    p90    p99     up  down      up   down      up   down    sent  on way  CPU %    MiB\n",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let us = |us| Some(Percentiles { p50: us, p90: us * 2, p99: us * 3, max: us * 4 });
        let totals = Totals {
            datagrams_up: 100_000,
            datagrams_up_lost: 5_000,
            bytes_up: 123_456,
            bytes_down: 1_234_567,
            messages_up: 1312,
            messages_down: 27_530,
            reliable_sent: 640,
            reliable_delivered: 638,
            to_hear: 40_960,
            heard: 40_900,
            ..Totals::default()
        };
        Frame {
            phase: "playing, 12 of 20 s".into(),
            seconds: 12.0,
            clients: 64,
            connected: 64,
            connect_us: us(105_000),
            rtt_us: us(101_200),
            rates: totals,
            totals,
            loss_down: Some(4.9),
            loads: [Load { cpu_percent: Some(12.34), rss: Some(10 << 20) }; 3],
            ..Frame::default()
        }
    }

    #[test]
    fn the_table_of_the_demo_fits_a_terminal_of_80_columns() {
        let panel = panel(&frame());
        assert!(panel.lines().all(|line| line.chars().count() < 80), "{panel}");
        assert!(panel.contains("playing, 12 of 20 s") && panel.contains("64 of 64 bots"), "{panel}");
    }

    #[test]
    fn the_columns_of_the_demo_table_are_aligned_with_their_names() {
        let row = row(&frame());
        let names = HEAD.lines().last().unwrap();
        assert_eq!(row.len(), names.len(), "\n{HEAD}{row}");
        let ends = |line: &str| -> Vec<usize> {
            let bytes = line.as_bytes();
            (0..bytes.len())
                .filter(|&at| bytes[at] != b' ' && bytes.get(at + 1).is_none_or(|&b| b == b' '))
                .collect()
        };
        let named = ends(names);
        assert!(ends(&row).iter().all(|end| named.contains(end)), "\n{HEAD}{row}");
    }

    #[test]
    fn unknown_figures_in_the_demo_table_are_shown_as_a_dash() {
        let panel = panel(&Frame::default());
        assert!(panel.contains("round trip              -"), "{panel}");
    }
}
