//! Measures the bytes and the time of replicated worlds.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::Parser;
use serde::Serialize;
use tickwire_core_bench::replication::{ENTITIES, Paths, Star, TICKS_PER_SECOND, Traffic};

/// Bytes and time of replicated worlds, in memory on virtual time
#[derive(Parser, Debug)]
struct Args {
    /// Print the figures for a program
    #[arg(long)]
    json: bool,
}

/// The number of ticks before a measurement, in which the congestion window grows.
const WARM_UP: u64 = 200;
const MEASURED: u64 = 400;
/// The number of bits of an entity's quantised state.
const STATE_BITS: u64 = 3 * 20 + 3 * 12 + 2 + 3 * 9;

#[derive(Serialize)]
struct Row {
    value: f64,
    unit: &'static str,
    target: f64,
    met: bool,
    what: &'static str,
}

#[derive(Serialize)]
struct Figures {
    rows: BTreeMap<String, Row>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut figures = Figures { rows: BTreeMap::new() };
    let one = |moving: usize| measure(moving, 1, Paths::Equal, true);
    let (tenth, all) = (one(ENTITIES / 10)?, one(ENTITIES)?);
    figures.add("R1", rate(&tenth, 1), "kB/s per client", 22.0, "100 of 1,000 entities move, 1 client");
    figures.add("R2", rate(&all, 1), "kB/s per client", 185.0, "1,000 of 1,000 move, 1 client");
    let full = (ENTITIES as u64 * STATE_BITS * u64::from(TICKS_PER_SECOND)) as f64 / 8000.0;
    figures.add(
        "R1.share",
        rate(&tenth, 1) / full,
        "of the full state",
        0.2,
        "R1 beside the quantised state of all entities each tick",
    );
    for (name, clients) in [("16", 16), ("100", 100)] {
        let (tenth, all) = (
            measure(ENTITIES / 10, clients, Paths::Equal, true)?,
            measure(ENTITIES, clients, Paths::Equal, true)?,
        );
        figures.add(
            &format!("R1.{name}"),
            rate(&tenth, clients),
            "kB/s per client",
            22.0,
            "R1, more clients",
        );
        figures.add(&format!("R2.{name}"), rate(&all, clients), "kB/s per client", 185.0, "R2, more clients");
        if clients == 16 {
            figures.add("R3", server_ms(&all), "ms per tick", 1.2, "server, 16 clients, 1,000 move, one RTT");
            figures.add("R3.tenth", server_ms(&tenth), "ms per tick", 0.25, "server, 16 clients, 100 move");
        }
    }
    let spread = measure(ENTITIES, 16, Paths::Spread, true)?;
    figures.add(
        "R3.spread",
        server_ms(&spread),
        "ms per tick",
        2.5,
        "server, 16 clients, 1,000 move, 16 RTTs",
    );
    let idle = measure(0, 16, Paths::Equal, false)?;
    figures.add("R4", server_ms(&idle), "ms per tick", 0.03, "server, 16 clients, nothing moves");
    figures.add("R4.bytes", idle.frame_bytes as f64, "bytes", 0.0, "snapshot frames while nothing moves");
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    for (name, row) in &figures.rows {
        let mark = if row.met { "met" } else { "missed" };
        println!(
            "{name:<10}{:>10.3} {:<18}target {:>7.3}  {mark:<7} {}",
            row.value, row.unit, row.target, row.what
        );
    }
    Ok(())
}

fn measure(moving: usize, clients: usize, paths: Paths, is_moving: bool) -> Result<Traffic> {
    let mut star = Star::new(ENTITIES, moving, clients, paths);
    star.play(WARM_UP, is_moving);
    let traffic = star.play(MEASURED, is_moving);
    if traffic.refused > 0 || traffic.restarts > 0 {
        bail!(
            "with {moving} moving entities and {clients} clients, a client rejected frames, or a unit was coded in \
             full again: {traffic:?}"
        );
    }
    Ok(traffic)
}

/// Returns the kilobytes of snapshot frames per second and client.
fn rate(traffic: &Traffic, clients: usize) -> f64 {
    let seconds = traffic.ticks as f64 / f64::from(TICKS_PER_SECOND);
    traffic.frame_bytes as f64 / seconds / clients as f64 / 1000.0
}

/// Returns the server's processor time per tick, in milliseconds.
fn server_ms(traffic: &Traffic) -> f64 {
    traffic.server.as_secs_f64() * 1000.0 / traffic.ticks as f64
}

impl Figures {
    fn add(&mut self, name: &str, value: f64, unit: &'static str, target: f64, what: &'static str) {
        let value = (value * 1000.0).round() / 1000.0;
        self.rows.insert(name.to_owned(), Row { value, unit, target, met: value <= target, what });
    }
}
