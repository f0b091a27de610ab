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
    /// Where all canaries come from, if not each from an address of its own.
    pub(super) canary_at: Option<Ipv4Addr>,
    /// Handshakes of the attackers that the server may answer while it lasts so many seconds.
    pub(super) most_welcomes: fn(u64) -> u64,
    pub(super) run: fn(&Target, Instant) -> Result<Damage, String>,
}

/// The address that is to be locked out.
const VICTIM: Ipv4Addr = Ipv4Addr::new(127, 99, 9, 9);

/// All of them, the first of which is none.
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

/// The most handshakes that one address may begin: 64 at once, and 32 a second.
const fn one_rate(seconds: u64) -> u64 {
    64 + 33 * seconds
}

/// How often one session may be resumed, the first handshake included: 16 times at once, and twice a second.
const fn one_session(seconds: u64) -> u64 {
    18 + 2 * seconds
}

/// The most handshakes that 120 addresses may begin without finishing any.
const fn records(seconds: u64) -> u64 {
    120 * (64 + 4 * seconds)
}

fn nothing(_: &Target, until: Instant) -> Result<Damage, String> {
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    Ok(Damage::default())
}

/// Handshakes from one address, whose Data bear as many others.
fn forge(target: &Target, until: Instant) -> Result<Damage, String> {
    forge_from(target, until, |number| {
        Ipv4Addr::new(127, 77, number.div_euclid(250) as u8, (number % 250) as u8 + 1)
    })
}

/// Handshakes from one address, whose Data bear the address where the canaries live.
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

/// One client that connects, leaves, and connects again, as fast as it is let.
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

/// One client that resumes its session, as fast as it is let.
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

/// 2,500 handshakes a second with valid cookies from 120 addresses, none of which is finished.
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

/// Connections that one forger tries for.
const FORGERS: usize = 300;
