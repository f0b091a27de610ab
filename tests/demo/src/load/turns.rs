//! Runs the load test, from the start of the server to its end.

use std::time::{Duration, Instant};

use super::args::Args;
use super::clients::{Clients, Play};
use super::outcome::LoadOutcome;
use super::server::LoadServer;

/// Starts the server and the clients, runs the load, and returns the results.
pub(super) fn run(args: &Args) -> Result<LoadOutcome, String> {
    let mut server = LoadServer::start(args)?;
    let dialled_at = Instant::now();
    let mut clients = Clients::connect(args, server.address, server.key)?;
    let connected_in = dialled_at.elapsed();
    let what = if args.idle { "rest" } else { "play" };
    eprintln!("{} clients connected in {connected_in:.1?}; they {what} for {} s", args.clients, args.seconds);
    // What connecting leaves behind dies down.
    if args.idle {
        clients.rest(SETTLE_IDLE);
    } else {
        clients.settle(SETTLE);
    }

    let (before, ticks_before) = (server.usage(), server.ticks()?);
    if !args.idle {
        server.tell("play");
    }
    let mut left = args.seconds;
    let mut played = Play::default();
    while left > 0 {
        let seconds = left.min(REPORT_EVERY);
        let time = Duration::from_secs(seconds.into());
        let more = if args.idle { clients.rest(time) } else { clients.play(args.rate, time) };
        played = Play { rounds: played.rounds + more.rounds, latest: played.latest.max(more.latest) };
        left -= seconds;
        eprintln!("{:>6} s passed, {} clients connected", args.seconds - left, clients.present());
    }
    server.tell("rest");
    let (usage, ticks) = (server.usage(), server.ticks()?.since(ticks_before));
    let cpu_percent = usage.zip(before).map(|(now, before)| now.cpu_percent_since(&before));
    clients.settle(SETTLE);
    let there = server.tally()?;
    let connected = clients.present();
    let troubles = clients.troubles();
    let stopped_in_order = server.stop();
    Ok(LoadOutcome {
        idle: args.idle,
        clients: args.clients,
        connected,
        troubles,
        connected_in,
        seconds: args.seconds,
        played,
        here: clients.tally(),
        there,
        ticks,
        cpu_percent,
        rss: usage.map(|usage| usage.rss),
        stopped_in_order,
    })
}

/// The time that messages in flight have to arrive.
const SETTLE: Duration = Duration::from_secs(2);
/// The time before an idle measurement. The first heartbeats are due after five seconds, and until then the ends probe
/// the path and the clock.
const SETTLE_IDLE: Duration = Duration::from_secs(8);
/// The time between two lines that report the progress, in seconds.
const REPORT_EVERY: u32 = 10;
