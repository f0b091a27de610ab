//! Newer state replaces state that a path cannot carry in time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{Pair, Trust};
use tickwire_core::stats::ChannelSent;
use tickwire_core::{ChannelConfig, ChannelId, Config, Delivery, Event, Fate, Instant, MessageId, Overflow};
use tickwire_sim::fault::Direction;
use tickwire_sim::link::PipeConfig;
use tickwire_sim::network::Topology;
use tickwire_sim::world::{World, WorldConfig};

const CLIENT: usize = 1;
/// The one-way delay of the path in addition to the bottleneck.
const DELAY: Duration = Duration::from_millis(25);
/// The time in which a full queue of the bottleneck drains.
const QUEUE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);

/// A game that sends state over a bottleneck.
struct Game {
    world: World<Pair>,
    /// The bytes that are due and not sent yet, in millionths of a byte, by channel.
    due: Vec<u64>,
}

/// The arrival of one message: its sending time, its arrival time and its channel.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    channel: u8,
    sent: Instant,
    came: Instant,
}

impl Game {
    fn new(config: Config, bytes_per_second: u64) -> Self {
        let channels = config.channels.len();
        let queue_bytes = (bytes_per_second * QUEUE.as_millis() as u64 / 1000).max(6000);
        let pipe = PipeConfig::Rate { bytes_per_second, queue_bytes };
        let topology = Topology::star(1, DELAY).bottleneck(0, Direction::Up, pipe);
        let world = World::new(WorldConfig::new(1, topology), Pair::new(config, Trust::Key));
        let mut game = Self { world, due: vec![0; channels] };
        game.world.run_for(Duration::from_secs(2)).unwrap();
        game
    }

    /// Sends one message on a channel. Returns its id, or `None` if the queue is full.
    fn send(&mut self, channel: u8, bytes: usize) -> Option<MessageId> {
        let act = |pair: &mut Pair,
                   context: &mut tickwire_sim::host::Context<'_, tickwire_core::Endpoint>| {
            let mut message = vec![channel; bytes];
            message[..8].copy_from_slice(&context.time.as_micros().to_le_bytes());
            context.host.send(context.now, pair.client.unwrap(), ChannelId(channel), message).ok()
        };
        self.world.with(CLIENT, act).unwrap().unwrap()
    }

    /// Runs the game for `time`. Each tick sends the due bytes of every channel in `load`, which lists the message size
    /// and the bytes per second.
    fn play(&mut self, time: Duration, load: &[(usize, u64)]) {
        let end = self.world.now() + time;
        while self.world.now() < end {
            for (channel, &(bytes, bytes_per_second)) in load.iter().enumerate() {
                self.due[channel] += bytes_per_second * TICK.as_micros() as u64;
                while self.due[channel] >= bytes as u64 * 1_000_000 {
                    self.due[channel] -= bytes as u64 * 1_000_000;
                    self.send(channel as u8, bytes);
                }
            }
            self.world.run_for(TICK).unwrap();
        }
    }

    fn arrivals(&self) -> impl Iterator<Item = Arrival> {
        self.world.application().told[0].iter().filter_map(|(came, event)| match event {
            Event::Message { channel, data, .. } => {
                let sent = u64::from_le_bytes(data[..8].try_into().unwrap());
                Some(Arrival { channel: channel.0, sent: Instant::from_micros(sent).unwrap(), came: *came })
            }
            _ => None,
        })
    }

    /// Returns the ages of the messages of a channel on arrival, the youngest first.
    fn ages(&self, channel: u8, since: Instant) -> Vec<Duration> {
        let of_channel = |arrival: &Arrival| arrival.channel == channel && arrival.came >= since;
        let mut ages: Vec<Duration> =
            self.arrivals().filter(of_channel).map(|arrival| arrival.came - arrival.sent).collect();
        ages.sort_unstable();
        ages
    }

    fn sent(&self, channel: u8) -> ChannelSent {
        let client = self.world.application().client.unwrap();
        self.world.host(CLIENT).unwrap().channel_stats(client, ChannelId(channel)).unwrap().sent
    }

    fn fate(&self, channel: u8, message: MessageId) -> Option<Fate> {
        let client = self.world.application().client.unwrap();
        self.world.host(CLIENT).unwrap().fate(client, ChannelId(channel), message)
    }
}

fn config(channels: &[Delivery]) -> Config {
    let mut config = Config::new(7);
    config.channels = channels.iter().copied().map(ChannelConfig::new).collect();
    config
}

const STATE: [Delivery; 2] = [Delivery::Unreliable, Delivery::Sequenced];
/// The largest age of state on arrival in addition to the delay of the path.
const FRESH: Duration = Duration::from_millis(200);
/// The number of bytes that congestion control may have in flight at any time: twice the least window of three
/// datagrams.
const ON_THE_PATH: u64 = 6 * 1200;

fn time_of(bytes: u64, bytes_per_second: u64) -> Duration {
    Duration::from_micros(bytes * 1_000_000 / bytes_per_second)
}

fn percentile(ages: &[Duration], percent: usize) -> Duration {
    ages[(ages.len() - 1) * percent / 100]
}

#[test]
fn state_sent_at_three_times_the_path_rate_arrives_within_the_path_delay_plus_200_ms() {
    for (rate, sizes) in [
        (5_000, &[20, 200, 1000][..]),
        (20_000, &[20, 200, 1000, 3000]),
        (100_000, &[20, 200, 1000, 3000]),
        (1_000_000, &[200, 1000, 3000]),
    ] {
        for &bytes in sizes {
            for delivery in STATE {
                let mut game = Game::new(config(&[delivery]), rate);
                let began = game.world.now();
                game.play(Duration::from_secs(20), &[(bytes, 3 * rate)]);
                let ages = game.ages(0, began + Duration::from_secs(5));
                let carried = ages.len() as u64 * bytes as u64 / 15;
                let (p95, most) = (percentile(&ages, 95), percentile(&ages, 100));
                println!("{rate} B/s, {bytes} B, {delivery:?}: {carried} B/s, p95 {p95:?}, most {most:?}");
                // A message of several datagrams waits for the one before it to be finished, too.
                let path = DELAY + time_of(ON_THE_PATH + 2 * bytes as u64, rate);
                assert!(most <= path + FRESH, "{rate} B/s, {bytes} B, {delivery:?}: {most:?}");
                assert!(bytes < 200 || carried * 100 >= rate * 80, "{rate} B/s, {bytes} B: {carried} B/s");
                assert_eq!(game.sent(0).full, 0);
            }
        }
    }
}

#[test]
fn no_message_arrives_more_than_a_second_after_an_overloading_game_stopped_sending() {
    let mut game = Game::new(config(&STATE), 20_000);
    let began = game.world.now();
    game.play(Duration::from_secs(240), &[(300, 30_000), (300, 30_000)]);
    let stopped = game.world.now();
    game.world.run_for(Duration::from_secs(300)).unwrap();
    let last = game.arrivals().map(|arrival| arrival.came).max().unwrap();
    let oldest = game.arrivals().map(|arrival| arrival.came - arrival.sent).max().unwrap();
    let settled = [0, 1].map(|channel| percentile(&game.ages(channel, began + Duration::from_secs(5)), 100));
    println!("the last {:?} after the stop, the oldest {oldest:?} old, later {settled:?}", last - stopped);
    assert!(last <= stopped + Duration::from_secs(1), "{:?} later", last - stopped);
    // A message of one channel may also wait for a message of the other channel.
    let path = DELAY + time_of(ON_THE_PATH + 4 * 300, 20_000);
    assert!(settled.iter().all(|age| *age <= path + FRESH), "{settled:?} old");
    assert!(oldest <= Duration::from_secs(1), "{oldest:?} old, while the path was not known yet");
}

#[test]
fn state_of_every_priority_arrives_beside_reliable_data_within_the_path_delay_plus_400_ms() {
    let mut config = config(&[
        Delivery::Unreliable,
        Delivery::Sequenced,
        Delivery::Unreliable,
        Delivery::Sequenced,
        Delivery::ReliableOrdered,
    ]);
    for (channel, priority) in config.channels.iter_mut().zip([6, 4, 3, 1, 3]) {
        channel.priority = priority;
    }
    let rate = 100_000;
    let mut game = Game::new(config, rate);
    let began = game.world.now();
    game.play(
        Duration::from_secs(20),
        &[(200, rate / 2), (1000, rate / 2), (50, rate), (400, rate), (1000, rate / 4)],
    );
    let path = DELAY + time_of(ON_THE_PATH, rate);
    let mut carried = [0; 4];
    for channel in 0..4u8 {
        let ages = game.ages(channel, began + Duration::from_secs(5));
        carried[usize::from(channel)] = ages.len();
        let (p95, most) = (percentile(&ages, 95), percentile(&ages, 100));
        println!("channel {channel}: {} arrived, p95 {p95:?}, most {most:?}", ages.len());
        // The newest message of a channel waits for the channel's turn, whatever its age.
        assert!(p95 <= path + FRESH, "channel {channel}: {p95:?}");
        assert!(most <= path + FRESH * 2, "channel {channel}: {most:?}");
    }
    assert!(carried.iter().all(|&count| count > 50), "{carried:?}");
    assert_eq!(game.sent(4).dropped, 0, "reliable messages wait");
}

#[test]
fn state_sent_at_three_times_a_rate_limit_is_dropped_or_arrives_within_the_path_delay_plus_200_ms() {
    for is_for_all in [false, true] {
        for rate in [5_000, 50_000] {
            for delivery in STATE {
                let mut config = config(&[delivery]);
                *(if is_for_all { &mut config.bandwidth } else { &mut config.connection_bandwidth }) =
                    Some(rate);
                let mut game = Game::new(config, 10_000_000);
                game.play(Duration::from_secs(10), &[(200, 3 * rate)]);
                let ages = game.ages(0, Instant::ZERO);
                let most = percentile(&ages, 100);
                println!(
                    "limit {rate} B/s, for all: {is_for_all}, {delivery:?}: {} arrived, most {most:?}",
                    ages.len()
                );
                assert!(most <= DELAY + FRESH, "{most:?}");
                assert!(ages.len() as u64 * 200 >= rate * 10 * 70 / 100, "{}", ages.len());
            }
        }
    }
}

#[test]
fn messages_dropped_for_newer_messages_are_counted_as_never_sent() {
    for delivery in STATE {
        let mut game = Game::new(config(&[delivery]), 20_000);
        let sent: Vec<MessageId> = (0..200)
            .flat_map(|_| {
                let message = game.send(0, 1000);
                game.world.run_for(TICK).unwrap();
                message
            })
            .collect();
        game.world.run_for(Duration::from_secs(5)).unwrap();
        let newest = game.arrivals().last().unwrap();
        let counted = game.sent(0);
        assert_eq!(sent.len(), 200, "no message was handed back");
        assert!(counted.dropped > 50 && counted.messages + counted.dropped == 200, "{counted:?}");
        assert!(newest.sent + TICK * 2 >= game.arrivals().map(|arrival| arrival.sent).max().unwrap());
        let fates: Vec<Fate> = sent.iter().filter_map(|&message| game.fate(0, message)).collect();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::NotSent).count() as u64, counted.dropped);
        assert_eq!(fates.last(), Some(&Fate::Unknown), "the newest was sent");
    }
}

#[test]
fn a_channel_that_queues_on_overflow_drops_no_message_and_delivers_messages_over_30_s_old() {
    let mut config = config(&[Delivery::Unreliable]);
    config.channels[0].overflow = Overflow::Queue;
    let mut game = Game::new(config, 20_000);
    game.play(Duration::from_secs(20), &[(1000, 60_000)]);
    let full = game.sent(0);
    game.world.run_for(Duration::from_secs(60)).unwrap();
    let ages = game.ages(0, Instant::ZERO);
    assert_eq!((full.dropped, game.sent(0).dropped, game.sent(0).queued), (0, 0, 0));
    assert!(ages.len() >= 1100, "{}", ages.len());
    assert!(percentile(&ages, 100) > Duration::from_secs(30));
}

#[test]
fn state_is_less_than_a_second_old_twenty_seconds_after_a_path_became_fifty_times_slower() {
    for (fast, slow, offered, queue_s) in
        [(1_000_000, 20_000, 800_000, 3), (2_000_000, 40_000, 1_000_000, 3), (1_000_000, 20_000, 800_000, 5)]
    {
        let rates = vec![(Duration::ZERO, fast), (Duration::from_secs(10), slow)];
        let pipe = PipeConfig::Shaped { rates, queue: Duration::from_secs(queue_s), mark_above: None };
        let topology = Topology::star(1, DELAY).bottleneck(0, Direction::Up, pipe);
        let pair = Pair::new(config(&[Delivery::Unreliable]), Trust::Key);
        let world = World::new(WorldConfig::new(1, topology), pair);
        let mut game = Game { world, due: vec![0] };
        game.world.run_for(Duration::from_secs(2)).unwrap();
        game.play(Duration::from_secs(90), &[(1000, offered)]);
        let since = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let [early, late] = [30, 60].map(|from| game.ages(0, since(from)));
        let (median, p95) = (percentile(&early, 50), percentile(&late, 95));
        println!(
            "{fast} to {slow} B/s, {queue_s} s: median {median:?}, later p95 {p95:?}, {} came",
            late.len()
        );
        assert!(median < Duration::from_secs(1), "{fast} to {slow} B/s, {queue_s} s: {median:?}");
        assert!(p95 < Duration::from_secs(1), "{fast} to {slow} B/s, {queue_s} s: {p95:?}");
    }
}
