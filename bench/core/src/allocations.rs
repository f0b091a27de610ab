//! Counts allocations, with an allocator that the program must install.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PAUSED: AtomicBool = AtomicBool::new(false);

/// An allocator that calls the system's allocator. It counts the allocations of all threads, and the heap bytes that the
/// program holds.
#[derive(Debug)]
pub struct Counting;

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(growth: i64) {
    LIVE.fetch_add(growth, Ordering::Relaxed);
    if !PAUSED.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns the number of allocations and reallocations so far, except those made during [`uncounted`].
pub fn so_far() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Returns the number of heap bytes that are allocated and not yet freed.
pub fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

/// Runs `make`, and returns its result. During the run, [`so_far`] counts no allocations of any thread. [`live`] counts
/// bytes as usual.
pub fn uncounted<T>(make: impl FnOnce() -> T) -> T {
    PAUSED.store(true, Ordering::Relaxed);
    let made = make();
    PAUSED.store(false, Ordering::Relaxed);
    made
}
