//! The bounded, lock-free queue from the network thread to the game, with the wake-ups of both ends.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use concurrent_queue::{ConcurrentQueue, PopError, PushError};
use event_listener::{Event as Signal, Listener as _};
use tickwire_core::Event;

/// The queue from the network thread to the game.
pub(crate) struct EventQueue {
    queue: ConcurrentQueue<Event>,
    /// The events that did not fit into the queue while the endpoint stops. They are kept because their messages have
    /// already been acknowledged.
    spilled: Mutex<Spilled>,
    /// `true` once an event was spilled. All later events are then spilled too, so that their order is kept.
    has_spilled: AtomicBool,
    arrived: Signal,
    /// `true` while the network thread waits for space in the queue.
    stalled: AtomicBool,
    stalls: AtomicU64,
    /// The number of events in the queue that hold changes of a world.
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

    /// Queues an event, or returns the event if the queue is full. The next [`EventQueue::take`] that frees space then
    /// wakes the network thread.
    pub(crate) fn push(&self, event: Event) -> Result<(), Event> {
        let Err(event) = self.push_once(event) else { return Ok(()) };
        self.stalled.store(true, Ordering::SeqCst);
        // The game may have made room before it could see the flag.
        self.push_once(event)?;
        self.stalled.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Queues an event if the queue has space for it. Only the network thread calls the method.
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

    /// Queues an event of an endpoint that is stopping. If the queue is full, the event is stored beside the queue, up
    /// to [`SPILLED_EVENTS`] events and [`SPILLED_BYTES`] bytes, or without limit if `is_last`. Returns the event if it
    /// would exceed the limits.
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

    /// Wakes the threads that wait for events. One call suffices for several queued events.
    pub(crate) fn announce(&self) {
        self.arrived.notify(usize::MAX);
    }

    pub(crate) fn count_stall(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the next event. Calls `wake` if the network thread waits for the space that this call freed.
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

    /// Waits for the next event. Returns `None` once the endpoint has stopped and no event is left.
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

    /// Waits up to `timeout` for the next event.
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

    /// Returns the number of times that the queue was full when the network thread had an event.
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }
}

/// The events stored beside the queue, in order.
#[derive(Default)]
struct Spilled {
    events: VecDeque<Event>,
    bytes: usize,
}

/// Returns the number of bytes that an event counts for beside a full queue.
fn bytes_of(event: &Event) -> usize {
    match event {
        Event::Message { data, .. } => data.len(),
        Event::Snapshot { changes, .. } => changes.memory(),
        _ => 0,
    }
}

/// The largest number of events with changes of a world that wait for the game. Beyond this number the core merges
/// changes, at most to the state of the world.
const SNAPSHOTS_WAITING: usize = 32;
/// The duration of a call that requests an event after the endpoint has stopped and no event is left.
const PAUSE_AT_END: Duration = Duration::from_millis(10);
/// The largest number of events stored beside a full queue while an endpoint stops. Beyond this number, peers get no
/// more flow-control credit.
const SPILLED_EVENTS: usize = 1 << 16;
/// The largest number of message bytes in the events stored beside the queue.
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
