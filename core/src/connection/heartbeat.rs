//! The choice of heartbeats that request an acknowledgement. On an idle connection, every other heartbeat of the initiator
//! requests an acknowledgement, so the server sends half as many datagrams. The peer still receives every heartbeat.

use super::role::Role;
use crate::time::Span;

/// Probe timeouts that have to fit into one patience, so that the rest of the idle timeout is enough for more than one probe.
const PROBES: u32 = 3;
/// Patiences that have to fit into the idle timeout of the end that is left without news for two of them.
const PATIENCES: u32 = 4;
/// The longest that a responder may say nothing because it is not asked. Stateful firewalls and address translation in front
/// of it may forget a UDP flow in which it does not speak, some after 30 s (RFC 4787 4.3): one answer may be lost.
const SILENCE_MOST: Span = Span::from_secs(15);

/// Whether the last heartbeat asked for an answer, and thus whether the next one has to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Heartbeat {
    /// The next one asks: there was none in this silence, or the last one asked for nothing.
    #[default]
    Asks,
    /// The last one asked. If it was answered, and nothing else happened since, the next one need not.
    HasAsked,
}

/// The state of the connection when a heartbeat is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) role: Role,
    /// Whether something waits for its acknowledgement: the last heartbeat, say.
    pub(crate) is_unanswered: bool,
    /// Whether an address is being validated: the heartbeat has to be answered.
    pub(crate) is_moving: bool,
    pub(crate) patience: Span,
    /// After this much silence this end gives the peer up.
    pub(crate) idle_timeout: Span,
    pub(crate) probe_timeout: Span,
}

impl Situation {
    /// Whether two patiences without an answer are harmless, here and on the way.
    fn has_time(&self) -> bool {
        self.probe_timeout.saturating_mul(PROBES) <= self.patience
            && self.patience.saturating_mul(PATIENCES) <= self.idle_timeout
            && self.patience.saturating_mul(2) <= SILENCE_MOST
    }
}

impl Heartbeat {
    /// A heartbeat is due. Says whether it asks for an answer.
    ///
    /// One that does not leaves the initiator without news for two patiences, since it comes one after an answer, and
    /// the next one asks. Half of its idle timeout is left for that one and its probes.
    pub(crate) fn beat(&mut self, situation: &Situation) -> bool {
        let may_be_silent = *self == Self::HasAsked
            && situation.role == Role::Initiator
            && !situation.is_unanswered
            && !situation.is_moving
            && situation.has_time();
        *self = if may_be_silent { Self::Asks } else { Self::HasAsked };
        !may_be_silent
    }

    /// Something other than a heartbeat was sent or received that asks for an acknowledgement: another silence begins.
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
    fn every_heartbeat_requests_an_ack_while_packets_are_unacknowledged() {
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
