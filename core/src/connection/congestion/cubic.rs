//! CUBIC (RFC 9438 section 4), whose window grows until a queue overflows.

use super::{AckReport, Controller, INITIAL_DATAGRAMS, LEAST_DATAGRAMS, LossReport, per_second};
use crate::time::Instant;

/// The window after a loss, in tenths of the window before the loss (beta, RFC 9438 section 4.6).
const BETA_TENTHS: u64 = 7;
/// The datagrams gained per RTT in the Reno-friendly region, as a fraction: 3 × (1 - 0.7) / (1 + 0.7) = 9/17 (RFC 9438
/// section 4.3).
const FRIENDLY: (u64, u64) = (9, 17);

/// The CUBIC controller, which keeps its share against other traffic that fills queues. In return, queues stay full.
#[derive(Clone, Debug)]
pub(crate) struct Cubic {
    datagram: u64,
    window: u64,
    threshold: u64,
    /// The window at the latest loss, in bytes.
    most: u64,
    /// The time at which the current growth began. `None` before the first acknowledgement of the growth.
    climb_began: Option<Instant>,
    /// The time, in milliseconds, from the start of the growth until the window reaches `most` again.
    inflection_ms: u64,
    /// The window that Reno would have, in bytes.
    friendly: u64,
    friendly_rest: u64,
    rest: u64,
    /// The time of the latest cut. Losses of packets that were sent earlier belong to this cut.
    cut_at: Option<Instant>,
    smoothed_us: u64,
}

impl Cubic {
    /// Creates the controller of an unknown path, for datagrams of `datagram` bytes.
    #[must_use]
    pub(crate) fn new(_now: Instant, datagram: u64) -> Self {
        let datagram = datagram.max(1);
        Self {
            datagram,
            window: datagram.saturating_mul(INITIAL_DATAGRAMS),
            threshold: u64::MAX,
            most: 0,
            climb_began: None,
            inflection_ms: 0,
            friendly: 0,
            friendly_rest: 0,
            rest: 0,
            cut_at: None,
            smoothed_us: crate::connection::rtt::INITIAL_RTT.as_micros(),
        }
    }

    fn least_window(&self) -> u64 {
        self.datagram.saturating_mul(LEAST_DATAGRAMS)
    }

    fn cut(&mut self, now: Instant, newest_sent_at: Instant) {
        if self.cut_at.is_some_and(|cut_at| newest_sent_at <= cut_at) {
            return;
        }
        self.cut_at = Some(now);
        // Fast convergence: whoever did not get back to where it was leaves room for others.
        let is_below = self.window < self.most;
        self.most = if is_below { self.window / 20 * (10 + BETA_TENTHS) } else { self.window };
        self.window = (self.window / 10).saturating_mul(BETA_TENTHS).max(self.least_window());
        self.threshold = self.window;
        self.climb_began = None;
    }

    fn begin_climb(&mut self, now: Instant) {
        self.climb_began = Some(now);
        self.friendly = self.window;
        self.most = self.most.max(self.window);
        // K = cbrt((W_max - cwnd) / C) seconds, with C = 0.4 datagrams per second cubed.
        let missing = self.most - self.window;
        let cubed = u128::from(missing) * 2_500_000_000 / u128::from(self.datagram);
        self.inflection_ms = cube_root(u64::try_from(cubed).unwrap_or(u64::MAX));
    }

    /// Returns W_cubic(t) in bytes (RFC 9438 section 4.2).
    fn curve(&self, elapsed_ms: u64) -> u64 {
        let distance = elapsed_ms.abs_diff(self.inflection_ms).min(1_000_000);
        let cubed = u128::from(distance).pow(3) * u128::from(self.datagram) * 2 / 5 / 1_000_000_000;
        let change = u64::try_from(cubed).unwrap_or(u64::MAX);
        if elapsed_ms < self.inflection_ms {
            self.most.saturating_sub(change)
        } else {
            self.most.saturating_add(change)
        }
    }

    fn climb(&mut self, report: &AckReport) {
        if self.climb_began.is_none() {
            self.begin_climb(report.now);
        }
        let began = self.climb_began.unwrap_or(report.now);
        let ahead = report.now.since(began).as_micros().saturating_add(self.smoothed_us) / 1000;
        let (gain, per) = FRIENDLY;
        let sum = self.friendly_rest.saturating_add(report.bytes.saturating_mul(self.datagram) / per * gain);
        self.friendly = self.friendly.saturating_add(sum / self.window);
        self.friendly_rest = sum % self.window;
        let target = self.curve(ahead).min(self.window.saturating_add(self.window / 2));
        if target > self.window {
            let missing = target - self.window;
            let sum = self.rest.saturating_add(missing.saturating_mul(report.bytes));
            self.rest = sum % self.window;
            self.window = self.window.saturating_add(sum / self.window);
        }
        self.window = self.window.max(self.friendly);
    }
}

impl Controller for Cubic {
    fn on_ack(&mut self, report: &AckReport) {
        self.smoothed_us = report.smoothed_rtt.as_micros().max(1);
        let is_recovering = self.cut_at.is_some_and(|cut_at| report.newest_sent_at <= cut_at);
        if is_recovering || !report.uses(self.window) {
            return;
        }
        if self.window < self.threshold {
            self.window = self.window.saturating_add(report.bytes);
        } else {
            self.climb(report);
        }
    }

    fn on_loss(&mut self, report: &LossReport) {
        self.cut(report.now, report.newest_sent_at);
        if report.persistent {
            self.window = self.least_window();
            self.cut_at = None;
        }
    }

    fn on_marked(&mut self, now: Instant, newest_sent_at: Instant) {
        self.cut(now, newest_sent_at);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn pacing_rate(&self) -> u64 {
        let rate = per_second(self.window, self.smoothed_us);
        if self.window < self.threshold { rate.saturating_mul(2) } else { rate.saturating_add(rate / 4) }
    }

    fn rate(&self) -> u64 {
        per_second(self.window, self.smoothed_us)
    }

    fn on_black_hole(&mut self, _now: Instant) {
        // The cuts that were made are soon climbed back.
    }

    fn set_datagram(&mut self, datagram: u64) {
        self.datagram = datagram.max(1);
        self.window = self.window.max(self.least_window());
    }

    fn reset(&mut self, now: Instant) {
        *self = Self::new(now, self.datagram);
    }
}

/// Returns the largest number whose cube is at most `value`.
fn cube_root(value: u64) -> u64 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let larger = root | 1 << bit;
        if u128::from(larger).pow(3) <= u128::from(value) {
            root = larger;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const DATAGRAM: u64 = 1200;
    const RTT: Span = Span::from_millis(100);

    fn ack(cubic: &mut Cubic, now: Instant) {
        let bytes = cubic.window;
        cubic.on_ack(&AckReport {
            now,
            packets: bytes / DATAGRAM,
            bytes,
            late: 0,
            reorders: false,
            newest_sent_at: now - RTT / 2,
            in_flight: bytes,
            rtt: Some(RTT),
            smoothed_rtt: RTT,
            one_way_delay: None,
            rate: None,
        });
    }

    fn lose(cubic: &mut Cubic, now: Instant, newest_sent_at: Instant) {
        cubic.on_loss(&LossReport { now, packets: 1, newest_sent_at, persistent: false });
    }

    #[test]
    fn the_integer_cube_root_is_the_exact_root_rounded_down() {
        for root in [0u64, 1, 2, 999, 1_000_000, 2_642_244] {
            assert_eq!(cube_root(root.pow(3)), root);
            assert_eq!(cube_root((root + 1).pow(3) - 1), root);
        }
        assert_eq!(cube_root(u64::MAX), 2_642_245);
    }

    #[test]
    fn cubic_regains_its_congestion_window_after_the_time_k_of_rfc_9438_section_4_2() {
        let mut cubic = Cubic::new(Instant::ZERO, DATAGRAM);
        let mut now = Instant::ZERO;
        while cubic.window < 400 * DATAGRAM {
            now += RTT;
            ack(&mut cubic, now);
        }
        let before = cubic.window;
        lose(&mut cubic, now, now);
        assert_eq!(cubic.window, before / 10 * 7);
        // One cut per round trip, whatever else of that flight was lost.
        lose(&mut cubic, now + RTT / 2, now);
        assert_eq!(cubic.window, before / 10 * 7);
        let began = now;
        while cubic.window < before - DATAGRAM {
            now += RTT;
            ack(&mut cubic, now);
            assert!(now.since(began) < Span::from_secs(20), "{}", cubic.window);
        }
        // 30 % of some 640 datagrams: cbrt(192 / 0.4) = 7.8 s.
        assert!((6..9).contains(&(now.since(began)).duration().as_secs()), "{:?}", now.since(began));
    }

    #[test]
    fn a_cubic_congestion_window_that_is_less_than_half_full_does_not_grow() {
        let mut cubic = Cubic::new(Instant::ZERO, DATAGRAM);
        let before = cubic.window;
        cubic.on_ack(&AckReport {
            now: Instant::ZERO + RTT,
            packets: 1,
            bytes: DATAGRAM,
            late: 0,
            reorders: false,
            newest_sent_at: Instant::ZERO,
            in_flight: before / 2 - 1,
            rtt: Some(RTT),
            smoothed_rtt: RTT,
            one_way_delay: None,
            rate: None,
        });
        assert_eq!(cubic.window, before);
    }
}
