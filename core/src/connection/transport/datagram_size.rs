//! The size of a transport's datagrams, and the time at which a probe of the path MTU may leave.

use super::Transport;
use crate::connection::congestion::bytes_in;
use crate::limits;
use crate::time::{Instant, Span};

/// The longest transmission time, in microseconds, of a datagram above the base size, at the rate that the path is known to
/// carry.
const DATAGRAM_TAKES_US: u64 = 4_000;
/// The interval at which a connection is delayed until a probe of the path MTU finds the path empty, or six RTTs. The delay
/// takes at most two thirds of the interval.
const QUIET_EACH: Span = Span::from_millis(500);
/// The longest time, in microseconds, in which a policer collects tokens for such a probe.
const SAVING_UP_MOST_US: u64 = 300_000;

impl Transport {
    /// Applies the changed size of the largest datagram.
    pub(crate) fn on_datagram_changed(&mut self) {
        self.regulator.set_datagram(self.mtu.current());
    }

    /// Returns the largest useful size of a datagram now, in bytes. While no acknowledgement arrives, datagrams must be
    /// small enough to pass (RFC 8899 section 4.3).
    pub(crate) fn datagram_now(&self, now: Instant) -> usize {
        let largest = self.mtu.current();
        if largest <= limits::BASE_DATAGRAM && self.probes == 0 || self.mtu.is_settled() {
            return largest;
        }
        // A path begins to carry less without a word.
        if largest <= limits::BASE_DATAGRAM || self.probes > 1 {
            return largest.min(limits::LEAST_DATAGRAM.into());
        }
        // The probe timeout begins anew with each packet: a steady sender would never find out.
        let is_silent =
            || self.sent.oldest_in_flight().is_some_and(|sent_at| now.since(sent_at) > self.probe_timeout());
        if self.probes > 0 || is_silent() {
            return limits::BASE_DATAGRAM;
        }
        if self.regulator.is_app_limited() {
            // The rate says what the game sends, not how long a datagram takes.
            return largest;
        }
        largest.min(self.datagram_worth(limits::BASE_DATAGRAM))
    }

    /// Returns the largest size of at least `least` bytes whose transmission is short, because other datagrams wait behind
    /// a longer transmission.
    pub(crate) fn datagram_worth(&self, least: usize) -> usize {
        let bytes = bytes_in(self.regulator.rate(), DATAGRAM_TAKES_US);
        usize::try_from(bytes).unwrap_or(usize::MAX).max(least)
    }

    /// Returns the time until which only a probe of the path MTU may leave, so that the probe finds the path empty. Returns
    /// `None` if other packets may leave.
    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        let since = self.mtu.wants_quiet_since().filter(|_| self.wants_mtu_probe())?;
        let period = self.rtt.smoothed().saturating_mul(6).max(QUIET_EACH).as_micros().max(1);
        let passed = now.since(since).as_micros() % period;
        (passed >= period / 3).then(|| now.plus_micros(period - passed))
    }

    /// Returns the time at which the path is empty if no other packet leaves. By then one and a half RTTs have passed since
    /// the newest packet, or the outcome of all packets is known, and a policer has collected tokens for the probe at the
    /// rate that was delivered recently.
    fn empty_at(&self) -> Instant {
        let bytes = self.mtu.due().unwrap_or_default() as u64;
        let saves_up_us = (bytes * 2_000_000).checked_div(self.regulator.delivered()).unwrap_or(u64::MAX);
        let round_trip_us = self.rtt.smoothed().max(self.rtt.latest()).as_micros();
        let arrives_us = if self.sent.in_flight() == 0 { 0 } else { round_trip_us.saturating_mul(3) / 2 };
        self.last_eliciting.plus_micros(saves_up_us.min(SAVING_UP_MOST_US).max(arrives_us))
    }

    /// Returns `true` if a probe of the path MTU may leave now.
    pub(crate) fn may_probe_mtu(&self, now: Instant) -> bool {
        self.wants_mtu_probe()
            && match self.mtu.wants_quiet_since() {
                // Nothing has left for a probe timeout.
                Some(_) if self.probe_due => true,
                Some(_) => self.empty_at() <= now,
                None => self.window_is_open(now),
            }
    }

    /// Returns `true` if a probe of the path MTU should leave as soon as the window allows it.
    pub(crate) const fn wants_mtu_probe(&self) -> bool {
        self.mtu.is_due()
            && self.unproven.is_none()
            && (self.mtu.is_ping_due() || self.mtu.is_on_trial() || self.probes == 0 && !self.probe_due)
    }

    /// Returns the time at which the pacer allows the next packet, if only the pacer delays the packet.
    pub(crate) fn pacing_timeout(&self, now: Instant) -> Option<Instant> {
        if self.probe_due || !self.sent.has_room() || !self.may_send() {
            return None;
        }
        if let Some(until) = self.held_until(now) {
            return Some(until.min(self.empty_at()));
        }
        let opens_at = self.regulator.opens_at(now, self.sent.bytes_in_flight());
        if self.mtu.wants_quiet_since().is_some() && self.wants_mtu_probe() {
            let empty_at = self.empty_at();
            return Some(opens_at.map_or(empty_at, |at| at.min(empty_at)));
        }
        opens_at
    }
}
