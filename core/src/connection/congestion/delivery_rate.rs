//! The rate that the path delivers, measured at each acknowledgement (draft-cheng-iccrg-delivery-rate-estimation).

use super::{RateSample, per_second};
use crate::time::{Instant, Span};

/// The record of a packet from which the rate is measured. The record takes 12 bytes, because each packet in flight has
/// one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stamp {
    /// The low bits of the number of bytes that were delivered when the packet was sent.
    delivered: u32,
    /// The time since the latest delivery, in microseconds. The highest bit is set if the sender had no more data to send.
    since_delivery: u32,
    /// The time since the first packet of the flight was sent, in microseconds.
    since_first: u32,
}

const APP_LIMITED: u32 = 1 << 31;

/// The sampler of the delivery rate of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryRate {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    /// The number of delivered bytes up to which samples are below the rate that the path can carry.
    app_limited_until: u64,
    /// The newest packet that the current ACK acknowledges.
    newest: Option<(Instant, Stamp)>,
}

impl DeliveryRate {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { delivered: 0, delivered_at: now, first_sent_at: now, app_limited_until: 0, newest: None }
    }

    /// Records that a packet is sent while `in_flight` bytes are in flight. Returns the stamp of the packet.
    pub(crate) fn on_sent(&mut self, now: Instant, in_flight: u64) -> Stamp {
        if in_flight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        let limited = if self.app_limited_until > self.delivered { APP_LIMITED } else { 0 };
        Stamp {
            delivered: self.delivered as u32,
            since_delivery: span(now.since(self.delivered_at)) | limited,
            since_first: span(now.since(self.first_sent_at)),
        }
    }

    /// Records that the sender has no more data to send, although more than `in_flight` bytes may be in flight.
    pub(crate) const fn on_app_limited(&mut self, in_flight: u64) {
        // At least one, so that an empty flight counts too.
        let in_flight = if in_flight == 0 { 1 } else { in_flight };
        self.app_limited_until = self.delivered.saturating_add(in_flight);
    }

    /// Records that a packet was acknowledged.
    pub(crate) fn on_delivered(&mut self, now: Instant, sent_at: Instant, bytes: u64, stamp: Stamp) {
        self.delivered = self.delivered.saturating_add(bytes);
        self.delivered_at = now;
        if self.newest.is_none_or(|(newest, _)| sent_at >= newest) {
            self.newest = Some((sent_at, stamp));
        }
    }

    /// Returns a sample after all packets of an ACK were recorded. Returns `None` if the sample would cover less than
    /// `least_rtt`, because the acknowledgements then arrived in a bunch.
    pub(crate) fn sample(&mut self, now: Instant, least_rtt: Span) -> Option<RateSample> {
        let (sent_at, stamp) = self.newest.take()?;
        self.first_sent_at = sent_at;
        let since_delivery = u64::from(stamp.since_delivery & !APP_LIMITED);
        let acked = now.since(sent_at).as_micros().saturating_add(since_delivery);
        let interval = acked.max(u64::from(stamp.since_first));
        if interval < least_rtt.as_micros().max(1) {
            return None;
        }
        let delivered = u64::from((self.delivered as u32).wrapping_sub(stamp.delivered));
        Some(RateSample {
            bytes_per_second: per_second(delivered, interval),
            app_limited: stamp.since_delivery & APP_LIMITED != 0,
        })
    }
}

/// Returns `duration` in microseconds, in 31 bits: at most 35 minutes.
fn span(duration: Span) -> u32 {
    duration.as_micros().min(u64::from(APP_LIMITED - 1)) as u32
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;

    use super::*;

    const RTT: u64 = 100_000;

    fn at(us: u64) -> Instant {
        Instant::saturating_from_micros(us)
    }

    /// Sends 1000 bytes every `gap` over a path that serves 1000 bytes every `service`. Returns the samples.
    fn play(gap: u64, service: u64, is_limited: bool) -> alloc::vec::Vec<RateSample> {
        let mut rate = DeliveryRate::new(at(0));
        let mut flight: VecDeque<(u64, u64, Stamp)> = VecDeque::new();
        let mut idle_at = 0;
        let mut samples = alloc::vec::Vec::new();
        for packet in 0..3000 {
            let now = packet * gap;
            while let Some((acked_at, sent_at, stamp)) =
                flight.front().copied().filter(|(acked, ..)| *acked <= now)
            {
                flight.pop_front();
                rate.on_delivered(at(acked_at), at(sent_at), 1000, stamp);
                samples.extend(rate.sample(at(acked_at), Span::from_micros(RTT)));
            }
            let stamp = rate.on_sent(at(now), flight.len() as u64 * 1000);
            idle_at = service + idle_at.max(now);
            flight.push_back((idle_at + RTT, now, stamp));
            if is_limited {
                rate.on_app_limited(flight.len() as u64 * 1000);
            }
        }
        samples
    }

    #[test]
    fn the_measured_delivery_rate_of_a_sender_above_the_bottleneck_rate_is_the_bottleneck_rate() {
        let samples = play(1_000, 4_000, false);
        let last = samples.last().unwrap();
        assert!((240_000..=260_000).contains(&last.bytes_per_second), "{last:?}");
        assert!(samples.iter().all(|sample| sample.bytes_per_second <= 260_000 && !sample.app_limited));
    }

    #[test]
    fn rate_samples_of_an_application_limited_sender_are_marked_app_limited() {
        let samples = play(10_000, 1_000, true);
        let last = samples.last().unwrap();
        assert!((90_000..=110_000).contains(&last.bytes_per_second), "{last:?}");
        assert!(samples.iter().skip(1).all(|sample| sample.app_limited));
    }
}
