//! Migration to a peer's new address (RFC 9000 section 9). In contrast to the RFC, the endpoint sends only a challenge to
//! the new address before the peer answers from there, and never more bytes than it received from there.

use alloc::boxed::Box;

use crate::address::{Address, Path};
use crate::limits;
use crate::time::{Instant, Span};

/// The number of timeouts after which the endpoint drops a candidate, whether or not its packets paid for a challenge. A
/// candidate that was challenged also gets [`limits::CHALLENGE_LIFE`], because the RTT of its path can be longer than the
/// RTT of the current path.
const TRIES: u8 = 5;

/// The longest wait for an answer, unless the PTO is longer. A path that lost several challenges may carry packets again, and
/// the peer receives nothing until it has answered one.
const CHALLENGE_WAIT: Span = Span::from_millis(1000);

/// An address to which the peer seems to have migrated.
#[derive(Clone, Debug)]
struct Candidate {
    path: Path,
    challenge: [u8; 8],
    first_sent: Option<Instant>,
    received: u64,
    sent: u64,
    tries: u8,
    due: bool,
}

/// A challenge of the peer that waits for this end's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Response {
    pub(crate) path: Path,
    pub(crate) data: [u8; 8],
}

/// The effect of an authentic packet's source address on path validation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sighting {
    /// The packet came from the current address, from an address that is already challenged, or from an address that the
    /// endpoint does not challenge.
    Nothing,
    /// The packet came from a new address. The endpoint challenges this address, and the old path needs a probe too.
    Candidate,
}

/// The path validation of one transport.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    // Boxed, because both are rare.
    candidate: Option<Box<Candidate>>,
    response: Option<Box<Response>>,
    /// The time at which the answer of the candidate is overdue, or [`Instant::MAX`] while no answer is awaited.
    patience_ends: Instant,
}

impl Default for Migration {
    fn default() -> Self {
        Self { candidate: None, response: None, patience_ends: Instant::MAX }
    }
}

impl Migration {
    /// Processes an authentic packet of `bytes` from `from`, while `current` is the validated path of the peer.
    pub(crate) fn on_packet(
        &mut self,
        current: &Path,
        from: &Path,
        bytes: u64,
        is_highest: bool,
        challenge: impl FnOnce() -> [u8; 8],
    ) -> Sighting {
        if from.remote == current.remote {
            // Only the genuine peer makes a packet number higher than all before: it is still here.
            if is_highest {
                self.candidate = None;
            }
            return Sighting::Nothing;
        }
        if let Some(candidate) = self.candidate.as_mut().filter(|known| known.path.remote == from.remote) {
            candidate.received = candidate.received.saturating_add(bytes);
            return Sighting::Nothing;
        }
        // A link is not a place to move to or from: what it promises does not hold elsewhere.
        let is_udp = |path: &Path| matches!(path.remote, Address::Udp(_));
        if !is_highest || !is_udp(current) || !is_udp(from) {
            return Sighting::Nothing;
        }
        self.candidate = Some(Box::new(Candidate {
            path: *from,
            challenge: challenge(),
            first_sent: None,
            received: bytes,
            sent: 0,
            tries: 0,
            due: true,
        }));
        Sighting::Candidate
    }

    /// Returns `true` if there is no address to challenge and no challenge to answer.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.candidate.is_none() && self.response.is_none()
    }

    /// Records that the peer challenges this end from `path`. This end answers only the latest challenge.
    pub(crate) fn on_challenge(&mut self, path: Path, data: [u8; 8]) {
        self.response = Some(Box::new(Response { path, data }));
    }

    /// Processes the peer's answer to a challenge. Returns the path that the answer validates, and the time that the answer
    /// took.
    pub(crate) fn on_response(&mut self, now: Instant, data: &[u8; 8]) -> Option<(Path, Span)> {
        let candidate = self.candidate.take_if(|candidate| candidate.challenge == *data)?;
        // After a repetition the round trip is ambiguous (Karn); the first sending gives an upper bound.
        Some((candidate.path, now.since(candidate.first_sent.unwrap_or(now))))
    }

    /// Returns the answer that waits to be sent.
    pub(crate) fn response(&self) -> Option<Response> {
        self.response.as_deref().copied()
    }

    /// Records that the answer was sent.
    pub(crate) fn on_response_sent(&mut self, bytes: u64) {
        if let (Some(response), Some(candidate)) = (self.response.take(), self.candidate.as_mut())
            && response.path.remote == candidate.path.remote
        {
            candidate.sent = candidate.sent.saturating_add(bytes);
        }
    }

    /// Returns `true` if `bytes` may be sent to `path` now: always on the validated path, and on any other path no more
    /// bytes than arrived from there.
    pub(crate) fn allows(&self, current: &Path, path: &Path, bytes: u64) -> bool {
        path.remote == current.remote
            || self.candidate.as_ref().is_some_and(|candidate| {
                candidate.path.remote == path.remote
                    && candidate.sent.saturating_add(bytes) <= candidate.received
            })
    }

    /// Returns the challenge that is due, if a datagram of `bytes` may be sent to its path.
    pub(crate) fn challenge_due(&self, bytes: u64) -> Option<(Path, [u8; 8])> {
        let candidate = self.candidate.as_ref().filter(|candidate| candidate.due)?;
        (candidate.sent.saturating_add(bytes) <= candidate.received)
            .then_some((candidate.path, candidate.challenge))
    }

    /// Records that the challenge was sent in a datagram of `bytes`.
    pub(crate) fn on_challenge_sent(&mut self, now: Instant, bytes: u64) {
        if let Some(candidate) = &mut self.candidate {
            candidate.due = false;
            candidate.sent = candidate.sent.saturating_add(bytes);
            candidate.first_sent.get_or_insert(now);
        }
    }

    /// Repeats the challenge after no answer arrived in time, or drops the candidate. Returns `true` if a candidate
    /// remains.
    pub(crate) fn on_timeout(&mut self, now: Instant) -> bool {
        self.patience_ends = Instant::MAX;
        self.candidate.take_if(|candidate| {
            let may_answer = |sent_at| now.since(sent_at) < Span::of(limits::CHALLENGE_LIFE);
            candidate.tries >= TRIES && !candidate.first_sent.is_some_and(may_answer)
        });
        if let Some(candidate) = &mut self.candidate {
            candidate.tries = candidate.tries.saturating_add(1);
            candidate.due = true;
        }
        self.candidate.is_some()
    }

    /// Starts the wait for an answer, unless the wait has started already. The wait is one PTO, doubled each time, at most
    /// eight PTOs and at most [`CHALLENGE_WAIT`], but at least one PTO.
    pub(crate) fn begin_waiting(&mut self, now: Instant, probe_timeout: Span) {
        match &self.candidate {
            None => self.patience_ends = Instant::MAX,
            Some(candidate) if self.patience_ends == Instant::MAX => {
                let doubled = probe_timeout * (1 << candidate.tries.min(3));
                self.patience_ends = now + doubled.min(CHALLENGE_WAIT).max(probe_timeout);
            }
            Some(_) => {}
        }
    }

    /// Returns the time at which [`Self::on_timeout`] is due.
    pub(crate) const fn next_timeout(&self) -> Instant {
        self.patience_ends
    }

    /// Returns `true` if an address is being challenged.
    #[cfg(test)]
    pub(crate) const fn is_active(&self) -> bool {
        self.candidate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;

    use super::*;

    fn path(port: u16) -> Path {
        Path::from(SocketAddr::from(([10, 0, 0, 1], port)))
    }

    fn sighted(migration: &mut Migration, port: u16, is_highest: bool) -> Sighting {
        migration.on_packet(&path(1), &path(port), 50, is_highest, || [7; 8])
    }

    #[test]
    fn only_a_packet_with_the_highest_packet_number_starts_a_path_challenge() {
        let mut migration = Migration::default();
        assert_eq!(sighted(&mut migration, 2, false), Sighting::Nothing);
        assert_eq!(migration.challenge_due(48), None);
        assert_eq!(sighted(&mut migration, 2, true), Sighting::Candidate);
        assert_eq!(migration.challenge_due(48), Some((path(2), [7; 8])));
    }

    #[test]
    fn a_candidate_address_never_receives_more_bytes_than_it_sent() {
        let mut migration = Migration::default();
        sighted(&mut migration, 2, true);
        assert_eq!(migration.challenge_due(51), None);
        migration.on_challenge_sent(Instant::ZERO, 48);
        assert!(migration.on_timeout(Instant::ZERO));
        assert_eq!(migration.challenge_due(48), None);
        sighted(&mut migration, 2, true);
        assert!(migration.challenge_due(48).is_some());
        assert!(!migration.allows(&path(1), &path(3), 1));
        assert!(migration.allows(&path(1), &path(1), u64::MAX));
    }

    #[test]
    fn the_peer_migrates_only_upon_the_first_correct_path_response() {
        let mut migration = Migration::default();
        sighted(&mut migration, 2, true);
        migration.on_challenge_sent(Instant::ZERO, 48);
        let later = Instant::ZERO + Span::from_millis(80);
        assert_eq!(migration.on_response(later, &[8; 8]), None);
        assert_eq!(migration.on_response(later, &[7; 8]), Some((path(2), Span::from_millis(80))));
        assert_eq!(migration.on_response(later, &[7; 8]), None);
    }

    #[test]
    fn a_newer_packet_from_the_old_path_cancels_the_path_challenge() {
        let mut migration = Migration::default();
        sighted(&mut migration, 2, true);
        sighted(&mut migration, 1, false);
        assert!(migration.is_active());
        sighted(&mut migration, 1, true);
        assert!(!migration.is_active());
    }

    #[test]
    fn a_candidate_address_that_never_sends_enough_bytes_for_a_path_challenge_is_dropped() {
        let mut migration = Migration::default();
        migration.on_packet(&path(1), &path(2), 30, true, || [7; 8]);
        for _ in 0..TRIES {
            assert!(migration.on_timeout(Instant::ZERO));
            assert_eq!(migration.challenge_due(48), None);
        }
        assert!(!migration.on_timeout(Instant::ZERO));
    }

    /// Swarm seed 612 with worlds: after four lost challenges on a path with a PTO of 1.6 s, the next challenge came 12.7 s
    /// later, and the client received nothing until then.
    #[test]
    fn the_wait_between_path_challenges_is_at_most_one_second_or_one_pto_whichever_is_longer() {
        let waits = |probe_timeout: Span| {
            let (mut migration, mut now) = (Migration::default(), Instant::ZERO);
            sighted(&mut migration, 2, true);
            [0; 6].map(|_| {
                migration.on_challenge_sent(now, 1);
                migration.begin_waiting(now, probe_timeout);
                let wait = migration.next_timeout().since(now);
                now = migration.next_timeout();
                assert!(migration.on_timeout(now));
                wait.as_micros() / 1000
            })
        };
        assert_eq!(waits(Span::from_millis(1600)), [1600; 6]);
        assert_eq!(waits(Span::from_millis(50)), [50, 100, 200, 400, 400, 400]);
        assert_eq!(waits(Span::from_millis(300)), [300, 600, 1000, 1000, 1000, 1000]);
    }

    #[test]
    fn a_candidate_address_is_dropped_after_fifteen_seconds_without_a_path_response() {
        let mut migration = Migration::default();
        sighted(&mut migration, 2, true);
        migration.on_challenge_sent(Instant::ZERO, 1);
        let end = Instant::ZERO + limits::CHALLENGE_LIFE;
        for _ in 0..2 * TRIES {
            assert!(migration.on_timeout(end - Span::from_millis(1)));
            migration.on_challenge_sent(end, 1);
        }
        assert!(!migration.on_timeout(end));
    }
}
