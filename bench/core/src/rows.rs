//! The rows P1 to P8.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::figures::Figures;
use crate::gates::Gates;

/// Instructions per message of the peers on the machine where the targets were set, for what was never measured here.
const QUOTED: [(&str, f64); 12] = [
    ("renet.one", 13_546.0),
    ("renet.ten", 4_253.0),
    ("renetcode.one", 55_003.0),
    ("renetcode.ten", 9_757.0),
    ("enet.one", 6_220.0),
    ("enet.ten", 2_969.0),
    ("quinn.one", 20_329.0),
    ("quinn.ten", 4_143.0),
    ("harness.one", 480.0),
    ("harness.ten", 211.0),
    ("laminar.one", 24_413.0),
    ("laminar.ten", 13_425.0),
];

/// One row.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(skip)]
    name: &'static str,
    #[serde(skip)]
    what: &'static str,
    value: Option<f64>,
    unit: &'static str,
    target: Option<f64>,
    /// Against whom, and what they need.
    peer: Option<Peer>,
    met: Option<bool>,
}

/// A peer's figure.
#[derive(Clone, Debug, Serialize)]
struct Peer {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// `this run`, `an earlier run`, or `quoted`.
    measured: &'static str,
}

struct Source<'a> {
    figures: &'a Figures,
    gates: &'a Gates,
}

impl Source<'_> {
    fn peer(&self, name: &'static str, case: &str) -> Option<Peer> {
        let key = format!("{name}.{case}");
        let quoted = || QUOTED.iter().find(|(quoted, _)| *quoted == key).map(|(_, value)| (*value, "quoted"));
        let now = self.figures.instructions(name, case).map(|value| (value, "this run"));
        let earlier = || self.gates.peers.get(&key).map(|value| (*value, "an earlier run"));
        let (value, measured) = now.or_else(earlier).or_else(quoted)?;
        Some(Peer { name, value: value.round(), unit: INSTRUCTIONS, measured })
    }

    fn instructions(&self, stack: &str, case: &str) -> Option<f64> {
        self.figures.instructions(stack, case)
    }
}

const INSTRUCTIONS: &str = "instructions/message";
const RATIO: &str = "ratio";
const HEAP: &str = "bytes";

/// All rows, in order.
pub(crate) fn all(figures: &Figures, gates: &Gates) -> Vec<Row> {
    let source = Source { figures, gates };
    let plain = |name, what, case, target| {
        row(name, what, source.instructions("plain", case), INSTRUCTIONS, target, source.peer("enet", case))
    };
    let against = |name, what, stack: &str, case, peer, target| {
        let peer = source.peer(peer, case);
        let value =
            source.instructions(stack, case).zip(peer.as_ref()).map(|(value, peer)| value / peer.value);
        row(name, what, value, RATIO, target, peer)
    };
    let own = |name, what, value, unit, target| row(name, what, value, unit, target, None);
    let quoted =
        |name: &'static str, value| Some(Peer { name, value, unit: "bytes/message", measured: "quoted" });
    let bytes = |case| figures.get("ring", case).map(|cost| cost.bytes_down + cost.bytes_up);
    let heap = |case| figures.heap.get(case).map(|bytes| bytes.round());
    let allocations = |case| figures.get("plain", case).map(|cost| cost.allocations);
    vec![
        plain("P1", "plaintext, 1 per tick", "one", Some(2500.0)),
        plain("P2", "plaintext, 10 per tick", "ten", Some(900.0)),
        against("P3", "ring, 1 per tick, of quinn", "ring", "one", "quinn", Some(0.40)),
        against("P3.renetcode", "the same, of renet + renetcode", "ring", "one", "renetcode", Some(0.10)),
        own("P3.instructions", "the same, absolute", source.instructions("ring", "one"), INSTRUCTIONS, None),
        against("P3.rustcrypto", "RustCrypto, 1 per tick, of quinn", "rustcrypto", "one", "quinn", None),
        against("P4", "ring, 10 per tick, of quinn", "ring", "ten", "quinn", Some(0.65)),
        against("P4.renetcode", "the same, of renet + renetcode", "ring", "ten", "renetcode", Some(0.17)),
        own("P4.instructions", "the same, absolute", source.instructions("ring", "ten"), INSTRUCTIONS, None),
        against("P4.rustcrypto", "RustCrypto, 10 per tick, of quinn", "rustcrypto", "ten", "quinn", None),
        own(
            "P5",
            "100 clients to 1 in time, 1 per tick",
            times(figures, "one.hundred", "one"),
            RATIO,
            Some(1.25),
        ),
        own(
            "P5.ten",
            "100 clients to 1 in time, 10 per tick",
            times(figures, "ten.hundred", "ten"),
            RATIO,
            Some(1.25),
        ),
        own("P5.cycles", "P5 in estimated cycles", cycles(figures, "one.hundred", "one"), RATIO, None),
        own(
            "P5.ten.cycles",
            "P5.ten in estimated cycles",
            cycles(figures, "ten.hundred", "ten"),
            RATIO,
            None,
        ),
        own("P6", "allocations, 1 per tick", allocations("one"), "allocations/message", Some(0.02)),
        own("P6.ten", "allocations, 10 per tick", allocations("ten"), "allocations/message", Some(0.02)),
        row(
            "P7",
            "bytes both ways, 1 per tick",
            bytes("one"),
            "bytes/message",
            Some(136.0),
            quoted("quinn", 150.7),
        ),
        row(
            "P7.ten",
            "bytes both ways, 10 per tick",
            bytes("ten"),
            "bytes/message",
            Some(106.0),
            quoted("quinn", 105.1),
        ),
        own("heap.idle", "heap of a server per connection, idle", heap("idle"), HEAP, Some(4000.0)),
        own("heap.used", "the same after a second of messages", heap("used"), HEAP, Some(8000.0)),
        own("P8", "5% loss to none, 1 per tick", loss(figures, "one.loss", "one"), RATIO, Some(1.15)),
        own("P8.ten", "5% loss to none, 10 per tick", loss(figures, "ten.loss", "ten"), RATIO, Some(1.15)),
    ]
}

fn row(
    name: &'static str,
    what: &'static str,
    value: Option<f64>,
    unit: &'static str,
    target: Option<f64>,
    peer: Option<Peer>,
) -> Row {
    let value = value.map(|value| (value * 1000.0).round() / 1000.0);
    let met = value.zip(target).map(|(value, target)| value <= target);
    Row { name, what, value, unit, target, peer, met }
}

/// How much more one case costs than another per message, caches included as callgrind models them.
fn cycles(figures: &Figures, case: &str, than: &str) -> Option<f64> {
    let cycles = |case| figures.get("plain", case)?.counted.map(|(_, cycles)| cycles);
    Some(cycles(case)? / cycles(than)?)
}

/// How much more instructions one case takes than another per delivered message.
fn loss(figures: &Figures, case: &str, than: &str) -> Option<f64> {
    Some(figures.instructions("plain", case)? / figures.instructions("plain", than)?)
}

fn times(figures: &Figures, case: &str, than: &str) -> Option<f64> {
    Some(figures.get("plain", case)?.nanoseconds / figures.get("plain", than)?.nanoseconds)
}

pub(crate) fn print_json(rows: &[Row]) -> Result<()> {
    let rows: serde_json::Map<String, serde_json::Value> = rows
        .iter()
        .map(|row| Ok((row.name.to_owned(), serde_json::to_value(row)?)))
        .collect::<Result<_>>()?;
    println!("{}", json!({ "rows": rows }));
    Ok(())
}

pub(crate) fn print_table(rows: &[Row], figures: &Figures) -> Result<()> {
    println!("| row | what | value | target | peer | met |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let peer = row.peer.as_ref();
        let peer =
            peer.map(|peer| format!("{} {} ({})", peer.name, peer.value, peer.measured)).unwrap_or_default();
        let met = row.met.map_or("", |met| if met { "yes" } else { "no" });
        let value = row.value.map_or_else(|| "-".into(), |value| format!("{value} {}", row.unit));
        let target = row.target.map(|target| target.to_string()).unwrap_or_default();
        println!("| {} | {} | {value} | {target} | {peer} | {met} |", row.name, row.what);
    }
    println!(
        "\n| stack and case | instructions | est. cycles | allocations | bytes down + up | datagrams | delivered | time to plain.one |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let unit = figures.get("plain", "one").map_or(1.0, |cost| cost.nanoseconds);
    for (name, cost) in &figures.costs {
        let (instructions, cycles) = cost.counted.unwrap_or((f64::NAN, f64::NAN));
        println!(
            "| {name} | {instructions:.0} | {cycles:.0} | {:.3} | {:.1} + {:.1} | {:.3} | {:.3} | {:.2} |",
            cost.allocations,
            cost.bytes_down,
            cost.bytes_up,
            cost.datagrams,
            cost.delivered,
            cost.nanoseconds / unit
        );
    }
    Ok(())
}
