//! Clauses 2 to 5: what is due is named, draining ends, idle polls are cheap, and no deadline is late.

use tickwire_core::wire::{DataHeader, Frame};
use tickwire_core::{Duration, Instant};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};

use super::{check, honest, provider_for, received};
use crate::script::op::Op;
use crate::script::pairs::{self, frames};
use crate::script::world::{Manner, Setup, World};

#[test]
fn clause_02_poll_timeout_is_due_while_a_poll_would_return_output() {
    fn due(script: Vec<Op>, seed: u64) {
        let manner = Manner::CauseOnly;
        let mut world = World::new(Setup { manner, ..Setup::new(provider_for(seed), seed) });
        world.play(&script);
        world.expect_kept(2);
    }
    fn sloppy_is_enough(script: Vec<Op>) {
        let script = honest(&script);
        let expected = received(Manner::Orderly { every: None, order: 0 }, &script);
        assert_eq!(received(Manner::CauseOnly, &script), expected);
    }
    check(1200, 100, due as fn(Vec<Op>, u64));
    check(20, 30, sloppy_is_enough as fn(Vec<Op>));
}

#[test]
fn clause_03_repeating_handle_timeout_and_draining_ends_with_poll_timeout_in_the_future() {
    fn no_spin(script: Vec<Op>, seed: u64) {
        let mut world = World::new(Setup::new(provider_for(seed), seed));
        for part in script.chunks(10) {
            world.play(part);
            for node in 0..3 {
                let rounds = world.settle(node, 20);
                assert!(
                    rounds.is_some(),
                    "node {node} spins: {:?}",
                    world.nodes[node].endpoint.poll_timeout()
                );
            }
        }
    }
    check(1200, 100, no_spin as fn(Vec<Op>, u64));
}

/// Polls an endpoint that has nothing to do, once in each way.
fn idle_polls(pair: &mut Pair, end: usize) {
    let mut buffer = [0; 1200];
    let endpoint = &mut pair.ends[end];
    endpoint.handle_timeout(pair.now);
    assert!(endpoint.poll_transmit(pair.now, &mut buffer).is_none());
    assert!(endpoint.poll_event().is_none());
    assert!(endpoint.poll_timeout().0 > pair.now);
}

/// Counts instructions, on systems where a test can count them.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn clause_04_an_idle_poll_does_the_same_work_for_any_number_of_connections() {
    use crate::script::steps;
    let count = 10_000;
    let (mut one, mut many) = (pairs::connected(1, |_| {}), pairs::connected(count, |_| {}));
    for end in [SERVER, CLIENT] {
        // What the first of many polls finds to do is not the question.
        idle_polls(&mut one, end);
        idle_polls(&mut many, end);
        let few = steps::count(|| idle_polls(&mut one, end));
        let most = steps::count(|| idle_polls(&mut many, end));
        println!("{few} instructions with one connection, {most} with {count}");
        assert!(most < few + few / 4, "{few} instructions with one connection, {most} with {count}");
        // Whoever looked at a tenth of the connections would be seen.
        let tenth = count / 10;
        let looked = steps::count(|| assert_eq!(many.ends[end].connections().take(tenth).count(), tenth));
        assert!(looked > few * 2, "{looked}");
    }
}

#[test]
fn clause_05_poll_timeout_is_never_later_than_the_first_available_output() {
    fn never_late(script: Vec<Op>, seed: u64, every: u8) {
        let lazy = Setup::new(provider_for(seed), seed);
        let every = Some(Duration::from_micros(7001 + u64::from(every) * 211));
        let eager = Setup { manner: Manner::Orderly { every, order: 0 }, ..lazy.clone() };
        let (mut lazy, mut eager) = (World::new(lazy), World::new(eager));
        lazy.play(&script);
        eager.play(&script);
        lazy.expect_kept(5);
        lazy.expect_same(&eager, "who asks more often gets something earlier");
    }
    check(640, 60, never_late as fn(Vec<Op>, u64, u8));
}

/// Advances the time to the deadlines that `poll_timeout` of the end `end` reports, until this end has datagrams to
/// send, and returns them. Each deadline must be at `latest` or earlier.
fn next_datagrams(pair: &mut Pair, end: usize, latest: Instant) -> Vec<Vec<u8>> {
    loop {
        let (at, cause) = pair.ends[end].poll_timeout();
        assert!(at <= latest, "due at {at:?} for {cause:?}, and not by {latest:?}");
        pair.now = pair.now.max(at);
        pair.ends[end].handle_timeout(pair.now);
        let datagrams = pair.take(end);
        if !datagrams.is_empty() {
            return datagrams;
        }
    }
}

#[test]
fn clause_05_a_delayed_ack_is_sent_within_the_ack_delay() {
    fn in_time(millis: u8) {
        let delay = Duration::from_millis(u64::from(millis % 100) + 1);
        let mut pair = pairs::connected(1, |config| config.ack_delay = delay);
        for _ in 0..5 {
            pair.send(CLIENT, 0, vec![1; 10]);
            let mut datagrams = pair.take(CLIENT);
            assert_eq!(datagrams.len(), 1);
            let number = u64::from(DataHeader::read(&datagrams[0]).unwrap().packet_number);
            pair.give(SERVER, &mut datagrams[0]);
            pair.events(SERVER);
            let latest = pair.now + delay;
            let acks = next_datagrams(&mut pair, SERVER, latest);
            let is_it = |frame: &Frame<'_>| matches!(frame, Frame::Ack(ack) if ack.ranges(number + 1).map(Result::unwrap).any(|range| range.contains(&number)));
            assert!(frames(&acks[0]).iter().any(is_it), "{:?}", frames(&acks[0]));
            for mut ack in acks {
                pair.give(CLIENT, &mut ack);
            }
            pair.flush();
        }
    }
    check(50, 100, in_time as fn(u8));
}

#[test]
fn clause_05_a_paced_packet_is_sent_as_soon_as_the_pacing_rate_allows() {
    fn in_time(rate: u16) {
        let rate = 2000 + u64::from(rate);
        let mut pair = pairs::connected(1, |config| {
            config.connection_bandwidth = Some(rate);
            config.max_datagram = 1200;
            // Then nothing is in flight, and no acknowledgement wakes the sender.
            config.ack_delay = Duration::ZERO;
        });
        pair.send(CLIENT, 0, vec![1; 60_000]);
        pair.flush();
        // What a datagram costs, each part of it rounded up, and the pacer's millisecond.
        let datagram = Duration::from_micros(1200 * 1_000_000 / rate) + Duration::from_micros(1010);
        for _ in 0..20 {
            let latest = pair.now + datagram;
            for mut datagram in next_datagrams(&mut pair, CLIENT, latest) {
                pair.give(SERVER, &mut datagram);
            }
            pair.flush();
        }
    }
    check(50, 100, in_time as fn(u16));
}
