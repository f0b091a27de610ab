//! Reliable streams over paths that fail and recover: every message is delivered, and delivery resumes within two seconds of the
//! path's return.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_sim::fault::{Direction, Fault, Kind, NodeId, Target};
use tickwire_sim::link::PipeConfig;
use tickwire_sim::mahimahi::LinkTrace;
use tickwire_sim::stream::{CLIENT, MODES, SERVER, StreamConfig, Streams, run_to_completion};
use tickwire_sim::world::World;

const SECOND: Duration = Duration::from_secs(1);
const TEN_MINUTES: u64 = 600;
/// The time after a path's return within which each direction must deliver a message.
const RESUMES_WITHIN: Duration = Duration::from_secs(2);
/// The number of bytes that a recorded path must carry in each direction before it counts as available again. Some
/// paths carry only one datagram per second at first.
const PASSED: u64 = 10 * 1500;
const SEEDS: u64 = 10;
const LARGEST: usize = 4096;
const PACE: Duration = Duration::from_millis(80);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + SECOND * seconds as u32
}

/// Returns settings for ten minutes of streams: two messages of about 500 bytes every 80 ms, which is more than 10 kB/s
/// in each direction.
fn ten_minutes(seed: u64) -> StreamConfig {
    let mut config = StreamConfig::new(seed, (TEN_MINUTES * 1000 / PACE.as_millis() as u64) as u32);
    config.pace = Some(PACE);
    config.largest = LARGEST;
    config
}

fn everywhere(from: Instant, until: Instant, kind: Kind) -> Fault {
    Fault { from, until, target: Target::All, kind, seed: 1 }
}

/// Returns the time from each return of the path to the arrival of the next message of a delivery guarantee at `node`.
fn waits(world: &World<Streams>, node: NodeId, mode: usize, returns: &[Instant]) -> Vec<(Instant, Duration)> {
    let deliveries = world.application().deliveries(node, mode);
    let wait = |&back: &Instant| {
        let next = deliveries.partition_point(|&delivery| delivery < back);
        deliveries.get(next).map(|&delivery| (back, delivery - back))
    };
    returns.iter().filter_map(wait).collect()
}

/// Checks that every stream in both directions resumes in time.
fn assert_resumes(world: &World<Streams>, returns: &[Instant]) {
    for (node, mode) in [(SERVER, 0), (SERVER, 1), (CLIENT, 0), (CLIENT, 1)] {
        let waits = waits(world, node, mode, returns);
        let (back, wait) = waits.iter().max_by_key(|(_, wait)| *wait).unwrap();
        println!("node {node}, {:?}: {} returns, the longest wait {wait:?}", MODES[mode], waits.len());
        assert!(*wait <= RESUMES_WITHIN, "node {node} waited {wait:?} after the path came back at {back:?}");
        assert_eq!(waits.len(), returns.len());
    }
    assert_complete(world);
}

/// Checks that in each direction a message of any stream arrives in time. On a recorded link that is slower after its
/// return than the offered traffic, the message that an ordered stream waits for can be delayed for seconds in the
/// link's queue. Each entry of `returns` has the time of the gap's end, and the time at which the path carries data
/// again.
fn assert_something_resumes(world: &World<Streams>, name: &str, returns: &[(Instant, Instant)]) {
    for node in [SERVER, CLIENT] {
        let mut longest = Duration::ZERO;
        for &(gap, back) in returns {
            let first =
                [0, 1].iter().filter_map(|&mode| Some(waits(world, node, mode, &[gap]).first()?.1)).min();
            let wait = first.map_or(Duration::MAX, |wait| (gap + wait).max(back) - back);
            assert!(wait <= RESUMES_WITHIN, "{name}, node {node}: waited {wait:?} after {back:?}");
            longest = longest.max(wait);
        }
        println!("{name}, node {node}: {} returns, the longest wait {longest:?}", returns.len());
    }
}

/// Checks that every message was delivered, at 10 kB/s or more in each direction, in one uninterrupted session.
fn assert_complete(world: &World<Streams>) {
    assert!(world.application().is_complete());
    for node in [SERVER, CLIENT] {
        assert!(world.application().delivered_bytes(node) >= 10_000 * TEN_MINUTES);
        assert_eq!(told(world, node, "Connected"), 1);
        assert_eq!(told(world, node, "Closed"), 0);
    }
}

/// Returns the number of events of `node` whose text begins with `word`.
fn told(world: &World<Streams>, node: NodeId, word: &str) -> usize {
    let news = world.application().news().iter();
    news.filter(|(_, of, text)| *of == node && text.starts_with(word)).count()
}

/// Returns blackouts of `dark` in every `period`, and the time of each return.
fn blackouts(dark: u64, period: u64) -> (Vec<Fault>, Vec<Instant>) {
    let ends: Vec<Instant> = (1..=TEN_MINUTES / period).map(|round| at(round * period)).collect();
    let faults = ends.iter().map(|&end| everywhere(end - SECOND * dark as u32, end, Kind::Partition {}));
    (faults.collect(), ends)
}

#[test]
fn every_message_arrives_through_blackouts_of_two_seconds_in_every_seven() {
    let (faults, returns) = blackouts(2, 7);
    let mut config = ten_minutes(1);
    config.faults = faults;
    let mut world = config.world();
    run_to_completion(&mut world, SECOND * 640).unwrap();
    assert_resumes(&world, &returns[..returns.len() - 1]);
    assert!(!world.application().was_told("Interrupted"));
}

#[test]
fn every_message_arrives_through_blackouts_that_outlast_the_idle_timeout() {
    let (faults, returns) = blackouts(25, 60);
    let mut config = ten_minutes(2);
    config.faults = faults;
    let mut world = config.world();
    run_to_completion(&mut world, SECOND * 640).unwrap();
    assert_resumes(&world, &returns[..returns.len() - 1]);
    for node in [SERVER, CLIENT] {
        assert_eq!(told(&world, node, "Resumed"), returns.len());
    }
}

#[test]
fn every_message_arrives_if_the_client_has_a_new_address_after_each_blackout() {
    let (mut faults, returns) = blackouts(25, 60);
    let elsewhere = |dark: &Fault| Fault {
        target: Target::Node(CLIENT),
        kind: Kind::Rebind { every: Duration::ZERO },
        ..dark.clone()
    };
    faults.extend(faults.iter().map(elsewhere).collect::<Vec<_>>());
    let mut config = ten_minutes(6);
    config.faults = faults;
    let mut world = config.world();
    run_to_completion(&mut world, SECOND * 640).unwrap();
    assert_resumes(&world, &returns[..returns.len() - 1]);
    assert_eq!(told(&world, SERVER, "Resumed"), returns.len());
}

#[test]
fn every_message_arrives_through_outages_of_only_one_direction() {
    let (mut faults, returns) = blackouts(25, 60);
    for (round, fault) in faults.iter_mut().enumerate() {
        fault.target = Target::Link(0, if round % 2 == 0 { Direction::Up } else { Direction::Down });
    }
    let mut config = ten_minutes(5);
    config.faults = faults;
    let mut world = config.world();
    run_to_completion(&mut world, SECOND * 640).unwrap();
    assert_resumes(&world, &returns[..returns.len() - 1]);
}

#[test]
fn every_message_arrives_through_one_nat_rebinding_per_second() {
    let kind = Kind::Rebind { every: SECOND };
    let mut config = ten_minutes(3);
    config.faults = vec![Fault { target: Target::Node(CLIENT), ..everywhere(at(1), at(TEN_MINUTES), kind) }];
    let mut world = config.world();
    run_to_completion(&mut world, SECOND * 640).unwrap();
    let returns: Vec<Instant> = (1..TEN_MINUTES - 1).map(at).collect();
    assert_resumes(&world, &returns);
    assert!(told(&world, SERVER, "Moved") > 500);
    assert!(!world.application().was_told("Interrupted"));
}

/// Returns the bandwidth traces `NAME.up` and `NAME.down` in the folder that `TICKWIRE_TRACES` names.
fn recordings() -> Vec<(String, [LinkTrace; 2])> {
    let Some(folder) = std::env::var_os("TICKWIRE_TRACES").map(PathBuf::from) else {
        println!("TICKWIRE_TRACES is not set: no recorded link was played");
        return Vec::new();
    };
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "up"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no bandwidth traces in {}", folder.display());
    let read = |name: &str, end: &str| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.{end}"))).unwrap();
        LinkTrace::parse(&text).unwrap()
    };
    names
        .into_iter()
        .map(|name| {
            let ways = [read(&name, "up"), read(&name, "down")];
            (name, ways)
        })
        .collect()
}

#[test]
fn every_message_arrives_over_links_with_bandwidth_traces() {
    // Seed 0 once went without a message for 46 s: a probe timeout had grown with a queue of 15 s.
    let seeds_of = |recording| (0..SEEDS).map(move |seed| (seed, recording));
    let recordings = recordings();
    for (seed, (name, [up, down])) in recordings.iter().flat_map(seeds_of) {
        let name = format!("{name}, seed {seed}");
        let mut config = ten_minutes(seed);
        let pipe = |trace: &LinkTrace| PipeConfig::Trace { trace: trace.clone(), queue_bytes: 150_000 };
        config.topology =
            config.topology.bottleneck(0, Direction::Up, pipe(up)).bottleneck(0, Direction::Down, pipe(down));
        let mut world = config.world();
        run_to_completion(&mut world, SECOND * 700).unwrap_or_else(|violation| panic!("{name}: {violation}"));
        let returns = returns_of(up, down, at(TEN_MINUTES));
        assert_something_resumes(&world, &name, &returns);
        assert_complete(&world);
    }
}

/// Returns the times at which a recorded link was available again for at least two seconds in both directions, after a
/// gap of at least one second in one direction: the end of the gap, and the time at which each direction has carried
/// [`PASSED`] bytes.
fn returns_of(up: &LinkTrace, down: &LinkTrace, until: Instant) -> Vec<(Instant, Instant)> {
    let until_ms = until.as_micros() / 1000;
    let mut gaps = [up.gaps_ms(1000, until_ms), down.gaps_ms(1000, until_ms)].concat();
    gaps.sort_unstable();
    let mut outages: Vec<(u64, u64)> = Vec::new();
    for (from, back) in gaps {
        match outages.last_mut() {
            Some((_, last)) if from <= *last + RESUMES_WITHIN.as_millis() as u64 => *last = back.max(*last),
            _ => outages.push((from, back)),
        }
    }
    let ms = |ms: u64| Instant::ZERO + Duration::from_millis(ms);
    let carries = |gap: u64| {
        let has_passed =
            |way: &LinkTrace, at: u64| way.bytes_until(at * 1000) - way.bytes_until(gap * 1000) >= PASSED;
        (gap..until_ms).find(|&at| has_passed(up, at) && has_passed(down, at))
    };
    let returns = outages.into_iter().filter_map(|(_, gap)| Some((ms(gap), ms(carries(gap)?))));
    returns.filter(|&(_, back)| back + RESUMES_WITHIN < until).collect()
}
