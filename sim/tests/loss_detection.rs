//! How soon the sender of a flow both ways learns that a datagram was lost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use tickwire_core::{Config, Event, Instant};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};

const TICK_US: u64 = 16_667;
/// The client's ticks come so long after the server's.
const PHASE_US: u64 = 6_000;
/// One of so many datagrams is lost, one way.
const LOST_ONE_OF: u64 = 40;

/// A game that sends a message a tick both ways.
struct Game {
    pair: Pair,
    /// When datagrams come, where to, and how many left before.
    flying: BTreeSet<(Instant, u64, usize, Vec<u8>)>,
    one_way: Duration,
    sent: u64,
    /// When the server sent what was lost and is not known to be.
    lost: Vec<Instant>,
    delays: Vec<Duration>,
}

impl Game {
    fn new(one_way: Duration) -> Self {
        let mut pair = Pair::new(Instant::ZERO, &Config::new(1));
        pair.connect(1);
        pair.pass(Duration::from_secs(1));
        Self { pair, flying: BTreeSet::new(), one_way, sent: 0, lost: Vec::new(), delays: Vec::new() }
    }

    /// Sends what an end has to send, and sees what it knows.
    fn drive(&mut self, end: usize, loses: bool) {
        let now = self.pair.now;
        self.pair.ends[end].handle_timeout(now);
        while self.pair.ends[end].poll_event().is_some_and(|event| !matches!(event, Event::Closed { .. })) {}
        for datagram in self.pair.take(end) {
            self.sent += 1;
            if end == SERVER
                && loses
                && self.sent.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 < (1 << 32) / LOST_ONE_OF
            {
                self.lost.push(now);
            } else {
                self.flying.insert((now + self.one_way, self.sent, 1 - end, datagram));
            }
        }
    }

    fn known(&self) -> u64 {
        self.pair.ends[SERVER].stats(self.pair.connections[SERVER][0]).unwrap().datagrams_lost
    }

    fn run(&mut self, time: Duration, loses: bool) {
        let begun = self.pair.now;
        let at =
            |tick: u64, end: usize| begun + Duration::from_micros(tick * TICK_US + PHASE_US * end as u64);
        let mut ticks = [0, 0];
        let mut known = self.known();
        while self.pair.now < begun + time {
            let timers = self.pair.ends.each_ref().map(|end| end.poll_timeout().0);
            let comes = self.flying.first().map_or(Instant::MAX, |first| first.0);
            let next =
                [at(ticks[0], 0), at(ticks[1], 1), comes, timers[0], timers[1]].into_iter().min().unwrap();
            self.pair.now = self.pair.now.max(next);
            while let Some(first) = self.flying.first().filter(|first| first.0 <= self.pair.now).cloned() {
                self.flying.remove(&first);
                let (_, _, end, mut datagram) = first;
                self.pair.give(end, &mut datagram);
                self.drive(end, loses);
            }
            for end in [SERVER, CLIENT] {
                if at(ticks[end], end) <= self.pair.now {
                    ticks[end] += 1;
                    self.pair.send(end, 0, vec![0; 100]);
                }
                self.drive(end, loses);
            }
            for _ in known..self.known() {
                known += 1;
                if !self.lost.is_empty() {
                    let sent_at = self.lost.remove(0);
                    self.delays.push(self.pair.now - sent_at);
                }
            }
        }
    }
}

#[test]
fn a_loss_is_known_soon_after_a_round_trip_in_a_flow_both_ways_and_no_datagram_goes_for_an_acknowledgement_alone()
 {
    for one_way_ms in [10, 50, 100, 150] {
        let mut game = Game::new(Duration::from_millis(one_way_ms));
        game.run(Duration::from_secs(5), false);
        let before = game.sent;
        game.run(Duration::from_secs(10), false);
        let datagrams = game.sent - before;
        game.run(Duration::from_secs(60), true);
        game.run(Duration::from_secs(2), false);
        let mut delays = game.delays.clone();
        delays.sort_unstable();
        let (count, round_trip) = (delays.len(), Duration::from_millis(2 * one_way_ms));
        let mean = delays.iter().sum::<Duration>() / count as u32;
        let p95 = delays[count * 95 / 100];
        println!(
            "{round_trip:?}: {count} losses known {mean:.1?} after sending, p95 {p95:.1?}; {datagrams} datagrams in 10 s without loss"
        );
        assert!(game.lost.is_empty(), "{:?}", game.lost);
        assert!(mean <= round_trip + Duration::from_millis(60), "{round_trip:?}: {mean:?}");
        assert!(p95 <= round_trip + Duration::from_millis(90), "{round_trip:?}: {p95:?}");
        assert!(datagrams <= 1_260, "{round_trip:?}: {datagrams} datagrams for 1,200 ticks");
    }
}
