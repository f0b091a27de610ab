//! A UDP proxy between two real processes that behaves like a bad network. The same seed gives the same behaviour.

mod args;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tickwire_core::text::Counted;
use tickwire_sim::conditioner::{Conditioner, Conditions, Counters};

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    let asked = args.conditions().and_then(|conditions| Ok((conditions, args.target()?)));
    let (conditions, to) = match asked {
        Ok(asked) => asked,
        Err(message) => return fail(&message, WRONG_ARGUMENTS),
    };
    match run(&args, conditions, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message, 1),
    }
}

/// The exit code for invalid arguments, as clap has it.
const WRONG_ARGUMENTS: u8 = 2;

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("conditioner: {message}");
    ExitCode::from(code)
}

fn run(args: &Args, conditions: Conditions, to: SocketAddr) -> Result<(), String> {
    let listen = args.listen;
    let conditioner = Conditioner::start(listen, to, conditions).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "cannot listen on {listen}: another program uses that port; stop the other program, or give a different port with --listen"
            )
        }
        std::io::ErrorKind::InvalidInput => error.to_string(),
        _ => format!("cannot listen on {listen}: {error}; give an address of this machine with --listen"),
    })?;
    // Programs that start this one wait for the line, and learn the port from it.
    println!("listening on {} and forwarding to {to}", conditioner.local_address());
    let began = Instant::now();
    let end = args.seconds.map(|seconds| began + Duration::from_secs(seconds));
    loop {
        let left = end.map_or(REPORT, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(REPORT));
        if !args.quiet {
            eprintln!("{:>6.0} s  {}", began.elapsed().as_secs_f64(), line(&conditioner.counters()));
        }
    }
    if args.json {
        println!("{}", json(&conditioner.counters()));
    }
    Ok(())
}

const REPORT: Duration = Duration::from_secs(5);

fn line(counters: &Counters) -> String {
    let Counters { clients, received, delivered, lost, overflowed, .. } = counters;
    format!(
        "{}, {received} datagrams received, {delivered} delivered, {lost} lost, {overflowed} dropped because of too many clients or datagrams",
        Counted(*clients, "client")
    )
}

fn json(counters: &Counters) -> serde_json::Value {
    serde_json::json!({
        "clients": counters.clients,
        "received": counters.received,
        "delivered": counters.delivered,
        "lost": counters.lost,
        "overflowed": counters.overflowed,
        "bytes_up": counters.bytes_up,
        "bytes_down": counters.bytes_down,
    })
}
