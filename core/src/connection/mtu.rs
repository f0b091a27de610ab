//! The search for the largest datagram that the path carries (RFC 8899 section 5.3). The search starts when waiting data
//! does not fit into one datagram. The connection reduces the size if the path no longer carries it.
//!
//! Sizes are those of datagrams, without the headers of IP and UDP. A path begins with the base of 1200 bytes, which
//! the handshake has shown to pass. If a path later carries less, the size is reduced to 700 bytes at least; below 700
//! bytes the connection ends.

mod suspicion;
#[cfg(test)]
mod tests;

use self::suspicion::Suspicion;
use crate::address::Address;
use crate::limits::{BASE_DATAGRAM, LEAST_DATAGRAM};
use crate::time::{Instant, Span};

/// The sizes, in bytes, of IP packets that links are known to carry, and steps between them. RFC 8899 section 5.3.2 leaves
/// the choice to implementations.
const PLATEAUS: [u16; 16] =
    [1280, 1300, 1320, 1340, 1360, 1380, 1400, 1420, 1440, 1460, 1480, 1492, 1500, 4000, 6000, 9000];
/// The datagram sizes, in bytes, to probe on a path that carries less than the base. The base is the largest of them.
const BELOW_BASE: [u16; 5] = [800, 900, 1000, 1100, BASE_DATAGRAM as u16];
/// The sizes, in bytes, to fall back to if no size that is at least the least size is known to pass. The search uses the
/// largest of these sizes that is below the size that no longer passes.
const FALLBACKS: [u16; 3] = [BASE_DATAGRAM as u16, 1000, LEAST_DATAGRAM];
/// The largest IP packet on most paths, in bytes. The search probes this size first.
pub(crate) const ETHERNET: u16 = 1500;
/// The size of the headers of UDP and IP without options, in bytes.
const HEADERS_IPV4: u16 = 28;
const HEADERS_IPV6: u16 = 48;
/// The number of lost probes of one size after which the size counts as too large (RFC 8899 section 5.1.2, MAX_PROBES).
const TRIES: u8 = 3;
/// The number of lost probes of the least size after which the path counts as too narrow, and the connection ends.
const LAST_TRIES: u8 = 5;
/// The time after which the search probes a larger size again (RFC 8899 section 5.1.1, PMTU_RAISE_TIMER).
const RAISE_AFTER: Span = Span::from_secs(600);
/// The time after which the search probes a larger size again, if the result is below the base. Few paths stay below the
/// base for long.
const RAISE_FROM_BELOW_BASE_AFTER: Span = Span::from_secs(60);
/// The probability, in billionths, that so many large datagrams are lost by chance while smaller ones pass. Below this
/// probability the path counts as a black hole.
const IMPROBABLE: u64 = 100;
/// The smallest number of lost datagrams that can count as a black hole.
const BLACK_HOLE: u32 = 3;
/// The size of the PING datagram that shows whether the path carries any datagram, in bytes.
const PING: usize = 48;
/// The number of datagrams over which the rate of random loss is averaged.
const CHANCE_OVER: u32 = 64;
/// The wait after a wrong suspicion before the next suspicion, because each suspicion delays the connection's traffic for a
/// moment.
const SUSPICION_AFTER_MISTAKE: Span = Span::from_secs(10);

/// The search for the largest datagram that a path carries.
#[derive(Clone, Debug)]
pub(crate) struct PathMtu {
    /// The size of the datagrams that are sent now, in bytes.
    current: u16,
    /// The largest datagram, in bytes, that both ends accept and that fits into an IP packet with the path's headers.
    most: u16,
    headers: u16,
    /// The least size that is known not to pass, or one more than the largest size that may be sent.
    ceiling: u16,
    /// The size to probe next. `None` while datagrams are not full, while a probe is in flight, or if no size is left to
    /// probe.
    due: Option<u16>,
    /// The packet number of the probe in flight.
    underway: Option<u64>,
    /// The size that is being probed, and the number of its lost probes.
    probed: u16,
    tries: u8,
    /// The time from which sizes that failed are probed again.
    raise_at: Instant,
    /// The losses that may show a black hole.
    suspicion: Suspicion,
    /// The number of datagrams of 1000 that are lost at random, regardless of their size.
    chance: u32,
    /// The largest buffer that the caller lent recently, in bytes.
    room: u16,
    /// `true` if a PING must be sent that shows whether the path carries any datagram.
    is_ping_due: bool,
    /// `true` if the least size is being probed, because it seems not to pass.
    is_on_trial: bool,
    /// The size that passed before a suspicion arose, while probes of that size test the suspicion. 0 without a suspicion.
    doubted: u16,
    /// The smallest size that does not pass if the probes of the size `doubted` are lost.
    suspect: u16,
    /// The time at which the latest suspicion arose, and whether the suspicion was wrong.
    suspected_at: Instant,
    was_wrong: bool,
    /// `true` if the path does not carry the least size.
    is_too_narrow: bool,
}

impl PathMtu {
    /// Creates the search for a path to `remote` that carries `current` bytes, and on which datagrams may have at most
    /// `most` bytes.
    pub(crate) fn new(remote: Address, current: usize, most: usize) -> Self {
        let headers = match remote {
            Address::Udp(address) if address.is_ipv6() => HEADERS_IPV6,
            Address::Udp(_) => HEADERS_IPV4,
            Address::Link(_) => 0,
        };
        let current = u16::try_from(current).unwrap_or(u16::MAX);
        let most = if headers == 0 { current } else { u16::try_from(most).unwrap_or(u16::MAX).max(current) };
        Self {
            current,
            most,
            headers,
            ceiling: most.saturating_add(1),
            due: None,
            underway: None,
            probed: 0,
            tries: 0,
            raise_at: Instant::MAX,
            suspicion: Suspicion::default(),
            chance: 0,
            room: u16::MAX,
            is_ping_due: false,
            is_on_trial: false,
            doubted: 0,
            suspect: 0,
            suspected_at: Instant::ZERO,
            was_wrong: false,
            is_too_narrow: false,
        }
    }

    /// Returns `true` for a link. A link declares its largest datagram, so no search takes place.
    pub(crate) const fn is_settled(&self) -> bool {
        self.headers == 0
    }

    /// Returns the size of the largest datagram that is sent now, in bytes.
    pub(crate) fn current(&self) -> usize {
        self.current.into()
    }

    /// Restarts the search after the peer migrated to `remote`, because the size found for the old path need not pass
    /// there.
    pub(crate) fn restart(&mut self, remote: Address) {
        *self = Self::new(remote, BASE_DATAGRAM.min(self.most.into()), self.most.into());
    }

    /// Records that waiting data did not fit into a datagram. A larger datagram of up to `room` bytes would have been used.
    pub(crate) fn on_full(&mut self, now: Instant, room: usize) {
        if self.due.is_some() || self.underway.is_some() {
            return;
        }
        self.room = u16::try_from(room).unwrap_or(u16::MAX);
        if self.ceiling <= self.most && now >= self.raise_at {
            (self.ceiling, self.tries, self.raise_at) = (self.most.saturating_add(1), 0, Instant::MAX);
        }
        self.due = self.candidate();
        if self.due.is_none() && self.raise_at == Instant::MAX && self.ceiling <= self.most {
            let is_low = self.current() < BASE_DATAGRAM;
            self.raise_at = now + if is_low { RAISE_FROM_BELOW_BASE_AFTER } else { RAISE_AFTER };
        }
    }

    /// Returns `true` if a probe should be sent.
    pub(crate) const fn is_due(&self) -> bool {
        self.due.is_some() | self.is_ping_due
    }

    /// Returns `true` if the probe is a PING, which any path carries.
    pub(crate) const fn is_ping_due(&self) -> bool {
        self.is_ping_due
    }

    /// Returns the size of the probe that should be sent, in bytes.
    pub(crate) fn due(&self) -> Option<usize> {
        if self.is_ping_due { Some(PING) } else { self.due.map(usize::from) }
    }

    /// Requests a PING because packets in flight are not acknowledged. The PING distinguishes a path that is down from a
    /// path that carries only smaller datagrams.
    pub(crate) const fn ask_whether_anything_passes(&mut self) {
        self.is_ping_due = !self.is_settled();
    }

    /// Returns `true` if the path carries less than the least size, so the connection must end.
    pub(crate) const fn is_too_narrow(&self) -> bool {
        self.is_too_narrow
    }

    /// Returns the time since which a probe waits that must find the path empty, because it tests a suspicion. A full queue
    /// that counts bytes drops large datagrams and accepts small ones, and so does a policer with few tokens left. Both
    /// resemble a path that carries only small datagrams.
    pub(crate) fn wants_quiet_since(&self) -> Option<Instant> {
        (self.is_in_doubt() && self.due.is_some() && !self.is_ping_due).then_some(self.suspected_at)
    }

    /// Returns `true` if the least size is being probed. Most packets may be lost meanwhile.
    pub(crate) const fn is_on_trial(&self) -> bool {
        self.is_on_trial
    }

    const fn is_in_doubt(&self) -> bool {
        self.is_on_trial || self.doubted != 0
    }

    /// Records that the caller lends a buffer of only `bytes`. The search probes no larger size until the caller lends a
    /// larger buffer.
    pub(crate) fn on_no_room(&mut self, bytes: usize) {
        self.room = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.due = self.candidate();
    }

    /// Records that packet `number` was sent as the probe.
    pub(crate) const fn on_probe_sent(&mut self, number: u64) {
        if self.is_ping_due {
            self.is_ping_due = false;
        } else if let Some(size) = self.due.take() {
            if size != self.probed {
                (self.probed, self.tries) = (size, 0);
            }
            self.underway = Some(number);
            // An acknowledgement of a later packet shows that the probe is lost.
            self.is_ping_due = self.is_on_trial;
        }
    }

    /// Records that packet `number` of `bytes` was acknowledged. Returns `true` if the packet was the probe, so larger
    /// datagrams pass.
    pub(crate) fn on_acked(&mut self, number: u64, bytes: u64) -> bool {
        // Rounded up, or what was lost once would never be forgotten.
        self.chance -= self.chance.div_ceil(CHANCE_OVER);
        if self.suspicion.is_there() {
            let acquitted = self.suspicion.on_acked(number, bytes);
            (0..acquitted.min(CHANCE_OVER)).for_each(|_| self.lose_by_chance());
        }
        if self.underway != Some(number) {
            return false;
        }
        self.underway = None;
        self.is_on_trial = false;
        if self.doubted != 0 && self.probed >= self.doubted {
            (self.doubted, self.was_wrong) = (0, true);
        }
        self.current = self.probed.max(self.current);
        self.tries = 0;
        self.due = self.candidate();
        true
    }

    /// Records that packet `number` of `bytes` was declared lost. Returns `true` if the packet was the probe, whose loss
    /// says something about sizes and nothing about congestion (RFC 8899 section 3, item 7). [`PathMtu::take_black_hole`]
    /// follows.
    pub(crate) fn on_lost(&mut self, number: u64, bytes: u64) -> bool {
        if self.underway == Some(number) {
            self.underway = None;
            self.tries = self.tries.saturating_add(1);
            if self.is_on_trial {
                self.is_too_narrow = self.tries >= LAST_TRIES;
            } else if self.tries >= TRIES {
                // A size that passes by now is no limit.
                let mut limit = if self.probed > self.current { self.probed } else { self.ceiling };
                let base = BASE_DATAGRAM as u16;
                if self.doubted > base && self.suspect <= base && self.current < base {
                    // A queue that is shorter than the larger one may still take the base.
                    self.doubted = base;
                } else if core::mem::take(&mut self.doubted) != 0 {
                    limit = limit.min(self.suspect.max(self.current + 1));
                }
                (self.ceiling, self.tries) = (self.ceiling.min(limit), 0);
            }
            self.due = self.candidate();
            return true;
        }
        if self.is_settled() || self.suspicion.on_lost(number, bytes) {
            self.lose_by_chance();
        }
        false
    }

    /// Returns `true` if datagrams of the current size no longer pass although the path is up. The size falls back to a
    /// smaller size, and probes test the size that passed so far. The probes either confirm the suspicion, and the search
    /// restarts below the failed size, or refute the suspicion. If no smaller size is left, the search probes the least
    /// size.
    pub(crate) fn take_black_hole(&mut self, now: Instant) -> bool {
        if self.suspicion.count() < BLACK_HOLE
            || self.may_be_chance()
            || self.was_wrong && now.since(self.suspected_at) < SUSPICION_AFTER_MISTAKE
        {
            return false;
        }
        let Suspicion { size, passed, .. } = core::mem::take(&mut self.suspicion);
        let below = FALLBACKS.into_iter().find(|fallback| *fallback < size).unwrap_or(0);
        let fallback = if passed < LEAST_DATAGRAM { below } else { passed };
        if fallback >= self.current {
            // They were sent when more passed.
            return false;
        }
        let before = self.current;
        if fallback < LEAST_DATAGRAM {
            if self.is_on_trial {
                return false;
            }
            self.is_on_trial = true;
            self.current = self.current.min(LEAST_DATAGRAM);
        } else {
            self.current = fallback;
        }
        if self.doubted == 0 && before > self.current {
            (self.doubted, self.suspect) = (before, size);
        }
        self.suspect = self.suspect.min(size);
        (self.suspected_at, self.was_wrong) = (now, false);
        (self.tries, self.raise_at) = (0, Instant::MAX);
        if self.underway.is_none() {
            self.due = self.candidate();
        }
        true
    }

    fn lose_by_chance(&mut self) {
        self.chance += (1000 - self.chance.min(1000)) / CHANCE_OVER;
    }

    /// Returns `true` if a random loss of so many datagrams in a row has a probability of at least one in ten million.
    fn may_be_chance(&self) -> bool {
        // The estimate is rough: half as much again, and never less than one in two hundred.
        let chance = u64::from(self.chance + self.chance / 2 + 5).min(900);
        let mut billionths = 1_000_000_000;
        for _ in 0..self.suspicion.count() {
            billionths = billionths * chance / 1000;
        }
        billionths > IMPROBABLE
    }

    /// Returns the next size to probe, between the largest size that passes and the least size that does not.
    fn candidate(&self) -> Option<u16> {
        if self.is_in_doubt() {
            let size = if self.is_on_trial { LEAST_DATAGRAM } else { self.doubted };
            return (size <= self.room).then_some(size);
        }
        let fits = |size: u16| size > self.current && size < self.ceiling && size <= self.room;
        if self.tries > 0 && fits(self.probed) {
            return Some(self.probed);
        }
        let ethernet = ETHERNET.saturating_sub(self.headers);
        if fits(ethernet) {
            return Some(ethernet);
        }
        let sizes = || {
            let above = PLATEAUS.iter().map(|plateau| plateau.saturating_sub(self.headers));
            BELOW_BASE.into_iter().chain(above).filter(|&size| fits(size))
        };
        let count = sizes().count();
        if self.current >= ethernet {
            // Where Ethernet's frames pass, larger ones pass in steps that are few: the largest first.
            return fits(self.most).then_some(self.most).or_else(|| sizes().next_back());
        }
        sizes().nth(count / 2).or_else(|| fits(self.most).then_some(self.most))
    }
}
