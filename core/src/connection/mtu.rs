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

/// Sizes of IP packets that links are known to carry, and steps between them. RFC 8899 5.3.2 leaves the choice to us.
const PLATEAUS: [u16; 16] =
    [1280, 1300, 1320, 1340, 1360, 1380, 1400, 1420, 1440, 1460, 1480, 1492, 1500, 4000, 6000, 9000];
/// Sizes of datagrams that are tried on a path that carries less than the base, which is the last of them.
const BELOW_BASE: [u16; 5] = [800, 900, 1000, 1100, BASE_DATAGRAM as u16];
/// The sizes to fall back to, where none of the least size or more is known to pass: the largest of these that is less than
/// what is lost.
const FALLBACKS: [u16; 3] = [BASE_DATAGRAM as u16, 1000, LEAST_DATAGRAM];
/// The largest IP packet on most paths, in bytes. It is tried first.
pub(crate) const ETHERNET: u16 = 1500;
/// Headers of UDP and of IP without options.
const HEADERS_IPV4: u16 = 28;
const HEADERS_IPV6: u16 = 48;
/// Probes of one size that are lost before it counts as too large (RFC 8899 5.1.2, MAX_PROBES).
const TRIES: u8 = 3;
/// Probes of the least size that are lost before the path counts as too narrow: that ends the connection.
const LAST_TRIES: u8 = 5;
/// How long a result stands before something larger is tried again (RFC 8899 5.1.1, PMTU_RAISE_TIMER).
const RAISE_AFTER: Span = Span::from_secs(600);
/// The same for a result below the base, which few paths have for long.
const RAISE_FROM_BELOW_BASE_AFTER: Span = Span::from_secs(60);
/// How improbable it has to be, in billionths, that as many large datagrams are lost by chance while smaller ones pass,
/// before the path counts as a black hole.
const IMPROBABLE: u64 = 100;
/// The fewest that are believed.
const BLACK_HOLE: u32 = 3;
/// The size of the PING that shows whether anything passes, in bytes.
const PING: usize = 48;
/// The rate of chance loss is a mean over this many datagrams.
const CHANCE_OVER: u32 = 64;
/// After a suspicion that was wrong, the next one waits for this long: each suspicion holds the connection's traffic back
/// for a moment.
const SUSPICION_AFTER_MISTAKE: Span = Span::from_secs(10);

/// The search for the largest datagram that a path carries.
#[derive(Clone, Debug)]
pub(crate) struct PathMtu {
    /// The size of the datagrams that are sent now.
    current: u16,
    /// The largest datagram that both ends take, and that fits an IP packet with the path's headers.
    most: u16,
    headers: u16,
    /// The least size that is known not to pass, or one more than may be sent.
    ceiling: u16,
    /// The size to be probed next. None while datagrams are not full, a probe is in flight, or there is nothing to find.
    due: Option<u16>,
    /// The packet number of the probe in flight.
    underway: Option<u64>,
    /// The size that is being probed, and how often that failed.
    probed: u16,
    tries: u8,
    /// When sizes that failed are worth another attempt.
    raise_at: Instant,
    /// The losses that may be a black hole.
    suspicion: Suspicion,
    /// How many of 1000 are lost by chance, whatever their size.
    chance: u32,
    /// The largest buffer that was lent lately.
    room: u16,
    /// `true` if a PING should leave that shows whether anything passes at all.
    is_ping_due: bool,
    /// `true` if the least size is being probed, since it does not seem to pass.
    is_on_trial: bool,
    /// The size that passed until a suspicion arose, while probes of that size test the suspicion; 0 if nothing is in doubt.
    doubted: u16,
    /// The smallest size that does not pass if those probes are lost.
    suspect: u16,
    /// When a suspicion last arose, and whether it was wrong.
    suspected_at: Instant,
    was_wrong: bool,
    /// `true` if it does not pass.
    is_too_narrow: bool,
}

impl PathMtu {
    /// A path to `remote` that carries `current` bytes, where at most `most` may be sent.
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

    /// Whether this is a link, which says itself how much it takes: nothing is looked for, and nothing found out.
    pub(crate) const fn is_settled(&self) -> bool {
        self.headers == 0
    }

    /// The largest datagram that is sent now.
    pub(crate) fn current(&self) -> usize {
        self.current.into()
    }

    /// The peer moved to `remote`: the size found for the old path does not hold there.
    pub(crate) fn restart(&mut self, remote: Address) {
        *self = Self::new(remote, BASE_DATAGRAM.min(self.most.into()), self.most.into());
    }

    /// Something that waited did not fit into a datagram: a larger one would have been used, but none above `room` bytes.
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

    /// Whether a probe should leave.
    pub(crate) const fn is_due(&self) -> bool {
        self.due.is_some() | self.is_ping_due
    }

    /// Whether it is a PING that any path carries.
    pub(crate) const fn is_ping_due(&self) -> bool {
        self.is_ping_due
    }

    /// The size of the probe that should leave.
    pub(crate) fn due(&self) -> Option<usize> {
        if self.is_ping_due { Some(PING) } else { self.due.map(usize::from) }
    }

    /// Packets in flight go unanswered: a PING beside it tells a path that is gone from one that carries less.
    pub(crate) const fn ask_whether_anything_passes(&mut self) {
        self.is_ping_due = !self.is_settled();
    }

    /// Whether the path carries less than the least size: the connection ends.
    pub(crate) const fn is_too_narrow(&self) -> bool {
        self.is_too_narrow
    }

    /// Since when a probe should leave that has to find the path empty, because a suspicion depends on it. A full queue that
    /// is counted in bytes drops large datagrams and takes small ones, and so does a policer with few tokens left: both look
    /// like a path that carries only small datagrams.
    pub(crate) fn wants_quiet_since(&self) -> Option<Instant> {
        (self.is_in_doubt() && self.due.is_some() && !self.is_ping_due).then_some(self.suspected_at)
    }

    /// Whether the least size is being probed: then most of what is sent may be lost.
    pub(crate) const fn is_on_trial(&self) -> bool {
        self.is_on_trial
    }

    const fn is_in_doubt(&self) -> bool {
        self.is_on_trial || self.doubted != 0
    }

    /// The caller lends a buffer of only `bytes`: nothing larger is probed for until it lends a larger one.
    pub(crate) fn on_no_room(&mut self, bytes: usize) {
        self.room = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.due = self.candidate();
    }

    /// Packet `number` left as the probe.
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

    /// Packet `number` of `bytes` was acknowledged. True if it was the probe: larger datagrams pass.
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

    /// Packet `number` of `bytes` counts as lost. True if it was the probe: that says something about sizes, and nothing of
    /// congestion (RFC 8899 3, item 7). [`PathMtu::take_black_hole`] follows.
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

    /// Whether datagrams of the present size do not pass any more, though the path is there. The size falls back to one that
    /// may, and the size that passed so far is in doubt: probes of it confirm the suspicion, and the search begins again below what
    /// failed, or show that it was wrong. Where nothing is left to fall back to, the least size is tried.
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

    /// Whether as many would be lost in a row by chance once in ten million times or more often.
    fn may_be_chance(&self) -> bool {
        // The estimate is rough: half as much again, and never less than one in two hundred.
        let chance = u64::from(self.chance + self.chance / 2 + 5).min(900);
        let mut billionths = 1_000_000_000;
        for _ in 0..self.suspicion.count() {
            billionths = billionths * chance / 1000;
        }
        billionths > IMPROBABLE
    }

    /// The size to try next, between the largest that passes and the least that does not.
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
