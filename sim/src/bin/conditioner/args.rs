//! The command line of `conditioner`.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use tickwire_sim::conditioner::Conditions;
use tickwire_sim::fault::parse_list;
use tickwire_sim::mahimahi::LinkTrace;

/// Pass UDP between clients and a server as a bad network would: delay, lose, duplicate and harm it by the simulator's
/// rules. Each client gets a link of its own. The same seed makes the same decisions for the same times.
#[derive(Parser, Debug)]
#[command(name = "conditioner")]
pub(crate) struct Args {
    /// Where clients send to; port 0 for any
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7778")]
    pub(crate) listen: SocketAddr,
    /// The server that it is passed on to: an address or a name, and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7777")]
    to: String,
    /// Datagrams lost each way, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    loss: f64,
    /// Round trip added, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    rtt: u64,
    /// Most by which each datagram is delayed beyond that, in milliseconds; later ones may overtake it
    #[arg(long, value_name = "MS", default_value_t = 0)]
    jitter: u64,
    /// Datagrams that arrive twice, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    duplicate: f64,
    /// Kilobytes (1000 bytes) per second that pass each way for each client
    #[arg(long, value_name = "KB")]
    rate: Option<u64>,
    /// A recorded link in mahimahi's format (a millisecond per line at which 1500 bytes may pass), both ways, looped
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Largest IP packet that passes, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1500)]
    mtu: u32,
    /// More faults of links, one per line, as the swarm prints them
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Seed that all decisions follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after so many seconds; otherwise it runs until it is stopped
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<u64>,
    /// Say nothing while it runs
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the counters as JSON at the end
    #[arg(long, requires = "seconds")]
    pub(crate) json: bool,
}

impl Args {
    /// The address of the server. Of several the first of the kind that clients come from, if there is one.
    pub(crate) fn target(&self) -> Result<SocketAddr, String> {
        let to = &self.to;
        if to.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(format!("--to {to} names no port; give an address or a name, a colon and a port"));
        }
        let found = to.to_socket_addrs().map_err(|error| {
            format!("the host of --to {to} is unknown: {error}; check the name, or give an address")
        })?;
        let found: Vec<SocketAddr> = found.collect();
        let alike = found.iter().find(|address| address.is_ipv4() == self.listen.is_ipv4());
        alike
            .or_else(|| found.first())
            .copied()
            .ok_or_else(|| format!("the host of --to {to} has no address"))
    }

    pub(crate) fn conditions(&self) -> Result<Conditions, String> {
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}; check the path", path.display()))
        };
        let trace = match &self.trace {
            None => None,
            Some(path) => Some(
                LinkTrace::parse(&read(path)?)
                    .map_err(|error| format!("{} is no trace: {error}", path.display()))?,
            ),
        };
        let faults = match &self.faults {
            None => Vec::new(),
            Some(path) => parse_list(&read(path)?)
                .map_err(|error| format!("{} is no list of faults: {error}", path.display()))?,
        };
        let conditions = Conditions {
            loss_ppm: ppm("--loss", self.loss)?,
            rtt: Duration::from_millis(self.rtt),
            jitter: Duration::from_millis(self.jitter),
            duplicate_ppm: ppm("--duplicate", self.duplicate)?,
            bytes_per_second: self.rate.map(|rate| rate.saturating_mul(1000)),
            trace,
            queue_bytes: None,
            mtu: self.mtu,
            faults,
            seed: self.seed,
        };
        conditions.check().map_err(|error| error.to_string())?;
        Ok(conditions)
    }
}

fn ppm(what: &str, percent: f64) -> Result<u32, String> {
    if (0.0..=100.0).contains(&percent) {
        Ok((percent * 10_000.0).round() as u32)
    } else {
        Err(format!("{what} is {percent}; give a percentage from 0 to 100"))
    }
}
