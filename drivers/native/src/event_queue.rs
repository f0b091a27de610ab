//! The bounded, lock-free queue from the network thread to the game, with the wake-ups of both ends.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use concurrent_queue::{ConcurrentQueue, PopError, PushError};
use event_listener::{Event as Signal, Listener as _};
use tickwire_core::Event;

/// From the network thread to the game.
pub(crate) struct EventQueue {
    queue: ConcurrentQueue<Event>,
    /// Events that found no room while the endpoint ends. They are kept because their senders were told that they arrived.
    spilled: Mutex<Spilled>,
    /// Whether anything was: then all that follows is too, so that the order stays.
    has_spilled: AtomicBool,
    arrived: Signal,
    /// The network thread found no room, and waits for some.
    stalled: AtomicBool,
    stalls: AtomicU64,
    /// Changes of worlds among the events.
    snapshots: AtomicUsize,
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
            snapshots: AtomicUsize::new(0),
        }
    }

    /// Queues an event; hands it back where there is no room. The next [`EventQueue::take`] that makes some wakes the
    /// network thread.
    pub(crate) fn push(&self, event: Event) -> Result<(), Event> {
        let Err(event) = self.push_once(event) else { return Ok(()) };
        self.stalled.store(true, Ordering::SeqCst);
        // The game may have made room before it could see the flag.
        self.push_once(event)?;
        self.stalled.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Queues an event if there is room. Only the network thread calls it.
    fn push_once(&self, event: Event) -> Result<(), Event> {
        let is_snapshot = matches!(event, Event::Snapshot { .. });
        if is_snapshot && self.snapshots.load(Ordering::SeqCst) >= SNAPSHOTS_WAITING {
            return Err(event);
        }
        // Counted first: the game may take the event before this call returns.
        self.snapshots.fetch_add(usize::from(is_snapshot), Ordering::SeqCst);
        match self.queue.push(event) {
            Ok(()) | Err(PushError::Closed(_)) => Ok(()),
            Err(PushError::Full(event)) => {
                self.snapshots.fetch_sub(usize::from(is_snapshot), Ordering::SeqCst);
                Err(event)
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
        let bytes = bytes_of(&event);
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

    /// Wakes the threads that wait for events. One call covers many pushed events.
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
        if matches!(event, Event::Snapshot { .. }) {
            self.snapshots.fetch_sub(1, Ordering::SeqCst);
        }
        let has_room = self.queue.capacity().is_none_or(|capacity| self.queue.len() <= capacity / 2)
            && self.snapshots.load(Ordering::SeqCst) <= SNAPSHOTS_WAITING / 2;
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
        spilled.bytes = spilled.bytes.saturating_sub(bytes_of(&event));
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

/// The bytes that an event counts for beside a full queue.
fn bytes_of(event: &Event) -> usize {
    match event {
        Event::Message { data, .. } => data.len(),
        Event::Snapshot { changes, .. } => changes.memory(),
        _ => 0,
    }
}

/// Events with changes of worlds that wait for the game at most. Beyond, the core merges changes, at most to the state of the world.
const SNAPSHOTS_WAITING: usize = 32;
/// How long asking for an event takes once there will be none any more.
const PAUSE_AT_END: Duration = Duration::from_millis(10);
/// Events that lie beside a full queue at most while an endpoint ends. Beyond, peers get no more credit, as ever.
const SPILLED_EVENTS: usize = 1 << 16;
/// Bytes of messages among them at most.
const SPILLED_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_an_event_of_a_stopped_endpoint_returns_without_an_event() {
        let queue = EventQueue::new(1);
        queue.close();
        assert!(queue.next_within(Duration::MAX, || {}).is_none());
    }
}
