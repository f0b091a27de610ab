//! Which heartbeats ask for an answer: of a long silence every other one of the initiator's, so that an idle connection
//! costs its server half as many datagrams. The peer hears each of them.

use super::transport::Role;
use crate::time::Duration;

/// Probe timeouts that have to fit into one patience: what is left of the idle timeout is for more than one probe.
const PROBES: u32 = 3;

/// What the last heartbeat was, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Heartbeat {
    /// The next one asks: there was none in this silence, or the last one asked for nothing.
    #[default]
    Asks,
    /// The last one asked. If it was answered, and nothing else happened since, the next one need not.
    HasAsked,
}

/// What there is besides, when a heartbeat is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) role: Role,
    /// Whether something waits for its acknowledgement: the last heartbeat, say.
    pub(crate) is_unanswered: bool,
    /// Whether an address is being validated: what is sent has to be answered.
    pub(crate) is_moving: bool,
    pub(crate) patience: Duration,
    pub(crate) probe_timeout: Duration,
}

impl Heartbeat {
    /// A heartbeat is due. Says whether it asks for an answer.
    ///
    /// One that does not leaves the initiator without news for two patiences, since it comes one after an answer, and
    /// the next one asks. Patience is at most a third of either end's idle timeout: a third is left for that one and its probes.
    pub(crate) fn beat(&mut self, situation: &Situation) -> bool {
        let has_time = situation.probe_timeout.saturating_mul(PROBES) <= situation.patience;
        let may_be_silent = *self == Self::HasAsked
            && situation.role == Role::Initiator
            && !situation.is_unanswered
            && !situation.is_moving
            && has_time;
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
        patience: Duration::from_secs(5),
        probe_timeout: Duration::from_millis(200),
    };

    fn beats(situation: &Situation) -> [bool; 5] {
        let mut heartbeat = Heartbeat::default();
        [(); 5].map(|()| heartbeat.beat(situation))
    }

    #[test]
    fn every_other_heartbeat_of_an_initiator_asks_and_the_first_of_a_silence_does() {
        assert_eq!(beats(&ANSWERED), [true, false, true, false, true]);
        let mut heartbeat = Heartbeat::default();
        assert!(heartbeat.beat(&ANSWERED));
        heartbeat.on_activity();
        assert!(heartbeat.beat(&ANSWERED));
        assert!(!heartbeat.beat(&ANSWERED));
    }

    #[test]
    fn a_heartbeat_asks_while_there_is_doubt() {
        for situation in [
            Situation { role: Role::Responder, ..ANSWERED },
            Situation { is_unanswered: true, ..ANSWERED },
            Situation { is_moving: true, ..ANSWERED },
            Situation { probe_timeout: Duration::from_secs(2), ..ANSWERED },
        ] {
            assert_eq!(beats(&situation), [true; 5], "{situation:?}");
        }
    }
}
