//! An allocator that counts the requests of each thread separately.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The counters of a thread's requests to the allocator since the latest call of [`start`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allocations {
    /// The number of blocks requested. Resizing a block counts as a request.
    pub count: u64,
    /// The size of the largest request, in bytes.
    pub largest: usize,
    /// The number of bytes that the thread holds in addition to the bytes held at the start. The number is negative if
    /// the thread released more bytes than it requested.
    pub live: i64,
    /// The largest value that `live` has had since the latest call of [`start`], in bytes.
    pub peak: i64,
}

thread_local! {
    static COUNTED: Cell<Allocations> = const { Cell::new(Allocations { count: 0, largest: 0, live: 0, peak: 0 }) };
}

/// Sets the counters of the calling thread to zero.
pub fn start() {
    COUNTED.set(Allocations::default());
}

/// Returns the counters of this thread since the latest call of [`start`].
pub fn counted() -> Allocations {
    COUNTED.get()
}

/// Runs `act`, and returns its result and the counters of the requests that this thread made during the run. [`counted`]
/// does not include these requests.
pub fn during<T>(act: impl FnOnce() -> T) -> (T, Allocations) {
    let before = COUNTED.replace(Allocations::default());
    let result = act();
    let counted = COUNTED.replace(before);
    (result, counted)
}

/// Runs `act`, and returns the largest number of bytes that this thread held during the run, in addition to the
/// bytes held before.
pub fn peak_during(act: impl FnOnce()) -> i64 {
    let before = COUNTED.get();
    COUNTED.set(Allocations { peak: before.live, ..before });
    act();
    let after = COUNTED.get();
    COUNTED.set(Allocations { peak: after.peak.max(before.peak), ..after });
    after.peak - before.live
}

/// An allocator that calls the system's allocator, and counts the requests of each thread.
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
