//! How large a datagram the path carries (RFC 8899): probed for once something that waits does not fit into one, and given
//! up when a size that used to pass does not any more.
//!
//! Sizes are datagrams, without the headers of IP and UDP. Nothing is smaller than the base of 1200 bytes, which the
//! handshake has shown to pass.

use crate::address::Address;
use crate::limits::BASE_DATAGRAM;
use crate::time::{Duration, Instant};

/// Sizes of IP packets that links are known to carry, and steps between them. RFC 8899 5.3.2 leaves the choice to us.
const PLATEAUS: [u16; 16] =
    [1280, 1300, 1320, 1340, 1360, 1380, 1400, 1420, 1440, 1460, 1480, 1492, 1500, 4000, 6000, 9000];
/// What most paths carry: tried first.
pub(crate) const ETHERNET: u16 = 1500;
/// Headers of UDP and of IP without options.
const HEADERS_IPV4: u16 = 28;
const HEADERS_IPV6: u16 = 48;
/// Probes of one size that are lost before it counts as too large (RFC 8899 5.1.2, MAX_PROBES).
const TRIES: u8 = 3;
/// How long a result stands before something larger is tried again (RFC 8899 5.1.1, PMTU_RAISE_TIMER).
const RAISE_AFTER: Duration = Duration::from_secs(600);
/// How improbable it has to be, in billionths, that as many datagrams above the base are lost by chance while smaller ones
/// pass, before the path counts as a black hole.
const IMPROBABLE: u64 = 100;
/// The fewest that are believed.
const BLACK_HOLE: u32 = 3;
/// What is lost by chance is a mean over so many datagrams.
const CHANCE_OVER: u32 = 64;

/// The search for the largest datagram that a path carries.
#[derive(Clone, Debug)]
pub(crate) struct PathMtu {
    /// What is sent now.
    current: u16,
    /// What both ends take, and the path's headers leave of an IP packet.
    most: u16,
    headers: u16,
    /// The least size that is known not to pass, or one more than may be sent.
    ceiling: u16,
    /// The size to be probed next. None while datagrams are not full, a probe is underway, or there is nothing to find.
    due: Option<u16>,
    /// The probe underway.
    underway: Option<u64>,
    /// The size that is being probed, and how often that failed.
    probed: u16,
    tries: u8,
    /// When sizes that failed are worth another attempt.
    raise_at: Instant,
    /// The newest datagram above the base that was acknowledged.
    newest_large: u64,
    /// A smaller one that was acknowledged after that: if the path was there, then since.
    passed_small: Option<u64>,
    /// Those above the base that were lost since, with no smaller one among them.
    lost_large: u32,
    /// Those above the base that were lost, by chance or not: what came through later decides.
    undecided: u32,
    /// How many of 1000 are lost by chance, whatever their size.
    chance: u32,
    /// The largest buffer that was lent lately.
    room: u16,
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
            newest_large: 0,
            passed_small: None,
            lost_large: 0,
            undecided: 0,
            chance: 0,
            room: u16::MAX,
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

    /// The peer moved to `remote`: what was found does not hold there.
    pub(crate) fn restart(&mut self, remote: Address) {
        *self = Self::new(remote, self.current().min(BASE_DATAGRAM), self.most.into());
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
            self.raise_at = now + RAISE_AFTER;
        }
    }

    /// Whether a probe should leave.
    pub(crate) const fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// The size of the probe that should leave.
    pub(crate) fn due(&self) -> Option<usize> {
        self.due.map(usize::from)
    }

    /// The caller lends a buffer of only `bytes`: nothing larger is probed for until it lends a larger one.
    pub(crate) fn on_no_room(&mut self, bytes: usize) {
        self.room = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.due = self.candidate();
    }

    /// Packet `number` left as the probe.
    pub(crate) const fn on_probe_sent(&mut self, number: u64) {
        if let Some(size) = self.due.take() {
            if size != self.probed {
                (self.probed, self.tries) = (size, 0);
            }
            self.underway = Some(number);
        }
    }

    /// Packet `number` of `bytes` was acknowledged. True if it was the probe: larger datagrams pass.
    pub(crate) fn on_acked(&mut self, number: u64, bytes: u64) -> bool {
        // Rounded up, or what was lost once would never be forgotten.
        self.chance -= self.chance.div_ceil(CHANCE_OVER);
        if bytes <= BASE_DATAGRAM as u64 {
            if number > self.newest_large && self.passed_small.is_none() {
                self.passed_small = Some(number);
            }
            return false;
        }
        if number >= self.newest_large {
            self.decide_for_chance();
            (self.newest_large, self.passed_small, self.lost_large) = (number, None, 0);
        }
        if self.underway != Some(number) {
            return false;
        }
        self.underway = None;
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
            if self.tries >= TRIES {
                (self.ceiling, self.tries) = (self.ceiling.min(self.probed), 0);
            }
            self.due = self.candidate();
            return true;
        }
        if number > self.newest_large {
            if bytes <= BASE_DATAGRAM as u64 {
                // Nothing passed for a while.
                (self.passed_small, self.lost_large) = (None, 0);
                self.lose_by_chance();
                self.decide_for_chance();
            } else {
                self.undecided = self.undecided.saturating_add(1);
                let is_suspect = self.passed_small.is_some_and(|passed| number > passed);
                self.lost_large = self.lost_large.saturating_add(u32::from(is_suspect));
            }
        } else {
            self.lose_by_chance();
        }
        false
    }

    /// Whether nothing above the base passes any more, though the path is there. The size falls back to the base, and the
    /// search begins again below what failed.
    pub(crate) fn take_black_hole(&mut self) -> bool {
        let is_base = self.current() <= BASE_DATAGRAM;
        if self.lost_large < BLACK_HOLE || is_base || self.is_settled() || self.may_be_chance() {
            return false;
        }
        self.ceiling = self.ceiling.min(self.current);
        self.current = BASE_DATAGRAM as u16;
        (self.lost_large, self.undecided, self.passed_small, self.tries) = (0, 0, None, 0);
        if self.underway.is_none() {
            self.due = self.candidate();
        }
        true
    }

    fn lose_by_chance(&mut self) {
        self.chance += (1000 - self.chance.min(1000)) / CHANCE_OVER;
    }

    fn decide_for_chance(&mut self) {
        (0..core::mem::take(&mut self.undecided).min(CHANCE_OVER)).for_each(|_| self.lose_by_chance());
    }

    /// Whether as many would be lost in a row by chance once in ten million times or more often.
    fn may_be_chance(&self) -> bool {
        // The estimate is rough: half as much again, and never less than one in two hundred.
        let chance = u64::from(self.chance + self.chance / 2 + 5).min(900);
        let mut billionths = 1_000_000_000;
        for _ in 0..self.lost_large {
            billionths = billionths * chance / 1000;
        }
        billionths > IMPROBABLE
    }

    /// What to try next, between what passes and what does not.
    fn candidate(&self) -> Option<u16> {
        let fits = |size: u16| size > self.current && size < self.ceiling && size <= self.room;
        if self.tries > 0 && fits(self.probed) {
            return Some(self.probed);
        }
        let ethernet = ETHERNET.saturating_sub(self.headers);
        if fits(ethernet) {
            return Some(ethernet);
        }
        let sizes =
            || PLATEAUS.iter().map(|plateau| plateau.saturating_sub(self.headers)).filter(|&size| fits(size));
        let count = sizes().count();
        if self.current >= ethernet {
            // Where Ethernet's frames pass, larger ones pass in steps that are few: the largest first.
            return fits(self.most).then_some(self.most).or_else(|| sizes().next_back());
        }
        sizes().nth(count / 2).or_else(|| fits(self.most).then_some(self.most))
    }
}

#[cfg(test)]
mod tests;
