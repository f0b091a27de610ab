//! The datagrams in transit, and their arrival times: the conditioner without sockets and clocks.

use std::collections::BTreeMap;

use tickwire_core::address::Ecn;

use super::conditions::Conditions;
use crate::clock::micros;
use crate::fault::{Direction, Fault};
use crate::link::{Arrival, Departure, Link, Pipe, Pool, Tally};

/// The largest number of datagrams in transit. The schedule drops further datagrams.
const UNDERWAY_MOST: usize = 1 << 17;

/// One direction of one client's link.
struct Lane {
    link: Link,
    bottleneck: Option<Pipe>,
    /// Whether each fault affects this direction now, by the index of the fault.
    active: Vec<bool>,
}

/// A datagram that is due.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct DueDatagram {
    pub(super) client: usize,
    pub(super) direction: Direction,
    pub(super) bytes: Vec<u8>,
}

/// The outcome of offering a datagram to the schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offered {
    /// This number of copies of the datagram is in transit. 0 means that the datagram is lost.
    Underway(usize),
    /// The schedule dropped the datagram, because too many datagrams are in transit.
    Overflowed,
}

/// All lanes and all datagrams in transit.
pub(super) struct Schedule {
    conditions: Conditions,
    faults: Vec<Fault>,
    lanes: BTreeMap<(usize, Direction), Lane>,
    /// The datagrams in transit, by arrival time and then in the order in which they were offered.
    underway: BTreeMap<(u64, u64), DueDatagram>,
    count: u64,
    pool: Pool,
    tally: Tally,
    arrivals: Vec<Arrival>,
}

impl Schedule {
    pub(super) fn new(conditions: Conditions) -> Self {
        let faults = conditions.all_faults();
        Self {
            tally: Tally::new(faults.len()),
            faults,
            conditions,
            lanes: BTreeMap::new(),
            underway: BTreeMap::new(),
            count: 0,
            pool: Pool::default(),
            arrivals: Vec::new(),
        }
    }

    /// Offers a datagram to or from `client`, `now_us` microseconds after the start.
    pub(super) fn offer(
        &mut self,
        now_us: u64,
        client: usize,
        direction: Direction,
        bytes: &[u8],
    ) -> Offered {
        if self.underway.len() >= UNDERWAY_MOST {
            return Offered::Overflowed;
        }
        let conditions = &self.conditions;
        let lane = self.lanes.entry((client, direction)).or_insert_with(|| {
            let id = (client as u64) << 1 | u64::from(direction == Direction::Down);
            Lane {
                link: Link::new(id, micros(conditions.rtt) / 2),
                bottleneck: conditions.bottleneck().as_ref().map(Pipe::new),
                active: vec![false; self.faults.len()],
            }
        });
        for (index, (fault, active)) in self.faults.iter().zip(&mut lane.active).enumerate() {
            let strikes = Conditions::strikes(fault, now_us, client, direction);
            match (*active, strikes) {
                (false, true) => lane.link.begin(index, fault),
                (true, false) => lane.link.end(index),
                _ => {}
            }
            *active = strikes;
        }
        lane.link.carry(
            Departure { at_us: now_us, bytes, ecn: Ecn::NotCapable },
            lane.bottleneck.as_mut(),
            &mut self.pool,
            &mut self.tally,
            &mut self.arrivals,
        );
        // Copies from strangers have no address to come from here.
        let mut copies = 0;
        for arrival in self.arrivals.drain(..).filter(|arrival| arrival.stranger.is_none()) {
            let parcel = DueDatagram { client, direction, bytes: arrival.bytes };
            self.underway.insert((arrival.at_us, self.count), parcel);
            self.count += 1;
            copies += 1;
        }
        Offered::Underway(copies)
    }

    /// Takes the next datagram whose arrival time is `now_us` or earlier.
    pub(super) fn take_due(&mut self, now_us: u64) -> Option<DueDatagram> {
        let entry = self.underway.first_entry().filter(|entry| entry.key().0 <= now_us)?;
        Some(entry.remove())
    }

    /// Returns the time at which the next datagram arrives, in microseconds.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.underway.first_key_value().map(|((at_us, _), _)| *at_us)
    }

    /// Returns a buffer to the pool, for reuse.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        self.pool.give_back(buffer);
    }

    /// Returns the number of lanes.
    #[cfg(test)]
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Removes the lanes of a client that left. Datagrams in transit to the client still become due, but have no
    /// receiver.
    pub(super) fn forget(&mut self, client: usize) {
        self.lanes.remove(&(client, Direction::Up));
        self.lanes.remove(&(client, Direction::Down));
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use tickwire_core::time::Instant;

    use super::*;
    use crate::fault::{Kind, Target};

    fn offer_each_ms(schedule: &mut Schedule, count: u64) -> Vec<usize> {
        let offer = |index: u64| match schedule.offer(index * 1000, 0, Direction::Up, &[0; 100]) {
            Offered::Underway(copies) => copies,
            Offered::Overflowed => usize::MAX,
        };
        (0..count).map(offer).collect()
    }

    #[test]
    fn each_direction_of_the_conditioner_delays_datagrams_by_half_the_rtt() {
        let mut schedule =
            Schedule::new(Conditions { rtt: Duration::from_millis(100), ..Conditions::default() });
        for number in 0..3 {
            schedule.offer(10_000, 0, Direction::Up, &[number]);
            schedule.offer(10_000, 7, Direction::Down, &[number + 10]);
        }
        assert_eq!(schedule.next_us(), Some(60_000));
        assert_eq!(schedule.take_due(59_999), None);
        let due: Vec<u8> = core::iter::from_fn(|| schedule.take_due(60_000)).map(|it| it.bytes[0]).collect();
        assert_eq!(due, [0, 10, 1, 11, 2, 12]);
    }

    #[test]
    fn the_conditioner_drops_and_duplicates_the_configured_shares_of_datagrams() {
        let conditions = Conditions { loss_ppm: 100_000, duplicate_ppm: 200_000, ..Conditions::default() };
        let copies = offer_each_ms(&mut Schedule::new(conditions), 10_000);
        let count = |wanted: usize| copies.iter().filter(|copies| **copies == wanted).count();
        assert!((900..1100).contains(&count(0)), "{}", count(0));
        assert!((1600..2000).contains(&count(2)), "{}", count(2));
    }

    #[test]
    fn the_conditioner_adds_at_most_the_configured_jitter() {
        let jitter = Duration::from_millis(20);
        let mut schedule = Schedule::new(Conditions { jitter, ..Conditions::default() });
        offer_each_ms(&mut schedule, 1);
        assert!(schedule.next_us().is_some_and(|at| at <= 20_000));
    }

    #[test]
    fn the_conditioner_queues_datagrams_above_its_rate_and_drops_them_when_the_queue_is_full() {
        let mut schedule =
            Schedule::new(Conditions { bytes_per_second: Some(10_000), ..Conditions::default() });
        let passed: usize = offer_each_ms(&mut schedule, 2000).into_iter().sum();
        assert!((200..=235).contains(&passed), "{passed} of 2000 through 2 s of 100 per second");
    }

    #[test]
    fn a_fault_of_the_conditioner_affects_only_its_target_and_only_during_its_configured_time() {
        let dark = Fault {
            from: Instant::ZERO + Duration::from_millis(10),
            until: Instant::ZERO + Duration::from_millis(20),
            target: Target::Link(0, Direction::Up),
            kind: Kind::Partition {},
            seed: 1,
        };
        let mut schedule = Schedule::new(Conditions { faults: vec![dark], ..Conditions::default() });
        let copies = offer_each_ms(&mut schedule, 30);
        assert!(copies.iter().enumerate().all(|(ms, copies)| (*copies == 0) == (10..20).contains(&ms)));
        assert_eq!(schedule.offer(15_000, 1, Direction::Up, &[0]), Offered::Underway(1));
    }
}
