//! The command line of `conditioner`.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use tickwire_sim::conditioner::Conditions;
use tickwire_sim::fault::parse_list;
use tickwire_sim::mahimahi::LinkTrace;

/// Pass UDP between clients and a server as a bad network would: delay, lose, duplicate and damage datagrams by the simulator's
/// rules. Each client gets a link of its own. The same seed makes the same decisions for the same times.
#[derive(Parser, Debug)]
#[command(name = "conditioner")]
pub(crate) struct Args {
    /// The address that clients send to; port 0 for any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7778")]
    pub(crate) listen: SocketAddr,
    /// The server that receives the datagrams: an address or a name, and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7777")]
    to: String,
    /// Share of datagrams lost in each direction, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    loss: f64,
    /// Round-trip time to add, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    rtt: u64,
    /// Largest random delay to add to each datagram, in milliseconds; later datagrams may overtake delayed ones
    #[arg(long, value_name = "MS", default_value_t = 0)]
    jitter: u64,
    /// Share of datagrams that arrive twice, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    duplicate: f64,
    /// Rate in each direction for each client, in kilobytes (1000 bytes) per second
    #[arg(long, value_name = "KB")]
    rate: Option<u64>,
    /// A file with a bandwidth trace in Mahimahi's format, for both directions: each line is a millisecond at which 1500 bytes may
    /// pass; the trace repeats
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Largest IP packet that passes, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1500)]
    mtu: u32,
    /// A file with more faults of links, one per line, as the swarm prints them
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Seed of all decisions
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after this many seconds; without this option, run until stopped
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<u64>,
    /// Print nothing while running
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the counters as JSON at the end
    #[arg(long, requires = "seconds")]
    pub(crate) json: bool,
}

impl Args {
    /// Returns the address of the server. Of several addresses, returns the first of the same kind (IPv4 or IPv6) as the clients'
    /// addresses, if there is one.
    pub(crate) fn target(&self) -> Result<SocketAddr, String> {
        let to = &self.to;
        if to.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(format!("--to {to} names no port; give a host and a port, as in 127.0.0.1:7777"));
        }
        let found = to.to_socket_addrs().map_err(|error| {
            format!("the host of --to {to} is unknown: {error}; check the name, or give an address")
        })?;
        let found: Vec<SocketAddr> = found.collect();
        let alike = found.iter().find(|address| address.is_ipv4() == self.listen.is_ipv4());
        alike.or_else(|| found.first()).copied().ok_or_else(|| {
            format!("the host of --to {to} has no address; check the name, or give an address")
        })
    }

    pub(crate) fn conditions(&self) -> Result<Conditions, String> {
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}; check the path", path.display()))
        };
        let trace = match &self.trace {
            None => None,
            Some(path) => Some(LinkTrace::parse(&read(path)?).map_err(|error| {
                format!("{} is not a bandwidth trace in the format of Mahimahi: {error}", path.display())
            })?),
        };
        let faults = match &self.faults {
            None => Vec::new(),
            Some(path) => parse_list(&read(path)?)
                .map_err(|error| format!("{} is not a list of faults: {error}", path.display()))?,
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
