//! Copa (Arun and Balakrishnan, NSDI 2018) in its default mode. It uses one-way delay instead of RTT, so queues on the return
//! path do not slow the sender down.

#[cfg(test)]
mod tests;

use super::demand::Demand;
use super::filter::RecentLeast;
use super::jitter::{Arrival, Jitter};
use super::loss_cap::LossCap;
use super::way_back::{CLOCK_JUMP_US, Trip, WayBack};
use super::{
    AckReport, Controller, INITIAL_DATAGRAMS, LEAST_DATAGRAMS, LossReport, Waiting, bytes_in, per_second,
};
use crate::time::{Instant, Span};

/// 1 / delta, where delta is 0.5: the number of datagrams that each flow keeps in the queue.
const INVERSE_DELTA: u64 = 2;
/// The window, in µs, whose least delay counts as the delay of an empty queue. A clock that is 500 ppm off drifts by 5 ms
/// in it.
const BASE_WINDOW_US: u64 = 10_000_000;
/// The largest drift between two clocks in [`BASE_WINDOW_US`], in µs, if each clock is 500 ppm off.
const DRIFT_MOST_US: i64 = 10_000;
/// The number of rounds in one direction after which the velocity doubles.
const PATIENCE: u8 = 3;
/// A queue of this many times the target shows that the path became slower, so Copa drains the queue at once.
const GLUT: u64 = 6;
/// The delay, in µs, above which a delay is a queue and not jitter.
const FULL_US: u64 = 400_000;
/// The multiple of the target up to which a queue does not end slow start, because one delay proves little.
const START_GLUT: u64 = 4;
/// A mean delay of this length, in µs, and a sample below one part in `FALLEN` of the mean, show that a queue has drained,
/// because jitter is smaller.
const LONG_US: u64 = 1_000_000;
const FALLEN: u64 = 4;
/// The largest factor by which a full return path multiplies the bytes in flight.
const STRETCH_MOST: u64 = 8;
/// The largest size, in bytes, of the datagrams in which Copa counts. Datagrams that are sent may be larger.
const UNIT_MOST: u64 = 1200;
/// The time, in µs, over which losses are counted, or four RTTs if they take longer.
const LOSS_INTERVAL_US: u64 = 500_000;

/// Copa with delta 0.5 and without its competitive mode.
///
/// The window aims at the rate 1 / (delta × queueing delay), so flows that share a queue converge to equal shares. Copa
/// ignores isolated losses. If more than a tenth of the packets are lost, Copa caps the rate to the delivered rate.
#[derive(Clone, Debug)]
pub(crate) struct Copa {
    /// The size, in bytes, of the datagrams in which the target is counted.
    datagram: u64,
    /// The size of the largest datagram that is sent, in bytes.
    largest: u64,
    /// The number of bytes that may be in flight, without bytes that arrived although their acknowledgement waits on the
    /// return path.
    window: u64,
    /// The smoothed RTT without the wait on the return path, in µs. 0 before the first sample.
    forward_us: u64,
    way_back: WayBack,
    /// The remainder of a window change that was smaller than a byte, times the window.
    remainder: u64,
    is_starting: bool,
    /// `true` if slow start ended before jitter was known. Slow start may have taken jitter for a queue, and then continues.
    may_resume: bool,
    velocity: u64,
    /// `true` if the window grows.
    is_rising: bool,
    /// The number of rounds since the direction changed.
    rounds: u8,
    round_began: Instant,
    round_window: u64,
    marked_until: Instant,
    base_delay: RecentLeast,
    standing_delay: RecentLeast,
    /// The least RTT of recent seconds.
    base_rtt: RecentLeast,
    smoothed_us: u64,
    jitter: Jitter,
    demand: Demand,
    loss: LossCap,
}

/// One measurement of the path to the peer, in microseconds.
#[derive(Clone, Copy, Debug)]
struct There {
    /// The queueing delay, minus the part that may be jitter.
    queue_us: u64,
    /// The RTT without the wait on the return path, and with an empty queue.
    round_trip_us: u64,
    empty_us: u64,
}

impl There {
    fn new(queue: i64, round_trip: i64, waited: i64) -> Self {
        Self {
            queue_us: queue.max(0).unsigned_abs(),
            round_trip_us: round_trip.max(1).unsigned_abs(),
            empty_us: round_trip.saturating_sub(waited).max(1).unsigned_abs(),
        }
    }
}

impl Copa {
    /// Creates the controller of an unknown path, for datagrams of `datagram` bytes.
    #[must_use]
    pub(crate) fn new(now: Instant, datagram: u64) -> Self {
        let datagram = datagram.max(1);
        Self {
            datagram: datagram.min(UNIT_MOST),
            largest: datagram,
            window: datagram.saturating_mul(INITIAL_DATAGRAMS),
            forward_us: 0,
            way_back: WayBack::new(now),
            remainder: 0,
            is_starting: true,
            may_resume: true,
            velocity: 1,
            is_rising: true,
            rounds: 0,
            round_began: now,
            round_window: 0,
            marked_until: now,
            base_delay: RecentLeast::new(now),
            standing_delay: RecentLeast::new(now),
            base_rtt: RecentLeast::new(now),
            smoothed_us: crate::connection::rtt::INITIAL_RTT.as_micros(),
            jitter: Jitter::new(now),
            demand: Demand::new(now),
            loss: LossCap::new(now),
        }
    }

    fn least_window(&self) -> u64 {
        self.largest.saturating_mul(LEAST_DATAGRAMS)
    }

    /// Returns the smallest window, in bytes.
    fn floor(&self, now: Instant) -> u64 {
        self.least_window().max(self.demand.at(now))
    }

    /// Measures the demand of a game that had no more to send than the window allowed. Such a game fills no queue, because
    /// all its data arrives, so Copa does not cut the window below the demand.
    fn measure_demand(&mut self, report: &AckReport) {
        if !report.rate.is_some_and(|rate| rate.app_limited) {
            return;
        }
        // The least of all: that of the last seconds would grow with a queue that this keeps.
        let round_trip = self.smoothed_us.cast_signed();
        let round_trip = round_trip.saturating_sub(self.way_back.longest_possible(round_trip));
        self.demand.measure(report.now, round_trip.max(0).unsigned_abs(), self.smoothed_us);
        // Jitter that is not yet known may have ended slow start.
        if self.may_resume {
            self.window = self.window.max(self.demand.at(report.now));
        }
    }

    /// Returns the rate that the loss cap allows, and at least the least window per RTT.
    fn cap(&self) -> u64 {
        let least = per_second(self.least_window(), self.smoothed_us);
        self.loss.cap().map_or(u64::MAX, |cap| cap.max(least))
    }

    fn loss_interval(&self) -> Span {
        Span::from_micros(LOSS_INTERVAL_US.max(self.smoothed_us.saturating_mul(4)))
    }

    /// Processes a measurement. Returns the state of the path to the peer, if it is known.
    fn observe(&mut self, report: &AckReport) -> Option<There> {
        let (delay, rtt) = (report.one_way_delay?, report.rtt?.as_micros().cast_signed());
        self.base_delay.insert(report.now, BASE_WINDOW_US, delay);
        self.standing_delay.insert(report.now, self.standing_us(), delay);
        self.base_rtt.insert(report.now, BASE_WINDOW_US, rtt);
        let trip = Trip { sent_at: report.newest_sent_at, rtt, there: delay };
        let longer = self.way_back.observe(report.now, &trip);
        let arrival = Arrival {
            sent_us: trip.sent_at.as_micros().cast_signed(),
            arrived_us: trip.arrived_us(),
            bytes: self.way_back.arrived(),
        };
        self.jitter.observe(report.now, arrival, self.way_back.arrival_rate());
        let (base, standing) = (self.base_delay.get()?, self.standing_delay.get()?);
        // No queue is longer than all that the round trip ever grew by: a clock has jumped. What it grew by lately is no bound: the
        // way back may drain while the way there fills.
        let possible = self.way_back.longest_possible(rtt);
        if delay.saturating_sub(base) > rtt.min(possible.saturating_add(CLOCK_JUMP_US)) {
            self.base_delay = RecentLeast::new(report.now);
            self.base_delay.insert(report.now, BASE_WINDOW_US, delay.saturating_sub(possible));
            self.standing_delay = RecentLeast::new(report.now);
            self.way_back.on_clock_jump(report.now, trip.back());
            return None;
        }
        let excess_us = delay.saturating_sub(base).max(0).unsigned_abs();
        self.demand.observe(report.now, excess_us, self.way_back.arrival_rate());
        self.measure_demand(report);
        let above = delay.saturating_sub(standing).min(possible);
        let waited = self.less_drift(standing.saturating_sub(base), rtt);
        let queue = waited.saturating_sub(self.noise(report.reorders));
        self.keep_rate(longer);
        let took = rtt.saturating_sub(self.way_back.wait_us().cast_signed());
        let sample = took.max(1).unsigned_abs();
        self.on_drained(sample);
        let smoothed = self.forward_us.saturating_mul(7).saturating_add(sample) / 8;
        self.forward_us = if self.forward_us == 0 { sample } else { smoothed };
        let allowed = self.allowed(report.reorders);
        if allowed > 0 && self.may_resume {
            (self.may_resume, self.is_starting) = (false, true);
        }
        let waited = waited.saturating_sub(allowed).max(0);
        Some(There::new(queue, took.saturating_sub(above), waited.min(possible)))
    }

    /// Returns the queueing delay of one direction without the drift of the two clocks since the least delay, in µs. RTTs
    /// contain no drift, so growth of the delay that the RTT does not show counts as drift, up to the largest possible
    /// drift. Growth beyond that limit shows that the return path has drained.
    fn less_drift(&self, waited: i64, rtt: i64) -> i64 {
        let grown = rtt.saturating_sub(self.base_rtt.get().unwrap_or(rtt));
        waited.min(grown.max(waited.saturating_sub(DRIFT_MOST_US)))
    }

    /// The window over which the least delay is that of a standing queue, in microseconds: half a round trip. Acknowledgements
    /// queue on the return path, so a measurement is already old when it arrives. The window is shorter by half of the longest
    /// such wait, but lasts at least a quarter of a round trip.
    fn standing_us(&self) -> u64 {
        let round_trip = self.forward().min(self.smoothed_us);
        let heeded = (round_trip / 2).saturating_sub(self.way_back.longest_us() / 2);
        heeded.max(round_trip / 4)
    }

    /// Adapts the window after the shortest return path turned out to be `longer` than assumed (or shorter, if negative).
    /// From now on the window belongs to another RTT, and the rate stays the same.
    fn keep_rate(&mut self, longer: i64) {
        if longer == 0 || self.is_starting || self.forward_us == 0 {
            return;
        }
        let before = self.forward_us;
        let after = before.saturating_add_signed(longer).max(before / STRETCH_MOST).max(1);
        let scaled = |window: u64| window.saturating_mul(after) / before;
        self.window = scaled(self.window).max(self.least_window());
        self.round_window = scaled(self.round_window);
        self.forward_us = after;
    }

    /// Adapts the window and the RTT after a queue of seconds has drained, for example after an outage. Otherwise the
    /// window would be far too large, and the mean RTT far too long, for many round trips. The rate stays the same, or
    /// becomes the least rate.
    fn on_drained(&mut self, sample: u64) {
        if self.forward_us < LONG_US || sample >= self.forward_us / FALLEN {
            return;
        }
        self.window = (self.window.saturating_mul(sample) / self.forward_us).max(self.least_window());
        self.round_window = self.window;
        self.forward_us = sample;
    }

    /// Returns the smoothed RTT without the wait on the return path, in µs.
    const fn forward(&self) -> u64 {
        if self.forward_us == 0 { self.smoothed_us } else { self.forward_us }
    }

    /// Returns the bytes in flight with a full window, including bytes whose acknowledgements wait on the return path.
    fn flight(&self) -> u64 {
        (self.window.saturating_mul(self.smoothed_us) / self.forward()).max(self.window)
    }

    fn rate_of_window(&self) -> u64 {
        per_second(self.window, self.forward())
    }

    /// Returns the rate at which packets arrive at the peer. If acknowledgements wait, the RTT is known late. After a queue
    /// has drained, the pacing rate of the window would then stay too low, so packets may leave at the arrival rate.
    fn rate_of_arrivals(&self) -> u64 {
        let (rate, longest_us) = (self.way_back.arrival_rate(), self.way_back.longest_us());
        if longest_us == 0 {
            return 0;
        }
        // All of it where they wait for half as long as the round trip takes; the less they wait, the less it is needed.
        (rate.saturating_mul(longest_us.saturating_mul(2)) / self.forward()).min(rate)
    }

    /// Returns the part of a delay that is jitter, in µs. The basis is the difference between the delays of consecutive
    /// acknowledgements. A burst of this end adds the transmission time of two datagrams to the difference. A queue never
    /// reorders packets, so without reordering the allowance of [`Jitter`] counts as jitter too.
    fn noise(&self, reorders: bool) -> i64 {
        let ours_us = self.forward().saturating_mul(2 * self.datagram) / self.window.max(1);
        let noise = self.jitter.difference_us().saturating_sub(if reorders { 0 } else { ours_us });
        i64::try_from(noise).unwrap_or(i64::MAX).max(self.allowed(reorders))
    }

    /// Returns the allowance of [`Jitter`] for jitter that does not reorder packets, in microseconds.
    fn allowed(&self, reorders: bool) -> i64 {
        if reorders { 0 } else { self.jitter.allowance_us().cast_signed() }
    }

    fn turn(&mut self, is_rising: bool) {
        self.is_rising = is_rising;
        self.velocity = 1;
        self.rounds = 0;
    }

    /// Ends a round, once per RTT. The velocity of the window grows while the window keeps its direction.
    fn end_round(&mut self, now: Instant) {
        let is_rising = self.window > self.round_window;
        if is_rising == self.is_rising {
            self.rounds = self.rounds.saturating_add(1);
            if self.rounds >= PATIENCE {
                let most = self.window / self.datagram.saturating_mul(2 * INVERSE_DELTA);
                self.velocity = self.velocity.saturating_mul(2).min(most).max(1);
            }
        } else {
            self.turn(is_rising);
        }
        self.round_began = now;
        self.round_window = self.window;
    }

    /// Ends slow start with the window that the measured delivery rate needs.
    fn end_start(&mut self, report: &AckReport, there: &There) {
        self.is_starting = false;
        self.fall_back(report, there);
        self.turn(false);
        self.round_window = self.window;
        self.round_began = report.now;
    }

    /// Drains a queue that is far too long at once: limits the window to the bytes that the path delivers in one RTT. If
    /// acknowledgements wait, the arrival rate shows earlier that the path became slower.
    fn fall_back(&mut self, report: &AckReport, there: &There) {
        let least = self.floor(report.now);
        let arrived = match self.way_back.arrival_rate() {
            rate if rate > 0 && self.way_back.longest_us() > 0 => rate,
            _ => u64::MAX,
        };
        // Behind a queue of so long the path limits what is delivered, whatever was to be sent when its packets left.
        let is_full = there.queue_us >= FULL_US && report.uses(self.window);
        if let Some(rate) = report.rate.filter(|rate| is_full || !rate.app_limited) {
            let aim = self.datagram.saturating_mul(INVERSE_DELTA);
            let fits = bytes_in(rate.bytes_per_second.min(arrived), there.empty_us).saturating_add(aim);
            self.window = self.window.min(fits.max(least));
        }
    }

    fn change(&mut self, now: Instant, bytes: u64, is_rising: bool) {
        if self.velocity > 1 && is_rising != self.is_rising {
            self.turn(is_rising);
        }
        let scaled = bytes.saturating_mul(self.datagram).saturating_mul(INVERSE_DELTA * self.velocity);
        let sum = self.remainder.saturating_add(scaled);
        let per_round = self.flight().max(1);
        self.remainder = sum % per_round;
        let step = sum / per_round;
        self.window = if is_rising {
            self.window.saturating_add(step)
        } else {
            self.window.saturating_sub(step).max(self.floor(now).min(self.window))
        };
    }
}

impl Controller for Copa {
    fn on_ack(&mut self, report: &AckReport) {
        self.smoothed_us = report.smoothed_rtt.as_micros().max(1);
        // Packets that were late are as large as others.
        let late = match report.late {
            0 => 0,
            late => report.bytes.saturating_mul(late) / report.packets.max(1),
        };
        self.way_back.on_acked(report.bytes.saturating_add(late));
        self.loss.on_late(report.late);
        self.loss.on_acked(report.now, report.packets, report.bytes, self.loss_interval());
        let Some(there) = self.observe(report) else { return };
        // The rate is the window per round trip; the target is 1 / (delta × queue) datagrams.
        let target = self.datagram.saturating_mul(INVERSE_DELTA).saturating_mul(there.round_trip_us);
        let is_below = self.window.saturating_mul(there.queue_us) <= target;
        if is_below && !report.uses(self.window) {
            self.turn(true);
            return;
        }
        if self.is_starting {
            if self.window.saturating_mul(there.queue_us) / START_GLUT <= target {
                self.window = self.window.saturating_add(report.bytes);
            } else {
                self.end_start(report, &there);
            }
            return;
        }
        if report.newest_sent_at >= self.round_began {
            if self.window.saturating_mul(there.queue_us) / GLUT > target {
                self.fall_back(report, &there);
            }
            self.end_round(report.now);
        }
        self.change(report.now, report.bytes, is_below);
    }

    fn on_loss(&mut self, report: &LossReport) {
        self.loss.on_lost(report.now, report.packets, self.loss_interval());
        if report.persistent {
            self.window = self.least_window();
            self.is_starting = true;
            self.loss = LossCap::new(report.now);
            self.way_back.forget_arrivals();
            self.turn(true);
        }
    }

    fn on_marked(&mut self, now: Instant, newest_sent_at: Instant) {
        if newest_sent_at < self.marked_until {
            return;
        }
        self.marked_until = now;
        self.is_starting = false;
        self.window = (self.window - self.window / 5).max(self.least_window());
        self.turn(false);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn waiting(&self) -> Waiting {
        self.way_back.waiting(self.forward().saturating_mul(STRETCH_MOST - 1))
    }

    fn pacing_rate(&self) -> u64 {
        let rate = self.rate_of_window().max(self.rate_of_arrivals());
        let paced = if self.is_starting { rate.saturating_mul(2) } else { rate.saturating_add(rate / 4) };
        paced.min(self.cap())
    }

    fn rate(&self) -> u64 {
        self.rate_of_window().min(self.cap())
    }

    fn on_black_hole(&mut self, now: Instant) {
        self.loss = LossCap::new(now);
    }

    fn set_datagram(&mut self, datagram: u64) {
        // The unit in which queues are aimed at stays small: two of the largest take long on a slow path.
        self.datagram = datagram.clamp(1, UNIT_MOST);
        self.largest = datagram.max(1);
        self.window = self.window.max(self.least_window());
    }

    fn reset(&mut self, now: Instant) {
        *self = Self::new(now, self.largest);
    }
}
