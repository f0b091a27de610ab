//! All clients, and the loop that drives them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use tickwire_core::ConnectOptions;
use tickwire_core::crypto::Key;
use tickwire_native::NetworkAddress;

use super::Load;
use super::client::LoadClient;
use super::tally::Tally;

/// All clients.
pub(super) struct Crowd {
    clients: Vec<LoadClient>,
}

impl Crowd {
    /// Opens all sockets.
    pub(super) fn start(clients: u16) -> Result<Self, String> {
        let registry = tickwire_server::registry::<Load>().map_err(|error| error.to_string())?;
        let clients = (0..clients).map(|_| LoadClient::start(&registry));
        let clients = clients.collect::<Result<_, _>>().map_err(|error| {
            format!("{error}; each client takes a socket, a thread and three files: see `ulimit -n`")
        })?;
        Ok(Self { clients })
    }

    /// Connects all, a few at a time. `Err` says how many were not let in, and why.
    pub(super) fn connect(&mut self, server: &NetworkAddress, key: Key) -> Result<(), String> {
        for client in &mut self.clients {
            client.dial(server, ConnectOptions::new(key).timeout(PATIENCE));
            thread::sleep(BETWEEN_DIALS);
        }
        while self.clients.iter_mut().any(LoadClient::is_dialling) {
            thread::sleep(LOOK);
        }
        let present = self.present();
        if present == self.clients.len() {
            return Ok(());
        }
        let missing = self.clients.len() - present;
        Err(format!("{missing} clients were not let in: {:?}", self.troubles()))
    }

    /// Has every client send `rate` messages per second, for so long. Their turns are spread over the interval, so that
    /// not all send at once. Returns how many rounds there were, and by how much the latest began late.
    pub(super) fn play(&mut self, rate: u32, time: Duration) -> (u64, Duration) {
        let interval = Duration::from_secs(1) / rate;
        let began = Instant::now();
        let (mut rounds, mut latest) = (0u32, Duration::ZERO);
        while interval * rounds < time {
            let due = began + interval * rounds;
            let part = self.clients.len().div_ceil(PARTS).max(1);
            for (number, part) in self.clients.chunks_mut(part).enumerate() {
                let due = due + interval / PARTS as u32 * number as u32;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                latest = latest.max(due.elapsed());
                for client in part {
                    client.drain();
                    client.send();
                }
            }
            rounds += 1;
        }
        (rounds.into(), latest)
    }

    /// Takes in what still comes, for so long.
    pub(super) fn settle(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.clients.iter_mut().for_each(LoadClient::drain);
            thread::sleep(LOOK);
        }
    }

    /// Clients that are connected.
    pub(super) fn present(&self) -> usize {
        self.clients.iter().filter(|client| client.is_in).count()
    }

    pub(super) fn tally(&self) -> Tally {
        self.clients.iter().map(|client| client.tally).sum()
    }

    /// What befell clients, and how many of them.
    pub(super) fn troubles(&self) -> BTreeMap<String, usize> {
        let mut troubles = BTreeMap::new();
        for trouble in self.clients.iter().filter_map(|client| client.trouble.clone()) {
            *troubles.entry(trouble).or_default() += 1;
        }
        troubles
    }
}

/// How long one may take to be let in, in a crowd.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_DIALS: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_millis(20);
/// Turns are spread over so many parts of the interval.
const PARTS: usize = 10;
