//! The one timer of the network thread.

use std::future::Future as _;
use std::pin::Pin;
use std::task::Context;

use tickwire_core::Instant;

use crate::clock::Clock;
use crate::rt::Timer;

/// Goes off at a deadline or, since deadlines mostly move away, a little before it: setting a timer costs more than an
/// early call now and then.
pub(super) struct Alarm {
    timer: Option<Timer>,
    /// When it goes off; `Instant::MAX` when it does not.
    set_to: Instant,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { timer: None, set_to: Instant::MAX }
    }
}

impl Alarm {
    /// Whether nothing is due before the task is woken: by this alarm, at `deadline` at the latest.
    pub(super) fn is_quiet_until(
        &mut self,
        clock: &Clock,
        deadline: Instant,
        context: &mut Context<'_>,
    ) -> bool {
        if deadline < self.set_to
            && let Some(at) = clock.to_std(deadline)
        {
            match &mut self.timer {
                Some(timer) => timer.set_at(at),
                None => self.timer = Some(Timer::at(at)),
            }
            self.set_to = deadline;
        }
        if self.set_to == Instant::MAX {
            return true;
        }
        let went_off = self.timer.as_mut().is_some_and(|timer| Pin::new(timer).poll(context).is_ready());
        if went_off {
            self.set_to = Instant::MAX;
        }
        !went_off
    }
}
