//! The attacks on the server.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tickwire_core::Event;

use super::damage::Damage;
use super::host::{Host, socket};
use super::server::Target;
use super::{reflection, spoofed};

/// One attack.
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// The address of all canaries. `None` gives each canary a different address.
    pub(super) canary_at: Option<Ipv4Addr>,
    /// The largest number of the attackers' handshakes that the server may complete in an attack of the given seconds.
    pub(super) most_welcomes: fn(u64) -> u64,
    pub(super) run: fn(&Target, Instant) -> Result<Damage, String>,
}

/// The address of the canaries that the attacker tries to lock out.
const VICTIM: Ipv4Addr = Ipv4Addr::new(127, 99, 9, 9);

/// All attacks. The first entry is a run without an attack.
pub(super) const ATTACKS: [Attack; 8] = [
    Attack { name: "none", canary_at: None, most_welcomes: none, run: nothing },
    Attack { name: "forged-first-data", canary_at: None, most_welcomes: one_rate, run: forge },
    Attack { name: "lockout", canary_at: Some(VICTIM), most_welcomes: one_rate, run: lock_out },
    Attack { name: "connect-loop", canary_at: None, most_welcomes: one_rate, run: connect },
    Attack { name: "resume-loop", canary_at: None, most_welcomes: one_session, run: resume },
    Attack { name: "abandoned-handshakes", canary_at: None, most_welcomes: records, run: abandon },
    Attack { name: "spoofed-connect", canary_at: None, most_welcomes: none, run: spoofed::run },
    Attack { name: "reflection", canary_at: None, most_welcomes: none, run: reflection::run },
];

const fn none(_: u64) -> u64 {
    0
}

/// Returns the largest number of handshakes that one address may begin: 64 at once, and 32 per second.
const fn one_rate(seconds: u64) -> u64 {
    64 + 33 * seconds
}

/// Returns the largest number of handshakes and resumptions of one session: 16 at once, and two per second.
const fn one_session(seconds: u64) -> u64 {
    18 + 2 * seconds
}

/// Returns the largest number of handshakes that 120 addresses may begin without completing any.
const fn records(seconds: u64) -> u64 {
    120 * (64 + 4 * seconds)
}

fn nothing(_: &Target, until: Instant) -> Result<Damage, String> {
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    Ok(Damage::default())
}

/// Performs handshakes from one address whose Data packets have many other source addresses.
fn forge(target: &Target, until: Instant) -> Result<Damage, String> {
    forge_from(target, until, |number| {
        Ipv4Addr::new(127, 77, number.div_euclid(250) as u8, (number % 250) as u8 + 1)
    })
}

/// Performs handshakes from one address whose Data packets have the source address of the canaries.
fn lock_out(target: &Target, until: Instant) -> Result<Damage, String> {
    forge_from(target, until, |_| VICTIM)
}

fn forge_from(target: &Target, until: Instant, bears: impl Fn(usize) -> Ipv4Addr) -> Result<Damage, String> {
    let mut hosts: Vec<Host> = Vec::new();
    let mut next = Instant::now();
    while Instant::now() < until {
        if Instant::now() >= next && hosts.len() < FORGERS {
            next += Duration::from_millis(10);
            let mut host =
                Host::new(Ipv4Addr::new(127, 66, 6, 6), target, |config| config.reconnect = false)?;
            host.data_from = Some(socket(bears(hosts.len()))?);
            host.dial()?;
            hosts.push(host);
        }
        for host in &mut hosts {
            host.turn();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for host in &mut hosts {
        host.leave();
    }
    Ok(Damage::of(&hosts))
}

/// Connects and disconnects one client as fast as the server permits.
fn connect(target: &Target, until: Instant) -> Result<Damage, String> {
    let mut host = Host::new(Ipv4Addr::new(127, 66, 7, 7), target, |config| {
        config.reconnect = false;
        config.connect_timeout = Duration::from_secs(2);
    })?;
    for _ in 0..16 {
        host.dial()?;
    }
    while Instant::now() < until {
        for event in host.turn() {
            match event {
                Event::Connected { connection, .. } => {
                    // The first Data leaves before the CLOSE.
                    host.turn();
                    let now = host.now();
                    host.endpoint.close(now, connection, 0, "");
                }
                Event::Closed { .. } => {
                    host.dial()?;
                }
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    host.leave();
    Ok(Damage::of(&[host]))
}

/// Resumes the session of one client as fast as the server permits.
fn resume(target: &Target, until: Instant) -> Result<Damage, String> {
    let mut host = Host::new(Ipv4Addr::new(127, 66, 8, 8), target, |_| {})?;
    host.dial()?;
    while Instant::now() < until {
        host.turn();
        host.feign_unknown();
        std::thread::sleep(Duration::from_micros(200));
    }
    host.leave();
    Ok(Damage::of(&[host]))
}

/// Begins 2,500 handshakes per second with valid cookies from 120 addresses, and completes none.
fn abandon(target: &Target, until: Instant) -> Result<Damage, String> {
    let at = |number: u8| {
        let mut host = Host::new(Ipv4Addr::new(127, 66, 1, number), target, |config| {
            config.reconnect = false;
            config.connect_timeout = Duration::from_secs(1);
        })?;
        host.is_mute = true;
        Ok(host)
    };
    let mut hosts: Vec<Host> = (1..=120).map(at).collect::<Result<_, String>>()?;
    let began = Instant::now();
    let mut begun = 0u64;
    while Instant::now() < until {
        let wanted = began.elapsed().as_millis() as u64 * 5 / 2;
        for host in &mut hosts {
            if begun < wanted {
                begun += 1;
                host.dial()?;
            }
            for event in host.turn() {
                if let Event::Connected { connection, .. } = event {
                    let now = host.now();
                    host.endpoint.close(now, connection, 0, "");
                }
            }
        }
    }
    Ok(Damage::of(&hosts))
}

/// The number of connections that one forger tries to establish.
const FORGERS: usize = 300;
