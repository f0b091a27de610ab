//! The bounded, lock-free queue from the game to the network thread, with the wake-ups of both ends.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use concurrent_queue::{ConcurrentQueue, PushError};
use event_listener::{Event as Signal, EventListener, Listener as _};

use crate::command::Command;
use crate::sleep::Alarm;

/// From the game to the network thread.
pub(crate) struct CommandQueue {
    queue: ConcurrentQueue<Queued>,
    thread: Arc<Alarm>,
    /// While above zero, what the threads that hold have queued waits.
    held: AtomicUsize,
    /// Those threads, once for each time that they hold.
    holders: Mutex<Vec<ThreadId>>,
    /// From so many commands on it waits no longer, until the queue is empty.
    half: usize,
    is_spilling: AtomicBool,
    /// Commands in the queue that do not wait, held or not.
    urgent: AtomicUsize,
    refused: AtomicU64,
    /// Threads and futures that wait for room.
    waiting: AtomicUsize,
    has_room: Signal,
}

/// A command in the queue.
struct Queued {
    command: Command,
    /// It does not wait for threads that hold.
    is_urgent: bool,
}

/// Why a command was not queued. It comes back.
pub(crate) enum NotQueued {
    Full(Command),
    Stopped(Command),
}

impl CommandQueue {
    pub(crate) fn new(capacity: usize, thread: Arc<Alarm>) -> Self {
        Self {
            queue: ConcurrentQueue::bounded(capacity.max(1)),
            thread,
            held: AtomicUsize::new(0),
            holders: Mutex::default(),
            half: capacity.div_ceil(2).max(1),
            is_spilling: AtomicBool::new(false),
            urgent: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            has_room: Signal::new(),
        }
    }

    /// Queues a command. Says whether the network thread is to be woken for it: it is not while this thread holds and there
    /// is room for more. While only others hold, the command does not wait, and neither does what was queued before it.
    pub(crate) fn push(&self, command: Command) -> Result<bool, NotQueued> {
        let is_held = self.held.load(Ordering::Acquire) > 0;
        let is_urgent = is_held && !self.holders().contains(&thread::current().id());
        if is_urgent {
            self.urgent.fetch_add(1, Ordering::SeqCst);
        }
        let pushed = self.queue.push(Queued { command, is_urgent });
        if pushed.is_err() && is_urgent {
            self.urgent.fetch_sub(1, Ordering::SeqCst);
        }
        match pushed {
            Ok(()) => Ok(!is_held || is_urgent || self.queue.len() >= self.half),
            Err(PushError::Full(queued)) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(NotQueued::Full(queued.command))
            }
            Err(PushError::Closed(queued)) => Err(NotQueued::Stopped(queued.command)),
        }
    }

    /// Queues a command that does not wait even if somebody holds, since whoever asked may wait for the answer. Waits for
    /// room where there is none, if it `may_wait`; else the command comes back. After the end, nothing happens.
    pub(crate) fn insist(&self, mut command: Command, may_wait: bool) -> Result<(), Command> {
        while let Some(back) = self.push_urgent(command) {
            if !may_wait {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return Err(back);
            }
            command = back;
            let room = self.await_room();
            if self.is_full() {
                room.listener.wait();
            }
        }
        Ok(())
    }

    /// The same for futures. One that is dropped before there was room has asked for nothing.
    pub(crate) async fn insist_async(&self, mut command: Command) {
        while let Some(back) = self.push_urgent(command) {
            command = back;
            let room = self.await_room();
            if self.is_full() {
                room.listener.await;
            }
        }
    }

    /// Hands the command back where there is no room.
    fn push_urgent(&self, command: Command) -> Option<Command> {
        self.urgent.fetch_add(1, Ordering::SeqCst);
        let back = match self.queue.push(Queued { command, is_urgent: true }) {
            Ok(()) => None,
            Err(PushError::Full(queued)) => Some(queued.command),
            Err(PushError::Closed(_)) => return None,
        };
        if back.is_some() {
            self.urgent.fetch_sub(1, Ordering::SeqCst);
        }
        self.wake();
        back
    }

    fn is_full(&self) -> bool {
        self.queue.is_full() && !self.queue.is_closed()
    }

    fn await_room(&self) -> Room<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Room { listener: self.has_room.listen(), waiting: Waiting(&self.waiting) }
    }

    /// The next command, unless a thread holds. Only the network thread takes commands.
    pub(crate) fn take(&self) -> Option<Command> {
        let is_held = self.held.load(Ordering::Acquire) > 0 && !self.is_spilling.load(Ordering::Relaxed);
        if is_held && self.urgent.load(Ordering::SeqCst) == 0 {
            if self.queue.len() < self.half {
                return None;
            }
            self.is_spilling.store(true, Ordering::Relaxed);
        }
        let Ok(Queued { command, is_urgent }) = self.queue.pop() else {
            self.is_spilling.store(false, Ordering::Relaxed);
            return None;
        };
        // Whoever waits has said so before it looked for room.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.has_room.notify(usize::MAX);
        }
        if is_urgent {
            self.urgent.fetch_sub(1, Ordering::SeqCst);
        }
        Some(command)
    }

    pub(crate) fn wake(&self) {
        self.thread.ring();
    }

    /// Commands that this thread queues from now on wait until the hold is released.
    pub(crate) fn hold(&self) -> ThreadId {
        let thread = thread::current().id();
        self.holders().push(thread);
        self.held.fetch_add(1, Ordering::AcqRel);
        thread
    }

    pub(crate) fn release(&self, thread: ThreadId) {
        let mut holders = self.holders();
        if let Some(place) = holders.iter().position(|holder| *holder == thread) {
            holders.swap_remove(place);
        }
        drop(holders);
        if self.held.fetch_sub(1, Ordering::AcqRel) == 1 && !self.queue.is_empty() {
            self.wake();
        }
    }

    fn holders(&self) -> MutexGuard<'_, Vec<ThreadId>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn close(&self) {
        self.queue.close();
        while self.queue.pop().is_ok() {}
        self.has_room.notify(usize::MAX);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Commands refused because the queue was full.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A thread or task that waits for room.
struct Room<'a> {
    listener: EventListener,
    #[expect(dead_code, reason = "it counts as long as it lives")]
    waiting: Waiting<'a>,
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sleep::Sleeper;

    fn send() -> Command {
        Command::Broadcast {
            channel: tickwire_core::ChannelId(0),
            data: tickwire_core::Bytes::new(),
            except: Vec::new(),
            born_before: 0,
        }
    }

    fn taken(queue: &CommandQueue) -> usize {
        std::iter::from_fn(|| queue.take()).count()
    }

    #[test]
    fn a_hold_delays_only_messages_of_the_thread_that_requested_the_hold() {
        let sleeper = Sleeper::new().unwrap();
        let queue = CommandQueue::new(64, Arc::clone(sleeper.alarm()));
        let thread = queue.hold();
        assert!(matches!(queue.push(send()), Ok(false)));
        assert_eq!(taken(&queue), 0);
        // Another thread's command leaves, and what was queued before it leaves first.
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(queue.push(send()), Ok(true))));
        });
        assert_eq!(taken(&queue), 2);
        assert!(matches!(queue.push(send()), Ok(false)));
        assert_eq!(taken(&queue), 0, "it still holds");
        queue.release(thread);
        assert_eq!(taken(&queue), 1);
        assert!(matches!(queue.push(send()), Ok(true)));
    }
}
