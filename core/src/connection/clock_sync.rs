//! The peer's clock: an interval that contains the true offset, and a reading that never goes backwards.
//!
//! Each acknowledgement brings the four timestamps of NTP (RFC 5905 section 8): t1, the time at which this end sent the
//! packet; t2, at which the peer received it; t3, at which the peer acknowledged it; t4, at which the acknowledgement
//! arrived. No packet arrives before it was sent, so the peer's clock is ahead by at most t2 - t1 and at least t3 - t4,
//! however the delay divides between the two directions. An old bound widens by the drift of the two clocks, and a new
//! bound replaces it once it is narrower: the intersection of all samples in constant space (Marzullo, without
//! false samples).

use crate::time::{Duration, Instant, Span};

/// The limit, in µs, above which a difference is not jitter: a clock jumped, or the upper bits of a receive time were
/// guessed wrong.
const ASTRAY: i64 = 4_000_000;
/// The largest deviation of the reading, in µs, that the reading corrects gradually. Beyond this deviation the reading
/// jumps forwards or stops.
const STEP: u64 = 250_000;
/// The largest change of the reading's speed, as the divisor of a fraction: one part in this many.
const SLEW: u64 = 20;
/// The interval at which an end sends the reading of its clock. The interval is less than a quarter of the period of the
/// 24-bit receive time. The first datagram after a clock jump that could mislead the peer therefore carries a new
/// reading.
const TELL_EVERY: Span = Span::from_secs(4);
/// The largest number of first datagrams that carry a reading of the clock before the peer acknowledges one of them.
const FIRST_COPIES: u8 = 8;
/// The number of bits of a receive time in an acknowledgement.
const TIME_BITS: u32 = 24;

/// Returns the largest drift between two clocks in `passed` microseconds, in µs. Each clock is within 500 ppm of true
/// time.
const fn drift(passed: u64) -> u64 {
    // 1001 ppm, since 1.0005 / 0.9995 is a little more than 1.001; rounded up.
    passed / 1000 + passed / 1_000_000 + if passed == 0 { 0 } else { 2 }
}

/// Returns by how much `of` is ahead of `than`, in microseconds.
const fn ahead(of: Instant, than: Instant) -> i64 {
    // Instants are at most 2^62.
    of.as_micros().cast_signed() - than.as_micros().cast_signed()
}

const fn shift(instant: Instant, by: i64) -> Instant {
    Instant::saturating_from_micros(instant.as_micros().saturating_add_signed(by))
}

fn drifted(since: Instant, now: Instant) -> i64 {
    drift(now.since(since).as_micros()).cast_signed()
}

/// The peer's clock as this end estimates it: a function from this end's time to the peer's time.
///
/// Get a new value with [`Endpoint::peer_clock`](crate::Endpoint::peer_clock) for each use. Readings never go
/// backwards while the connection exists, even between values obtained at different times.
///
/// The reading follows the estimate by running up to 5 % faster or slower. A reading that is more than 250 ms
/// behind the estimate jumps forwards. A reading that is more than 250 ms ahead, for example after this end's own clock
/// jumped, does not advance until the estimate reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerClock {
    local: Instant,
    /// The peer's time at the local time `local`.
    peer: Instant,
    /// The time that the reading has yet to gain, in µs.
    correction: i64,
    /// Half the width, in µs, of the interval that contains the true time at `local`.
    half_width: u64,
}

impl PeerClock {
    /// Returns the estimated time of the peer's clock at the time `now` of this end's clock. The method extrapolates
    /// from the latest sample, forwards and backwards.
    #[must_use]
    pub fn at(&self, now: Instant) -> Instant {
        if now < self.local {
            return shift(self.peer, ahead(now, self.local));
        }
        let passed = now.since(self.local).as_micros().saturating_add_signed(self.gained(now));
        self.peer + Span::from_micros(passed)
    }

    /// Returns the largest error of [`PeerClock::at`] in either direction, provided that both clocks run within 500 ppm
    /// of true time and neither clock jumps. The error decreases to about half the shortest RTT, and increases by 1 ms
    /// in each second without an acknowledgement from the peer.
    #[must_use]
    pub fn error(&self, now: Instant) -> Duration {
        let remaining = self.correction.saturating_sub(self.gained(now)).unsigned_abs();
        let apart = if now < self.local { self.local.since(now) } else { now.since(self.local) };
        Duration::from_micros(
            remaining.saturating_add(self.half_width).saturating_add(drift(apart.as_micros())),
        )
    }

    /// Returns the part of the correction that is complete at `now`, in µs.
    fn gained(&self, now: Instant) -> i64 {
        let passed = now.since(self.local).as_micros();
        let missing = self.correction.unsigned_abs();
        let most = if missing > STEP { passed } else { passed / SLEW };
        self.correction.signum() * missing.min(most).cast_signed()
    }
}

/// A bound of the offset, in µs, and the local time from which the bound widens.
#[derive(Clone, Copy, Debug)]
struct Bound {
    offset: i64,
    since: Instant,
}

/// The interval that contains the offset, which is the peer's clock minus this end's clock.
#[derive(Clone, Copy, Debug)]
struct OffsetRange {
    lower: Bound,
    upper: Bound,
}

impl OffsetRange {
    fn lowest(&self, now: Instant) -> i64 {
        self.lower.offset.saturating_sub(drifted(self.lower.since, now))
    }

    fn highest(&self, now: Instant) -> i64 {
        self.upper.offset.saturating_add(drifted(self.upper.since, now))
    }

    /// Returns the width of the gap between the two intervals at `now`, in µs. The result is not positive if the
    /// intervals overlap.
    fn gap(&self, other: &Self, now: Instant) -> i64 {
        let above = other.lowest(now).saturating_sub(self.highest(now));
        above.max(self.lowest(now).saturating_sub(other.highest(now)))
    }

    fn intersect(&mut self, other: &Self, now: Instant) {
        if other.lowest(now) >= self.lowest(now) {
            self.lower = other.lower;
        }
        if other.highest(now) <= self.highest(now) {
            self.upper = other.upper;
        }
    }
}

/// The estimate of the peer's clock. The estimate outlives the transport, because clocks do not depend on paths and keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClockSync {
    /// A local time, and the lowest possible time of the peer's clock at this local time. The anchor determines the upper
    /// bits of the peer's receive times.
    anchor: Option<(Instant, Instant)>,
    interval: Option<OffsetRange>,
    shown: Option<PeerClock>,
}

impl ClockSync {
    /// Returns the peer's clock, or `None` before the first sample.
    pub(crate) const fn shown(&self) -> Option<PeerClock> {
        self.shown
    }

    /// Drops the anchor, because the peer sends the reading of its clock again on a new transport.
    pub(crate) const fn on_new_transport(&mut self) {
        self.anchor = None;
    }

    /// Processes the peer's report that its clock showed `peer_time` when it built the packet that arrived at `now`.
    pub(crate) fn on_clock(&mut self, now: Instant, peer_time: Instant) {
        if self.anchor.is_some_and(|(_, known)| peer_time < known) {
            return;
        }
        self.anchor = Some((now, peer_time));
        let least = ahead(peer_time, now);
        let is_astray = |interval: &mut OffsetRange| {
            least > interval.highest(now) || least < interval.lowest(now).saturating_sub(ASTRAY)
        };
        self.interval.take_if(is_astray);
    }

    /// Processes an acknowledgement that arrived at `now`, for the packet sent at `sent_at`. The peer received this
    /// packet when the low 24 bits of its clock were `received_low24`, and delayed the acknowledgement by `held_back`.
    pub(crate) fn on_ack(&mut self, now: Instant, sent_at: Instant, received_low24: u32, held_back: Span) {
        let Some(received) = self.expand(now, sent_at, received_low24) else { return };
        let acknowledged = received + held_back;
        let sample = OffsetRange {
            lower: Bound { offset: ahead(acknowledged, now), since: now },
            upper: Bound { offset: ahead(received, sent_at), since: sent_at },
        };
        // Held back for longer than the whole took: a clock jumped meanwhile, and the next sample will tell.
        if sample.lowest(now) > sample.highest(now) {
            return;
        }
        match &mut self.interval {
            Some(interval) => match interval.gap(&sample, now) {
                ..=0 => interval.intersect(&sample, now),
                1..ASTRAY => *interval = sample,
                _ => {
                    self.anchor = None;
                    return;
                }
            },
            None => self.interval = Some(sample),
        }
        self.show(now);
    }

    /// Returns the receive time that has the low bits `low` and is nearest to the time that the anchor predicts. Returns
    /// `None` without an anchor.
    fn expand(&self, now: Instant, sent_at: Instant, low: u32) -> Option<Instant> {
        let (local, peer) = self.anchor?;
        let midway = sent_at + (now.since(sent_at)) / 2;
        let likely = ahead(peer, Instant::ZERO).saturating_add(ahead(midway, local));
        let unused = u32::BITS - TIME_BITS;
        let apart = low.wrapping_sub(likely as u32).wrapping_shl(unused).cast_signed() >> unused;
        Instant::from_micros(u64::try_from(likely.saturating_add(apart.into())).ok()?)
    }

    fn show(&mut self, now: Instant) {
        let Some(interval) = &self.interval else { return };
        let (lowest, highest) = (interval.lowest(now), interval.highest(now));
        let half_width = highest.saturating_sub(lowest).max(0).cast_unsigned().div_ceil(2);
        let estimate = shift(now, lowest.saturating_add_unsigned(half_width));
        let shown = self.shown.map_or(estimate, |shown| shown.at(now));
        let correction = ahead(estimate, shown);
        let leaps = correction > STEP.cast_signed();
        let (peer, correction) = if leaps { (estimate, 0) } else { (shown, correction) };
        self.shown = Some(PeerClock { local: now, peer, correction, half_width });
    }
}

/// Decides which of the datagrams that leave anyway carry the reading of this end's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClockTelling {
    told_at: Instant,
    copies: u8,
}

impl ClockTelling {
    /// Returns `true` if a datagram that leaves now should carry the reading of the clock. `is_heard` is `true` if the
    /// peer has acknowledged a packet of this transport.
    pub(crate) fn is_due(&self, now: Instant, is_heard: bool) -> bool {
        let is_known = is_heard || self.copies >= FIRST_COPIES;
        self.copies == 0 || !is_known || now.since(self.told_at) >= TELL_EVERY
    }

    /// Records that a datagram carried the reading of the clock.
    pub(crate) const fn on_told(&mut self, now: Instant) {
        self.told_at = now;
        self.copies = self.copies.saturating_add(1);
    }
}

#[cfg(test)]
mod tests;
