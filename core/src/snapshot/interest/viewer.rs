//! The part of a world that a connection sees.

use super::eyes::Eyes;
use crate::snapshot::ids::{NetworkId, WorldId};

/// The view that a connection has of a world: all entities, or the entities near a point.
///
/// [`WorldWriter::show`](crate::snapshot::WorldWriter::show) makes exceptions for single entities. A connection also sees its own
/// entities, the entity from which it sees the world, and entities without a position, at any distance.
///
/// ```
/// use tickwire_core::snapshot::{NetworkId, Viewer, WorldId};
///
/// let avatar = NetworkId(7);
/// let viewer = Viewer::new(WorldId(0)).around(avatar, 200.0).keep(230.0);
/// assert_eq!((viewer.radius, viewer.keep), (200.0, 230.0));
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Viewer {
    /// The world that the endpoint sends to the connection.
    pub world: WorldId,
    /// The point from which the connection sees the world. Default: `None`, with which the connection sees the whole world.
    pub eyes: Option<Eyes>,
    /// An entity enters the view when its distance to the eyes is at most this radius. The unit is the unit of the
    /// game's positions. [`Endpoint::set_viewer`](crate::Endpoint::set_viewer) refuses a radius that is negative, infinite
    /// or NaN.
    pub radius: f64,
    /// An entity leaves the view when its distance to the eyes has been above this radius for
    /// [`limits::INTEREST_HOLD`](crate::limits::INTEREST_HOLD). The unit is the unit of the game's positions.
    /// [`Endpoint::set_viewer`](crate::Endpoint::set_viewer) refuses a value that is below [`Self::radius`], infinite or
    /// NaN.
    pub keep: f64,
}

impl Viewer {
    /// The fraction of the radius that [`Viewer::around`] and [`Viewer::at`] add to get [`Self::keep`].
    const MARGIN: f64 = 0.15;

    /// Creates a view of all of `world`.
    #[must_use]
    pub const fn new(world: WorldId) -> Self {
        Self { world, eyes: None, radius: 0.0, keep: 0.0 }
    }

    /// Limits the view to the entities within `radius` of an entity, and returns the changed view. `radius` is in the
    /// unit of the game's positions. Sets [`Self::keep`] to 1.15 times the radius. An entity with `#[net(position)]`
    /// fields in several groups is in the view if any of these positions is within `radius`. Of several such fields in
    /// one group, only the first counts.
    #[must_use]
    pub fn around(self, eyes: NetworkId, radius: f64) -> Self {
        self.seen_from(Eyes::Entity(eyes), radius)
    }

    /// Limits the view to the entities within `radius` of a fixed point, and returns the changed view. The point and
    /// the radius are in the unit of the game's positions. Sets [`Self::keep`] to 1.15 times the radius.
    #[must_use]
    pub fn at(self, point: [f64; 3], radius: f64) -> Self {
        self.seen_from(Eyes::Point(point), radius)
    }

    /// Sets [`Self::keep`], the distance beyond which an entity leaves the view, and returns the changed view.
    #[must_use]
    pub fn keep(self, keep: f64) -> Self {
        Self { keep, ..self }
    }

    fn seen_from(self, eyes: Eyes, radius: f64) -> Self {
        Self { eyes: Some(eyes), radius, keep: radius * (1.0 + Self::MARGIN), ..self }
    }

    /// Returns `true` if `radius` is 0 or more, `keep` is finite and at least `radius`, and the point of the eyes, if
    /// there is one, consists of finite numbers. [`Endpoint::set_viewer`](crate::Endpoint::set_viewer) refuses every
    /// other viewer.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_point = match self.eyes {
            Some(Eyes::Point(point)) => point.iter().all(|axis| axis.is_finite()),
            _ => true,
        };
        is_point && self.radius >= 0.0 && self.keep >= self.radius && self.keep.is_finite()
    }
}
