//! Measures the bytes, the time and the freshness of replicated worlds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde::Serialize;
use tickwire_core::snapshot::{NetworkId, Viewer, WorldId};
use tickwire_core_bench::replication::{
    Arena, Crowd, ENTITIES, Field, FreshLink, Paths, Peer, PeerRun, Star, TICKS_PER_SECOND, Traffic,
    freshness,
};
use tickwire_sim::link::PipeConfig;
use tickwire_sim::mahimahi::LinkTrace;

/// Bytes, time and freshness of replicated worlds, in memory on virtual time
#[derive(Parser, Debug)]
struct Args {
    /// Print the figures for a program
    #[arg(long)]
    json: bool,
    /// A folder of bandwidth traces (NAME.up, NAME.down); without it the rows F.trace are left out
    #[arg(long, env = "TICKWIRE_TRACES")]
    traces: Option<PathBuf>,
    /// Write a page with a chart of the ages of the newest tick to a file
    #[arg(long)]
    report: Option<PathBuf>,
    /// A program that measures another library in the worlds of R1 and R2 (`cargo xtask bench replication --peers`
    /// builds one)
    #[arg(long)]
    peer: Option<PathBuf>,
}

/// Ticks before a measurement, until the congestion window is open, and ticks of it.
const WARM_UP: u64 = 200;
const MEASURED: u64 = 400;
/// Bits of an entity's quantised state.
const STATE_BITS: u64 = 3 * 20 + 3 * 12 + 2 + 3 * 9;
/// Bytes of the IP and UDP headers of a datagram.
const HEADERS: u64 = 28;
/// The radius within which about 300 of 10,000 entities are.
const RADIUS: f64 = 176.0;

#[derive(Serialize)]
struct Row {
    value: f64,
    unit: &'static str,
    target: Option<f64>,
    met: Option<bool>,
    what: String,
    /// The figures of another library, by the library's name and the form of the components.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    peers: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Figures {
    rows: BTreeMap<String, Row>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut figures = Figures { rows: BTreeMap::new() };
    // First, because its memory is that of the whole process so far.
    add_typical_game(&mut figures)?;
    add_bytes_and_time(&mut figures)?;
    add_large_world(&mut figures)?;
    if let Some(program) = &args.peer {
        figures.add_peer(&Peer::measure(program)?);
    }
    let charts = add_freshness(&mut figures, args.traces.as_deref())?;
    if let Some(path) = &args.report {
        std::fs::write(path, page(&charts)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    for (name, row) in &figures.rows {
        let mark = row.met.map_or("", |met| if met { "met" } else { "missed" });
        let target = row.target.map_or_else(String::new, |target| format!("target {target:>7.3}"));
        let peers: String = row.peers.iter().map(|(name, value)| format!("; {name}: {value}")).collect();
        println!("{name:<28}{:>10.3} {:<18}{target:<15}  {mark:<7} {}{peers}", row.value, row.unit, row.what);
    }
    Ok(())
}

/// Rows R1 to R4.
fn add_bytes_and_time(figures: &mut Figures) -> Result<()> {
    let full = (ENTITIES as u64 * STATE_BITS * u64::from(TICKS_PER_SECOND)) as f64 / 8000.0;
    for (suffix, clients) in [("", 1), (".16", 16), (".100", 100)] {
        let tenth = measure(ENTITIES / 10, clients, Paths::Equal, true)?;
        let all = measure(ENTITIES, clients, Paths::Equal, true)?;
        let (r1, r2) = (rate(&tenth, clients), rate(&all, clients));
        let what = |moving: usize| format!("{moving} of 1,000 entities move, clients: {clients}");
        figures.add(&format!("R1{suffix}"), r1, "kB/s per client", Some(22.0), &what(100));
        figures.add(&format!("R2{suffix}"), r2, "kB/s per client", Some(185.0), &what(1000));
        if clients == 1 {
            let what = "R1 beside the quantised state of all entities each tick";
            figures.add("R1.share", r1 / full, "of the full state", Some(0.2), what);
        }
        if clients == 16 {
            let what = "server, 16 clients, 1,000 move, one RTT";
            figures.add("R3", server_ms(&all), "ms per tick", Some(1.2), what);
            figures.add("R3.tenth", server_ms(&tenth), "ms per tick", None, "server, 16 clients, 100 move");
        }
    }
    let spread = measure(ENTITIES, 16, Paths::Spread, true)?;
    let what = "server, 16 clients, 1,000 move, 16 RTTs";
    figures.add("R3.spread", server_ms(&spread), "ms per tick", Some(2.5), what);
    let idle = measure(0, 16, Paths::Equal, false)?;
    figures.add("R4", server_ms(&idle), "ms per tick", Some(0.03), "server, 16 clients, nothing moves");
    let bytes = idle.frame_bytes as f64;
    figures.add("R4.bytes", bytes, "bytes", Some(0.0), "snapshot frames while nothing moves");
    Ok(())
}

/// The typical game: 64 players, 100 avatars that all move, commands and chat.
fn add_typical_game(figures: &mut Figures) -> Result<()> {
    let schema = Arena::schema();
    let scenery = Box::new(Arena::new(&schema, 100));
    let crowd = Crowd { is_talking: true, ..Crowd::new(64, Paths::Spread) };
    let traffic = play(Star::new(schema, scenery, crowd), true)?;
    let seconds = traffic.ticks as f64 / f64::from(TICKS_PER_SECOND);
    let bytes = traffic.datagram_bytes + HEADERS * traffic.datagrams;
    let per_player = bytes as f64 / seconds / 64.0 / 1000.0;
    let what = "typical game, down, with IP and UDP headers, commands and chat";
    figures.add("T", per_player, "kB/s per player", Some(10.0), what);
    let frames = traffic.frame_bytes as f64 / seconds / 64.0 / 1000.0;
    figures.add("T.frames", frames, "kB/s per player", None, "of these, snapshot frames");
    figures.add("T.server", server_ms(&traffic), "ms per tick", None, "server, 64 players");
    if let Some(most) = peak_memory() {
        let what = "the whole process: the server and its 64 clients";
        figures.add("T.memory", most, "MB", Some(50.0), what);
    }
    Ok(())
}

/// 10,000 entities, of which 1,000 change, and 64 clients that see 300 each.
fn add_large_world(figures: &mut Figures) -> Result<()> {
    let schema = Field::schema();
    let scenery = Box::new(Field::new(&schema, 10_000, 1000));
    let view = |number: usize| Viewer::new(WorldId(0)).around(NetworkId(number as u32 * 150 + 1), RADIUS);
    let mut star = Star::new(schema, scenery, Crowd { view, ..Crowd::new(64, Paths::Equal) });
    let seen = star.entities_in_view() as f64 / 64.0;
    let traffic = star.play(100, true);
    let what = "server, 10,000 entities, 1,000 change, 64 clients see 300 each";
    figures.add("R5", server_ms(&traffic), "ms per tick", Some(1.5), what);
    figures.add("R5.seen", seen, "entities", None, "in the view of a client");
    let idle = star.play(100, false);
    figures.add("R5.idle", server_ms(&idle), "ms per tick", None, "the same world, nothing changes");
    let schema = Field::schema();
    let scenery = Box::new(Field::new(&schema, 10_000, 1000));
    let star = Star::joined_while_moving(schema, scenery, Crowd::new(1, Paths::Equal));
    let what = "until a client has a world of 10,000, of which 1,000 change";
    figures.add("R5.join", star.as_secs_f64(), "s", None, what);
    Ok(())
}

/// The ages of the newest tick. Returns the name and the ages by second of each row.
fn add_freshness(figures: &mut Figures, traces: Option<&std::path::Path>) -> Result<Vec<(String, Vec<f64>)>> {
    let ms = Duration::from_millis;
    let mut links = Vec::new();
    for loss in [0, 1, 5, 20] {
        for rtt in [20, 100, 300] {
            let link = FreshLink { loss_ppm: loss * 10_000, moving: 100, ..FreshLink::new(ms(rtt / 2)) };
            links.push((format!("F.loss{loss}.rtt{rtt}"), link, None));
        }
    }
    // One way, two commit intervals, and 150 ms.
    let most = 50.0 + 2.0 * 1000.0 / f64::from(TICKS_PER_SECOND) + 150.0;
    links.push(("F.256kbit".to_owned(), FreshLink::new(ms(50)).rate(32_000), Some(most)));
    links.push(("F.64kbit".to_owned(), FreshLink::new(ms(50)).rate(8_000), Some(most)));
    let bulk = FreshLink { has_bulk: true, moving: 100, ..FreshLink::new(ms(50)).rate(250_000) };
    links.push(("F.bulk.2Mbit".to_owned(), bulk, None));
    for (name, trace) in recordings(traces)? {
        let down = Some(PipeConfig::Trace { trace, queue_bytes: 150_000 });
        links.push((
            format!("F.trace.{name}"),
            FreshLink { down, moving: 100, ..FreshLink::new(ms(20)) },
            None,
        ));
    }
    let mut charts = Vec::new();
    for (name, link, target) in links {
        let ages = freshness(&link, 1).with_context(|| name.clone())?;
        let what = format!("age of the newest tick, {} of 1,000 move", link.moving);
        figures.add(&format!("{name}.p50"), ages.quantile(0.5), "ms", None, &what);
        figures.add(&format!("{name}.p99"), ages.quantile(0.99), "ms", target, &what);
        charts.push((name, ages.by_second));
    }
    Ok(charts)
}

/// The recorded links of a folder, by name.
fn recordings(folder: Option<&std::path::Path>) -> Result<Vec<(String, LinkTrace)>> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let listed = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut traces = Vec::new();
    for entry in listed {
        let path = entry?.path();
        if !path.extension().is_some_and(|end| end == "up" || end == "down") {
            continue;
        }
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let trace = LinkTrace::parse(&text).with_context(|| format!("cannot parse {}", path.display()))?;
        traces.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), trace));
    }
    traces.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(traces)
}

fn measure(moving: usize, clients: usize, paths: Paths, is_moving: bool) -> Result<Traffic> {
    let schema = Field::schema();
    let scenery = Box::new(Field::new(&schema, ENTITIES, moving));
    play(Star::new(schema, scenery, Crowd::new(clients, paths)), is_moving)
}

fn play(mut star: Star, is_moving: bool) -> Result<Traffic> {
    star.play(WARM_UP, is_moving);
    let traffic = star.play(MEASURED, is_moving);
    if traffic.refused > 0 || traffic.restarts > 0 {
        bail!("a client rejected frames, or a unit was coded in full again: {traffic:?}");
    }
    Ok(traffic)
}

/// Bytes of snapshot frames per second and client, in kB.
fn rate(traffic: &Traffic, clients: usize) -> f64 {
    let seconds = traffic.ticks as f64 / f64::from(TICKS_PER_SECOND);
    traffic.frame_bytes as f64 / seconds / clients as f64 / 1000.0
}

/// The server's time per tick, in milliseconds.
fn server_ms(traffic: &Traffic) -> f64 {
    traffic.server.as_secs_f64() * 1000.0 / traffic.ticks as f64
}

/// The largest resident memory of this process so far, in MB. `None` where the system does not tell it.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1_000_000.0)
}

/// A page with a chart for each link: the largest age of the newest tick in each second.
fn page(charts: &[(String, Vec<f64>)]) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Freshness</title>\
         <style>body{font:14px sans-serif;margin:2em}svg{background:#f7f7f7}</style>\
         <h1>Age of the newest tick</h1><p>The largest age in each second, in milliseconds.</p>",
    );
    for (name, ages) in charts {
        let most = ages.iter().copied().fold(1.0, f64::max);
        let points: Vec<String> = ages
            .iter()
            .enumerate()
            .map(|(second, age)| format!("{:.1},{:.1}", second as f64 * 10.0, 120.0 - age / most * 110.0))
            .collect();
        page += &format!(
            "<h2>{name}</h2><svg width=\"620\" height=\"130\"><polyline fill=\"none\" stroke=\"#06c\" \
             points=\"{}\"/><text x=\"4\" y=\"14\">{most:.0} ms</text></svg>",
            points.join(" ")
        );
    }
    page
}

impl Figures {
    fn add(&mut self, name: &str, value: f64, unit: &'static str, target: Option<f64>, what: &str) {
        let value = (value * 1000.0).round() / 1000.0;
        let (met, what, peers) = (target.map(|target| value <= target), what.to_owned(), BTreeMap::new());
        self.rows.insert(name.to_owned(), Row { value, unit, target, met, what, peers });
    }

    /// Adds the figures of another library to the rows with the same number of clients and movers.
    fn add_peer(&mut self, peer: &Peer) {
        type Value = fn(&PeerRun) -> f64;
        let (bytes, time): (Value, Value) = (|run| run.bytes_per_second / 1000.0, |run| run.server_ms);
        let tenth = ENTITIES / 10;
        let rows = [
            ("R1", 1, tenth, bytes),
            ("R1.16", 16, tenth, bytes),
            ("R1.100", 100, tenth, bytes),
            ("R2", 1, ENTITIES, bytes),
            ("R2.16", 16, ENTITIES, bytes),
            ("R2.100", 100, ENTITIES, bytes),
            ("R3", 16, ENTITIES, time),
            ("R3.tenth", 16, tenth, time),
        ];
        for (name, clients, moving, value) in rows {
            let Some(row) = self.rows.get_mut(name) else { continue };
            let figures = peer.runs(clients, moving);
            row.peers.extend(figures.map(|(name, run)| (name, (value(&run) * 1000.0).round() / 1000.0)));
        }
    }
}
