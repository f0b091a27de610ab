//! The choice between reading each datagram at once and letting datagrams gather.
//!
//! Network cards do the same under the name interrupt moderation: if many small datagrams arrive on which no message
//! depends, waking up costs more than processing them.

use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::wire::{PacketKind, classify};

/// Decides when the network thread may leave datagrams in the socket to read several together.
#[derive(Debug)]
pub(crate) struct Coalescing {
    /// The longest time for which datagrams may collect, allowed after [`FULL_QUIET`]. Zero disables coalescing.
    most: Duration,
    /// The time of the latest event other than upkeep.
    busy_at: Instant,
    /// The time at which the socket last returned a datagram.
    received_at: Option<Instant>,
    /// `true` if datagrams arrive so often that another datagram is likely to arrive during the coalescing time.
    is_dense: bool,
    /// `true` if the latest sleep coalesced datagrams.
    has_napped: bool,
    /// The number of datagrams received since the latest sleep.
    gathered: u64,
    /// The time at which the endpoint last dropped a datagram. A dropped datagram may be part of a flood from any
    /// source.
    noisy_at: Option<Instant>,
}

impl Coalescing {
    pub(crate) const fn new(most: Duration, now: Instant) -> Self {
        Self {
            most,
            busy_at: now,
            received_at: None,
            is_dense: false,
            has_napped: false,
            gathered: 0,
            noisy_at: None,
        }
    }

    /// Handles an event other than upkeep: an action or a message of the game, or a handshake.
    pub(crate) const fn on_activity(&mut self, now: Instant) {
        self.busy_at = now;
    }

    /// Returns whether only upkeep has occurred for at least [`QUIET`], and coalescing is enabled.
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        !self.most.is_zero() && now.saturating_since(self.busy_at) >= QUIET
    }

    /// Returns the longest time for which datagrams may collect now. The time is proportional to the idle time, up to
    /// [`FULL_QUIET`].
    fn most(&self, now: Instant) -> Duration {
        let quiet = now.saturating_since(self.busy_at).min(FULL_QUIET);
        self.most.mul_f64(quiet.as_secs_f64() / FULL_QUIET.as_secs_f64())
    }

    /// Handles the receipt of `datagrams` datagrams from the socket.
    pub(crate) fn on_received(&mut self, now: Instant, datagrams: u64) {
        self.gathered = self.gathered.saturating_add(datagrams);
        let is_close = self.received_at.is_some_and(|last| now.saturating_since(last) <= self.most(now));
        self.is_dense = is_close || self.has_napped;
        self.received_at = Some(now);
    }

    /// Handles the drop of at least one received datagram.
    pub(crate) const fn on_noise(&mut self, now: Instant) {
        self.noisy_at = Some(now);
    }

    /// Returns whether the system's receive buffer probably has space for the datagrams that arrive during the coalescing
    /// time. A flood of small datagrams would leave no space for heartbeats.
    fn has_room(&self, gathered: u64, now: Instant) -> bool {
        gathered <= GATHER_MOST && self.noisy_at.is_none_or(|at| now.saturating_since(at) >= QUIET)
    }

    /// Returns the time for which the thread that is about to sleep must not read the socket, or `None` if a datagram
    /// must wake the thread.
    pub(crate) fn nap(&mut self, now: Instant) -> Option<Duration> {
        let gathered = std::mem::take(&mut self.gathered);
        self.has_napped = self.is_quiet(now)
            && self.is_dense
            && self.received_at == Some(now)
            && self.has_room(gathered, now);
        self.has_napped.then(|| self.most(now))
    }
}

/// Returns whether a datagram can be upkeep: a heartbeat, an acknowledgement or a key rotation. A datagram with a whole
/// message can be as small, but the message reaches the game as an event. Fragments of large messages cause no event, but
/// are larger than [`UPKEEP_BYTES`].
pub(crate) fn may_be_upkeep(datagram: &[u8]) -> bool {
    datagram.len() <= UPKEEP_BYTES && matches!(classify(datagram), Some(PacketKind::Data))
}

/// The time without events other than upkeep, and without dropped datagrams, after which coalescing begins.
const QUIET: Duration = Duration::from_secs(1);
/// The idle time after which the coalescing time reaches its maximum. After a part of this time, it reaches the same
/// part of its maximum.
const FULL_QUIET: Duration = Duration::from_secs(5);
/// The largest number of datagrams between two sleeps for which the thread still coalesces.
const GATHER_MOST: u64 = 64;
/// The size in bytes that heartbeats and acknowledgements do not exceed. A fragment of a large message is several times
/// as large.
pub(crate) const UPKEEP_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Instant {
        Instant::saturating_from_micros(ms * 1000)
    }

    /// Simulates datagrams received at `times`. Returns, for each time, whether the thread coalesced afterwards.
    fn naps(coalescing: &mut Coalescing, times: &[u64]) -> Vec<bool> {
        let nap = |&ms: &u64| {
            coalescing.on_received(at(ms), 1);
            coalescing.nap(at(ms)).is_some()
        };
        times.iter().map(nap).collect()
    }

    #[test]
    fn coalescing_begins_one_second_after_the_latest_message_if_datagrams_arrive_within_20_ms_of_each_other()
    {
        let mut coalescing = Coalescing::new(MOST, at(0));
        assert_eq!(naps(&mut coalescing, &[980, 990, 1000]), [false, false, true]);
        coalescing.on_activity(at(1010));
        assert_eq!(naps(&mut coalescing, &[1010, 1500, 1510, 2010]), [false; 4]);
        assert_eq!(
            naps(&mut coalescing, &[2025, 2046, 2067]),
            [true; 3],
            "a gap that a coalescing delay causes does not end the coalescing"
        );
    }

    #[test]
    fn after_a_coalescing_delay_without_datagrams_the_network_thread_waits_for_the_socket() {
        let mut coalescing = Coalescing::new(MOST, at(0));
        assert_eq!(naps(&mut coalescing, &[5000, 5005]), [false, true]);
        // The nap brought nothing: the socket is waited for.
        assert_eq!(coalescing.nap(at(5025)), None);
        assert_eq!(naps(&mut coalescing, &[5200, 10_000]), [false; 2]);
    }

    #[test]
    fn the_coalescing_delay_grows_by_20_ms_per_second_without_messages_up_to_100_ms() {
        let nap_at = |coalescing: &mut Coalescing, ms: u64| {
            coalescing.on_received(at(ms), 1);
            coalescing.on_received(at(ms), 1);
            coalescing.nap(at(ms)).map(|nap| nap.as_millis())
        };
        let mut coalescing = Coalescing::new(MOST, at(0));
        let naps = [999, 1000, 2000, 3000, 4000, 60_000].map(|ms| nap_at(&mut coalescing, ms));
        assert_eq!(naps, [None, Some(20), Some(40), Some(60), Some(80), Some(100)]);
        coalescing.on_activity(at(60_010));
        let naps = [60_500, 61_010, 62_010].map(|ms| nap_at(&mut coalescing, ms));
        assert_eq!(naps, [None, Some(20), Some(40)], "somebody was there");
    }

    #[test]
    fn a_read_is_not_delayed_after_a_drain_of_more_than_64_datagrams() {
        let mut coalescing = Coalescing::new(MOST, at(0));
        assert_eq!(naps(&mut coalescing, &[1980, 1990]), [false, true]);
        for (ms, batches, naps) in [(2000, [32, 32], true), (2010, [32, 33], false), (2015, [1, 0], true)] {
            for datagrams in batches {
                coalescing.on_received(at(ms), datagrams);
            }
            assert_eq!(coalescing.nap(at(ms)).is_some(), naps, "{batches:?}");
        }
    }

    #[test]
    fn no_read_is_delayed_for_a_second_after_a_dropped_datagram() {
        let mut coalescing = Coalescing::new(MOST, at(0));
        assert_eq!(naps(&mut coalescing, &[1980, 1990]), [false, true]);
        coalescing.on_noise(at(2000));
        let times: Vec<u64> = (2000..3010).step_by(10).collect();
        let naps = naps(&mut coalescing, &times);
        assert_eq!(naps.iter().position(|naps| *naps), Some(100));
        // The length of naps is what it would have been.
        assert!(coalescing.is_quiet(at(2000)));
    }

    #[test]
    fn no_read_is_delayed_if_receive_coalescing_is_0() {
        let mut coalescing = Coalescing::new(Duration::ZERO, at(0));
        assert_eq!(naps(&mut coalescing, &[5000, 5000, 5001]), [false; 3]);
    }

    #[test]
    fn only_small_data_packets_allow_coalescing_to_continue() {
        assert!(may_be_upkeep(&[8; 40]));
        assert!(!may_be_upkeep(&[8; 1200]));
        assert!(!may_be_upkeep(&[4; 40]) && !may_be_upkeep(&[7, 0, 1]) && !may_be_upkeep(&[200; 40]));
    }
}
