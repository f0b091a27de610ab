//! The timers of a connection in one table. Each timeout names its cause.

use crate::time::Instant;

/// The reason why the driver must call the endpoint at the next deadline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TimeoutCause {
    /// `poll_transmit` may return a datagram. A driver whose socket buffer is full must ignore this cause.
    Transmit,
    /// `poll_event` may return an event.
    Event,
    /// Either the endpoint must resend a Hello, or an attempt to connect times out.
    Handshake,
    /// A half-open handshake expires, or a new connection ends because its peer's address was not validated within
    /// [`crate::limits::UNVALIDATED_FOR`].
    HalfOpen,
    /// Either a packet must be declared lost (RFC 9002 section 6.1), or a PTO expires (section 6.2).
    Loss,
    /// A delayed acknowledgement is due.
    Acknowledgement,
    /// The pacer, the congestion controller or the limit on the endpoint's send rate allows the next packet.
    Pacing,
    /// A heartbeat is due.
    Heartbeat,
    /// The idle timeout expires, because no packet from the peer arrived within [`crate::Config::idle_timeout`].
    Idle,
    /// Either the challenge to a new address of the peer must be sent again, or the validation of the address fails.
    Path,
    /// A time limit ends: the lifetime of a message, the time for the missing fragments of a message, the time for which
    /// a message may occupy reserved memory, or the time for which lost units of a world wait for a commit.
    Expiry,
    /// A closing connection resends its CLOSE frame, the endpoint drops a closed connection, or the deadline of
    /// [`crate::Endpoint::close_after_delivery`] passes.
    Close,
    /// The session of an interrupted connection expires, the next attempt to reconnect must start, or the endpoint must
    /// send a client a new resume ticket.
    Resume,
    /// An idle connection or endpoint must return unused message memory to the system.
    Rest,
    /// No timer is set, so no call is due.
    Nothing,
}

/// The timers of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    Loss,
    Acknowledgement,
    Pacing,
    Heartbeat,
    Idle,
    Path,
    Expiry,
    Close,
    Resume,
    Handshake,
    /// The idle connection must release unused message memory.
    Rest,
}

const TIMERS: [(Timer, TimeoutCause); 11] = [
    (Timer::Loss, TimeoutCause::Loss),
    (Timer::Acknowledgement, TimeoutCause::Acknowledgement),
    (Timer::Pacing, TimeoutCause::Pacing),
    (Timer::Heartbeat, TimeoutCause::Heartbeat),
    (Timer::Idle, TimeoutCause::Idle),
    (Timer::Path, TimeoutCause::Path),
    (Timer::Expiry, TimeoutCause::Expiry),
    (Timer::Close, TimeoutCause::Close),
    (Timer::Resume, TimeoutCause::Resume),
    (Timer::Handshake, TimeoutCause::Handshake),
    (Timer::Rest, TimeoutCause::Rest),
];

/// The time of each timer of a connection, or [`Instant::MAX`] for a timer that is not set.
#[derive(Clone, Debug)]
pub(crate) struct TimerTable {
    at: [Instant; TIMERS.len()],
}

impl TimerTable {
    pub(crate) const fn new() -> Self {
        Self { at: [Instant::MAX; TIMERS.len()] }
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(slot) = self.at.get_mut(timer as usize) {
            *slot = at;
        }
    }

    pub(crate) fn set_option(&mut self, timer: Timer, at: Option<Instant>) {
        self.set(timer, at.unwrap_or(Instant::MAX));
    }

    /// Returns the time of the earliest timer.
    pub(crate) fn next(&self) -> Instant {
        self.at.iter().fold(Instant::MAX, |least, at| least.min(*at))
    }

    /// Returns the cause of the earliest timer.
    pub(crate) fn next_cause(&self) -> TimeoutCause {
        let next = self.next();
        let mut timers = self.at.iter().zip(TIMERS.iter()).filter(|_| next != Instant::MAX);
        timers.find(|(at, _)| **at == next).map_or(TimeoutCause::Nothing, |(_, (_, cause))| *cause)
    }

    /// Stops a timer that has expired by `now`, and returns the timer and its deadline.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<(Timer, Instant)> {
        for (at, &(timer, _)) in self.at.iter_mut().zip(TIMERS.iter()) {
            if *at <= now && *at != Instant::MAX {
                return Some((timer, core::mem::replace(at, Instant::MAX)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_table_lists_every_timer_at_its_index() {
        for (index, (timer, _)) in TIMERS.iter().enumerate() {
            assert_eq!(*timer as usize, index);
        }
    }

    #[test]
    fn an_expired_timer_is_returned_exactly_once() {
        let mut table = TimerTable::new();
        let at = Instant::ZERO + crate::time::Span::from_secs(1);
        table.set(Timer::Idle, at);
        assert_eq!((table.next(), table.next_cause()), (at, TimeoutCause::Idle));
        assert_eq!(table.take_expired(Instant::ZERO), None);
        assert_eq!(table.take_expired(at), Some((Timer::Idle, at)));
        assert_eq!(table.take_expired(at), None);
        assert_eq!((table.next(), table.next_cause()), (Instant::MAX, TimeoutCause::Nothing));
    }
}
