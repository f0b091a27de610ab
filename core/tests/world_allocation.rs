//! A world in steady state allocates nothing, whatever moves in it, comes and goes: counted by an allocator of our own.
#![allow(clippy::unwrap_used, reason = "helpers of a test end it when a call fails")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tickwire_core::snapshot::{
    ComponentId, ComponentPlace, EntitySettings, Gone, Group, GroupId, Groups, NetworkId, Part, Predictor,
    Store, WorldWriter,
};

thread_local! {
    /// Allocations of this thread, those that grow others included.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    let _ = ALLOCATIONS.try_with(|cell| cell.set(cell.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const POSE: ComponentId = ComponentId(0);
const HEALTH: ComponentId = ComponentId(1);

/// A pose of three numbers and a rotation at 20 Hz, and a health at 5 Hz.
fn groups() -> Groups {
    let pose = vec![
        Part::Numbers { words: 3, max: 1_000_000, threshold: 5 },
        Part::Rotation { bits: 9, threshold: 1 },
    ];
    let health = vec![Part::Numbers { words: 1, max: 100, threshold: 0 }];
    let group = |parts, hz| Group {
        layout: tickwire_core::snapshot::Layout::new(parts, Predictor::Last),
        components: 1,
        hz,
    };
    let place = |group, words| ComponentPlace { group: GroupId(group), words, ..ComponentPlace::default() };
    Groups { groups: vec![group(pose, 20), group(health, 5)], components: vec![place(0, 7), place(1, 1)] }
}

/// Walkers that move all the time, and shots that live for half a second.
struct Field {
    world: WorldWriter,
    store: Store,
    walkers: Vec<NetworkId>,
    shots: std::collections::VecDeque<NetworkId>,
}

impl Field {
    fn new() -> Self {
        let mut world = WorldWriter::new(&groups());
        let walkers = (0..500).map(|_| world.create(EntitySettings::new()).unwrap()).collect();
        let store = Store::new(groups(), 60, 10_000).unwrap();
        Self { world, store, walkers, shots: (0..600).map(|_| NetworkId(0)).collect() }
    }

    fn tick(&mut self, tick: u64) {
        let step = tick as u32;
        for (number, id) in (0..).zip(&self.walkers) {
            // Some move beyond the threshold each tick, some below it, some rest now and then.
            let x = number + step * (number % 9) * u32::from((step / 64).is_multiple_of(2));
            self.world.set_words(*id, POSE, &[x, 7, step % 3, 1, x % 512, 2, 3]).unwrap();
            self.world.set_words(*id, HEALTH, &[(step / 10 + number) % 100]).unwrap();
        }
        for _ in 0..20 {
            let shot = self.world.create(EntitySettings::new().hz(0)).unwrap();
            self.world.set_words(shot, POSE, &[step; 7].map(|word| word % 4)).unwrap();
            self.shots.push_back(shot);
            if let Some(old) = self.shots.pop_front().filter(|old| old.0 != 0) {
                self.world.destroy(old, Gone::Destroyed).unwrap();
            }
        }
        let changes = self.world.finish(tick);
        self.store.commit(&changes).unwrap();
        self.world.reuse(changes);
        // Peers that are some ten ticks behind.
        self.store.thin(|_, ticks| {
            let needed =
                |(place, ticks): (usize, &std::ops::Range<u64>)| u64::from(ticks.end + 10 > tick) << place;
            ticks.iter().enumerate().map(needed).sum()
        });
        self.store.release_before(tick.saturating_sub(10));
    }
}

#[test]
fn committing_a_world_in_steady_state_allocates_nothing() {
    let mut field = Field::new();
    (1..400).for_each(|tick| field.tick(tick));
    let (before, memory) = (field.store.stats(), field.store.memory());
    ALLOCATIONS.set(0);
    (400..1000).for_each(|tick| field.tick(tick));
    assert_eq!(ALLOCATIONS.get(), 0);
    assert_eq!((field.store.memory(), before.entities), (memory, field.store.stats().entities));
    // The test would see one.
    drop(Vec::<u8>::with_capacity(1));
    assert_eq!(ALLOCATIONS.get(), 1);
}
