//! Fair shares of the network thread's time: each source of datagrams has a share per turn, so a flood from one source
//! delays only the datagrams of this source.

use std::collections::{HashMap, VecDeque};

use tickwire_core::{Address, Ecn, Instant, Path};

/// The shares of one turn, and the datagrams that wait for a later turn.
#[derive(Default)]
pub(crate) struct Shares {
    /// The number of datagrams handled in this turn, for each source except `latest`.
    taken: HashMap<Address, usize>,
    /// The source of the latest datagram, and the number of its datagrams handled in this turn.
    latest: Option<(Address, usize)>,
    held: HashMap<Address, VecDeque<Held>>,
    /// The sources in `held`, in the order of their next turns.
    order: VecDeque<Address>,
    /// The number of sources in `order` whose datagrams may still be handled in this turn.
    left: usize,
    held_bytes: usize,
}

/// A datagram that waits for a later turn.
pub(crate) struct Held {
    pub(crate) path: Path,
    pub(crate) ecn: Ecn,
    /// The time at which the datagram was received.
    pub(crate) received_at: Instant,
    pub(crate) bytes: Vec<u8>,
}

/// The decision on a received datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Share {
    /// Handle the datagram now.
    Now,
    /// Keep the datagram for a later turn.
    Later,
    /// Drop the datagram, because too many datagrams of its source, or of all sources, wait.
    Never,
}

impl Shares {
    /// Begins a turn. Waiting datagrams are handled before the socket is read.
    pub(crate) fn begin_turn(&mut self) {
        self.taken.clear();
        self.latest = None;
        self.left = self.order.len();
    }

    /// Decides on a received datagram of `bytes` bytes.
    pub(crate) fn judge(&mut self, source: Address, bytes: usize) -> Share {
        let waiting = if self.held.is_empty() { None } else { self.held.get(&source).map(VecDeque::len) };
        match waiting {
            None if self.taken_of(source) < DATAGRAMS_PER_TURN => {
                self.count(source);
                Share::Now
            }
            // Nothing overtakes an older datagram of its source.
            waiting
                if waiting.unwrap_or(0) < HELD_DATAGRAMS && self.held_bytes + charge(bytes) <= HELD_BYTES =>
            {
                Share::Later
            }
            _ => Share::Never,
        }
    }

    /// Keeps a datagram for a later turn.
    pub(crate) fn hold(&mut self, datagram: Held) {
        let source = datagram.path.remote;
        self.held_bytes += charge(datagram.bytes.len());
        let lane = self.held.entry(source).or_insert_with(|| {
            self.order.push_back(source);
            VecDeque::new()
        });
        lane.push_back(datagram);
    }

    /// Takes a waiting datagram whose turn has come. Each source gets its share before the socket is read.
    pub(crate) fn next_held(&mut self) -> Option<Held> {
        while self.left > 0 {
            let source = *self.order.front()?;
            let lane = self.held.get_mut(&source)?;
            if self.taken.get(&source).is_some_and(|taken| *taken >= DATAGRAMS_PER_TURN) {
                self.order.rotate_left(1);
                self.left -= 1;
                continue;
            }
            let Some(datagram) = lane.pop_front() else {
                self.held.remove(&source);
                self.order.pop_front();
                self.left -= 1;
                continue;
            };
            *self.taken.entry(source).or_default() += 1;
            self.held_bytes -= charge(datagram.bytes.len());
            return Some(datagram);
        }
        None
    }

    /// Returns whether no datagram waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn taken_of(&self, source: Address) -> usize {
        match self.latest {
            Some((latest, taken)) if latest == source => taken,
            _ => self.taken.get(&source).copied().unwrap_or(0),
        }
    }

    fn count(&mut self, source: Address) {
        let taken = self.taken_of(source) + 1;
        if let Some((latest, taken)) = self.latest.filter(|(latest, _)| *latest != source) {
            self.taken.insert(latest, taken);
        }
        self.latest = Some((source, taken));
    }
}

/// Returns the memory that a waiting datagram of `bytes` bytes takes, in bytes. Even an empty datagram takes memory.
const fn charge(bytes: usize) -> usize {
    bytes + size_of::<Held>()
}

/// The number of datagrams of one source that the network thread handles in one turn.
const DATAGRAMS_PER_TURN: usize = 64;
/// The largest number of datagrams of one source that wait for later turns.
const HELD_DATAGRAMS: usize = 4096;
/// The largest memory that the waiting datagrams of all sources take, in bytes.
const HELD_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn source(number: u8) -> Address {
        Address::from(SocketAddr::from(([10, 0, 0, number], 7777)))
    }

    /// Runs one turn in which datagrams of 100 bytes are read from these sources. Returns the sources of the handled
    /// datagrams, in order.
    fn turn(shares: &mut Shares, read: &[(u8, usize)], dropped: &mut usize) -> Vec<Address> {
        turn_of(100, shares, read, dropped)
    }

    /// Runs one turn as [`turn`] does, with datagrams of `bytes` bytes.
    fn turn_of(bytes: usize, shares: &mut Shares, read: &[(u8, usize)], dropped: &mut usize) -> Vec<Address> {
        shares.begin_turn();
        let mut seen = Vec::new();
        while let Some(datagram) = shares.next_held() {
            seen.push(datagram.path.remote);
        }
        for &(number, count) in read {
            for _ in 0..count {
                match shares.judge(source(number), bytes) {
                    Share::Now => seen.push(source(number)),
                    Share::Later => shares.hold(Held {
                        path: Path::from(source(number)),
                        ecn: Ecn::NotCapable,
                        received_at: Instant::ZERO,
                        bytes: vec![0; bytes],
                    }),
                    Share::Never => *dropped += 1,
                }
            }
        }
        seen
    }

    fn count(seen: &[Address], number: u8) -> usize {
        seen.iter().filter(|seen| **seen == source(number)).count()
    }

    #[test]
    fn a_flooding_source_delays_another_source_by_at_most_64_datagrams() {
        let (mut shares, mut dropped) = (Shares::default(), 0);
        let seen = turn(&mut shares, &[(1, 10_000), (2, 3)], &mut dropped);
        assert_eq!((count(&seen, 1), count(&seen, 2)), (64, 3));
        assert_eq!(dropped, 10_000 - 64 - 4096, "what waits is bounded");
        for _ in 0..4096 / 64 {
            let seen = turn(&mut shares, &[(1, 1), (2, 1)], &mut dropped);
            assert_eq!((count(&seen, 1), count(&seen, 2)), (64, 1), "a flood goes on at its share");
        }
    }

    #[test]
    fn at_most_64_datagrams_of_each_source_are_handled_in_a_turn() {
        let (mut shares, mut dropped) = (Shares::default(), 0);
        turn(&mut shares, &[(1, 200), (2, 100), (1, 50), (3, 64)], &mut dropped);
        let turns: Vec<[usize; 3]> = (0..4)
            .map(|_| turn(&mut shares, &[], &mut dropped))
            .map(|seen| [1, 2, 3].map(|number| count(&seen, number)))
            .collect();
        assert_eq!(turns, [[64, 36, 0], [64, 0, 0], [58, 0, 0], [0; 3]]);
        assert!(shares.is_empty() && shares.held_bytes == 0 && shares.order.is_empty() && dropped == 0);
    }

    #[test]
    fn no_datagram_overtakes_an_older_datagram_of_its_source() {
        let (mut shares, mut dropped) = (Shares::default(), 0);
        turn(&mut shares, &[(1, 65 + 64)], &mut dropped);
        shares.begin_turn();
        assert_eq!(shares.judge(source(1), 1), Share::Later);
    }

    #[test]
    fn datagrams_that_wait_for_a_later_turn_take_at_most_8_mib_of_memory() {
        for bytes in [0, 100, 1200] {
            let (mut shares, mut dropped) = (Shares::default(), 0);
            let floods: Vec<(u8, usize)> = (1..=255).map(|number| (number, 1000)).collect();
            turn_of(bytes, &mut shares, &floods, &mut dropped);
            let held: usize = shares.held.values().map(VecDeque::len).sum();
            assert!(
                dropped > 0 && held * (bytes + size_of::<Held>()) <= HELD_BYTES,
                "{held} datagrams of {bytes} bytes wait, and {dropped} were dropped"
            );
            while !shares.is_empty() {
                turn(&mut shares, &[], &mut dropped);
            }
            assert_eq!(shares.held_bytes, 0);
        }
    }
}
