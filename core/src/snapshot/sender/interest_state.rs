//! The point from which one connection sees a world, and the tick of its next search.

use crate::snapshot::interest::Eyes;

/// The nearness of an entity at the eyes. An entity at the outer radius has the nearness 1.
pub(super) const NEAREST: u8 = 8;

/// The view of a connection that sees the world by distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterestState {
    pub(super) eyes: Eyes,
    /// The square of the radius within which entities enter the view. `keep` is the outer radius itself.
    pub(super) enters_within: f64,
    pub(super) keep: f64,
    /// The most recent known point of the eyes.
    pub(super) point: Option<[f64; 3]>,
    /// The tick from which the next search is due.
    pub(super) next: u32,
}

impl InterestState {
    /// Creates a view from `eyes`, before the first search.
    pub(crate) fn new(eyes: Eyes, radius: f64, keep: f64) -> Self {
        Self { eyes, enters_within: radius * radius, keep, point: None, next: 0 }
    }

    /// Returns this view as the successor of another view of the connection. The same eyes keep their last known point, and equal
    /// radii keep the time of the next search.
    pub(super) fn after(self, before: &Self) -> Self {
        let has_same_radii = self.enters_within == before.enters_within && self.keep == before.keep;
        Self {
            point: if self.eyes == before.eyes { before.point } else { None },
            next: if has_same_radii { before.next } else { 0 },
            ..self
        }
    }

    /// Returns the nearness of an entity at a distance, which is given as its square.
    pub(super) fn nearness(&self, squared_distance: f64) -> u8 {
        let outer = (self.keep * self.keep).max(f64::MIN_POSITIVE);
        let part = (1.0 - squared_distance / outer).clamp(0.0, 1.0);
        1 + (part * f64::from(NEAREST - 1)) as u8
    }
}
