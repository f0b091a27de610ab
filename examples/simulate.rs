//! A client and a server on a simulated network: `cargo run --example simulate -- --help`.
//!
//! A client sends 1, 2, 3 and so on over a reliable channel, and the server checks that every number arrives once and in order. The
//! network meanwhile loses, damages, repeats and delays datagrams, breaks down for seconds, and changes the client's address. The
//! seed decides all of it: the same seed gives the same run on every machine.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tickwire::prelude::*;
use tickwire::sim::fault::{KindName, KindSet, Profile, draw};
use tickwire::sim::host::{Application, Boot, Context};
use tickwire::sim::network::{Topology, home_address};
use tickwire::sim::world::{World, WorldConfig};
use tickwire::{Endpoint, Instant};

/// Play a client and a server on a simulated network with faults. Only the computation takes real time.
#[derive(Parser)]
struct Arguments {
    /// The first seed; the faults and the endpoints' randomness follow from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of seeds to play
    #[arg(long, value_name = "N", default_value_t = 10)]
    runs: u64,
    /// Seconds of virtual time with faults; another 30 s without faults follow, in which lost data is resent
    #[arg(long, value_name = "N", default_value_t = 30)]
    seconds: u64,
}

/// The faults that may occur. A server that restarts would forget the count, so `KindName::Restart` is not among them.
const FAULTS: [KindName; 8] = [
    KindName::Loss,
    KindName::Burst,
    KindName::Duplicate,
    KindName::Flip,
    KindName::Reorder,
    KindName::Uniform,
    KindName::Partition,
    KindName::Rebind,
];

const SERVER: usize = 0;
const CLIENT: usize = 1;
const EVERY: Duration = Duration::from_millis(50);
const CALM: Duration = Duration::from_secs(30);

/// The game. One value runs both nodes, so that it can compare the sent numbers with the received numbers.
struct Count {
    /// The time until which the client sends.
    until: Instant,
    connection: Option<ConnectionId>,
    sent: u32,
    received: u32,
}

impl Application for Count {
    type Host = Endpoint;

    #[allow(clippy::expect_used, reason = "the configuration is a constant")]
    fn build(&mut self, boot: Boot) -> Endpoint {
        let mut config = Config::new(0x0063_6f75_6e74);
        config.access = if boot.node == SERVER { Access::Open } else { Access::Closed };
        Endpoint::new(config, Secrets::new(secret(boot.node)), boot.seed, boot.now)
            .expect("the core accepts the configuration")
    }

    fn started(&mut self, context: &mut Context<'_, Endpoint>) {
        if context.node == CLIENT {
            let options = ConnectOptions::new(secret(SERVER).public_key());
            self.connection = context.host.connect(context.now, home_address(SERVER), options).ok();
            context.tick_in(EVERY);
        }
    }

    fn tick(&mut self, context: &mut Context<'_, Endpoint>) {
        let Some(connection) = self.connection.filter(|_| context.time < self.until) else { return };
        let number = (self.sent + 1).to_le_bytes().to_vec();
        match context.host.send(context.now, connection, ChannelId(0), number) {
            Ok(_) => self.sent += 1,
            Err(error) => context.fail(format!("number {} was not sent: {error}", self.sent + 1)),
        }
        context.tick_in(EVERY);
    }

    fn event(&mut self, context: &mut Context<'_, Endpoint>, event: Event) {
        match event {
            Event::Message { data, .. } => {
                self.received += 1;
                if data != self.received.to_le_bytes().as_slice() {
                    context.fail(format!(
                        "the bytes {data:?} arrived, but number {} was expected",
                        self.received
                    ));
                }
            }
            Event::Closed { reason, .. } => context.fail(format!("the connection ended: {reason:?}")),
            _ => {}
        }
    }
}

fn secret(node: usize) -> Secret {
    Secret::new([if node == SERVER { 1 } else { 2 }; 32])
}

/// Plays one seed. Returns a line about the run, or the reason why it failed.
fn play(seed: u64, seconds: u64) -> Result<String, String> {
    let horizon = Duration::from_secs(seconds);
    let mut profile = Profile::new(2, 1, horizon);
    profile.kinds = FAULTS.into_iter().fold(KindSet::NONE, KindSet::with);
    let faults = draw(seed, &profile);
    let count = faults.len();
    let game = Count { until: Instant::ZERO + horizon, connection: None, sent: 0, received: 0 };
    let topology = Topology::star(1, Duration::from_millis(25));
    let mut world = World::new(WorldConfig::new(seed, topology).faults(faults), game);
    world.run_for(horizon + CALM).map_err(|violation| violation.to_string())?;
    let Count { sent, received, .. } = *world.application();
    if received != sent {
        return Err(format!("the client sent {sent} numbers, but {received} arrived"));
    }
    let struck: u64 = world.fired_by_kind().values().sum();
    Ok(format!("{received} numbers arrived in order; {count} faults took effect {struck} times"))
}

fn main() -> ExitCode {
    let Arguments { seed, runs, seconds } = Arguments::parse();
    for seed in (seed..).take(usize::try_from(runs).unwrap_or(usize::MAX)) {
        match play(seed, seconds) {
            Ok(line) => println!("seed {seed:4}: {line}"),
            Err(why) => {
                let again =
                    format!("cargo run --example simulate -- --seed {seed} --runs 1 --seconds {seconds}");
                eprintln!("seed {seed:4}: {why}\nrepeat with: {again}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::play;

    #[test]
    fn every_number_of_the_simulate_example_arrives_in_order_through_all_faults() {
        let run = |seed| play(seed, 10).unwrap();
        let lines: Vec<String> = (1..=5).map(run).collect();
        assert!(lines.iter().all(|line| line.starts_with("199 numbers arrived in order")), "{lines:?}");
        assert!(lines.windows(2).any(|pair| pair[0] != pair[1]), "{lines:?}");
        assert_eq!((1..=5).map(run).collect::<Vec<_>>(), lines);
    }
}
