//! The network between the bots and the server, as the command line sets it.

use serde_json::{Value, json};

use super::args::Args;

/// Returns the conditioner's arguments.
pub(super) fn arguments(args: &Args, server: &str) -> Vec<String> {
    let life = LIFE_S + args.seconds;
    let line = format!(
        "--listen 127.0.0.1:0 --quiet --to {server} --loss {} --rtt {} --jitter {} --seed {} --seconds {life}",
        args.loss, args.rtt, args.jitter, args.seed
    );
    let mut arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
    if let Some(trace) = &args.trace {
        arguments.extend(["--trace".into(), trace.display().to_string()]);
    }
    arguments
}

/// Returns a description of the network for a person.
pub(super) fn described(args: &Args) -> String {
    let mut parts = Vec::new();
    if args.loss > 0.0 {
        parts.push(format!("{} % loss each way", args.loss));
    }
    if args.rtt > 0 {
        parts.push(format!("{} ms round trip", args.rtt));
    }
    if args.jitter > 0 {
        parts.push(format!("up to {} ms jitter each way", args.jitter));
    }
    if let Some(name) = args.trace.as_ref().and_then(|trace| trace.file_name()) {
        parts.push(format!("the recorded link {} for each bot", name.display()));
    }
    if parts.is_empty() { "perfect (see --loss, --rtt, --jitter, --trace)".into() } else { parts.join(", ") }
}

/// Returns the settings of the network as JSON.
pub(super) fn json(args: &Args) -> Value {
    json!({
        "loss_percent": args.loss,
        "rtt_ms": args.rtt,
        "jitter_ms": args.jitter,
        "trace": args.trace,
        "seed": args.seed,
    })
}

/// The seconds after the end of the play at which a conditioner ends by itself, in case the demonstration was killed.
const LIFE_S: u32 = 600;
