//! Copa (Arun and Balakrishnan, NSDI 2018) in its default mode, on one-way delay: congestion of acknowledgements slows
//! nothing down.

#[cfg(test)]
mod tests;

use super::filter::RecentLeast;
use super::loss_cap::LossCap;
use super::{AckReport, Controller, INITIAL_DATAGRAMS, LEAST_DATAGRAMS, LossReport, bytes_in, per_second};
use crate::time::{Duration, Instant, micros};

/// 1 / delta, delta being 0.5: the datagrams that each flow keeps in the queue.
const INVERSE_DELTA: u64 = 2;
/// For so long the least delay stands for an empty queue: half of it at least. At 500 ppm clocks drift by 5 ms meanwhile.
const BASE_WINDOW: Duration = Duration::from_secs(10);
/// Rounds in one direction before the pace of change doubles.
const PATIENCE: u8 = 3;
/// A queue that exceeds what the round trip has grown by so much is a clock that jumped.
const CLOCK_JUMP_US: i64 = 100_000;
/// A queue of so many times what is aimed at is not waited for to drain step by step: the path has become slower.
const GLUT: u64 = 6;
/// A way back that is full makes the window so many times as long at most.
const STRETCH_MOST: u64 = 8;
/// Bytes of the datagrams that are counted, where larger ones are sent.
const UNIT_MOST: u64 = 1200;
/// Losses are counted for so long, or for four round trips.
const LOSS_INTERVAL: Duration = Duration::from_millis(500);

/// Copa with delta 0.5 and without its competitive mode.
///
/// The window aims at the rate 1 / (delta × queueing delay): short queues invite, long ones repel, and flows that share
/// a queue end up with equal shares. Isolated losses are ignored; above a tenth lost, the rate is capped to what is
/// delivered.
#[derive(Clone, Debug)]
pub struct Copa {
    /// The unit of what is aimed at.
    datagram: u64,
    /// The largest datagram that is sent.
    largest: u64,
    /// What would have to be in flight if nothing waited on the way back: see [`Copa::stretched`].
    window: u64,
    /// How long acknowledgements wait on the way back in microseconds, smoothed as the round trip is.
    back_us: u64,
    /// What is left of a change that was smaller than a byte, times the window.
    remainder: u64,
    is_starting: bool,
    velocity: u64,
    /// Whether the window has been growing.
    is_rising: bool,
    /// Rounds since that changed.
    rounds: u8,
    round_began: Instant,
    round_window: u64,
    marked_until: Instant,
    base_delay: RecentLeast,
    standing_delay: RecentLeast,
    least_rtt: RecentLeast,
    standing_rtt: RecentLeast,
    smoothed_us: u64,
    /// The latest delay, and by how much delays differ from one acknowledgement to the next, in sixteenths.
    last_delay: Option<i64>,
    jitter: u64,
    loss: LossCap,
}

impl Copa {
    /// Starts on an unknown path with datagrams of `datagram` bytes.
    #[must_use]
    pub fn new(now: Instant, datagram: u64) -> Self {
        let datagram = datagram.max(1);
        Self {
            datagram: datagram.min(UNIT_MOST),
            largest: datagram,
            window: datagram.saturating_mul(INITIAL_DATAGRAMS),
            back_us: 0,
            remainder: 0,
            is_starting: true,
            velocity: 1,
            is_rising: true,
            rounds: 0,
            round_began: now,
            round_window: 0,
            marked_until: now,
            base_delay: RecentLeast::new(now),
            standing_delay: RecentLeast::new(now),
            least_rtt: RecentLeast::new(now),
            standing_rtt: RecentLeast::new(now),
            smoothed_us: crate::connection::rtt::INITIAL_RTT.as_micros() as u64,
            last_delay: None,
            jitter: 0,
            loss: LossCap::new(now),
        }
    }

    fn least_window(&self) -> u64 {
        self.largest.saturating_mul(LEAST_DATAGRAMS)
    }

    /// What the loss cap allows: never less than the least window per round trip.
    fn cap(&self) -> u64 {
        let least = per_second(self.least_window(), self.smoothed_us);
        self.loss.cap().map_or(u64::MAX, |cap| cap.max(least))
    }

    fn loss_interval(&self) -> Duration {
        LOSS_INTERVAL.max(Duration::from_micros(self.smoothed_us.saturating_mul(4)))
    }

    /// Takes in a measurement; the queueing delay and the round-trip time without what waits on the way back, both in
    /// microseconds.
    fn observe(&mut self, report: &AckReport) -> Option<(u64, u64)> {
        let (delay, rtt) = (report.one_way_delay?, micros(report.rtt?) as i64);
        let standing = report.smoothed_rtt / 2;
        let step = self.last_delay.replace(delay).map_or(0, |last| last.abs_diff(delay));
        self.jitter = self.jitter.saturating_sub(self.jitter / 16).saturating_add(step);
        self.base_delay.insert(report.now, BASE_WINDOW, delay);
        self.standing_delay.insert(report.now, standing, delay);
        self.least_rtt.insert(report.now, BASE_WINDOW, rtt);
        self.standing_rtt.insert(report.now, standing, rtt);
        let (base, delay) = (self.base_delay.get()?, self.standing_delay.get()?);
        let (least, rtt) = (self.least_rtt.get()?, self.standing_rtt.get()?);
        let queue = delay.saturating_sub(base).saturating_sub(self.noise(report.reorders));
        let grown = rtt.saturating_sub(least);
        if queue > grown.saturating_add(CLOCK_JUMP_US) {
            self.base_delay = RecentLeast::new(report.now);
            self.base_delay.insert(report.now, BASE_WINDOW, delay.saturating_sub(grown));
            return Some((grown.max(0) as u64, rtt.max(1) as u64));
        }
        // What the round trip has grown by and the way there has not, is on the way back.
        let back = grown.saturating_sub(delay.saturating_sub(base).max(0)).max(0) as u64;
        self.back_us = self.back_us.saturating_mul(7).saturating_add(back) / 8;
        Some((queue.max(0) as u64, (rtt.max(1) as u64).saturating_sub(back).max(1)))
    }

    /// The window, longer by as much as the way back makes the round trip longer: what waits there would slow us down else, and
    /// speed us up when it is gone, and the queue on the way there would pay for it.
    fn stretched(&self) -> u64 {
        if self.back_us == 0 {
            return self.window;
        }
        let forward_us = self.smoothed_us.saturating_sub(self.back_us).max(self.smoothed_us / STRETCH_MOST);
        (self.window.saturating_mul(self.smoothed_us) / forward_us.max(1)).max(self.window)
    }

    /// How much of a delay is chance: what delays differ by from one acknowledgement to the next. A burst of ours makes them
    /// differ by what two datagrams take; but no queue lets packets overtake each other.
    fn noise(&self, reorders: bool) -> i64 {
        let ours_us = self.smoothed_us.saturating_mul(2 * self.datagram) / self.window.max(1);
        let noise = (self.jitter / 16).saturating_sub(if reorders { 0 } else { ours_us });
        i64::try_from(noise).unwrap_or(i64::MAX)
    }

    fn turn(&mut self, is_rising: bool) {
        self.is_rising = is_rising;
        self.velocity = 1;
        self.rounds = 0;
    }

    /// Once per round trip: whoever keeps going in one direction goes faster and faster.
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

    /// Leaves slow start with what the path was seen to deliver.
    fn end_start(&mut self, report: &AckReport) {
        self.is_starting = false;
        self.fall_back(report);
        self.turn(false);
        self.round_window = self.window;
        self.round_began = report.now;
    }

    /// Lets a queue that is far too long drain at once: no more than what the path was seen to deliver in a round trip.
    fn fall_back(&mut self, report: &AckReport) {
        let least_rtt = self.least_rtt.get().unwrap_or_default().max(0) as u64;
        if let Some(rate) = report.rate.filter(|rate| !rate.app_limited) {
            let aim = self.datagram.saturating_mul(INVERSE_DELTA);
            let fits = bytes_in(rate.bytes_per_second, least_rtt).saturating_add(aim);
            self.window = self.window.min(fits.max(self.least_window()));
        }
    }

    fn change(&mut self, bytes: u64, is_rising: bool) {
        if self.velocity > 1 && is_rising != self.is_rising {
            self.turn(is_rising);
        }
        let scaled = bytes.saturating_mul(self.datagram).saturating_mul(INVERSE_DELTA * self.velocity);
        let sum = self.remainder.saturating_add(scaled);
        let per_round = self.stretched().max(1);
        self.remainder = sum % per_round;
        let step = sum / per_round;
        let changed =
            if is_rising { self.window.saturating_add(step) } else { self.window.saturating_sub(step) };
        self.window = changed.max(self.least_window());
    }
}

impl Controller for Copa {
    fn on_ack(&mut self, report: &AckReport) {
        self.smoothed_us = micros(report.smoothed_rtt).max(1);
        self.loss.on_late(report.late);
        self.loss.on_acked(report.now, report.packets, report.bytes, self.loss_interval());
        let Some((queue, rtt)) = self.observe(report) else { return };
        // The rate is the window per round trip; the target is 1 / (delta × queue) datagrams.
        let target = self.datagram.saturating_mul(INVERSE_DELTA).saturating_mul(rtt);
        let is_below = self.window.saturating_mul(queue) <= target;
        if is_below && !report.uses(self.stretched()) {
            self.turn(true);
            return;
        }
        if self.is_starting {
            if is_below {
                self.window = self.window.saturating_add(report.bytes);
            } else {
                self.end_start(report);
            }
            return;
        }
        if report.newest_sent_at >= self.round_began {
            if self.window.saturating_mul(queue) / GLUT > target {
                self.fall_back(report);
            }
            self.end_round(report.now);
        }
        self.change(report.bytes, is_below);
    }

    fn on_loss(&mut self, report: &LossReport) {
        self.loss.on_lost(report.now, report.packets, self.loss_interval());
        if report.persistent {
            self.window = self.least_window();
            self.is_starting = true;
            self.loss = LossCap::new(report.now);
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
        self.stretched()
    }

    fn pacing_rate(&self) -> u64 {
        let rate = per_second(self.stretched(), self.smoothed_us);
        let paced = if self.is_starting { rate.saturating_mul(2) } else { rate.saturating_add(rate / 4) };
        paced.min(self.cap())
    }

    fn rate(&self) -> u64 {
        per_second(self.stretched(), self.smoothed_us).min(self.cap())
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
