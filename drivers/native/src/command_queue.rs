//! The bounded, lock-free queue from the game to the network thread, with the wake-ups of both ends.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use concurrent_queue::{ConcurrentQueue, PushError};
use event_listener::{Event as Signal, EventListener, Listener as _};

use crate::command::Command;
use crate::sleep::Alarm;

/// The queue from the game to the network thread.
pub(crate) struct CommandQueue {
    queue: ConcurrentQueue<Queued>,
    thread: Arc<Alarm>,
    /// The number of holds. While this number is above zero, commands that holding threads queued wait.
    held: AtomicUsize,
    /// The threads that hold, listed once for each hold.
    holders: Mutex<Vec<ThreadId>>,
    /// The number of queued commands from which on the network thread takes commands despite the holds, until the queue
    /// is empty.
    half: usize,
    is_spilling: AtomicBool,
    /// The number of commands in the queue that do not wait for holds.
    urgent: AtomicUsize,
    refused: AtomicU64,
    /// The number of threads and futures that wait for space in the queue.
    waiting: AtomicUsize,
    has_room: Signal,
}

/// A command in the queue.
struct Queued {
    command: Command,
    /// `true` if the command does not wait for threads that hold.
    is_urgent: bool,
}

/// The reason why a command was not queued, with the command.
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

    /// Queues a command. Returns whether the caller must wake the network thread, which is not necessary while this thread
    /// holds and the queue is less than half full. While only other threads hold, neither the command nor the commands
    /// queued before it wait.
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

    /// Queues a command that does not wait for holds, because its caller may wait for the answer. If the queue is full,
    /// the call waits for space if `may_wait`, and otherwise returns the command. After the endpoint has stopped, the
    /// call drops the command.
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

    /// Queues a command as [`Self::insist`] does, without blocking. A future that is dropped before the queue has space
    /// queues nothing.
    pub(crate) async fn insist_async(&self, mut command: Command) {
        while let Some(back) = self.push_urgent(command) {
            command = back;
            let room = self.await_room();
            if self.is_full() {
                room.listener.await;
            }
        }
    }

    /// Queues a command that does not wait for holds. Returns the command if the queue is full.
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

    /// Takes the next command, or returns `None` if the queue is empty or a hold delays the command. Only the network
    /// thread takes commands.
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

    /// Makes the commands that this thread queues from now on wait until the hold is released. Returns the id of this
    /// thread.
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

    /// Returns the number of commands that were refused because the queue was full.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A thread or task that waits for space in the queue.
struct Room<'a> {
    listener: EventListener,
    #[expect(dead_code, reason = "a hold counts until it is dropped")]
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
