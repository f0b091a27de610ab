//! A siege: a real server with some bots, attackers, and a canary, which connects a new client every 250 ms.
//!
//! The attackers send forged first Data packets, many handshakes and resumptions, unfinished handshakes, Hellos with spoofed
//! addresses, and datagrams whose answers could be larger than the datagrams themselves. They use addresses of 127.0.0.0/8, each
//! of which is a separate source for the server. No datagram leaves the loopback interface. Every attack has a fixed duration.

mod args;
mod attacks;
mod bots;
mod canary;
mod damage;
mod host;
mod outcome;
mod reflection;
mod server;
mod spoofed;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;

use self::args::Args;
use self::attacks::{ATTACKS, Attack};
use self::bots::Bots;
use self::outcome::{Row, SiegeOutcome};
use self::server::SiegeServer;

/// Runs the program `tickwire-siege`.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match run(&args) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let faults = outcome.faults();
    let text = if args.json { format!("{}\n", outcome.json(&faults)) } else { outcome.text() };
    // Who reads may have seen enough.
    let _gone = std::io::stdout().write_all(text.as_bytes());
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(args: &Args) -> Result<SiegeOutcome, String> {
    let mut server = SiegeServer::start()?;
    let mut bots = Bots::start(&server.target, args.bots)?;
    let mut outcome = SiegeOutcome::default();
    for attack in ATTACKS.iter().filter(|attack| args.only.as_deref().is_none_or(|only| only == attack.name))
    {
        if !args.json {
            eprintln!("{} ...", attack.name);
        }
        outcome.rows.push(bear(&mut server, attack, Duration::from_secs(args.seconds.into()))?);
        // Places that were taken become free.
        std::thread::sleep(REST);
    }
    outcome.bots_stayed = !bots.have_ended();
    bots.end();
    outcome.stopped_in_order = server.stop();
    Ok(outcome)
}

/// Runs one attack, and measures the server.
fn bear(server: &mut SiegeServer, attack: &Attack, time: Duration) -> Result<Row, String> {
    let (before, counters) = (server.usage(), server.counters()?);
    let log_before = server.log_bytes();
    let until = Instant::now() + time;
    let target = server.target.clone();
    let canary_target = target.clone();
    let run = attack.run;
    let canary_at = attack.canary_at;
    let attacker = std::thread::spawn(move || run(&target, until));
    let canary = std::thread::spawn(move || canary::sing(&canary_target, canary_at, until));
    let gone = |_| format!("the thread of the attack {} panicked", attack.name);
    let canaries = canary.join().map_err(gone)??;
    let damage = attacker.join().map_err(gone)??;
    let (after, counters_after) = (server.usage(), server.counters()?);
    Ok(Row {
        name: attack.name,
        sent: damage.sent,
        reflected: damage.reflected,
        canaries,
        cpu_percent: after.zip(before).map(|(after, before)| after.cpu_percent_since(&before)),
        rss: after.map(|after| after.rss),
        rss_growth: after.zip(before).map(|(after, before)| after.rss.saturating_sub(before.rss)),
        ticks: counters_after.ticks.saturating_sub(counters.ticks),
        overruns: counters_after.overruns.saturating_sub(counters.overruns),
        welcomes: damage.welcomes,
        most_welcomes: (attack.most_welcomes)(time.as_secs()),
        log_bytes: server.log_bytes().saturating_sub(log_before),
    })
}

const REST: Duration = Duration::from_secs(5);
