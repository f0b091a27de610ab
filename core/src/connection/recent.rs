//! The tags of recently sent datagrams. An answer repeats the tag of the datagram that it answers.

use crate::time::{Instant, Span};

/// The number of datagrams whose tags are stored.
const REMEMBERED: usize = 32;

/// The number of datagrams per RTT whose tags are stored. The ring then spans two RTTs at any packet rate, so that an
/// answer still finds the datagram that it answers.
const PER_ROUND_TRIP: u32 = 16;

/// A ring of the final eight bytes of sent datagrams.
#[derive(Clone, Debug)]
pub(crate) struct RecentTags {
    tags: [[u8; 8]; REMEMBERED],
    /// The time from which the next tag is stored.
    next_at: Instant,
    next: u8,
    count: u8,
}

impl Default for RecentTags {
    fn default() -> Self {
        Self { tags: [[0; 8]; REMEMBERED], next_at: Instant::ZERO, next: 0, count: 0 }
    }
}

impl RecentTags {
    /// Stores the final eight bytes of a datagram, unless the previous tag was stored less than one part in
    /// [`PER_ROUND_TRIP`] of `round_trip` ago.
    pub(crate) fn push(&mut self, now: Instant, datagram: &[u8], round_trip: impl FnOnce() -> Span) {
        if now < self.next_at {
            return;
        }
        let (Some(tag), Some(slot)) = (datagram.last_chunk::<8>(), self.tags.get_mut(usize::from(self.next)))
        else {
            return;
        };
        *slot = *tag;
        self.next_at = now + round_trip() / PER_ROUND_TRIP;
        self.next = (self.next + 1) % REMEMBERED as u8;
        self.count = (self.count + 1).min(REMEMBERED as u8);
    }

    /// Returns `true` if the final eight bytes of a stored datagram equal `tag`.
    pub(crate) fn contains(&self, tag: &[u8; 8]) -> bool {
        self.tags.iter().take(self.count.into()).any(|known| known == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_tags_of_sent_packets_cover_two_rtts_at_any_packet_rate() {
        let round_trip = Span::from_millis(160);
        for interval_us in [10, 1000, 9000, 50_000] {
            let mut tags = RecentTags::default();
            let mut now = Instant::ZERO;
            let mut sent = alloc::vec::Vec::new();
            while now < Instant::ZERO + round_trip * 20 {
                tags.push(now, &now.as_micros().to_le_bytes(), || round_trip);
                sent.push(now);
                now += Span::from_micros(interval_us);
            }
            let known = |at: &&Instant| tags.contains(&at.as_micros().to_le_bytes());
            let oldest = sent.iter().find(known).unwrap();
            let count = sent.iter().filter(known).count();
            assert!(now.since(*oldest) >= round_trip * 19 / 10, "{interval_us} us: {:?}", now.since(*oldest));
            assert!((31..=REMEMBERED).contains(&count), "{count}");
        }
    }
}
