//! The limits on a connection's sending: its congestion controller, the pacer, and the caller's limit.

use alloc::boxed::Box;

use super::congestion::delivery_rate::{DeliveryRate, Stamp};
use super::congestion::one_way_delay::OneWayDelay;
use super::congestion::{AckReport, Controller, FixedWindow, INITIAL_DATAGRAMS, LossReport, Waiting};
use super::pacing::{Pacer, QUANTUM};
use super::rtt::RttEstimator;
use super::sent::Settled;
use crate::time::{Instant, Span};

/// Acknowledged or lost packets that were not reported to the controller yet.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    packets: u64,
    bytes: u64,
    newest_sent_at: Instant,
}

/// The timing that one ACK frame reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// The time at which the largest packet was sent, if this frame is the first to acknowledge the packet, and the low
    /// bits of the peer's clock when the packet arrived.
    pub(crate) largest: Option<(Instant, u32)>,
    /// The arrival time of the frame, as exactly as known.
    pub(crate) came_at: Instant,
    /// The time by which the peer delayed the acknowledgement.
    pub(crate) held_back: Span,
}

/// Decides when packets may leave. The regulator knows bytes and times, and not the content of packets.
pub(crate) struct Regulator {
    controller: Box<dyn Controller>,
    /// The controller's window in bytes, and its pacing rate in bytes per second, limited by the caller's limit.
    window: u64,
    pacing_rate: u64,
    /// The packets that arrived although no acknowledgement reports them yet.
    waiting: Waiting,
    delivery: DeliveryRate,
    delay: OneWayDelay,
    pacer: Pacer,
    /// The caller's limit, in bytes per second.
    limit: u64,
    datagram: u64,
    acked: Tally,
    lost: Tally,
    /// The number of packets that were declared lost and were acknowledged later.
    late: u64,
    reorders: bool,
    /// The delivery rate measured most recently, in bytes per second.
    delivered: u64,
    /// `true` if the sender had no more data to send during this measurement.
    is_app_limited: bool,
}

impl Regulator {
    pub(crate) fn new(now: Instant, controller: Box<dyn Controller>, datagram: usize) -> Self {
        Self {
            window: controller.window(),
            pacing_rate: controller.pacing_rate(),
            waiting: controller.waiting(),
            controller,
            delivery: DeliveryRate::new(now),
            delay: OneWayDelay::default(),
            pacer: Pacer::new(now, INITIAL_DATAGRAMS.saturating_mul(datagram as u64)),
            limit: u64::MAX,
            datagram: datagram as u64,
            acked: Tally::default(),
            lost: Tally::default(),
            late: 0,
            reorders: false,
            delivered: 0,
            is_app_limited: false,
        }
    }

    /// Creates the regulator of a link that controls congestion itself.
    pub(crate) fn unregulated(now: Instant, datagram: usize) -> Self {
        Self::new(now, Box::new(FixedWindow(u64::MAX)), datagram)
    }

    /// Returns the number of bytes that may be in flight before another acknowledgement arrives.
    pub(crate) fn window(&self) -> u64 {
        self.window.saturating_add(self.waiting.bytes(Instant::MAX))
    }

    /// Returns the sending rate that the path can sustain, in bytes per second.
    pub(crate) fn rate(&self) -> u64 {
        self.controller.rate().min(self.limit)
    }

    /// Returns the recently measured delivery rate, in bytes per second.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Returns `true` if the path may carry more than the recently measured delivery rate, because the sender had no more
    /// data to send.
    pub(crate) const fn is_app_limited(&self) -> bool {
        self.is_app_limited
    }

    /// Sets the caller's limit, in bytes per second. `u64::MAX` means no limit.
    pub(crate) fn limit(&mut self, now: Instant, limit: u64) {
        self.limit = limit;
        self.consult(now);
        self.pacer.on_rate_changed(now, self.pacing_rate, self.datagram);
        if limit != u64::MAX {
            self.pacer.end_free();
        }
    }

    /// Sets the size of datagrams to `datagram` bytes.
    pub(crate) fn set_datagram(&mut self, datagram: usize) {
        self.datagram = datagram as u64;
        self.controller.set_datagram(datagram as u64);
        self.ask();
    }

    /// Processes ECN marks. The newest packet that was acknowledged with a mark was sent at `newest_sent_at` at the latest.
    pub(crate) fn on_marked(&mut self, now: Instant, newest_sent_at: Instant) {
        self.controller.on_marked(now, newest_sent_at);
        self.consult(now);
    }

    /// Gets the window and the rates from the controller, after an event that may have changed them. Such events are much
    /// rarer than packets.
    fn consult(&mut self, now: Instant) {
        let before = self.pacing_rate;
        self.ask();
        if self.pacing_rate > before {
            self.pacer.on_rate_raised(now, before, self.pacing_rate);
        }
    }

    fn ask(&mut self) {
        self.window = self.controller.window();
        self.pacing_rate = self.controller.pacing_rate().min(self.limit);
        self.waiting = self.controller.waiting();
    }

    /// Returns `true` if another packet may leave while `in_flight` bytes are in flight.
    pub(crate) fn is_open(&self, now: Instant, in_flight: u64) -> bool {
        self.fits(now, in_flight) && self.pacer.is_open(now, self.pacing_rate, self.datagram)
    }

    /// Returns `true` if another packet fits into the window while `in_flight` bytes are in flight.
    fn fits(&self, now: Instant, in_flight: u64) -> bool {
        in_flight < self.window || in_flight.saturating_sub(self.waiting.bytes(now)) < self.window
    }

    /// Returns the time at which another packet may leave, if only time delays the packet.
    pub(crate) fn opens_at(&self, now: Instant, in_flight: u64) -> Option<Instant> {
        let rate = self.pacing_rate;
        let is_paced = !self.pacer.is_open(now, rate, self.datagram);
        let paced_until = is_paced.then(|| self.pacer.worth_at(rate, self.datagram));
        if self.fits(now, in_flight) {
            return paced_until;
        }
        let fits_at = self.waiting.exceeds_at(in_flight.saturating_sub(self.window))?;
        Some((fits_at + QUANTUM).max(paced_until.unwrap_or(fits_at)))
    }

    /// Records that a packet that counts as in flight is sent while `in_flight` bytes are in flight.
    pub(crate) fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64) -> Stamp {
        if in_flight == 0 {
            // After a silence nothing waits on the way back.
            self.waiting = Waiting::default();
        }
        self.pacer.on_sent(now, bytes, self.pacing_rate);
        self.delivery.on_sent(now, in_flight)
    }

    /// Records that a packet that requests no acknowledgement is sent. Nothing delays such a packet, but it counts towards
    /// the caller's limit.
    pub(crate) fn on_unheld(&mut self, now: Instant, bytes: u64) {
        if self.limit != u64::MAX {
            self.pacer.on_unheld(now, bytes, self.limit);
        }
    }

    /// Records that the sender has no more data to send, although it may send more.
    pub(crate) const fn on_app_limited(&mut self, in_flight: u64) {
        self.delivery.on_app_limited(in_flight);
    }

    /// Records that a packet was acknowledged. [`Regulator::on_ack`] follows.
    pub(crate) fn on_delivered(&mut self, now: Instant, settled: &Settled) {
        self.delivery.on_delivered(now, settled.sent_at, settled.bytes, settled.stamp);
        self.acked.add(settled);
    }

    /// Records that `packets` packets that were declared lost have arrived. [`Regulator::on_ack`] follows, for this
    /// acknowledgement or a later one.
    pub(crate) const fn on_late(&mut self, packets: u64, reorders: bool) {
        self.late = self.late.saturating_add(packets);
        self.reorders = reorders;
    }

    /// Records that a packet was declared lost. [`Regulator::on_losses`] follows.
    pub(crate) fn on_lost(&mut self, settled: &Settled) {
        self.lost.add(settled);
    }

    /// Reports the recorded acknowledgements to the controller after an ACK frame. `in_flight` bytes are still in flight.
    pub(crate) fn on_ack(&mut self, now: Instant, timing: &Timing, rtt: &RttEstimator, in_flight: u64) {
        let acked = core::mem::take(&mut self.acked);
        if acked.packets == 0 {
            return;
        }
        let sampled = timing.largest.map(|(sent_at, received)| {
            let rtt = timing.came_at.since(sent_at).saturating_sub(timing.held_back);
            (rtt, self.delay.sample(sent_at, received))
        });
        let report = AckReport {
            now,
            packets: acked.packets,
            bytes: acked.bytes,
            late: core::mem::take(&mut self.late),
            reorders: self.reorders,
            newest_sent_at: acked.newest_sent_at,
            in_flight: in_flight.saturating_add(acked.bytes).saturating_sub(self.waiting.bytes(now)),
            rtt: sampled.map(|(rtt, _)| rtt),
            smoothed_rtt: rtt.smoothed(),
            one_way_delay: sampled.map(|(_, delay)| delay),
            rate: self.delivery.sample(now, rtt.least().unwrap_or_default()),
        };
        if let Some(rate) = report.rate {
            (self.delivered, self.is_app_limited) = (rate.bytes_per_second, rate.app_limited);
        }
        self.controller.on_ack(&report);
        self.consult(now);
    }

    /// Reports the recorded losses to the controller.
    pub(crate) fn on_losses(&mut self, now: Instant, persistent: bool) {
        let lost = core::mem::take(&mut self.lost);
        if lost.packets > 0 {
            self.controller.on_loss(&LossReport {
                now,
                packets: lost.packets,
                newest_sent_at: lost.newest_sent_at,
                persistent,
            });
            self.consult(now);
        }
    }

    /// Reports to the controller that the recently lost packets were too large for the path, so their loss is no sign of
    /// congestion.
    pub(crate) fn on_black_hole(&mut self, now: Instant) {
        self.lost = Tally::default();
        self.controller.on_black_hole(now);
        self.consult(now);
    }

    /// Restarts the controller after the path changed.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.controller.reset(now);
        self.consult(now);
        self.delivery = DeliveryRate::new(now);
        self.delay = OneWayDelay::default();
        // A limit is the connection's, not the path's: a peer that moves repeatedly is sent no more, and its debts stay.
        if self.limit == u64::MAX {
            self.pacer = Pacer::new(now, INITIAL_DATAGRAMS.saturating_mul(self.datagram));
        }
        (self.acked, self.lost) = (Tally::default(), Tally::default());
    }
}

impl Tally {
    fn add(&mut self, settled: &Settled) {
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(settled.bytes);
        self.newest_sent_at = self.newest_sent_at.max(settled.sent_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATAGRAM: u64 = 1000;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_millis(ms)
    }

    /// A controller that allows ten datagrams in flight. 100 bytes arrive every millisecond, and acknowledgements wait for
    /// 50 ms.
    #[derive(Debug)]
    struct Foreseeing;

    impl Controller for Foreseeing {
        fn on_ack(&mut self, _: &AckReport) {}
        fn on_loss(&mut self, _: &LossReport) {}
        fn on_marked(&mut self, _: Instant, _: Instant) {}
        fn window(&self) -> u64 {
            10 * DATAGRAM
        }
        fn waiting(&self) -> Waiting {
            Waiting { bytes_per_second: 100_000, since: at(950), until: at(1100) }
        }
        fn pacing_rate(&self) -> u64 {
            u64::MAX
        }
        fn rate(&self) -> u64 {
            u64::MAX
        }
        fn set_datagram(&mut self, _: u64) {}
        fn on_black_hole(&mut self, _: Instant) {}
        fn reset(&mut self, _: Instant) {}
    }

    #[test]
    fn opens_at_returns_the_time_at_which_the_congestion_window_allows_the_next_packet() {
        let mut regulator = Regulator::new(at(1000), Box::new(Foreseeing), DATAGRAM as usize);
        let mut in_flight = 14 * DATAGRAM;
        assert!(regulator.is_open(at(1000), in_flight));
        let mut now = at(1000);
        let mut left = 0;
        while let Some(opens) =
            regulator.opens_at(now, in_flight).or_else(|| regulator.is_open(now, in_flight).then_some(now))
        {
            assert!(opens > now || regulator.is_open(now, in_flight), "{now:?}: the driver would spin");
            now = opens;
            assert!(regulator.is_open(now, in_flight), "{now:?}");
            regulator.on_sent(now, DATAGRAM, in_flight);
            (in_flight, left) = (in_flight + DATAGRAM, left + 1);
        }
        // Arrivals are foreseen until 1100 ms: 15 datagrams, and ten are in flight.
        assert_eq!((left, in_flight, now.as_micros() / 1000), (11, 25 * DATAGRAM, 1091));
        assert_eq!(regulator.window(), 25 * DATAGRAM);
    }

    /// A controller of a path of 1 kB/s, and of 1 MB/s from the first ECN mark on.
    #[derive(Debug)]
    struct Rising(u64);

    impl Controller for Rising {
        fn on_ack(&mut self, _: &AckReport) {}
        fn on_loss(&mut self, _: &LossReport) {}
        fn on_marked(&mut self, _: Instant, _: Instant) {
            self.0 = 1_000_000;
        }
        fn window(&self) -> u64 {
            100 * DATAGRAM
        }
        fn pacing_rate(&self) -> u64 {
            self.0
        }
        fn rate(&self) -> u64 {
            self.0
        }
        fn set_datagram(&mut self, _: u64) {}
        fn on_black_hole(&mut self, _: Instant) {}
        fn reset(&mut self, _: Instant) {}
    }

    /// Over a recorded link (TMobile-UMTS-driving, seed 24) the sender sent no packet for 2.7 s, although the path was empty
    /// and the window was three datagrams. Two datagrams had left at 1 kB/s, and the pacer paid off their debt at this rate
    /// and not at the rate that was measured later.
    #[test]
    fn regression_pacing_debt_from_a_low_rate_delays_a_packet_by_less_than_20_ms_after_the_rate_rises() {
        let mut regulator = Regulator::new(at(0), Box::new(Rising(1000)), DATAGRAM as usize);
        let mut in_flight = 0;
        while regulator.is_open(at(0), in_flight) {
            regulator.on_sent(at(0), DATAGRAM, in_flight);
            in_flight += DATAGRAM;
        }
        assert!(regulator.opens_at(at(0), 0).unwrap() > at(900));
        regulator.on_marked(at(50), at(0));
        assert!(regulator.opens_at(at(50), 0).is_none_or(|opens| opens < at(70)));
    }

    #[test]
    fn after_a_silence_no_packet_counts_as_arrived_before_its_acknowledgement() {
        let mut regulator = Regulator::new(at(1000), Box::new(Foreseeing), DATAGRAM as usize);
        assert!(regulator.is_open(at(5000), 11 * DATAGRAM));
        regulator.on_sent(at(5000), DATAGRAM, 0);
        assert!(regulator.is_open(at(5000), 9 * DATAGRAM));
        assert!(!regulator.is_open(at(5000), 10 * DATAGRAM));
    }
}
