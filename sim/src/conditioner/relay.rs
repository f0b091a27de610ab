//! The sockets and threads of a conditioner.
//!
//! One thread reads the datagrams of clients, and one thread per client reads the target's answers. The last thread
//! owns the schedule, and sends the datagrams that are due.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::conditions::{Conditions, ConditionsError};
use super::counters::Counters;
use super::schedule::{Offered, Schedule};
use crate::fault::Direction;

/// The largest number of clients at one time. The conditioner drops the datagrams of further clients.
const CLIENTS_MOST: usize = 4096;
/// The time without a datagram after which the conditioner forgets a client.
const CLIENT_LIFE: Duration = Duration::from_secs(60);
/// The largest number of datagrams that wait between the readers and the schedule.
const HANDED_MOST: usize = 4096;
/// The interval at which a reader checks whether it must end.
const LOOK: Duration = Duration::from_millis(250);
const DATAGRAM_MOST: usize = 65_535;

/// A UDP proxy between real processes, which applies the simulator's link model. Dropping the conditioner stops the
/// proxy.
#[derive(Debug)]
pub struct Conditioner {
    local: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Conditioner {
    /// Starts a proxy that listens on `listen` (with port 0, the system chooses the port) and forwards datagrams to
    /// `to`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the conditions are invalid, or the system's error if `listen` is in use or is not
    /// an address of this machine, or if the system cannot start a thread.
    pub fn start(listen: SocketAddr, to: SocketAddr, conditions: Conditions) -> io::Result<Self> {
        Self::start_forgetting(listen, to, conditions, CLIENT_LIFE)
    }

    /// Starts a proxy as [`Conditioner::start`] does. The proxy forgets a client that is silent for `client_life`.
    fn start_forgetting(
        listen: SocketAddr,
        to: SocketAddr,
        conditions: Conditions,
        client_life: Duration,
    ) -> io::Result<Self> {
        conditions
            .check()
            .map_err(|error: ConditionsError| io::Error::new(ErrorKind::InvalidInput, error))?;
        let front = UdpSocket::bind(listen)?;
        front.set_read_timeout(Some(LOOK))?;
        let local = front.local_addr()?;
        let shared = Arc::new(Shared {
            front,
            to,
            client_life,
            began: Instant::now(),
            is_over: AtomicBool::new(false),
            clients: Mutex::default(),
            figures: AtomicCounters::default(),
            #[cfg(test)]
            lanes: Default::default(),
        });
        let (hand, handed) = sync_channel(HANDED_MOST);
        let reader = Arc::clone(&shared);
        let sender = Arc::clone(&shared);
        let threads = vec![
            spawn("conditioner clients", move || reader.read_front(&hand))?,
            spawn("conditioner schedule", move || sender.keep_schedule(&handed, conditions))?,
        ];
        Ok(Self { local, shared, threads })
    }

    /// Returns the local address to which clients must send.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Returns the conditioner's counters so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.figures.read()
    }
}

impl Drop for Conditioner {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing more to say than its panic did.
            drop(thread.join());
        }
    }
}

/// A message from a reader to the schedule.
enum News {
    Datagram(Handed),
    /// The conditioner removed the client with this number.
    Left(usize),
}

/// A datagram that a reader received.
struct Handed {
    at: Instant,
    client: usize,
    direction: Direction,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Client {
    number: usize,
    address: SocketAddr,
    /// The client's socket towards the target.
    back: Arc<UdpSocket>,
    last_heard: Instant,
}

#[derive(Debug, Default)]
struct Clients {
    by_address: BTreeMap<SocketAddr, Client>,
    by_number: BTreeMap<usize, SocketAddr>,
    next: usize,
}

#[derive(Debug)]
struct Shared {
    front: UdpSocket,
    to: SocketAddr,
    client_life: Duration,
    began: Instant,
    is_over: AtomicBool,
    clients: Mutex<Clients>,
    figures: AtomicCounters,
    /// The number of lanes in the schedule.
    #[cfg(test)]
    lanes: std::sync::atomic::AtomicUsize,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_front(self: &Arc<Self>, hand: &SyncSender<News>) {
        let mut buffer = vec![0; DATAGRAM_MOST];
        while !self.is_over() {
            // Errors are echoes of datagrams that could not be delivered: nothing to do about them.
            let Ok((length, from)) = self.front.recv_from(&mut buffer) else { continue };
            let at = Instant::now();
            self.figures.received.fetch_add(1, Ordering::Relaxed);
            let Some(client) = self.find_client(from, at, hand) else {
                self.figures.overflowed.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            self.hand(
                hand,
                Handed { at, client, direction: Direction::Up, bytes: buffer[..length].to_vec() },
            );
        }
    }

    /// Returns the number of the client at `from`. The first datagram from an address creates its client.
    fn find_client(
        self: &Arc<Self>,
        from: SocketAddr,
        now: Instant,
        hand: &SyncSender<News>,
    ) -> Option<usize> {
        let mut clients = self.clients();
        if let Some(client) = clients.by_address.get_mut(&from) {
            client.last_heard = now;
            return Some(client.number);
        }
        if clients.by_address.len() >= CLIENTS_MOST {
            return None;
        }
        let any = match self.to {
            SocketAddr::V4(_) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            SocketAddr::V6(_) => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
        };
        let back = UdpSocket::bind(any).ok()?;
        back.connect(self.to).ok()?;
        back.set_read_timeout(Some(LOOK)).ok()?;
        let back = Arc::new(back);
        let number = clients.next;
        clients.next += 1;
        clients.by_number.insert(number, from);
        let client = Client { number, address: from, back: Arc::clone(&back), last_heard: now };
        clients.by_address.insert(from, client);
        drop(clients);
        self.figures.clients.fetch_add(1, Ordering::Relaxed);
        let (shared, hand) = (Arc::clone(self), hand.clone());
        // Without a thread its answers are lost, as on a bad network; the next datagram does not try again.
        spawn("conditioner target", move || shared.read_back(number, from, &back, &hand)).ok()?;
        Some(number)
    }

    /// Reads the target's datagrams to one client, until the client has been silent for too long.
    fn read_back(&self, client: usize, address: SocketAddr, back: &UdpSocket, hand: &SyncSender<News>) {
        let mut buffer = vec![0; DATAGRAM_MOST];
        while !self.is_over() {
            match back.recv(&mut buffer) {
                Ok(length) => {
                    let at = Instant::now();
                    self.figures.received.fetch_add(1, Ordering::Relaxed);
                    let bytes = buffer[..length].to_vec();
                    self.hand(hand, Handed { at, client, direction: Direction::Down, bytes });
                }
                Err(_) => {
                    let mut clients = self.clients();
                    let last = clients.by_address.get(&address).map(|client| client.last_heard);
                    if last.is_none_or(|last| last.elapsed() > self.client_life) {
                        clients.by_address.remove(&address);
                        clients.by_number.remove(&client);
                        drop(clients);
                        // At the end nobody listens any more.
                        drop(hand.send(News::Left(client)));
                        return;
                    }
                }
            }
        }
    }

    fn hand(&self, hand: &SyncSender<News>, datagram: Handed) {
        if hand.try_send(News::Datagram(datagram)).is_err() {
            self.figures.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn keep_schedule(&self, handed: &Receiver<News>, conditions: Conditions) {
        let mut schedule = Schedule::new(conditions);
        let mut last_us = 0;
        let us = |at: Instant| at.saturating_duration_since(self.began).as_micros() as u64;
        while !self.is_over() {
            let now_us = us(Instant::now());
            while let Some(parcel) = schedule.take_due(now_us) {
                self.pass_on(parcel.client, parcel.direction, &parcel.bytes, &mut schedule);
                schedule.give_back(parcel.bytes);
            }
            let wait = schedule.next_us().map_or(LOOK, |at| Duration::from_micros(at.saturating_sub(now_us)));
            match handed.recv_timeout(wait.min(LOOK)) {
                Ok(News::Left(client)) => schedule.forget(client),
                Ok(News::Datagram(datagram)) => {
                    // Several readers hand over, each in its own order.
                    last_us = last_us.max(us(datagram.at));
                    let Handed { client, direction, ref bytes, .. } = datagram;
                    match schedule.offer(last_us, client, direction, bytes) {
                        Offered::Underway(0) => self.figures.lost.fetch_add(1, Ordering::Relaxed),
                        Offered::Underway(_) => 0,
                        Offered::Overflowed => self.figures.overflowed.fetch_add(1, Ordering::Relaxed),
                    };
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            #[cfg(test)]
            self.lanes.store(schedule.lanes(), Ordering::Relaxed);
        }
    }

    fn pass_on(&self, client: usize, direction: Direction, bytes: &[u8], schedule: &mut Schedule) {
        let clients = self.clients();
        let found = clients.by_number.get(&client).and_then(|address| clients.by_address.get(address));
        let Some(found) = found else {
            drop(clients);
            schedule.forget(client);
            return;
        };
        let (back, address) = (Arc::clone(&found.back), found.address);
        drop(clients);
        let figure = match direction {
            Direction::Up => &self.figures.bytes_up,
            Direction::Down => &self.figures.bytes_down,
        };
        self.figures.delivered.fetch_add(1, Ordering::Relaxed);
        figure.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // A target that is not there yet, or any more, hears nothing: as on any network.
        drop(match direction {
            Direction::Up => back.send(bytes),
            Direction::Down => self.front.send_to(bytes, address),
        });
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).stack_size(256 << 10).spawn(run)
}

#[derive(Debug, Default)]
struct AtomicCounters {
    clients: AtomicU64,
    received: AtomicU64,
    delivered: AtomicU64,
    lost: AtomicU64,
    overflowed: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
}

impl AtomicCounters {
    fn read(&self) -> Counters {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Counters {
            clients: read(&self.clients),
            received: read(&self.received),
            delivered: read(&self.delivered),
            lost: read(&self.lost),
            overflowed: read(&self.overflowed),
            bytes_up: read(&self.bytes_up),
            bytes_down: read(&self.bytes_down),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_for(what: impl Fn() -> bool) {
        let began = Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_secs(10), "it did not happen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_conditioner_removes_all_state_of_a_silent_client() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (server, client) = (UdpSocket::bind(any).unwrap(), UdpSocket::bind(any).unwrap());
        let to = server.local_addr().unwrap();
        let life = Duration::from_millis(300);
        let conditioner = Conditioner::start_forgetting(any, to, Conditions::default(), life).unwrap();
        client.send_to(b"hello", conditioner.local_address()).unwrap();
        let mut buffer = [0; 8];
        let (_, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"welcome", from).unwrap();
        client.recv(&mut buffer).unwrap();
        let lanes = || conditioner.shared.lanes.load(Ordering::Relaxed);
        wait_for(|| lanes() == 2);
        wait_for(|| lanes() == 0);
        assert!(conditioner.shared.clients().by_number.is_empty());
    }
}
