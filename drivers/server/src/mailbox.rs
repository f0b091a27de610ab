//! Requests to the server's thread, and a signal that wakes it.
//!
//! Unlike a channel of the standard library, the reader can close it. The mailbox then drops all waiting requests, so
//! that no caller waits for an answer that will not come.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

/// A queue at which one thread waits for requests.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    letters: Mutex<Letters<T>>,
    came: Condvar,
}

#[derive(Debug)]
struct Letters<T> {
    queue: VecDeque<T>,
    is_closed: bool,
    /// `true` if the bell was rung and the reader has not noticed it yet.
    is_rung: bool,
}

/// The reason why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Call<T> {
    Letter(T),
    Bell,
    Deadline,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        let letters = Letters { queue: VecDeque::new(), is_closed: false, is_rung: false };
        Self { letters: Mutex::new(letters), came: Condvar::new() }
    }
}

impl<T> Mailbox<T> {
    /// Adds a request. Drops the request if the mailbox is closed.
    pub(crate) fn put(&self, letter: T) {
        let mut letters = self.lock();
        if !letters.is_closed {
            letters.queue.push_back(letter);
            self.came.notify_one();
        }
    }

    /// Adds the last request. The reader still takes the requests before it, and the mailbox drops all later requests.
    pub(crate) fn put_last(&self, letter: T) {
        let mut letters = self.lock();
        if !letters.is_closed {
            letters.queue.push_back(letter);
            letters.is_closed = true;
            self.came.notify_one();
        }
    }

    /// Waits for a request until `deadline`. Returns `None` at the deadline.
    pub(crate) fn take_by(&self, deadline: Instant) -> Option<T> {
        let mut letters = self.lock();
        loop {
            if let Some(letter) = letters.queue.pop_front() {
                return Some(letter);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            letters = self.came.wait_timeout(letters, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a request or the bell until `deadline`.
    pub(crate) fn rest_by(&self, deadline: Instant) -> Call<T> {
        let mut letters = self.lock();
        loop {
            if let Some(letter) = letters.queue.pop_front() {
                return Call::Letter(letter);
            }
            if std::mem::take(&mut letters.is_rung) {
                return Call::Bell;
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
            let Some(left) = left else { return Call::Deadline };
            letters = self.came.wait_timeout(letters, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Resets the bell.
    pub(crate) fn hush(&self) {
        self.lock().is_rung = false;
    }

    /// Closes the mailbox, and drops the requests that wait.
    pub(crate) fn close(&self) {
        let mut letters = self.lock();
        letters.is_closed = true;
        let dropped = std::mem::take(&mut letters.queue);
        drop(letters);
        drop(dropped);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn lock(&self) -> MutexGuard<'_, Letters<T>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the mailbox a waker, which rings the bell.
impl<T: Send> Wake for Mailbox<T> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.lock().is_rung = true;
        self.came.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn requests_leave_the_mailbox_in_the_order_of_their_arrival() {
        let mailbox = Mailbox::default();
        mailbox.put(1);
        mailbox.put(2);
        let start = Instant::now();
        assert_eq!((mailbox.take_by(start), mailbox.take_by(start)), (Some(1), Some(2)));
        assert_eq!(mailbox.take_by(start + Duration::from_millis(20)), None);
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_request_wakes_the_waiting_server() {
        let mailbox = Arc::new(Mailbox::default());
        let waiting = Arc::clone(&mailbox);
        let thread = std::thread::spawn(move || waiting.take_by(Instant::now() + Duration::from_secs(10)));
        mailbox.put(7);
        assert_eq!(thread.join().unwrap(), Some(7));
    }

    #[test]
    fn a_wake_up_of_the_mailbox_ends_exactly_one_wait() {
        let mailbox = Arc::new(Mailbox::default());
        let waiting = Arc::clone(&mailbox);
        let thread = std::thread::spawn(move || waiting.rest_by(Instant::now() + Duration::from_secs(10)));
        Arc::clone(&mailbox).wake();
        assert_eq!(thread.join().unwrap(), Call::Bell);
        let start = Instant::now();
        assert_eq!(mailbox.rest_by(start), Call::Deadline, "it was answered");
        mailbox.wake_by_ref();
        mailbox.put(7);
        assert_eq!(mailbox.take_by(start), Some(7));
        assert_eq!(mailbox.take_by(start + Duration::from_millis(20)), None);
        assert!(start.elapsed() >= Duration::from_millis(20));
        mailbox.hush();
        assert_eq!(mailbox.rest_by(start), Call::Deadline);
        mailbox.put(8);
        assert_eq!(mailbox.rest_by(start), Call::Letter(8));
    }

    #[test]
    fn a_closed_mailbox_returns_only_requests_queued_before_it_closed() {
        let mailbox = Mailbox::default();
        mailbox.put(1);
        mailbox.put_last(2);
        mailbox.put(3);
        mailbox.put_last(4);
        assert!(mailbox.is_closed());
        let now = Instant::now();
        assert_eq!([(); 3].map(|()| mailbox.take_by(now)), [Some(1), Some(2), None]);
    }

    #[test]
    fn closing_a_mailbox_drops_its_queued_requests() {
        let mailbox = Mailbox::default();
        let letter = Arc::new(());
        mailbox.put(Arc::clone(&letter));
        mailbox.close();
        mailbox.put(Arc::clone(&letter));
        assert!(mailbox.is_closed());
        assert_eq!(Arc::strong_count(&letter), 1);
    }
}
