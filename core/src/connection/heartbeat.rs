//! The choice of heartbeats that request an acknowledgement. On an idle connection, every other heartbeat of the initiator
//! requests an acknowledgement, so the server sends half as many datagrams. The peer still receives every heartbeat.

use super::role::Role;
use crate::time::Span;

/// The number of PTOs that must fit into one heartbeat interval, so that the rest of the idle timeout suffices for several
/// probes.
const PROBES: u32 = 3;
/// The number of heartbeat intervals that must fit into the idle timeout of an end that may receive no packet for two of
/// them.
const PATIENCES: u32 = 4;
/// The longest time for which a responder may send no packet because no packet requests an answer. Stateful firewalls and
/// NATs in front of the responder may drop a UDP flow in which it sends nothing, some after 30 s (RFC 4787 section 4.3).
/// With this limit, one answer may be lost.
const SILENCE_MOST: Span = Span::from_secs(15);

/// The state that decides whether the next heartbeat requests an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Heartbeat {
    /// The next heartbeat requests an answer, because it is the first heartbeat of a silence, or because the previous
    /// heartbeat requested no answer.
    #[default]
    Asks,
    /// The previous heartbeat requested an answer. If the answer arrived and the connection has been idle since then,
    /// the next heartbeat need not request an answer.
    HasAsked,
}

/// The state of the connection when a heartbeat is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) role: Role,
    /// `true` if a packet waits for its acknowledgement, for example the previous heartbeat.
    pub(crate) is_unanswered: bool,
    /// `true` if an address is being validated, so the heartbeat needs an answer.
    pub(crate) is_moving: bool,
    pub(crate) patience: Span,
    /// The time without a packet from the peer after which this end gives the peer up.
    pub(crate) idle_timeout: Span,
    pub(crate) probe_timeout: Span,
}

impl Situation {
    /// Returns `true` if two heartbeat intervals without an answer are harmless at both ends and on the path.
    fn has_time(&self) -> bool {
        self.probe_timeout.saturating_mul(PROBES) <= self.patience
            && self.patience.saturating_mul(PATIENCES) <= self.idle_timeout
            && self.patience.saturating_mul(2) <= SILENCE_MOST
    }
}

impl Heartbeat {
    /// Returns `true` if the heartbeat that is due requests an answer.
    ///
    /// After a heartbeat that requests no answer, the initiator receives no packet for two intervals, because the heartbeat
    /// comes one interval after an answer and the next heartbeat requests an answer. Half of the initiator's idle timeout
    /// is left for the next heartbeat and its probes.
    pub(crate) fn beat(&mut self, situation: &Situation) -> bool {
        let may_be_silent = *self == Self::HasAsked
            && situation.role == Role::Initiator
            && !situation.is_unanswered
            && !situation.is_moving
            && situation.has_time();
        *self = if may_be_silent { Self::Asks } else { Self::HasAsked };
        !may_be_silent
    }

    /// Records that a packet other than a heartbeat was sent or received that requests an acknowledgement. A new silence
    /// begins.
    pub(crate) const fn on_activity(&mut self) {
        *self = Self::Asks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: Situation = Situation {
        role: Role::Initiator,
        is_unanswered: false,
        is_moving: false,
        patience: Span::from_secs(5),
        idle_timeout: Span::from_secs(20),
        probe_timeout: Span::from_millis(200),
    };

    fn beats(situation: &Situation) -> [bool; 5] {
        let mut heartbeat = Heartbeat::default();
        [(); 5].map(|()| heartbeat.beat(situation))
    }

    #[test]
    fn during_a_silence_every_second_heartbeat_of_an_initiator_requests_an_ack() {
        assert_eq!(beats(&ANSWERED), [true, false, true, false, true]);
        let mut heartbeat = Heartbeat::default();
        assert!(heartbeat.beat(&ANSWERED));
        heartbeat.on_activity();
        assert!(heartbeat.beat(&ANSWERED));
        assert!(!heartbeat.beat(&ANSWERED));
    }

    #[test]
    fn every_heartbeat_of_a_responder_or_while_packets_are_unacknowledged_requests_an_ack() {
        for situation in [
            Situation { role: Role::Responder, ..ANSWERED },
            Situation { is_unanswered: true, ..ANSWERED },
            Situation { is_moving: true, ..ANSWERED },
            Situation { probe_timeout: Span::from_secs(2), ..ANSWERED },
        ] {
            assert_eq!(beats(&situation), [true; 5], "{situation:?}");
        }
    }

    #[test]
    fn every_heartbeat_requests_an_ack_if_the_interval_exceeds_7500_ms_or_a_quarter_of_the_idle_timeout() {
        for (patience_ms, idle_ms, silent) in [
            (5_000, 20_000, true),
            (5_000, 19_999, false),
            (2_000, 6_000, false),
            (1_500, 6_000, true),
            (7_500, 60_000, true),
            (7_501, 60_000, false),
            (20_000, 80_000, false),
        ] {
            let patience = Span::from_millis(patience_ms);
            let situation = Situation { patience, idle_timeout: Span::from_millis(idle_ms), ..ANSWERED };
            assert_eq!(beats(&situation)[1], !silent, "{situation:?}");
        }
    }
}
