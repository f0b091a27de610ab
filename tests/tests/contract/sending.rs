//! Clauses 8 and 9: datagrams are built when they are sent, and sending a packet allocates nothing.

use tickwire_core::crypto::default_provider;
use tickwire_core::wire::{DataHeader, Frame};
use tickwire_core::{Bytes, ChannelConfig, ChannelId, Delivery, Duration, Event, limits};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};
use tickwire_sim::rng::Draws;
use tickwire_tests::allocation;

use super::check;
use crate::script::pairs::{self, frames};
use crate::script::provider;

#[test]
fn clause_08_a_datagram_contains_the_newest_data_at_the_time_of_the_poll() {
    fn fresh_data_is_framed_when_it_leaves(bulk: u16, wait: u8, packets: u8) {
        let mut pair = pairs::connected(1, |config| {
            let [mut urgent, mut stale] = [Delivery::Unreliable; 2].map(ChannelConfig::new);
            urgent.priority = 7;
            stale.lifetime = Some(Duration::from_millis(100));
            config.channels = vec![urgent, ChannelConfig::new(Delivery::ReliableOrdered), stale];
        });
        // The socket is full; meanwhile there is this to say, part of which nobody wants to hear later ...
        pair.send(CLIENT, 2, b"a message that grows stale".to_vec());
        pair.send(CLIENT, 1, vec![0x42; usize::from(bulk)]);
        // ... and the server says something.
        let mut last = 0;
        for _ in 0..packets % 20 {
            pair.now += Duration::from_micros(100);
            pair.send(SERVER, 0, vec![1; 10]);
            for mut datagram in pair.take(SERVER) {
                last = DataHeader::read(&datagram).unwrap().packet_number;
                pair.give(CLIENT, &mut datagram);
            }
        }
        let wait = Duration::from_millis(u64::from(wait) * 2);
        pair.now += wait;
        pair.send(CLIENT, 0, b"the freshest of all".to_vec());
        let mut datagrams = pair.take(CLIENT);
        let has = |datagram: &Vec<u8>, text: &[u8]| datagram.windows(text.len()).any(|window| window == text);
        assert!(has(&datagrams[0], b"the freshest of all"), "what is fresh waits behind what is not");
        let is_late =
            wait + Duration::from_micros(100) * u32::from(packets % 20) >= Duration::from_millis(100);
        let is_stale = |datagram| has(datagram, b"grows stale");
        assert_eq!(datagrams.iter().any(is_stale), !is_late, "after {wait:?}");
        if !packets.is_multiple_of(20) {
            let acked = frames(&datagrams[0]).into_iter().find_map(|frame| match frame {
                Frame::Ack(ack) => Some(ack.largest),
                _ => None,
            });
            assert_eq!(acked, Some(last as u16), "an acknowledgement of yesterday");
        }
        // A datagram that was built when it was asked for is complete: the bulk needs no more of them than it must.
        let total: usize = datagrams.drain(..).map(|datagram| datagram.len()).sum();
        assert!(total <= usize::from(bulk) + usize::from(bulk) / 20 + 300, "{total} bytes");
    }
    check(300, 100, fresh_data_is_framed_when_it_leaves as fn(u16, u8, u8));
}

/// The effect of the network on the datagrams of a game.
#[derive(Clone, Copy, Debug)]
struct Weather {
    /// The number of datagrams of which one is lost. 0 loses none.
    lost: u64,
    /// The largest number of ticks by which a datagram is delayed, so that datagrams overtake each other.
    jitter: u64,
}

/// The rate of the network in bytes per second. Without a bottleneck, windows and tables would grow without limit.
const BANDWIDTH: u64 = 1_000_000;
/// The largest number of datagrams in transit: as many as two ends may have in flight.
const FLIGHT: usize = 2 * limits::PACKETS_IN_FLIGHT;

/// A busy game between two ends that are three ticks apart. The harness itself does not allocate.
struct Game {
    pair: Pair,
    weather: Weather,
    /// The sizes in bytes of the messages that each end sends per tick, one on each channel.
    sizes: &'static [usize],
    draws: Draws,
    datagrams: u64,
    messages: u64,
    /// The number of received messages that are too large to share memory.
    large: u64,
    ticks: u64,
    /// The datagrams in transit: the tick of arrival, the index of the receiver, and the length in bytes.
    flight: Vec<Option<(u64, usize, usize)>>,
    bytes: Vec<[u8; 1200]>,
}

impl Game {
    fn new(pair: Pair, sizes: &'static [usize], weather: Weather) -> Self {
        let (flight, bytes) = (vec![None; FLIGHT], vec![[0; 1200]; FLIGHT]);
        let draws = Draws::new(1);
        Self { pair, weather, sizes, draws, datagrams: 0, messages: 0, large: 0, ticks: 0, flight, bytes }
    }

    fn tick(&mut self) {
        static MESSAGE: [u8; 200_000] = [9; 200_000];
        self.ticks += 1;
        self.pair.now += Duration::from_millis(16);
        for place in 0..self.flight.len() {
            if let Some((_, end, size)) = self.flight[place].take_if(|flying| flying.0 <= self.ticks) {
                self.pair.give(end, &mut self.bytes[place][..size]);
            }
        }
        for end in [SERVER, CLIENT] {
            self.pair.ends[end].handle_timeout(self.pair.now);
            let connection = self.pair.connections[end][0];
            for (channel, size) in (0..).map(ChannelId).zip(self.sizes) {
                let message = Bytes::from_static(&MESSAGE[..*size]);
                // A full queue is no reason to stop.
                let _ = self.pair.ends[end].send(self.pair.now, connection, channel, message);
            }
            let place = |flight: &[Option<_>]| flight.iter().position(Option::is_none).unwrap();
            let mut free = place(&self.flight);
            while let Some(transmit) = self.pair.ends[end].poll_transmit(self.pair.now, &mut self.bytes[free])
            {
                self.datagrams += 1;
                if self.weather.lost == 0 || self.draws.below(self.weather.lost) > 0 {
                    let late = 3 + self.draws.below(self.weather.jitter + 1);
                    self.flight[free] = Some((self.ticks + late, 1 - end, transmit.size));
                    free = place(&self.flight);
                }
            }
            while let Some(event) = self.pair.ends[end].poll_event() {
                let Event::Message { data: message, .. } = event else { continue };
                assert!(message.iter().all(|byte| *byte == 9));
                self.messages += 1;
                self.large += u64::from(message.len() > limits::ARENA_LARGE);
            }
        }
    }
}

impl Game {
    /// Runs the game for a while, and returns the allocations.
    fn measure(&mut self) -> allocation::Allocations {
        (self.datagrams, self.messages, self.large) = (0, 0, 0);
        let ((), allocated) = allocation::during(|| (0..1000).for_each(|_| self.tick()));
        let (weather, sizes) = (self.weather, self.sizes);
        assert!(
            self.datagrams >= 2000 && self.messages >= 500,
            "{} datagrams, {} messages, {sizes:?} {weather:?} {:?}",
            self.datagrams,
            self.messages,
            self.pair.ends[0].stats(self.pair.connections[0][0])
        );
        allocated
    }

    /// Runs the game on a worse network, so that tables grow to their final size.
    fn warm_up(&mut self) {
        let Weather { lost, jitter } = self.weather;
        self.weather = Weather { lost: lost / 3, jitter: jitter * 2 };
        (0..4000).for_each(|_| self.tick());
        self.weather = Weather { lost, jitter };
        (0..1000).for_each(|_| self.tick());
    }
}

/// The sizes of messages of all four kinds: unfragmented, in few fragments, and in many fragments.
const SIZES: [&[usize]; 3] = [&[100; 4], &[1500, 3000, 2000, 1200], &[9000, 70, 6000, 5000]];
const WEATHERS: [Weather; 3] =
    [Weather { lost: 0, jitter: 0 }, Weather { lost: 50, jitter: 0 }, Weather { lost: 20, jitter: 4 }];

#[test]
fn clause_09_sending_and_receiving_packets_in_steady_state_allocates_nothing() {
    for provider in [provider::null(), default_provider()] {
        for (sizes, weather) in SIZES.into_iter().flat_map(|sizes| WEATHERS.map(|weather| (sizes, weather))) {
            for compress in [false, true] {
                let pair = pairs::connected(1, |config| {
                    config.provider = provider.clone();
                    config.channels.iter_mut().for_each(|channel| channel.compress = compress);
                    config.connection_bandwidth = Some(BANDWIDTH);
                });
                let mut game = Game::new(pair, sizes, weather);
                game.warm_up();
                // A table grows once more when chance brings more at a time than ever, which is rare. What is allocated
                // for each packet, or each loss, is allocated in every stretch of a thousand ticks.
                let counts: Vec<_> =
                    (0..12).map(|_| game.measure().count).take_while(|count| *count > 0).collect();
                assert!(counts.len() < 12, "{counts:?}, {sizes:?}, {weather:?}, {compress}");
            }
        }
    }
}

#[test]
fn clause_09_receiving_a_message_larger_than_a_datagram_allocates_once() {
    for weather in WEATHERS {
        let pair = pairs::connected(1, |config| config.connection_bandwidth = Some(BANDWIDTH));
        let mut game = Game::new(pair, &[0, 100_000], weather);
        game.warm_up();
        let allocated = game.measure();
        // What is on its way at the beginning or at the end may count or not, and notes on gaps may still grow.
        let slack = if weather.lost == 0 { 0 } else { game.datagrams / 100 };
        let counts = (allocated.count, game.large, game.datagrams);
        assert!(
            game.large >= 100 && allocated.count.abs_diff(game.large) <= slack,
            "{counts:?}, {weather:?}"
        );
    }
}
