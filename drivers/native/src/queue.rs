//! The two bounded, lock-free queues between the game and the network thread, and how each end wakes the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use concurrent_queue::{ConcurrentQueue, PopError, PushError};
use event_listener::{Event as Signal, Listener as _};
use tickwire_core::Event;

use crate::command::Command;
use crate::sleep::Alarm;

/// From the game to the network thread.
pub(crate) struct CommandQueue {
    queue: ConcurrentQueue<Command>,
    thread: Arc<Alarm>,
    /// While above zero, what is queued waits.
    held: AtomicUsize,
    /// Commands in the queue that do not wait, held or not.
    urgent: AtomicUsize,
    refused: AtomicU64,
}

/// Why a command was not queued. It comes back.
pub(crate) enum Refused {
    Full(Command),
    Stopped(Command),
}

impl CommandQueue {
    pub(crate) fn new(capacity: usize, thread: Arc<Alarm>) -> Self {
        Self {
            queue: ConcurrentQueue::bounded(capacity.max(1)),
            thread,
            held: AtomicUsize::new(0),
            urgent: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Queues a command, and wakes the network thread unless somebody holds it.
    pub(crate) fn push(&self, command: Command) -> Result<(), Refused> {
        match self.queue.push(command) {
            Ok(()) => {
                if self.held.load(Ordering::Acquire) == 0 {
                    self.wake();
                }
                Ok(())
            }
            Err(PushError::Full(command)) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.wake();
                Err(Refused::Full(command))
            }
            Err(PushError::Closed(command)) => Err(Refused::Stopped(command)),
        }
    }

    /// Queues a command that cannot be refused, and that does not wait even if somebody holds, since whoever asked may wait
    /// for the answer. Waits for room where there is none. After the end, nothing happens.
    pub(crate) fn insist(&self, mut command: Command) {
        self.urgent.fetch_add(1, Ordering::SeqCst);
        while let Err(refused) = self.queue.push(command) {
            let PushError::Full(back) = refused else { return };
            command = back;
            self.wake();
            std::thread::sleep(ROOM_PAUSE);
        }
        self.wake();
    }

    /// The next command, unless somebody holds.
    pub(crate) fn take(&self) -> Option<Command> {
        let is_held = || self.held.load(Ordering::Acquire) > 0 && !self.queue.is_full();
        if self.urgent.load(Ordering::SeqCst) == 0 && is_held() {
            return None;
        }
        let command = self.queue.pop().ok()?;
        if !matches!(command, Command::Send { .. } | Command::Broadcast { .. }) {
            self.urgent.fetch_sub(1, Ordering::SeqCst);
        }
        Some(command)
    }

    pub(crate) fn wake(&self) {
        self.thread.ring();
    }

    pub(crate) fn hold(&self) {
        self.held.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn release(&self) {
        if self.held.fetch_sub(1, Ordering::AcqRel) == 1 && !self.queue.is_empty() {
            self.wake();
        }
    }

    pub(crate) fn close(&self) {
        self.queue.close();
        while self.queue.pop().is_ok() {}
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

/// From the network thread to the game.
pub(crate) struct EventQueue {
    queue: ConcurrentQueue<Event>,
    arrived: Signal,
    /// The network thread found no room, and waits for some.
    stalled: AtomicBool,
    stalls: AtomicU64,
}

impl EventQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queue: ConcurrentQueue::bounded(capacity.max(1)),
            arrived: Signal::new(),
            stalled: AtomicBool::new(false),
            stalls: AtomicU64::new(0),
        }
    }

    /// Queues an event; hands it back where there is no room. The next [`EventQueue::take`] that makes some wakes the
    /// network thread.
    pub(crate) fn push(&self, event: Event) -> Result<(), Event> {
        match self.queue.push(event) {
            Ok(()) => Ok(()),
            Err(PushError::Closed(_)) => Ok(()),
            Err(PushError::Full(event)) => {
                self.stalled.store(true, Ordering::SeqCst);
                // The game may have made room before it could see the flag.
                match self.queue.push(event) {
                    Ok(()) | Err(PushError::Closed(_)) => {
                        self.stalled.store(false, Ordering::SeqCst);
                        Ok(())
                    }
                    Err(PushError::Full(event)) => Err(event),
                }
            }
        }
    }

    /// Tells whoever waits that something was pushed. Once for many.
    pub(crate) fn announce(&self) {
        self.arrived.notify(usize::MAX);
    }

    pub(crate) fn count_stall(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// The next event. `wake` is called when the network thread waits for the room that this made.
    pub(crate) fn take(&self, wake: impl Fn()) -> Result<Event, PopError> {
        let event = self.queue.pop()?;
        let has_room = self.queue.capacity().is_none_or(|capacity| self.queue.len() <= capacity / 2);
        if has_room && self.stalled.load(Ordering::SeqCst) && self.stalled.swap(false, Ordering::SeqCst) {
            wake();
        }
        Ok(event)
    }

    /// The next event, as soon as there is one; `None` when there will be none any more.
    pub(crate) async fn next(&self, wake: impl Fn()) -> Option<Event> {
        loop {
            match self.take(&wake) {
                Ok(event) => return Some(event),
                Err(PopError::Closed) => return None,
                Err(PopError::Empty) => {}
            }
            let listener = self.arrived.listen();
            if self.queue.is_empty() && !self.queue.is_closed() {
                listener.await;
            }
        }
    }

    /// The next event, if one comes within `timeout`.
    pub(crate) fn next_within(&self, timeout: Duration, wake: impl Fn()) -> Option<Event> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            match self.take(&wake) {
                Ok(event) => return Some(event),
                Err(PopError::Closed) => return None,
                Err(PopError::Empty) => {}
            }
            let listener = self.arrived.listen();
            if !self.queue.is_empty() || self.queue.is_closed() {
                continue;
            }
            match deadline {
                None => listener.wait(),
                Some(deadline) => listener.wait_deadline(deadline).map_or((), drop),
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) && self.queue.is_empty() {
                return None;
            }
        }
    }

    pub(crate) fn close(&self) {
        self.queue.close();
        self.announce();
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Times that the network thread found no room.
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }
}

/// How long a command that cannot be refused waits before it looks for room again.
const ROOM_PAUSE: Duration = Duration::from_micros(50);
