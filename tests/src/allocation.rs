//! An allocator that counts, for each thread by itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The requests of a thread to the allocator since [`start`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allocations {
    /// Blocks requested, growth included.
    pub count: u64,
    /// The largest request in bytes.
    pub largest: usize,
    /// Bytes held more (or less) than at the start.
    pub live: i64,
    /// The most that `live` ever was.
    pub peak: i64,
}

thread_local! {
    static COUNTED: Cell<Allocations> = const { Cell::new(Allocations { count: 0, largest: 0, live: 0, peak: 0 }) };
}

/// Starts counting from zero.
pub fn start() {
    COUNTED.set(Allocations::default());
}

/// Returns the requests counted since [`start`].
pub fn counted() -> Allocations {
    COUNTED.get()
}

/// Returns the requests that `act` makes.
pub fn during<T>(act: impl FnOnce() -> T) -> (T, Allocations) {
    let before = COUNTED.replace(Allocations::default());
    let result = act();
    let counted = COUNTED.replace(before);
    (result, counted)
}

/// Returns the most bytes that this thread held while `act` ran, beyond what it held before.
pub fn peak_during(act: impl FnOnce()) -> i64 {
    let before = COUNTED.get();
    COUNTED.set(Allocations { peak: before.live, ..before });
    act();
    let after = COUNTED.get();
    COUNTED.set(Allocations { peak: after.peak.max(before.peak), ..after });
    after.peak - before.live
}

/// The system's allocator with a counter in front.
#[derive(Debug)]
pub struct Counting;

fn note(requested: usize, freed: usize) {
    let _ = COUNTED.try_with(|cell| {
        let mut counted = cell.get();
        if requested > 0 {
            counted.count += 1;
            counted.largest = counted.largest.max(requested);
        }
        counted.live += requested as i64 - freed as i64;
        counted.peak = counted.peak.max(counted.live);
        cell.set(counted);
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, layout.size());
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        unsafe { System.realloc(block, layout, size) }
    }
}
