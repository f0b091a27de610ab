//! An answer of the network thread. The caller awaits the answer as a future, or blocks until the answer arrives.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::guard::guarded;

/// Creates a place for one answer. Returns the end that gives the answer, and the end that waits for the answer.
pub(crate) fn answer<T>() -> (Replier<T>, Pending<T>) {
    let cell = Arc::new(Cell {
        slot: Mutex::new(Slot { state: Taken::NotYet, waker: None }),
        filled: Condvar::new(),
    });
    (Replier(Arc::clone(&cell)), Pending(cell))
}

struct Cell<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

struct Slot<T> {
    state: Taken<T>,
    waker: Option<Waker>,
}

pub(crate) enum Taken<T> {
    NotYet,
    Value(T),
    /// No answer will come: the replier was dropped, or the caller has already taken the answer.
    Never,
}

/// The end that gives the answer. Dropping the replier without an answer reports to the caller that no answer will
/// come.
pub(crate) struct Replier<T>(Arc<Cell<T>>);

impl<T> Replier<T> {
    pub(crate) fn reply(self, value: T) {
        self.0.fill(Taken::Value(value));
    }
}

impl<T> Drop for Replier<T> {
    fn drop(&mut self) {
        self.0.fill(Taken::Never);
    }
}

impl<T> Cell<T> {
    fn fill(&self, state: Taken<T>) {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(slot.state, Taken::NotYet) {
            slot.state = state;
            let waker = slot.waker.take();
            drop(slot);
            self.filled.notify_all();
            if let Some(waker) = waker {
                // The waker belongs to the game's executor, and may panic.
                let _panicked = guarded(|| waker.wake());
            }
        }
    }
}

/// The end that waits for the answer. The result `None` means that no answer will come.
pub(crate) struct Pending<T>(Arc<Cell<T>>);

impl<T> Pending<T> {
    pub(crate) fn take(&self) -> Taken<T> {
        let mut slot = self.0.slot.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.state {
            Taken::NotYet => Taken::NotYet,
            _ => std::mem::replace(&mut slot.state, Taken::Never),
        }
    }

    /// Waits for the answer, for at most `timeout`. Returns `None` if no answer came.
    pub(crate) fn wait(self, timeout: Option<Duration>) -> Option<T> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut slot = self.0.slot.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match std::mem::replace(&mut slot.state, Taken::Never) {
                Taken::Value(value) => return Some(value),
                Taken::Never => return None,
                Taken::NotYet => slot.state = Taken::NotYet,
            }
            slot = match deadline {
                None => self.0.filled.wait(slot).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    self.0.filled.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.slot.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut slot.state, Taken::Never) {
            Taken::Value(value) => Poll::Ready(Some(value)),
            Taken::Never => Poll::Ready(None),
            Taken::NotYet => {
                slot.state = Taken::NotYet;
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reaches_blocking_and_awaiting_callers() {
        let (replier, pending) = answer();
        replier.reply(5);
        assert_eq!(pending.wait(None), Some(5));
        let (replier, pending) = answer();
        let thread = std::thread::spawn(move || async_std::task::block_on(pending));
        replier.reply(6);
        assert_eq!(thread.join().unwrap(), Some(6));
    }

    #[test]
    fn a_wait_for_an_answer_ends_when_the_answering_side_is_dropped() {
        let (replier, pending) = answer::<()>();
        drop(replier);
        assert_eq!(pending.wait(None), None);
        let (_replier, pending) = answer::<()>();
        assert_eq!(pending.wait(Some(Duration::from_millis(1))), None);
    }
}
