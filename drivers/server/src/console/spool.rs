//! A queue of text to print. A separate thread prints the text, so that a terminal that stops reading stalls only that
//! thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A bounded queue of items for a thread that prints.
pub(super) struct Spool<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    print: Mutex<Box<dyn FnMut(T) + Send>>,
}

struct State<T> {
    queue: VecDeque<(T, usize)>,
    bytes: usize,
    /// `true` while an item is being printed.
    is_busy: bool,
    /// `true` if a caller waited in vain for space in the queue, and no item has been printed since.
    is_stalled: bool,
    /// The number of items dropped since the last item that the queue accepted.
    dropped: u64,
    /// `true` if the system could not start a thread. Each caller then prints its item itself.
    has_no_thread: bool,
}

/// The result of putting an item into the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queued {
    /// The queue accepted the item, after it had dropped this number of earlier items.
    After(u64),
    /// The queue dropped the item. The value is the number of items dropped in succession, including this item.
    Dropped(u64),
}

impl<T> Clone for Spool<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Send + 'static> Spool<T> {
    /// Creates a queue, and a thread that calls `print` with the items in order.
    pub(super) fn new(name: &str, print: impl FnMut(T) + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            print: Mutex::new(Box::new(print)),
        });
        let work = Arc::clone(&shared);
        let spawned = thread::Builder::new().name(name.into()).spawn(move || work.print_all());
        shared.lock().has_no_thread = spawned.is_err();
        Self { shared }
    }

    /// Queues an item of `bytes` bytes. If the queue is full, waits for space for at most `patience`.
    pub(super) fn put(&self, thing: T, bytes: usize, patience: Duration) -> Queued {
        let start = Instant::now();
        let mut state = self.shared.lock();
        if state.has_no_thread {
            drop(state);
            self.shared.print(thing);
            return Queued::After(0);
        }
        while !state.has_room(bytes) {
            let left = patience.saturating_sub(start.elapsed());
            if state.is_stalled || left.is_zero() {
                state.is_stalled = true;
                state.dropped += 1;
                return Queued::Dropped(state.dropped);
            }
            state = self.shared.wait(state, left);
        }
        let dropped = std::mem::take(&mut state.dropped);
        state.push(thing, bytes);
        drop(state);
        self.shared.changed.notify_all();
        Queued::After(dropped)
    }

    /// Queues an item that must not be dropped, even if the queue is full.
    pub(super) fn put_always(&self, thing: T) {
        let mut state = self.shared.lock();
        if state.has_no_thread {
            drop(state);
            self.shared.print(thing);
            return;
        }
        state.push(thing, 0);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until all items are printed, for at most `patience`.
    pub(super) fn settle(&self, patience: Duration) {
        let start = Instant::now();
        let mut state = self.shared.lock();
        while state.is_busy || !state.queue.is_empty() {
            let left = patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            state = self.shared.wait(state, left);
        }
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
            is_busy: false,
            is_stalled: false,
            dropped: 0,
            has_no_thread: false,
        }
    }
}

impl<T> State<T> {
    /// Returns whether the queue has space for `bytes` bytes. An empty queue has space for an item of any size.
    fn has_room(&self, bytes: usize) -> bool {
        self.queue.is_empty() || self.bytes.saturating_add(bytes) <= BYTES
    }

    fn push(&mut self, thing: T, bytes: usize) {
        self.bytes += bytes;
        self.queue.push_back((thing, bytes));
    }
}

impl<T> Shared<T> {
    fn print_all(&self) {
        let mut state = self.lock();
        loop {
            let Some((thing, bytes)) = state.queue.pop_front() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.bytes -= bytes;
            (state.is_busy, state.is_stalled) = (true, false);
            drop(state);
            self.changed.notify_all();
            self.print(thing);
            state = self.lock();
            state.is_busy = false;
            self.changed.notify_all();
        }
    }

    fn print(&self, thing: T) {
        let mut print = self.print.lock().unwrap_or_else(PoisonError::into_inner);
        print(thing);
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>, most: Duration) -> MutexGuard<'a, State<T>> {
        self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The largest number of bytes that wait to be printed. Further items are dropped.
const BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, sync_channel};

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn the_spool_prints_text_in_the_order_in_which_it_was_queued() {
        let (printed, seen) = channel();
        let spool = Spool::new("test", move |thing| {
            thread::sleep(Duration::from_millis(1));
            printed.send(thing).unwrap();
        });
        for number in 0..50 {
            assert_eq!(spool.put(number, 1, Duration::ZERO), Queued::After(0));
        }
        spool.settle(LONG);
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_spool_without_a_thread_prints_text_on_the_calling_thread() {
        let (printed, seen) = channel();
        let spool = Spool::new("test", move |thing| printed.send(thing).unwrap());
        spool.shared.lock().has_no_thread = true;
        assert_eq!(spool.put(1, 1, Duration::ZERO), Queued::After(0));
        spool.put_always(2);
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_spool_reports_the_number_of_dropped_texts_when_output_is_read_again() {
        let (go_on, may_go_on) = sync_channel::<()>(0);
        let (printed, seen) = channel();
        let spool = Spool::new("test", move |thing| {
            may_go_on.recv().ok();
            printed.send(thing).unwrap();
        });
        spool.put(0, BYTES, LONG);
        while spool.shared.lock().bytes > 0 {
            thread::yield_now();
        }
        assert_eq!(spool.put(1, BYTES, LONG), Queued::After(0));
        assert_eq!(spool.put(2, 1, Duration::from_millis(50)), Queued::Dropped(1));
        // Nobody waits twice for who does not read: this returns, however long it may take.
        assert_eq!(spool.put(3, 1, Duration::MAX), Queued::Dropped(2));
        spool.settle(Duration::from_millis(50));
        spool.put_always(4);
        drop(go_on);
        spool.settle(LONG);
        assert_eq!(spool.put(5, 1, LONG), Queued::After(2));
        spool.settle(LONG);
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0, 1, 4, 5]);
    }
}
