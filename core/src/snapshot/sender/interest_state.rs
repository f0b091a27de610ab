//! The point from which one connection sees a world, and when it was looked around there.

use crate::snapshot::interest::Eyes;

/// The nearness of an entity at the eyes; 1 is that of an entity at the outer radius.
pub(super) const NEAREST: u8 = 8;

/// The view of a connection that sees the world by distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterestState {
    pub(super) eyes: Eyes,
    /// The squares of the radii within which entities enter and stay.
    pub(super) enters_within: f64,
    pub(super) keep: f64,
    /// The last known point of the eyes.
    pub(super) point: Option<[f64; 3]>,
    /// The tick from which the next search is due.
    pub(super) next: u32,
}

impl InterestState {
    /// A view from `eyes`, of which nothing is known yet.
    pub(crate) fn new(eyes: Eyes, radius: f64, keep: f64) -> Self {
        Self { eyes, enters_within: radius * radius, keep, point: None, next: 0 }
    }

    /// The urgency of what lies at a distance, by the square of it.
    pub(super) fn nearness(&self, squared_distance: f64) -> u8 {
        let outer = (self.keep * self.keep).max(f64::MIN_POSITIVE);
        let part = (1.0 - squared_distance / outer).clamp(0.0, 1.0);
        1 + (part * f64::from(NEAREST - 1)) as u8
    }
}
