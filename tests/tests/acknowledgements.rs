//! A driver receives many datagrams before it polls for the next transmit: the endpoint still acknowledges all of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tickwire_core::{ChannelId, Config, ConnectionId, Duration, Event, Instant, LinkProperties};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};

/// The properties of a data channel that loses and reorders datagrams.
const CHANNEL: LinkProperties =
    LinkProperties { reliable: false, ordered: false, congestion_controlled: true, max_datagram: 1200 };
/// The one-way delay of the network.
const DELAY: Duration = Duration::from_millis(25);
/// The time after which the server's driver polls for datagrams to send, even if it received few datagrams.
const TURN: Duration = Duration::from_millis(200);

/// The datagrams from the client that the network drops.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The network drops random datagrams: on average, this number of every 1000.
    Random(u64),
    /// The network drops every second datagram.
    Alternating,
}

/// A client that sends as much as possible, to a server whose driver receives `batch` datagrams per turn.
struct Run {
    pair: Pair,
    batch: usize,
    loss: Loss,
    /// The number of dropped datagrams per thousand, of those to the client.
    loss_back: u64,
    random: u64,
    /// The datagrams in transit, by arrival time and sequence number, with the receiver's index and the bytes.
    flying: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    count: u64,
    taken: usize,
    polled_at: Instant,
    /// The numbers of the client's datagrams that were dropped and that arrived, since the client was connected.
    dropped: u64,
    arrived: u64,
    /// `true` once the network drops datagrams.
    is_lossy: bool,
    connection: Option<ConnectionId>,
    messages: u64,
}

impl Run {
    fn new(is_link: bool, batch: usize, loss: Loss, loss_back: u64) -> Self {
        let mut pair = Pair::new(Instant::ZERO, &Config::new(1));
        pair.room = 1 << 16;
        if is_link {
            pair.open_link(CHANNEL);
        }
        let connection = pair.dial();
        let mut run = Self {
            pair,
            batch,
            loss,
            loss_back,
            random: 0x9e37_79b9_7f4a_7c15,
            flying: BTreeMap::new(),
            count: 0,
            taken: 0,
            polled_at: Instant::ZERO,
            dropped: 0,
            arrived: 0,
            is_lossy: false,
            connection: None,
            messages: 0,
        };
        run.run_for(Duration::from_secs(2));
        assert!(run.pair.ends[CLIENT].stats(connection).is_some());
        run.connection = Some(connection);
        run.is_lossy = true;
        run
    }

    fn chance(&mut self, permille: u64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000 < permille
    }

    fn is_dropped(&mut self, to: usize) -> bool {
        if !self.is_lossy {
            return false;
        }
        if to == CLIENT {
            return self.chance(self.loss_back);
        }
        let is_dropped = match self.loss {
            Loss::Random(permille) => self.chance(permille),
            Loss::Alternating => self.count.is_multiple_of(2),
        };
        self.dropped += u64::from(is_dropped);
        self.arrived += u64::from(!is_dropped);
        is_dropped
    }

    fn transmit(&mut self, end: usize) {
        for datagram in self.pair.take(end) {
            let to = 1 - end;
            self.count += 1;
            if !self.is_dropped(to) {
                self.flying.insert((self.pair.now + DELAY, self.count), (to, datagram));
            }
        }
    }

    /// Runs one turn of the server's driver.
    fn turn(&mut self) {
        (self.taken, self.polled_at) = (0, self.pair.now);
        self.transmit(SERVER);
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.pair.now + time;
        while self.pair.now < end {
            if let Some(connection) = self.connection {
                while self.pair.ends[CLIENT]
                    .send(self.pair.now, connection, ChannelId(1), vec![7; 1000])
                    .is_ok()
                {}
            }
            self.transmit(CLIENT);
            let mut next = end.min(self.pair.ends[CLIENT].poll_timeout().0).min(self.polled_at + TURN);
            next = next.min(self.flying.keys().next().map_or(Instant::MAX, |(at, _)| *at));
            self.pair.now = self.pair.now.max(next);
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.pair.now) {
                let (to, mut bytes) = entry.remove();
                self.pair.give(to, &mut bytes);
                if to == SERVER {
                    self.taken += 1;
                    if self.taken >= self.batch {
                        self.turn();
                    }
                }
            }
            let now = self.pair.now;
            self.pair.ends.iter_mut().for_each(|end| end.handle_timeout(now));
            if self.pair.now >= self.polled_at + TURN || !self.is_lossy {
                self.turn();
            }
            let is_message = |event: &&Event| matches!(event, Event::Message { .. });
            self.messages += self.pair.events(SERVER).iter().filter(is_message).count() as u64;
            self.pair.events(CLIENT);
        }
    }

    /// Returns the number of datagrams that the client declared lost.
    fn declared(&self) -> u64 {
        self.pair.ends[CLIENT].stats(self.connection.unwrap()).unwrap().datagrams_lost
    }
}

const LOSSES: [(Loss, u64); 5] = [
    (Loss::Random(50), 0),
    (Loss::Random(200), 0),
    (Loss::Random(300), 0),
    (Loss::Random(200), 200),
    (Loss::Alternating, 0),
];

/// Makes the client send for two seconds. Returns the number of datagrams that the client declared lost, and the number
/// that were dropped.
fn losses(is_link: bool, batch: usize, (loss, back): (Loss, u64)) -> (u64, u64) {
    let mut run = Run::new(is_link, batch, loss, back);
    run.run_for(Duration::from_secs(2));
    let what = format!("link {is_link}, {batch} per turn, {loss:?}, {back} back");
    let (declared, dropped) = (run.declared(), run.dropped);
    println!(
        "{what}: {declared} declared lost of {dropped}, {} arrived, {} messages",
        run.arrived, run.messages
    );
    (declared, dropped)
}

#[test]
fn at_most_5_percent_more_datagrams_are_declared_lost_than_dropped_at_any_driver_batch_size() {
    for batch in [1, 300, 700, 8192] {
        for loss in LOSSES {
            for is_link in [true, false] {
                let (declared, dropped) = losses(is_link, batch, loss);
                assert!(declared * 100 <= dropped * 105);
                // What is missing was in flight at the end.
                assert!(declared * 100 >= dropped * 75 || dropped < 1500, "what was lost is found");
            }
        }
    }
}

/// Returns the number of datagrams of both ends in ten seconds. Each end sends a message every tick, and the ticks of
/// the two ends are half a tick apart.
fn datagrams_both_ways(hertz: u64) -> u64 {
    let mut pair = Pair::new(Instant::ZERO, &Config::new(1));
    pair.connect(1);
    pair.pass(Duration::from_secs(1));
    let half = Duration::from_micros(500_000 / hertz);
    let count = Rc::new(Cell::new(0));
    let counter = Rc::clone(&count);
    pair.harm = Box::new(move |_, _| {
        counter.set(counter.get() + 1);
        true
    });
    for _ in 0..10 * hertz {
        for end in [SERVER, CLIENT] {
            pair.send(end, 0, vec![7; 100]);
            pair.flush();
            pair.pass(half);
        }
    }
    count.get()
}

#[test]
fn acks_add_at_most_two_percent_to_the_datagrams_of_two_way_traffic() {
    for hertz in [15, 20, 25, 30, 60, 128] {
        let (datagrams, messages) = (datagrams_both_ways(hertz), 20 * hertz);
        assert!(datagrams <= messages * 102 / 100 + 4, "{hertz} Hz: {datagrams} for {messages} messages");
    }
}
