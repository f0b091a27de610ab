//! The two bounded, lock-free queues between the game and the network thread, and how each end wakes the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use concurrent_queue::{ConcurrentQueue, PopError, PushError};
use event_listener::{Event as Signal, EventListener, Listener as _};
use tickwire_core::Event;

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
    /// It does not wait for those who hold.
    is_urgent: bool,
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
    pub(crate) fn push(&self, command: Command) -> Result<bool, Refused> {
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
                Err(Refused::Full(queued.command))
            }
            Err(PushError::Closed(queued)) => Err(Refused::Stopped(queued.command)),
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

    /// The next command, unless somebody holds. Only the network thread takes.
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

    /// What this thread queues waits from now on, until it is released.
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

/// Somebody who waits for room.
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

/// From the network thread to the game.
pub(crate) struct EventQueue {
    queue: ConcurrentQueue<Event>,
    /// What found no room while the endpoint ends: its senders were told that it arrived.
    spilled: Mutex<Spilled>,
    /// Whether anything was: then all that follows is too, so that the order stays.
    has_spilled: AtomicBool,
    arrived: Signal,
    /// The network thread found no room, and waits for some.
    stalled: AtomicBool,
    stalls: AtomicU64,
}

impl EventQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queue: ConcurrentQueue::bounded(capacity.max(1)),
            spilled: Mutex::default(),
            has_spilled: AtomicBool::new(false),
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

    /// Queues an event of an endpoint that ends: where the queue has no room, beside it, up to [`SPILLED_EVENTS`] and
    /// [`SPILLED_BYTES`], or beyond them if `is_last`. Hands it back where that is too much.
    pub(crate) fn push_or_spill(&self, event: Event, is_last: bool) -> Result<(), Event> {
        let mut event = event;
        if !self.has_spilled.load(Ordering::Acquire) {
            match self.push(event) {
                Ok(()) => return Ok(()),
                Err(back) => event = back,
            }
        }
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = if let Event::Message { data, .. } = &event { data.len() } else { 0 };
        if !is_last
            && (spilled.events.len() >= SPILLED_EVENTS || spilled.bytes.saturating_add(bytes) > SPILLED_BYTES)
        {
            self.stalled.store(true, Ordering::SeqCst);
            return Err(event);
        }
        self.has_spilled.store(true, Ordering::Release);
        spilled.bytes += bytes;
        spilled.events.push_back(event);
        Ok(())
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
        let event = match self.queue.pop() {
            Ok(event) => event,
            Err(error) => return self.take_spilled(wake).ok_or(error),
        };
        let has_room = self.queue.capacity().is_none_or(|capacity| self.queue.len() <= capacity / 2);
        if has_room && self.stalled.load(Ordering::SeqCst) && self.stalled.swap(false, Ordering::SeqCst) {
            wake();
        }
        Ok(event)
    }

    fn take_spilled(&self, wake: impl Fn()) -> Option<Event> {
        if !self.has_spilled.load(Ordering::Acquire) {
            return None;
        }
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let event = spilled.events.pop_front()?;
        if let Event::Message { data, .. } = &event {
            spilled.bytes = spilled.bytes.saturating_sub(data.len());
        }
        drop(spilled);
        if self.stalled.swap(false, Ordering::SeqCst) {
            wake();
        }
        Some(event)
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
            if self.len() == 0 && !self.queue.is_closed() {
                listener.await;
            }
        }
    }

    /// The next event, if one comes within `timeout`.
    pub(crate) fn next_within(&self, timeout: Duration, wake: impl Fn()) -> Option<Event> {
        let deadline = Instant::now().checked_add(timeout);
        if self.queue.is_closed() {
            let event = self.take(&wake).ok();
            if event.is_none() {
                // A loop that asks again and again takes no processor of its own.
                thread::sleep(timeout.min(PAUSE_AT_END));
            }
            return event;
        }
        loop {
            match self.take(&wake) {
                Ok(event) => return Some(event),
                Err(PopError::Closed) => return None,
                Err(PopError::Empty) => {}
            }
            let listener = self.arrived.listen();
            if self.len() > 0 || self.queue.is_closed() {
                continue;
            }
            match deadline {
                None => listener.wait(),
                Some(deadline) => listener.wait_deadline(deadline).map_or((), drop),
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) && self.len() == 0 {
                return None;
            }
        }
    }

    pub(crate) fn close(&self) {
        self.queue.close();
        self.announce();
    }

    pub(crate) fn len(&self) -> usize {
        let spilled = if self.has_spilled.load(Ordering::Acquire) {
            self.spilled.lock().unwrap_or_else(PoisonError::into_inner).events.len()
        } else {
            0
        };
        self.queue.len() + spilled
    }

    /// Times that the network thread found no room.
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }
}

/// Events beside the queue, in their order.
#[derive(Default)]
struct Spilled {
    events: VecDeque<Event>,
    bytes: usize,
}

/// How long asking for an event takes once there will be none any more.
const PAUSE_AT_END: Duration = Duration::from_millis(10);
/// Events that lie beside a full queue at most while an endpoint ends. Beyond, peers get no more credit, as ever.
const SPILLED_EVENTS: usize = 1 << 16;
/// Bytes of messages among them at most.
const SPILLED_BYTES: usize = 64 << 20;

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
    fn a_thread_that_holds_keeps_back_what_it_queues_and_nobody_elses() {
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

    #[test]
    fn after_the_end_asking_for_an_event_ends_after_a_pause_however_long_it_may_wait() {
        let queue = EventQueue::new(1);
        queue.close();
        assert!(queue.next_within(Duration::MAX, || {}).is_none());
    }
}
