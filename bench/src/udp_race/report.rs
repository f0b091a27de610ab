//! The report: medians, ranges and ratios of the figures, and the targets that they meet.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::rows::{ROWS, Row};
use crate::stack::{Stack, enet, floor, quinn, renet, tickwire};

/// The figures of one stack in one round, by row.
#[derive(Default, Debug)]
pub(crate) struct Samples(Vec<(&'static str, f64)>);

impl Samples {
    pub(crate) fn push(&mut self, row: &'static str, value: f64) {
        self.0.push((row, value));
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(row, value)| write!(f, "{row} {value:.2}  "))
    }
}

/// The figures of all rounds.
pub(crate) struct Report {
    rounds: usize,
    loads: Vec<String>,
    all: BTreeMap<(&'static str, Stack), Vec<f64>>,
}

/// The median, the minimum and the maximum of some samples.
#[derive(Clone, Copy, Debug)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

/// The ratio of tickwire's median to the median of another library, and the largest permitted ratio.
struct Ratio {
    peer: Stack,
    ratio: f64,
    target: f64,
}

impl Ratio {
    fn is_met(&self) -> bool {
        self.ratio <= self.target
    }
}

impl Report {
    pub(crate) const fn new(rounds: usize) -> Self {
        Self { rounds, loads: Vec::new(), all: BTreeMap::new() }
    }

    pub(crate) fn enter(&mut self, stack: Stack, samples: Samples) {
        for (row, value) in samples.0 {
            self.all.entry((row, stack)).or_default().push(value);
        }
    }

    pub(crate) fn note_load(&mut self, load: &str) {
        self.loads.push(load.into());
    }

    fn spread(&self, row: &Row, stack: Stack) -> Option<Spread> {
        let mut samples = self.all.get(&(row.id, stack))?.clone();
        samples.sort_by(f64::total_cmp);
        let upper = samples.get(samples.len() / 2)?;
        let lower = samples.get((samples.len() - 1) / 2)?;
        Some(Spread { median: f64::midpoint(*upper, *lower), min: *samples.first()?, max: *samples.last()? })
    }

    fn ratios(&self, row: &Row) -> Vec<Ratio> {
        let Some(ours) = self.spread(row, Stack::Tickwire) else { return Vec::new() };
        let of = |&(peer, most): &(Stack, u32)| {
            let theirs = self.spread(row, peer)?;
            Some(Ratio { peer, ratio: ours.median / theirs.median, target: f64::from(most) / 100.0 })
        };
        row.ratios.iter().filter_map(of).collect()
    }

    fn is_met(&self, row: &Row) -> Option<bool> {
        let ours = self.spread(row, Stack::Tickwire)?;
        Some(ours.median <= target(row) && self.ratios(row).iter().all(Ratio::is_met))
    }

    fn measured(&self) -> impl Iterator<Item = &'static Row> + '_ {
        ROWS.iter().filter(|row| Stack::ALL.iter().any(|stack| self.spread(row, *stack).is_some()))
    }

    pub(crate) fn print_table(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "{} interleaved rounds; medians, and ranges in brackets", self.rounds)?;
        writeln!(out, "load averages after each round: {}\n", self.loads.join(" | "))?;
        writeln!(
            out,
            "| row | what | target | tickwire | renet | enet | quinn | floor | ratios (target) | met |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
        for row in self.measured() {
            let cells: Vec<String> = Stack::ALL
                .iter()
                .map(|stack| self.spread(row, *stack).map_or_else(|| "-".into(), |s| s.to_string()))
                .collect();
            let ratios: Vec<String> = self
                .ratios(row)
                .iter()
                .map(|r| format!("{} {:.2} ({:.2}) {}", r.peer.name(), r.ratio, r.target, yes(r.is_met())))
                .collect();
            let met = self.is_met(row).map_or("-", yes);
            let (id, title, unit) = (row.id, row.title, row.unit);
            writeln!(
                out,
                "| {id} | {title}, {unit} | {} | {} | {} | {met} |",
                significant(target(row)),
                cells.join(" | "),
                ratios.join("; ")
            )?;
        }
        writeln!(out)?;
        for stack in Stack::ALL {
            writeln!(out, "- **{}**: {}", stack.name(), how(stack))?;
        }
        Ok(())
    }

    pub(crate) fn print_json(&self) -> Result<()> {
        let rows: Map<String, Value> =
            self.measured().map(|row| (row.id.into(), self.row_json(row))).collect();
        let how: Map<String, Value> =
            Stack::ALL.iter().map(|stack| (stack.name().into(), how(*stack).into())).collect();
        println!("{}", json!({ "rounds": self.rounds, "load": self.loads, "rows": rows, "how": how }));
        Ok(())
    }

    fn row_json(&self, row: &Row) -> Value {
        let spread = |stack: Stack| self.spread(row, stack).map(Spread::json);
        let peers: Map<String, Value> =
            Stack::PEERS.iter().filter_map(|peer| Some((peer.name().into(), spread(*peer)?))).collect();
        let ratios: Map<String, Value> = self
            .ratios(row)
            .iter()
            .map(|r| {
                let value = json!({ "ratio": r.ratio, "target": r.target, "met": r.is_met() });
                (r.peer.name().into(), value)
            })
            .collect();
        json!({
            "title": row.title,
            "unit": row.unit,
            "target": target(row),
            "tickwire": spread(Stack::Tickwire),
            "peers": peers,
            "ratios": ratios,
            "met": self.is_met(row),
        })
    }
}

impl Spread {
    fn json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, min, max] = [self.median, self.min, self.max].map(significant);
        write!(f, "{median} [{min}-{max}]")
    }
}

fn target(row: &Row) -> f64 {
    f64::from(row.target) / 1e3
}

/// Returns a number with about three significant digits.
fn significant(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

const fn yes(is_met: bool) -> &'static str {
    if is_met { "yes" } else { "no" }
}

/// Returns a text that describes how a stack is driven, and the reason.
const fn how(stack: Stack) -> &'static str {
    match stack {
        Stack::Tickwire => tickwire::HOW,
        Stack::Renet => renet::HOW,
        Stack::Enet => enet::HOW,
        Stack::Quinn => quinn::HOW,
        Stack::Floor => floor::HOW,
    }
}
