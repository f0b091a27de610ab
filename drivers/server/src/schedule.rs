//! The schedule of ticks. The server catches up with missed ticks, up to a limit.

use std::time::{Duration, Instant};

/// The schedule of ticks and network updates. The caller passes the time, so the schedule reads no clock.
#[derive(Clone, Debug)]
pub struct Schedule {
    tick: Beat,
    network: Beat,
    /// The number of ticks that were due but skipped.
    skipped: u64,
    /// The number of times that a tick began late by more than the tick interval.
    overruns: u64,
}

/// The work that a server must do at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// The number of ticks to run now, at most 4.
    pub ticks: u32,
    /// `true` if a network update is due after the ticks.
    pub network: bool,
    /// The time by which the server woke up late, if this time is longer than the tick interval.
    pub overrun: Option<Duration>,
    /// The number of late ticks that the server skips.
    pub skipped: u64,
    /// The number of earlier ticks that the server skipped because the game was idle.
    pub rested: u64,
}

impl Schedule {
    /// Creates a schedule whose first tick is due immediately. Both rates are in times per second. A rate of 0 is
    /// raised to 1.
    #[must_use]
    pub fn new(tick_rate: u32, network_rate: u32, now: Instant) -> Self {
        Self {
            tick: Beat::new(tick_rate, now),
            network: Beat::new(network_rate, now),
            skipped: 0,
            overruns: 0,
        }
    }

    /// Changes the rates of ticks and network updates. Ticks that are already due remain due.
    pub fn set_rates(&mut self, tick_rate: u32, network_rate: u32, now: Instant) {
        self.tick.set_rate(tick_rate, now);
        self.network.set_rate(network_rate, now);
    }

    /// Returns the tick interval.
    #[must_use]
    pub const fn step(&self) -> Duration {
        self.tick.interval
    }

    /// Returns the time at which the server must wake up for the next tick. Network updates follow a tick, so they need
    /// no separate deadline.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.tick.next
    }

    /// Returns the time at which the server must wake up while no client is connected. The server then runs up to three
    /// ticks together, so that the machine can sleep longer: if possible, all ticks of one network update.
    #[must_use]
    pub fn rest_deadline(&self) -> Instant {
        let steps = self.network.interval.as_nanos() / self.tick.interval.as_nanos().max(1);
        let bunch = u32::try_from(steps).unwrap_or(u32::MAX).clamp(1, CATCH_UP as u32 - 1);
        self.tick.next + self.tick.interval * (bunch - 1)
    }

    /// Returns the work that is due at `now`, after a sleep whose planned end was `deadline`. The schedule counts the
    /// returned work as done.
    pub fn advance(&mut self, deadline: Instant, now: Instant) -> Due {
        let late = now.saturating_duration_since(deadline);
        let missed = self.tick.advance(now);
        if missed == 0 {
            return Due::default();
        }
        let ticks = missed.min(CATCH_UP);
        let skipped = missed - ticks;
        self.skipped += skipped;
        let overrun = (late > self.tick.interval).then_some(late);
        self.overruns += u64::from(overrun.is_some());
        // A network update that would be due before the next tick leaves with this one, not late.
        let network = self.network.advance(now + self.tick.interval / 2) > 0;
        Due { ticks: ticks as u32, network, overrun, skipped, rested: 0 }
    }

    /// Returns the work that is due at `now`, after the game was idle: at most one tick and one network update. The
    /// tick does not count as late.
    pub fn wake(&mut self, now: Instant) -> Due {
        let missed = self.tick.advance(now);
        if missed == 0 {
            return Due::default();
        }
        let network = self.network.advance(now + self.tick.interval / 2) > 0;
        Due { ticks: 1, network, rested: missed - 1, ..Due::default() }
    }

    /// Returns whether a tick is already due at `now`, because the previous work took too long.
    #[must_use]
    pub fn is_behind(&self, now: Instant) -> bool {
        self.tick.next <= now
    }

    /// Extends the idle time of the game to `now`. Returns the number of ticks that the game skips in the added time.
    pub fn rest(&mut self, now: Instant) -> u64 {
        self.tick.advance(now)
    }

    /// Returns the number of times that the server woke up late for a tick by more than the tick interval.
    #[must_use]
    pub const fn overruns(&self) -> u64 {
        self.overruns
    }

    /// Returns the number of late ticks that the server skipped, without ticks that an idle game skipped.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// An action that is due at regular intervals.
#[derive(Clone, Debug)]
struct Beat {
    interval: Duration,
    next: Instant,
}

impl Beat {
    fn new(rate: u32, now: Instant) -> Self {
        Self { interval: Duration::from_secs(1) / rate.max(1), next: now }
    }

    fn set_rate(&mut self, rate: u32, now: Instant) {
        self.interval = Duration::from_secs(1) / rate.max(1);
        self.next = self.next.min(now + self.interval);
    }

    /// Returns the number of times that the action was due until `now`. The action is next due after `now`.
    fn advance(&mut self, now: Instant) -> u64 {
        let Some(late) = now.checked_duration_since(self.next) else { return 0 };
        let interval = self.interval.as_nanos().max(1);
        let count = u64::try_from(late.as_nanos() / interval).unwrap_or(u64::MAX).saturating_add(1);
        let into_next = u64::try_from(late.as_nanos() % interval).unwrap_or(0);
        // Nothing drifts: the next deadline hangs on the last one, not on `now`.
        self.next = now - Duration::from_nanos(into_next) + self.interval;
        count
    }
}

/// The largest number of ticks that run at once after a delay. More ticks would delay the next ticks too.
const CATCH_UP: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Runs the schedule for one second, and wakes at each deadline. Returns the numbers of ticks and network updates.
    fn count(schedule: &mut Schedule, start: Instant) -> (u32, u32) {
        let (mut ticks, mut networks) = (0, 0);
        while schedule.deadline() < start + 1000 * MS - Duration::from_micros(1) {
            let due = schedule.advance(schedule.deadline(), schedule.deadline());
            ticks += due.ticks;
            networks += u32::from(due.network);
        }
        (ticks, networks)
    }

    #[test]
    fn ticks_and_network_updates_run_at_their_configured_rates_with_at_most_one_update_per_tick() {
        let start = Instant::now();
        assert_eq!(count(&mut Schedule::new(60, 20, start), start), (60, 20));
        assert_eq!(count(&mut Schedule::new(30, 20, start), start), (30, 20));
        assert_eq!(count(&mut Schedule::new(1000, 1, start), start), (1000, 1));
        // An update needs a tick.
        assert_eq!(count(&mut Schedule::new(10, 20, start), start), (10, 10));
    }

    /// Wakes up for the next tick, at `now`.
    fn wake(schedule: &mut Schedule, now: Instant) -> Due {
        schedule.advance(schedule.deadline(), now)
    }

    #[test]
    fn a_tick_is_due_exactly_once_and_not_before_its_time() {
        let start = Instant::now();
        let mut schedule = Schedule::new(100, 100, start);
        assert_eq!(wake(&mut schedule, start).ticks, 1);
        assert_eq!(wake(&mut schedule, start), Due::default());
        assert_eq!(wake(&mut schedule, start + 9 * MS), Due::default());
        assert_eq!(wake(&mut schedule, start + 10 * MS).ticks, 1);
    }

    #[test]
    fn a_late_wake_up_does_not_move_the_deadlines_of_later_ticks() {
        let start = Instant::now();
        let mut schedule = Schedule::new(100, 100, start);
        wake(&mut schedule, start + 7 * MS);
        assert_eq!(schedule.deadline(), start + 10 * MS);
    }

    #[test]
    fn missed_ticks_beyond_the_limit_of_ticks_per_turn_are_skipped() {
        let start = Instant::now();
        let mut schedule = Schedule::new(100, 10, start);
        wake(&mut schedule, start);
        let due = wake(&mut schedule, start + 35 * MS);
        assert_eq!((due.ticks, due.overrun, due.skipped), (3, Some(25 * MS), 0));
        let due = wake(&mut schedule, start + 1040 * MS);
        assert_eq!((due.ticks, due.overrun, due.skipped), (4, Some(1000 * MS), 97));
        assert_eq!((schedule.overruns(), schedule.skipped()), (2, 97));
        assert_eq!(schedule.deadline(), start + 1050 * MS);
    }

    #[test]
    fn waking_only_for_network_updates_skips_no_tick() {
        let start = Instant::now();
        let mut schedule = Schedule::new(60, 20, start);
        let (mut turns, mut ticks, mut networks) = (0, 0, 0);
        while schedule.rest_deadline() < start + 1000 * MS {
            let deadline = schedule.rest_deadline();
            let due = schedule.advance(deadline, deadline);
            (turns, ticks, networks) = (turns + 1, ticks + due.ticks, networks + u32::from(due.network));
        }
        assert_eq!((turns, ticks, networks), (20, 60, 20));
        assert_eq!((schedule.overruns(), schedule.skipped()), (0, 0));
        // However slow network updates are, no step of a bunch is skipped.
        assert_eq!(Schedule::new(100, 1, start).rest_deadline(), start + 20 * MS);
        assert_eq!(Schedule::new(10, 20, start).rest_deadline(), start);
    }

    #[test]
    fn an_idle_game_that_wakes_runs_one_tick_at_the_current_time() {
        let start = Instant::now();
        let mut schedule = Schedule::new(100, 50, start);
        assert_eq!(wake(&mut schedule, start).ticks, 1);
        assert_eq!(schedule.rest(start + 1005 * MS), 100);
        // Less than a step later: nothing is due yet.
        assert_eq!(schedule.wake(start + 1008 * MS), Due::default());
        let due = schedule.wake(start + 2345 * MS);
        assert_eq!(due, Due { ticks: 1, network: true, rested: 133, ..Due::default() });
        assert_eq!(schedule.deadline(), start + 2350 * MS);
        assert_eq!(wake(&mut schedule, start + 2350 * MS).ticks, 1);
        assert_eq!((schedule.overruns(), schedule.skipped()), (0, 0));
    }

    #[test]
    fn a_delay_after_an_idle_game_woke_counts_as_an_overrun() {
        let start = Instant::now();
        let mut schedule = Schedule::new(100, 50, start);
        assert_eq!(wake(&mut schedule, start).ticks, 1);
        let woken = start + 1005 * MS;
        assert_eq!(schedule.wake(woken).rested, 99);
        assert!(!schedule.is_behind(woken) && !schedule.is_behind(start + 1009 * MS));
        assert!(schedule.is_behind(start + 1010 * MS));
        // Its turn took 300 ms.
        let due = wake(&mut schedule, woken + 300 * MS);
        assert_eq!((due.ticks, due.overrun, due.skipped, due.rested), (4, Some(295 * MS), 26, 0));
        assert!(!schedule.is_behind(woken + 300 * MS));
        assert_eq!((schedule.overruns(), schedule.skipped()), (1, 26));
    }

    #[test]
    fn a_higher_tick_rate_takes_effect_immediately() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1, 1, start);
        wake(&mut schedule, start);
        schedule.set_rates(100, 50, start + MS);
        assert_eq!(schedule.deadline(), start + 11 * MS);
        assert_eq!(schedule.step(), 10 * MS);
    }
}
