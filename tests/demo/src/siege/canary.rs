//! The canary: connects a new honest client every 250 ms, and measures the time until the server accepts the client.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tickwire_core::{ConnectionId, Event};

use super::host::Host;
use super::server::Target;

/// The results of the canaries.
#[derive(Clone, Debug, Default)]
pub(super) struct Canaries {
    /// The times until canaries were connected, in ascending order.
    pub(super) times: Vec<Duration>,
    pub(super) failed: usize,
}

impl Canaries {
    /// Returns the time within which `percent` percent of the connected canaries were connected.
    pub(super) fn percentile(&self, percent: usize) -> Option<Duration> {
        self.times.get((self.times.len() * percent).div_ceil(100).saturating_sub(1)).copied()
    }

    /// Returns the share of the canaries that were connected, in percent.
    pub(super) fn success(&self) -> f64 {
        let all = self.times.len() + self.failed;
        if all == 0 { 100.0 } else { self.times.len() as f64 * 100.0 / all as f64 }
    }
}

struct Canary {
    host: Host,
    began: Instant,
    connection: ConnectionId,
    is_welcome: bool,
}

/// Connects canaries until `until`, each from a different address or all from `at`, and waits for the end of the last
/// canary.
pub(super) fn sing(target: &Target, at: Option<Ipv4Addr>, until: Instant) -> Result<Canaries, String> {
    let mut canaries = Canaries::default();
    let (mut flying, mut leaving): (Vec<Canary>, Vec<(Host, Instant)>) = (Vec::new(), Vec::new());
    let mut next = Instant::now();
    let mut number = 0u8;
    while Instant::now() < until || !flying.is_empty() || !leaving.is_empty() {
        let now = Instant::now();
        if now >= next && now < until {
            next += EVERY;
            number = number.wrapping_add(1);
            let ip = at.unwrap_or_else(|| fresh(number));
            let mut host = Host::new(ip, target, |config| config.reconnect = false)?;
            let connection = host.dial()?;
            flying.push(Canary { host, began: now, connection, is_welcome: false });
        }
        let mut index = 0;
        while let Some(canary) = flying.get_mut(index) {
            match canary.turn() {
                None => index += 1,
                Some(is_in) => {
                    let Canary { mut host, began, .. } = flying.swap_remove(index);
                    match is_in {
                        true => canaries.times.push(began.elapsed()),
                        false => canaries.failed += 1,
                    }
                    host.leave();
                    leaving.push((host, Instant::now() + GOODBYE));
                }
            }
        }
        leaving.retain_mut(|(host, end)| {
            host.turn();
            Instant::now() < *end
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    canaries.times.sort_unstable();
    Ok(canaries)
}

impl Canary {
    /// Runs the canary's timers and datagrams. Returns whether the canary was connected, or `None` while the result is
    /// open.
    fn turn(&mut self) -> Option<bool> {
        for event in self.host.turn() {
            match event {
                Event::Connected { .. } => self.is_welcome = true,
                Event::Closed { .. } => return Some(false),
                _ => {}
            }
        }
        let stats = self.host.endpoint.stats(self.connection);
        // A Welcome is no place: only who has one is sent Data.
        let is_in = self.is_welcome && stats.is_some_and(|stats| stats.datagrams_received > 0);
        match is_in {
            true => Some(true),
            false if self.began.elapsed() > PATIENCE => Some(false),
            false => None,
        }
    }
}

/// Returns a new address for each canary of an attack.
fn fresh(number: u8) -> Ipv4Addr {
    static SERIES: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
    let series = SERIES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Ipv4Addr::new(127, 50, series, number.max(1))
}

const EVERY: Duration = Duration::from_millis(250);
/// The time after which a canary that is not connected counts as failed, because a player would give up.
const PATIENCE: Duration = Duration::from_secs(4);
/// The time for which a canary that leaves repeats its close.
const GOODBYE: Duration = Duration::from_millis(300);
