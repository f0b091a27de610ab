//! Ticks that both ends agree on, and the lead of a client over its server.
//!
//! In a game that is driven by input, the server simulates tick n when its own clock reaches that tick, with the input
//! that the clients sent for the tick. A client therefore simulates each tick earlier than the server, by the *lead*: the
//! longest time that its input may take to arrive. The client reaches and keeps the lead by running up to 3 % faster or
//! slower.
//!
//! ```
//! use tickwire_core::tick::{InputLead, TickSchedule};
//! use tickwire_core::{Duration, Instant};
//!
//! // Both ends agree on 60 ticks a second, with tick 0 at 10 s of the server's clock.
//! let schedule = TickSchedule::new(60, Instant::ZERO + Duration::from_secs(10)).unwrap();
//!
//! // The client stores the time of its own simulation, by the server's clock, and the next tick.
//! let (mut position, mut next_tick) = (Instant::ZERO, 0);
//!
//! // In each frame, the client gets these values from its endpoint. With a connection `server`:
//! // `let clock = endpoint.peer_clock(server)?` and `let lead = InputLead::new(&clock, now, &stats, safety)`.
//! let peer_now = Instant::ZERO + Duration::from_secs(70);
//! let lead = InputLead {
//!     clock_error: Duration::from_millis(25),
//!     rtt: Duration::from_millis(56),
//!     rtt_least: Duration::from_millis(50),
//!     jitter: Duration::from_millis(2),
//!     safety: Duration::from_millis(2),
//! };
//! let alignment = schedule.align(peer_now, lead.lead(), position);
//! assert_eq!((alignment.peer_tick, alignment.target_tick), (3600, 3602));
//!
//! // The first frame jumps to the target. Later frames run at 97 % to 103 % of real time.
//! let frame = Duration::from_micros(16_667);
//! position = alignment.advance(position, frame);
//! next_tick = schedule.tick_at(position).max(next_tick);
//! assert_eq!(position, peer_now + lead.lead());
//! for _ in 0..10 {
//!     position = alignment.advance(position, frame); // a game computes `alignment` in each frame
//!     while next_tick <= schedule.tick_at(position) {
//!         // Simulate `next_tick`, and send the input for it.
//!         next_tick += 1;
//!     }
//! }
//! ```

use crate::connection::PeerClock;
use crate::stats::ConnectionStats;
use crate::time::{Duration, Instant};

/// The highest supported tick rate, in ticks per second.
pub const TICKS_PER_SECOND_MAX: u32 = 10_000;

const MICROS_PER_SECOND: u128 = 1_000_000;
/// The distance from the target, in µs, above which a client jumps: 250 ms.
const LEAP: u64 = 250_000;
/// The largest change of a client's speed, in thousandths.
const PACE_MOST: u64 = 30;
/// The distance from the target, in µs, for which the speed changes by one thousandth. The client covers a distance in
/// about a second.
const DISTANCE_PER_MILLE: u64 = 1000;
/// The number of mean deviations of the RTT by which a packet may be late. With jitter of up to 100 ms, 2 deviations
/// suffice for 98.3 % of the input that is not lost, and 3 for 99.7 %. 4 deviations suffice for 99.99 %, but cost 15 ms
/// more (sim/tests/clock.rs).
const DEVIATIONS: u32 = 3;

/// The start times of ticks on one clock. At a rate of r ticks per second, tick n starts n / r seconds after the epoch,
/// rounded up to a whole microsecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TickSchedule {
    per_second: u32,
    epoch: Instant,
}

impl TickSchedule {
    /// Creates a schedule of `per_second` ticks per second, 1 to [`TICKS_PER_SECOND_MAX`]. Returns `None` for any other
    /// rate. Tick 0 begins at `epoch`, by the clock of the end whose ticks the schedule describes. The game itself must
    /// send `epoch` to the other end.
    #[must_use]
    pub const fn new(per_second: u32, epoch: Instant) -> Option<Self> {
        match per_second {
            1..=TICKS_PER_SECOND_MAX => Some(Self { per_second, epoch }),
            _ => None,
        }
    }

    /// Returns the number of the tick that contains `time`. Returns 0 before the epoch.
    #[must_use]
    pub fn tick_at(&self, time: Instant) -> u64 {
        let ticks =
            u128::from(time.since(self.epoch).as_micros()) * u128::from(self.per_second) / MICROS_PER_SECOND;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Returns the start time of `tick`, at most [`Instant::MAX`].
    #[must_use]
    pub fn start_of(&self, tick: u64) -> Instant {
        let after = (u128::from(tick) * MICROS_PER_SECOND).div_ceil(self.per_second.into());
        self.epoch + Duration::from_micros(u64::try_from(after).unwrap_or(u64::MAX))
    }

    /// Computes the target time of a client's simulation, `peer_now` + `lead`, and the speed that reaches the target.
    /// `position` is the present time of the simulation, and `peer_now` the present time of the peer, both by the peer's
    /// clock. [`InputLead::lead`] computes `lead`.
    #[must_use]
    pub fn align(&self, peer_now: Instant, lead: Duration, position: Instant) -> TickAlignment {
        let target = peer_now + lead;
        TickAlignment {
            peer_tick: self.tick_at(peer_now),
            target_tick: self.tick_at(target),
            target,
            pace: Pace::towards(target, position),
        }
    }
}

/// The quantities that determine by how much a client's simulation runs ahead of the peer. [`InputLead::new`] computes
/// the quantities from an endpoint's measurements.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InputLead {
    /// The time by which the peer's clock may be ahead of the estimate: [`PeerClock::error`]. The error includes the
    /// minimum delay of the path to the peer, because the fastest packet determines both.
    pub clock_error: Duration,
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// The smallest round-trip time measured on the current path.
    pub rtt_least: Duration,
    /// The mean deviation of the round-trip time.
    pub jitter: Duration,
    /// The time that the game adds to the lead, to cover the time until the game sends its input, or the time until it
    /// resends lost input.
    pub safety: Duration,
}

impl InputLead {
    /// Collects the quantities from an endpoint's `clock` and `stats` at `now`. `safety` is the time that the game adds
    /// to the lead.
    #[must_use]
    pub fn new(clock: &PeerClock, now: Instant, stats: &ConnectionStats, safety: Duration) -> Self {
        Self {
            clock_error: clock.error(now),
            rtt: stats.rtt,
            rtt_least: stats.rtt_least.unwrap_or(stats.rtt),
            jitter: stats.jitter,
            safety,
        }
    }

    /// Returns the time by which the client should run ahead of the peer's estimated clock. Input sent now then arrives
    /// in time, unless the input is lost or delayed more than nearly all packets. The lead is the sum of the clock's
    /// error, the mean queueing delay, three mean deviations of this delay, and `safety`.
    #[must_use]
    pub fn lead(&self) -> Duration {
        self.clock_error
            .saturating_add(self.rtt.saturating_sub(self.rtt_least))
            .saturating_add(self.jitter.saturating_mul(DEVIATIONS))
            .saturating_add(self.safety)
    }
}

/// The speed at which a client should run its simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// The speed of the simulation in thousandths of real time: 970 to 1030.
    PerMille(u16),
    /// The target is more than 250 ms away, so the simulation should jump to it immediately. After a jump back, the
    /// client does not simulate the same ticks again.
    Leap,
}

impl Pace {
    fn towards(target: Instant, position: Instant) -> Self {
        let (behind, early) = (target.since(position).as_micros(), position.since(target).as_micros());
        let distance = behind.max(early);
        if distance > LEAP {
            return Self::Leap;
        }
        let change = (distance / DISTANCE_PER_MILLE).min(PACE_MOST) as u16;
        Self::PerMille(if behind > 0 { 1000 + change } else { 1000 - change })
    }
}

/// The target time of a client's simulation, and the speed that reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TickAlignment {
    /// The tick that the peer simulates now.
    pub peer_tick: u64,
    /// The tick that the client should simulate now, so that its input arrives at the peer in time.
    pub target_tick: u64,
    /// The target time of the client's simulation, by the peer's clock.
    pub target: Instant,
    /// The speed at which the client should run its simulation.
    pub pace: Pace,
}

impl TickAlignment {
    /// Computes the new time of a simulation. `position` is the time before a frame that lasts `elapsed` by this end's
    /// clock. For [`Pace::Leap`], the new time is the target.
    #[must_use]
    pub fn advance(&self, position: Instant, elapsed: Duration) -> Instant {
        match self.pace {
            Pace::Leap => self.target,
            Pace::PerMille(pace) => {
                let paced = elapsed.as_micros() * u128::from(pace) / 1000;
                position + Duration::from_micros(u64::try_from(paced).unwrap_or(u64::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    const fn at(micros: u64) -> Instant {
        Instant::saturating_from_micros(micros)
    }

    const fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn the_microsecond_before_the_start_of_a_tick_belongs_to_the_previous_tick() {
        fn a_tick_ends_where_the_next_begins(per_second: u32, epoch: u64, tick: u64) -> bool {
            let schedule = TickSchedule::new(per_second % TICKS_PER_SECOND_MAX + 1, at(epoch >> 3)).unwrap();
            let tick = (tick >> 24).max(1);
            let start = schedule.start_of(tick);
            start == Instant::MAX
                || schedule.tick_at(start) == tick
                    && schedule.tick_at(start - Duration::from_micros(1)) == tick - 1
        }
        quickcheck(a_tick_ends_where_the_next_begins as fn(u32, u64, u64) -> bool);
    }

    #[test]
    fn a_tick_rate_of_zero_or_above_the_maximum_is_refused() {
        assert_eq!(TickSchedule::new(0, Instant::ZERO), None);
        assert_eq!(TickSchedule::new(TICKS_PER_SECOND_MAX + 1, Instant::ZERO), None);
        let schedule = TickSchedule::new(TICKS_PER_SECOND_MAX, at(5)).unwrap();
        assert_eq!((schedule.tick_at(at(4)), schedule.start_of(u64::MAX)), (0, Instant::MAX));
        let alignment = schedule.align(Instant::MAX, Duration::MAX, Instant::ZERO);
        assert_eq!((alignment.target, alignment.pace), (Instant::MAX, Pace::Leap));
        let still = schedule.align(Instant::MAX, Duration::ZERO, Instant::MAX);
        assert_eq!(still.advance(Instant::MAX, Duration::MAX), Instant::MAX);
    }

    #[test]
    fn the_input_lead_is_clock_error_plus_queueing_delay_plus_three_times_jitter_plus_safety_margin() {
        let lead =
            InputLead { clock_error: ms(30), rtt: ms(80), rtt_least: ms(60), jitter: ms(5), safety: ms(3) };
        assert_eq!(lead.lead(), ms(30 + 20 + 3 * 5 + 3));
        // Before there was a sample, the least may be the larger.
        assert_eq!(InputLead { rtt_least: ms(90), ..lead }.lead(), ms(30 + 3 * 5 + 3));
        assert_eq!(InputLead { jitter: Duration::MAX, ..lead }.lead(), Duration::MAX);
    }

    #[test]
    fn a_client_reaches_its_target_tick_time_at_a_speed_within_three_percent_of_normal() {
        let schedule = TickSchedule::new(60, Instant::ZERO).unwrap();
        for start in [9_760_000, 10_000_000, 10_240_000] {
            let (mut peer, mut position) = (at(10_000_000), at(start));
            for frame in 0..1200 {
                let alignment = schedule.align(peer, ms(0), position);
                let next = alignment.advance(position, ms(10));
                let step = (next - position).as_micros();
                assert!((9_700..=10_300).contains(&step), "frame {frame}: {step}");
                (peer, position) = (peer + ms(10), next);
            }
            assert!(
                (peer - position).as_micros().max((position - peer).as_micros()) < 2_000,
                "the client is at {position:?}, but its target is {peer:?}"
            );
        }
    }

    #[test]
    fn a_client_jumps_to_a_target_tick_time_more_than_250_ms_away_in_either_direction() {
        let schedule = TickSchedule::new(60, Instant::ZERO).unwrap();
        for position in [9_740_000, 10_270_000] {
            let alignment = schedule.align(at(10_000_000), ms(10), at(position));
            assert_eq!(alignment.pace, Pace::Leap);
            assert_eq!(alignment.advance(at(position), ms(10)), at(10_010_000));
        }
    }
}
