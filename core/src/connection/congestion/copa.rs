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
/// For so long the least delay stands for an empty queue: half of it at least. At 500 ppm clocks drift by 5 ms meanwhile. It is one
/// for both ways: a queue that stands would pass for one on the way back, as soon as only the least one-way delay had forgotten it.
const BASE_WINDOW: Duration = Duration::from_secs(10);
/// Rounds in one direction before the pace of change doubles.
const PATIENCE: u8 = 3;
/// So much more than the round trip has ever grown by is no queue.
const CLOCK_JUMP_US: i64 = 100_000;
/// A queue of so many times what is aimed at is not waited for to drain step by step: the path has become slower.
const GLUT: u64 = 6;
/// A way back on which acknowledgements wait for longer than that sets their pace, and no longer ours.
const BACK_FULL_US: u64 = 15_000;
/// So much more than the window may then be in flight: acknowledgements come when what waits before them lets them through.
const SLACK: Duration = Duration::from_millis(60);
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
    /// The latest round-trip time without that.
    forward_us: u64,
    /// The least round-trip time of all in microseconds.
    least_ever: i64,
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
            forward_us: crate::connection::rtt::INITIAL_RTT.as_micros() as u64,
            least_ever: i64::MAX,
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
        // What waits on the way back makes what is measured on the way there no older than it is.
        let standing = Duration::from_micros(self.smoothed_us.min(self.forward_us) / 2);
        let step = self.last_delay.replace(delay).map_or(0, |last| last.abs_diff(delay));
        self.jitter = self.jitter.saturating_sub(self.jitter / 16).saturating_add(step);
        let fixed = self.least_rtt.get().zip(self.base_delay.get());
        self.base_delay.insert(report.now, BASE_WINDOW, delay);
        self.standing_delay.insert(report.now, standing, delay);
        self.least_rtt.insert(report.now, BASE_WINDOW, rtt);
        self.standing_rtt.insert(report.now, standing, rtt);
        self.least_ever = self.least_ever.min(rtt);
        let (base, delay) = (self.base_delay.get()?, self.standing_delay.get()?);
        let (least, rtt) = (self.least_rtt.get()?, self.standing_rtt.get()?);
        self.keep_rate(fixed, least, base);
        let queue = delay.saturating_sub(base).saturating_sub(self.noise(report.reorders));
        let grown = rtt.saturating_sub(least);
        // Both ways together wait for no longer than the round trip exceeds the least there ever was: a clock has jumped. What it has
        // grown by lately would be too narrow a bound, since the way back may drain meanwhile.
        if queue > rtt.min(rtt.saturating_sub(self.least_ever).saturating_add(CLOCK_JUMP_US)) {
            self.base_delay = RecentLeast::new(report.now);
            self.base_delay.insert(report.now, BASE_WINDOW, delay.saturating_sub(grown));
            return Some((grown.max(0) as u64, rtt.max(1) as u64));
        }
        // What the round trip has grown by and the way there has not, is on the way back.
        let back = grown.saturating_sub(delay.saturating_sub(base).max(0)).max(0) as u64;
        self.back_us = self.back_us.saturating_mul(7).saturating_add(back) / 8;
        self.forward_us = (rtt.max(1) as u64).saturating_sub(back).max(1);
        Some((queue.max(0) as u64, self.forward_us))
    }

    /// The way back is found to be shorter than it was, or has been forgotten to be: the window is that of another round trip
    /// now, for the rate to stay what it was. `before` is the least round trip and one-way delay until now.
    fn keep_rate(&mut self, before: Option<(i64, i64)>, least: i64, base: i64) {
        let Some((least_before, base_before)) = before else { return };
        let (least_change, base_change) = (least - least_before, base - base_before);
        let change = if least_change < 0 {
            (least_change - base_change.min(0)).min(0)
        } else {
            (least_change - base_change.max(0)).max(0)
        };
        if change == 0 || self.is_starting {
            return;
        }
        let forward = self.forward_us();
        self.forward_us = self.forward_us.saturating_add_signed(change);
        let changed = self.forward_us();
        self.window = (self.window.saturating_mul(changed) / forward).max(self.least_window());
        self.round_window = self.round_window.saturating_mul(changed) / forward;
    }

    /// The round trip that the window belongs to. Where acknowledgements wait, they do not slow us down when a queue grows on the
    /// way there: its latest length does.
    fn round_trip_us(&self) -> u64 {
        if self.back_us > 0 { self.forward_us() } else { self.smoothed_us }
    }

    /// The rate that follows each measurement, in bytes per second.
    fn pace(&self) -> u64 {
        per_second(self.window, self.round_trip_us())
    }

    fn forward_us(&self) -> u64 {
        self.forward_us.max(self.smoothed_us / STRETCH_MOST).max(1)
    }

    /// The window, longer by as much as the way back makes the round trip longer: what waits there would slow us down else, and
    /// speed us up when it is gone, and the queue on the way there would pay for it.
    fn stretched(&self) -> u64 {
        (self.window.saturating_mul(self.smoothed_us) / self.round_trip_us()).max(self.window)
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
        let per_round = self.stretched().max(1);
        let scaled = bytes.saturating_mul(self.datagram).saturating_mul(INVERSE_DELTA * self.velocity);
        let sum = self.remainder.saturating_add(scaled);
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
        if self.is_starting {
            return self.stretched();
        }
        let slack_us = self.back_us.min(micros(SLACK));
        self.stretched().saturating_add(bytes_in(self.pace().min(self.cap()), slack_us))
    }

    fn pacing_rate(&self) -> u64 {
        let rate = self.pace();
        if self.is_starting {
            return rate.saturating_mul(2).min(self.cap());
        }
        // The longer acknowledgements wait, the more they come in bursts, and nothing but the pace keeps it even.
        let ahead = rate / 4 - bytes_in(rate / 5, self.back_us.min(BACK_FULL_US) * 1_000_000 / BACK_FULL_US);
        rate.saturating_add(ahead).min(self.cap())
    }

    fn rate(&self) -> u64 {
        // Games are told of it: it is as smooth as the round trip, while the pace follows each measurement.
        let forward_us = self.smoothed_us.saturating_sub(self.back_us).max(self.smoothed_us / STRETCH_MOST);
        per_second(self.window, forward_us.max(1)).min(self.cap())
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
