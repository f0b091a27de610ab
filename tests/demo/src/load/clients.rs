//! All clients, and the loop that drives them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tickwire_core::PublicKey;

use super::LoadGame;
use super::args::Args;
use super::client::{Desk, LoadClient};
use super::tally::Tally;

/// All clients.
pub(super) struct Clients {
    clients: Vec<LoadClient>,
    desk: Desk,
}

/// The figures of one period of play at the clients.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Play {
    /// The number of messages that each client had to send.
    pub(super) rounds: u64,
    /// The largest delay of a message after its planned time.
    pub(super) latest: Duration,
}

impl Clients {
    /// Opens all sockets, and waits until all clients are connected. The error states the number of clients that could
    /// not connect, and the reasons.
    pub(super) fn connect(args: &Args, server: SocketAddr, key: PublicKey) -> Result<Self, String> {
        let clients = args.clients;
        // Those that rest beat as players do who came at any time.
        let between = if args.idle { HEARTBEAT / u32::from(clients.max(1)) } else { BETWEEN_DIALS };
        let registry = tickwire_server::registry::<LoadGame>().map_err(|error| error.to_string())?;
        let mut all = Self { clients: Vec::new(), desk: Desk::new(registry) };
        for _ in 0..clients {
            all.clients.push(LoadClient::dial(&mut all.desk, server, key)?);
            all.settle(between);
        }
        while all.clients.iter().any(|client| !client.is_in && client.trouble.is_none()) {
            all.settle(LOOK);
        }
        match usize::from(clients) - all.present() {
            0 => Ok(all),
            missing => Err(format!("{missing} clients could not connect: {:?}", all.troubles())),
        }
    }

    /// Makes every client send `rate` messages per second for `time`. The clients' turns are spread over the interval,
    /// so that not all clients send at once.
    pub(super) fn play(&mut self, rate: u32, time: Duration) -> Play {
        let interval = Duration::from_secs(1) / rate;
        let part = self.clients.len().div_ceil(PARTS).max(1);
        let (began, mut play) = (Instant::now(), Play::default());
        for round in 0.. {
            let due = began + interval * round;
            if due >= began + time {
                break;
            }
            for (number, part) in (0..).zip(self.clients.chunks_mut(part)) {
                let due = due + interval / PARTS as u32 * number;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                play.latest = play.latest.max(due.elapsed());
                for client in part {
                    client.receive(&mut self.desk);
                    client.send(&self.desk);
                    client.flush(&mut self.desk);
                }
            }
            play.rounds += 1;
        }
        play
    }

    /// Keeps the connections for `time` without messages. The loop waits until a client has work to do, so that the
    /// clients' work is not bunched.
    pub(super) fn rest(&mut self, time: Duration) -> Play {
        let began = Instant::now();
        while let Some(left) = time.checked_sub(began.elapsed()) {
            let due = self.clients.iter().map(LoadClient::due).min();
            let wait = due.map_or(left, |due| self.desk.until(due).min(left));
            let mut waiting: Vec<PollFd<'_>> =
                self.clients.iter().map(|client| PollFd::new(client.socket(), PollFlags::IN)).collect();
            // An interruption is an early call.
            let _woken = poll(&mut waiting, Timespec::try_from(wait).ok().as_ref());
            let has_come: Vec<bool> = waiting.iter().map(|entry| !entry.revents().is_empty()).collect();
            for (client, has_come) in self.clients.iter_mut().zip(has_come) {
                if has_come || self.desk.until(client.due()).is_zero() {
                    client.receive(&mut self.desk);
                    client.flush(&mut self.desk);
                }
            }
        }
        Play::default()
    }

    /// Receives for `time` the messages that are still in flight.
    pub(super) fn settle(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            for client in &mut self.clients {
                client.receive(&mut self.desk);
                client.flush(&mut self.desk);
            }
            thread::sleep(LOOK.min(time));
        }
    }

    /// Returns the number of connected clients.
    pub(super) fn present(&self) -> usize {
        self.clients.iter().filter(|client| client.is_in).count()
    }

    pub(super) fn tally(&self) -> Tally {
        self.clients.iter().map(|client| client.tally).sum()
    }

    /// Returns the clients' problems, each with the number of clients that had it.
    pub(super) fn troubles(&self) -> BTreeMap<String, usize> {
        let mut troubles = BTreeMap::new();
        for trouble in self.clients.iter().filter_map(|client| client.trouble.clone()) {
            *troubles.entry(trouble).or_default() += 1;
        }
        troubles
    }
}

/// The heartbeat interval of the default configuration.
const HEARTBEAT: Duration = Duration::from_secs(5);
const BETWEEN_DIALS: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_millis(20);
/// The number of parts of the interval over which the clients' turns are spread.
const PARTS: usize = 25;
