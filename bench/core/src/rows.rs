//! The rows P1 to P10, and the rows of replicated worlds (W).

use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use tickwire_core_bench::replication::costs::WorldCase;

use crate::figures::Figures;
use crate::gates::Gates;

/// The instructions per message of other libraries on the machine on which the targets were set. They replace figures
/// that were never measured here.
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

/// One row of the report.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(skip)]
    name: &'static str,
    #[serde(skip)]
    what: &'static str,
    value: Option<f64>,
    unit: &'static str,
    target: Option<f64>,
    /// The library with which the row compares tickwire, and its figure.
    peer: Option<Peer>,
    met: Option<bool>,
}

/// The figure of another library.
#[derive(Clone, Debug, Serialize)]
struct Peer {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// The origin of the figure: `this run`, `an earlier run`, or `quoted`.
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

    /// Returns a figure of `name` other than instructions: the figure of this run, or the quoted figure.
    fn other(&self, name: &'static str, unit: &'static str, now: Option<f64>, quoted: f64) -> Option<Peer> {
        let (value, measured) = now.map_or((quoted, "quoted"), |value| (value, "this run"));
        Some(Peer { name, value: (value * 1000.0).round() / 1000.0, unit, measured })
    }

    fn allocations(&self, case: &str, quoted: f64) -> Option<Peer> {
        let now = self.figures.get("quinn", case).map(|cost| cost.allocations);
        self.other("quinn", ALLOCATIONS, now, quoted)
    }

    fn bytes(&self, case: &str, quoted: f64) -> Option<Peer> {
        let now = self.figures.get("quinn", case).map(|cost| cost.bytes_down + cost.bytes_up);
        self.other("quinn", BYTES, now, quoted)
    }

    fn crowding(&self, case: &str, quoted: f64) -> Option<Peer> {
        let now = self.figures.crowding.get(&format!("enet.{case}")).copied();
        self.other("enet", RATIO, now, quoted)
    }

    fn loss(&self, case: &str, than: &str, quoted: f64) -> Option<Peer> {
        self.other("enet", RATIO, ratio(self.figures, "enet", case, than), quoted)
    }
}

const INSTRUCTIONS: &str = "instructions/message";
const PER_COMPONENT: &str = "instructions/component";
const PER_UNIT: &str = "instructions/unit";
const RATIO: &str = "ratio";
const ALLOCATIONS: &str = "allocations/message";
const BYTES: &str = "bytes/message";
const HEAP: &str = "bytes";

/// Returns all rows, in order.
pub(crate) fn all(figures: &Figures, gates: &Gates) -> Vec<Row> {
    let source = Source { figures, gates };
    let rooms = [instructions, crowds, packets, lossy, both_ways, channels, worlds];
    rooms.iter().flat_map(|rows| rows(&source)).collect()
}

/// Returns the rows for instructions per message.
fn instructions(source: &Source<'_>) -> Vec<Row> {
    let plain = |name, what, case, target| {
        row(name, what, source.instructions("plain", case), INSTRUCTIONS, target, source.peer("enet", case))
    };
    let against = |name, what, stack: &str, case, peer, target| {
        let peer = source.peer(peer, case);
        let value =
            source.instructions(stack, case).zip(peer.as_ref()).map(|(value, peer)| value / peer.value);
        row(name, what, value, RATIO, target, peer)
    };
    let absolute = |name, case| {
        let value = source.instructions("ring", case);
        row(name, "the same, absolute", value, INSTRUCTIONS, None, source.peer("quinn", case))
    };
    vec![
        plain("P1", "plaintext, 1 per tick", "one", Some(5400.0)),
        plain("P2", "plaintext, 10 per tick", "ten", Some(1950.0)),
        against("P3", "ring, 1 per tick, of quinn", "ring", "one", "quinn", Some(0.40)),
        against("P3.renetcode", "the same, of renet + renetcode", "ring", "one", "renetcode", Some(0.10)),
        absolute("P3.instructions", "one"),
        against("P3.rustcrypto", "RustCrypto, 1 per tick, of quinn", "rustcrypto", "one", "quinn", None),
        against("P4", "ring, 10 per tick, of quinn", "ring", "ten", "quinn", Some(0.65)),
        against("P4.renetcode", "the same, of renet + renetcode", "ring", "ten", "renetcode", Some(0.17)),
        absolute("P4.instructions", "ten"),
        against("P4.rustcrypto", "RustCrypto, 10 per tick, of quinn", "rustcrypto", "ten", "quinn", None),
    ]
}

/// Returns the rows for 100 clients: instructions per message, as a ratio to one client.
fn crowds(source: &Source<'_>) -> Vec<Row> {
    let figures = source.figures;
    let crowding = |name, what, case: &str, quoted| {
        let value = figures.crowding.get(&format!("plain.{case}")).copied();
        row(name, what, value, RATIO, Some(1.25), source.crowding(case, quoted))
    };
    let in_cycles = |name, what, case, than| row(name, what, cycles(figures, case, than), RATIO, None, None);
    let in_instructions = |name, what, case, than, most| {
        row(name, what, ratio(figures, "plain", case, than), RATIO, Some(most), None)
    };
    vec![
        crowding("P5", "100 clients to 1 in time, 1 per tick", "one.hundred", 1.0),
        crowding("P5.ten", "100 clients to 1 in time, 10 per tick", "ten.hundred", 1.5),
        in_instructions("P5.instructions", "P5 in instructions", "one.hundred", "one", 1.05),
        in_instructions("P5.ten.instructions", "P5.ten in instructions", "ten.hundred", "ten", 1.05),
        in_cycles("P5.cycles", "P5 in estimated cycles", "one.hundred", "one"),
        in_cycles("P5.ten.cycles", "P5.ten in estimated cycles", "ten.hundred", "ten"),
    ]
}

/// Returns the rows for memory and for bytes on the wire.
fn packets(source: &Source<'_>) -> Vec<Row> {
    let figures = source.figures;
    let allocations = |name, what, case, quoted| {
        let value = figures.get("plain", case).map(|cost| cost.allocations);
        row(name, what, value, ALLOCATIONS, Some(0.02), source.allocations(case, quoted))
    };
    let bytes = |name, what, case, target, quoted| {
        let value = figures.get("ring", case).map(|cost| cost.bytes_down + cost.bytes_up);
        row(name, what, value, BYTES, Some(target), source.bytes(case, quoted))
    };
    let heap = |name, what, case, target| {
        let value = figures.heap.get(case).map(|bytes| bytes.round());
        row(name, what, value, HEAP, Some(target), None)
    };
    vec![
        allocations("P6", "allocations, 1 per tick", "one", 4.0),
        allocations("P6.ten", "allocations, 10 per tick", "ten", 1.3),
        bytes("P7", "bytes both ways, 1 per tick", "one", 136.0, 150.7),
        bytes("P7.ten", "bytes both ways, 10 per tick", "ten", 106.0, 105.1),
        heap("heap.idle", "heap of a server per connection, idle", "idle", 4000.0),
        heap("heap.used", "the same after a second of messages", "used", 8000.0),
    ]
}

/// Returns the rows for 5 % loss: instructions per message, as a ratio to the same traffic without loss.
fn lossy(source: &Source<'_>) -> Vec<Row> {
    let after_loss = |name, what, case, than, quoted| {
        let value = ratio(source.figures, "plain", case, than);
        row(name, what, value, RATIO, Some(1.15), source.loss(case, than, quoted))
    };
    vec![
        after_loss("P8", "5% loss to none, 1 per tick", "one.loss", "one", 1.03),
        after_loss("P8.ten", "5% loss to none, 10 per tick", "ten.loss", "ten", 1.46),
    ]
}

/// Returns the rows for traffic in both directions: instructions per message that arrives at either end.
fn both_ways(source: &Source<'_>) -> Vec<Row> {
    let of = |name, what, (stack, case): (&str, &str), peer| {
        let peer = source.peer(peer, case);
        let value = source.instructions(stack, case).zip(peer.as_ref());
        row(name, what, value.map(|(value, peer)| value / peer.value), RATIO, Some(1.0), peer)
    };
    let absolute = |name, stack, case| {
        row(name, "the same, absolute", source.instructions(stack, case), INSTRUCTIONS, None, None)
    };
    vec![
        of("P9", "both ways, plaintext, 1 per tick, of enet", ("plain", "one.both"), "enet"),
        absolute("P9.instructions", "plain", "one.both"),
        of("P9.ten", "both ways, plaintext, 10 per tick, of enet", ("plain", "ten.both"), "enet"),
        absolute("P9.ten.instructions", "plain", "ten.both"),
        of("P9.ring", "both ways, ring, 1 per tick, of quinn", ("ring", "one.both"), "quinn"),
        absolute("P9.ring.instructions", "ring", "one.both"),
        of("P9.ring.ten", "both ways, ring, 10 per tick, of quinn", ("ring", "ten.both"), "quinn"),
        absolute("P9.ring.ten.instructions", "ring", "ten.both"),
    ]
}

/// Returns the rows for 32 channels: instructions per message, as a ratio to one channel.
fn channels(source: &Source<'_>) -> Vec<Row> {
    let of_one = |name, what, case, than| {
        row(name, what, ratio(source.figures, "plain", case, than), RATIO, Some(1.3), None)
    };
    vec![
        of_one("P10", "messages on 32 channels in turn to one, 1 per tick", "one.channels", "one"),
        of_one("P10.ten", "messages on 32 channels in turn to one, 10 per tick", "ten.channels", "ten"),
    ]
}

/// Returns the rows for replicated worlds: instructions of the server and of a client per component or unit.
fn worlds(source: &Source<'_>) -> Vec<Row> {
    let part = |name, what, case, target| {
        let per = WorldCase::named(case).map_or("", |case| case.per());
        let unit = match per {
            "component" => PER_COMPONENT,
            "tick" => "instructions/tick",
            _ => PER_UNIT,
        };
        row(name, what, source.instructions("worlds", case), unit, target, None)
    };
    vec![
        part("W.set", "the game sets a component", "set", None),
        part("W.unchanged", "commit of a component that did not change", "commit.unchanged", Some(60.0)),
        part("W.changed", "commit of a component that changed", "commit.changed", Some(250.0)),
        part("W.viewed", "commit of a unit, for each of 8 clients", "commit.viewed", None),
        part("W.pack", "packing of a unit, 1 client", "pack.one", None),
        part("W.pack.eight", "packing of a unit, for each of 8 clients", "pack.eight", None),
        part("W.rest", "a tick of 250 units at rest and 8 clients", "rest", None),
        part("W.receive", "a client receives a unit", "receive", None),
        part("W.acknowledge", "acknowledgement of a unit, for each of 8 clients", "acknowledge", None),
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

/// Returns the ratio of the estimated cycles per message of the case `case` to those of the case `than`. The estimate
/// includes callgrind's model of caches.
fn cycles(figures: &Figures, case: &str, than: &str) -> Option<f64> {
    let cycles = |case| figures.get("plain", case)?.counted.map(|(_, cycles)| cycles);
    Some(cycles(case)? / cycles(than)?)
}

/// Returns the ratio of the instructions per delivered message of the case `case` to those of the case `than`, for one
/// stack.
fn ratio(figures: &Figures, stack: &str, case: &str, than: &str) -> Option<f64> {
    Some(figures.instructions(stack, case)? / figures.instructions(stack, than)?)
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
