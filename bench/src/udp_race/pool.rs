//! Runs all clients of one server on one thread, with one socket per client and `epoll`.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::os::fd::BorrowedFd;
use std::sync::mpsc::Receiver;

use anyhow::{Context, Result};
use rustix::event::{Timespec, epoll};

use crate::ledger::Ledger;
use crate::measure::{Pace, now};
use crate::message::{Kind, message};
use crate::orders::{Answer, Order, Setup, order_queue};

/// A client that the loop of this module can drive.
pub(crate) trait Client: Sized {
    /// `true` if the loop must call [`Client::tick`].
    const TICKS: bool;

    /// Creates a client, which sends nothing yet.
    fn new(setup: &Setup, number: usize, socket: UdpSocket) -> Result<Self>;
    /// Returns the client's socket.
    fn socket(&self) -> BorrowedFd<'_>;
    /// Begins to connect.
    fn connect(&mut self) -> Result<()>;
    /// Returns whether the client can send and receive messages.
    fn is_connected(&self) -> bool;
    /// Reads all datagrams from the socket, and passes the messages to `inbox`.
    fn on_readable(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()>;
    /// Sends a reliable message immediately.
    fn send(&mut self, message: &[u8]) -> Result<()>;
    /// Does the work that the client's stack requires at regular intervals.
    fn tick(&mut self, _inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        Ok(())
    }
    /// Returns the time at which [`Client::on_timeout`] is due, in nanoseconds of the monotonic clock.
    fn deadline(&self) -> u64 {
        u64::MAX
    }
    /// Handles the expiry of the deadline.
    fn on_timeout(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Runs all clients of `setup` until the parent process has ended.
pub(crate) fn run<C: Client>(setup: &Setup) -> Result<()> {
    let orders = order_queue();
    let mut pool = Pool::<C>::new(setup)?;
    Answer::Ready.say()?;
    pool.run(&orders)
}

struct Pool<C> {
    epoll: rustix::fd::OwnedFd,
    clients: Vec<C>,
    ledger: Ledger,
    deadlines: BTreeSet<(u64, usize)>,
    /// The deadline of each client, as stored in `deadlines`.
    noted: Vec<u64>,
    is_connected: Vec<bool>,
    connected: usize,
    connecting_since: Option<u64>,
    ping: Option<Ping>,
    /// The time between two messages of one client, in nanoseconds. Zero disables messages.
    talk: u64,
    talked: Vec<u64>,
    ticks: usize,
}

struct Ping {
    number: u64,
    client: usize,
    until: u64,
    /// `true` if the echo of the latest ping has arrived.
    is_answered: bool,
}

impl<C: Client> Pool<C> {
    fn new(setup: &Setup) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clients = Vec::with_capacity(setup.clients);
        for number in 0..setup.clients {
            let socket = UdpSocket::bind("127.0.0.1:0").context("cannot open the socket of a client")?;
            socket.set_nonblocking(true)?;
            clients.push(C::new(setup, number, socket)?);
        }
        for (number, client) in clients.iter().enumerate() {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, client.socket(), data, epoll::EventFlags::IN)?;
        }
        let count = clients.len();
        Ok(Self {
            epoll,
            clients,
            ledger: Ledger::new(count),
            deadlines: BTreeSet::new(),
            noted: vec![u64::MAX; count],
            is_connected: vec![false; count],
            connected: 0,
            connecting_since: None,
            ping: None,
            talk: 0,
            talked: vec![0; count],
            ticks: 0,
        })
    }

    fn run(&mut self, orders: &Receiver<Order>) -> Result<()> {
        let mut pace = Pace::new();
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let due = self.deadlines.first().map_or(u64::MAX, |(at, _)| *at).min(pace.next());
            let wait = due.saturating_sub(now());
            let timeout =
                Timespec { tv_sec: (wait / 1_000_000_000) as i64, tv_nsec: (wait % 1_000_000_000) as _ };
            events.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout))?;
            for event in &events {
                let number = event.data.u64() as usize;
                self.with(number, Client::on_readable)?;
            }
            while let Some(&(at, number)) = self.deadlines.first()
                && at <= now()
            {
                self.with(number, |client, _| client.on_timeout())?;
            }
            self.go_on_pinging()?;
            if pace.is_due() {
                self.tick()?;
                while let Ok(order) = orders.try_recv() {
                    self.obey(order)?;
                }
            }
        }
    }

    /// Calls a function with one client, and updates the client's deadline and state.
    fn with(
        &mut self,
        number: usize,
        act: impl FnOnce(&mut C, &mut dyn FnMut(&[u8])) -> Result<()>,
    ) -> Result<()> {
        let Some(client) = self.clients.get_mut(number) else { return Ok(()) };
        let (ledger, ping) = (&mut self.ledger, &mut self.ping);
        act(client, &mut |bytes| {
            if ledger.enter(bytes)
                && let Some(ping) = ping
            {
                ping.is_answered = true;
            }
        })
        .with_context(|| format!("client {number} failed"))?;
        let deadline = client.deadline();
        let noted = &mut self.noted[number];
        if *noted != deadline {
            self.deadlines.remove(&(*noted, number));
            *noted = deadline;
            if deadline != u64::MAX {
                self.deadlines.insert((deadline, number));
            }
        }
        let was_connected = &mut self.is_connected[number];
        let is_connected = client.is_connected();
        if is_connected && !*was_connected {
            self.connected += 1;
        } else if !is_connected && *was_connected {
            anyhow::bail!("the connection of client {number} was lost");
        }
        *was_connected = is_connected;
        if self.connected == self.clients.len()
            && let Some(since) = self.connecting_since.take()
        {
            Answer::Connected { elapsed: now() - since }.say()?;
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        self.ticks += 1;
        // Many clients take turns: sixty ticks a second for each of a thousand would be the clients' load, not the server's.
        let stride = if self.clients.len() > CROWD { 6 } else { 1 };
        let (clients, ticks) = (self.clients.len(), self.ticks);
        if C::TICKS {
            for number in (ticks % stride..clients).step_by(stride) {
                self.with(number, Client::tick)?;
            }
        }
        if self.talk > 0 {
            let now = now();
            for number in 0..clients {
                if now - self.talked[number] >= self.talk {
                    // From the second message on, so that they do not all talk at once.
                    let first = now - self.talk * (number as u64 % 16) / 16;
                    self.talked[number] = if self.talked[number] == 0 { first } else { now };
                    self.with(number, |client, _| client.send(&message(Kind::Stream, 0)))?;
                }
            }
        }
        Ok(())
    }

    fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Connect => {
                self.connecting_since = Some(now());
                for number in 0..self.clients.len() {
                    self.with(number, |client, _| client.connect())?;
                }
                Ok(())
            }
            Order::Ping { milliseconds } => {
                let until = now() + milliseconds * 1_000_000;
                self.ping = Some(Ping { number: 0, client: 0, until, is_answered: true });
                self.go_on_pinging()
            }
            Order::Talk { every } => {
                self.talk = every * 1_000_000;
                Answer::Done.say()
            }
            Order::Reset => {
                self.ledger.reset();
                Answer::Done.say()
            }
            Order::Count => self.ledger.count().say(),
            Order::Broadcasts => self.ledger.broadcasts().say(),
            other => {
                anyhow::bail!("the clients cannot follow the order {other:?}; this is a bug in the benchmark")
            }
        }
    }

    /// Sends the next ping if the echo of the latest ping has arrived. Ends the measurement at its end time.
    fn go_on_pinging(&mut self) -> Result<()> {
        let Some(ping) = &mut self.ping else { return Ok(()) };
        if now() > ping.until {
            self.ping = None;
            return self.ledger.round_trips().say();
        }
        if !ping.is_answered {
            return Ok(());
        }
        ping.is_answered = false;
        ping.number += 1;
        ping.client = (ping.client + 1) % self.clients.len();
        let (number, client) = (ping.number, ping.client);
        self.ledger.expect(number);
        self.with(client, |client, _| client.send(&message(Kind::Ping, number)))
    }
}

const EVENTS: usize = 256;
/// The number of clients above which clients get fewer ticks.
const CROWD: usize = 200;
