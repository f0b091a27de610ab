//! A plain model of the part of a world that one connection sees.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::ConnectionId;
use tickwire_core::snapshot::{Entity, NetworkId, Show, Store, Viewer, WorldId};

use super::world_schema::{PLACES, Place, STEPS_PER_METRE, TICKS_PER_SECOND, position};
use crate::rng::Draws;

/// The radii of views by distance, in metres.
const RADII: [u32; 4] = [60, 300, 500, 900];
/// The distance to a radius within which the model does not decide, in metres.
const MARGIN: u32 = 1;
/// The number of ticks in a row within a radius after which a search has found an entity there, and the number of ticks from then
/// on before which no entity leaves. A search takes place every 100 ms, and an entity leaves after 600 ms, so both numbers
/// have room for two searches.
const ENTERS_AFTER: u64 = TICKS_PER_SECOND as u64 * 270 / 1000;
const LEAVES_AFTER: u64 = TICKS_PER_SECOND as u64 * 350 / 1000;

/// The eyes of a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SightEyes {
    /// The connection sees the whole world.
    All,
    Point(Place),
    Entity(NetworkId),
}

/// A view of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SightView {
    world: WorldId,
    eyes: SightEyes,
    /// In metres.
    radius: u32,
    keep: u32,
}

impl SightView {
    /// Draws a view of a world, in which `ids` exist.
    pub(super) fn draw(draws: &mut Draws, world: WorldId, ids: &[NetworkId]) -> Self {
        let radius = RADII[draws.below(RADII.len() as u64) as usize];
        let place = draws.below(ids.len().max(1) as u64) as usize;
        let eyes = match draws.below(5) {
            0 | 1 => SightEyes::All,
            2 => {
                // On whole metres, which floats hold exactly.
                let mut metre = || draws.below(u64::from(PLACES / STEPS_PER_METRE)) as u32 * STEPS_PER_METRE;
                SightEyes::Point([metre(), metre()])
            }
            _ => ids.get(place).map_or(SightEyes::All, |id| SightEyes::Entity(*id)),
        };
        Self { world, eyes, radius, keep: radius + radius / 5 }
    }

    /// Returns the view in the form that an endpoint takes.
    pub(super) fn viewer(&self) -> Viewer {
        let (viewer, radius) = (Viewer::new(self.world), f64::from(self.radius));
        let viewer = match self.eyes {
            SightEyes::All => return viewer,
            SightEyes::Entity(id) => viewer.around(id, radius),
            SightEyes::Point([x, y]) => {
                let metres =
                    |place: u32| f64::from(place / STEPS_PER_METRE) - f64::from(PLACES / STEPS_PER_METRE / 2);
                viewer.at([metres(x), metres(y), 0.0], radius)
            }
        };
        viewer.keep(f64::from(self.keep))
    }

    pub(super) const fn world(&self) -> WorldId {
        self.world
    }
}

/// The path of an entity in a view by distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Track {
    /// The first of the latest ticks in a row in which the entity was within the inner radius.
    near_from: Option<u64>,
    /// The first of the latest ticks in a row in which the entity was within the outer radius.
    within_from: Option<u64>,
    /// The latest tick in which the entity had been within the outer radius for so long that a search has found it there.
    found_at: Option<u64>,
    /// `true` if the entity is in the view, and was not beyond the outer radius since it entered.
    is_in: bool,
    /// `true` if the entity may have left the view.
    may_leave: bool,
}

/// The part of the worlds that one connection sees.
#[derive(Debug)]
pub(super) struct Sight {
    viewer: ConnectionId,
    /// `None` if the connection sees no world.
    view: Option<SightView>,
    /// The rules that differ from [`Show::ByDistance`].
    rules: BTreeMap<(WorldId, NetworkId), Show>,
    /// The most recent known point of the eyes.
    point: Option<Place>,
    /// By entity.
    tracks: Vec<Track>,
    /// The entities that a complete view contains. `None` once another view has replaced the first view, or if the first view
    /// is by distance.
    opening: Option<BTreeSet<NetworkId>>,
    /// `true` if another view has replaced the first view.
    is_changed: bool,
}

impl Sight {
    /// Creates the model of a connection with its first view, which begins now.
    pub(super) fn new(viewer: ConnectionId, view: SightView, store: &Store) -> Self {
        let opening =
            (view.eyes == SightEyes::All).then(|| store.entities().map(|entity| entity.id).collect());
        let mut sight = Self {
            viewer,
            view: None,
            rules: BTreeMap::new(),
            point: None,
            tracks: Vec::new(),
            opening,
            is_changed: false,
        };
        sight.begin(Some(view), store);
        sight
    }

    /// Replaces the view. `store` is the world of the new view.
    pub(super) fn change(&mut self, view: Option<SightView>, store: &Store) {
        (self.opening, self.is_changed) = (None, true);
        self.begin(view, store);
    }

    fn begin(&mut self, view: Option<SightView>, store: &Store) {
        let before = core::mem::replace(&mut self.view, view);
        self.tracks.clear();
        let is_same = |before: &SightView| view.is_some_and(|view| view.world == before.world);
        let before = before.filter(is_same);
        if before.is_none_or(|before| view.is_some_and(|view| view.eyes != before.eyes)) {
            self.point = None;
        }
        if let Some(SightView { eyes: SightEyes::Point(point), .. }) = view {
            self.point = Some(point);
        }
        // A new view begins at once; another view of the same world begins with the next commit.
        if let Some(SightView { eyes: SightEyes::Entity(id), .. }) = view
            && before.is_none()
        {
            self.point = position(store, id);
        }
    }

    pub(super) fn world(&self) -> Option<WorldId> {
        self.view.map(|view| view.world)
    }

    pub(super) fn has_rule(&self, world: WorldId, id: NetworkId) -> bool {
        self.rules.contains_key(&(world, id))
    }

    pub(super) fn set_rule(&mut self, world: WorldId, id: NetworkId, show: Show) {
        if show == Show::ByDistance {
            self.rules.remove(&(world, id));
        } else {
            self.rules.insert((world, id), show);
        }
        self.on_owner_changed(world, id);
        self.forget_opening(world, id);
    }

    /// The owner of an entity changed, so the entity may leave a view by distance.
    pub(super) fn on_owner_changed(&mut self, world: WorldId, id: NetworkId) {
        if self.world() == Some(world) {
            let track = self.track(id);
            (track.may_leave, track.is_in, track.near_from) = (true, false, None);
        }
    }

    pub(super) fn on_destroyed(&mut self, world: WorldId, id: NetworkId) {
        self.rules.remove(&(world, id));
        self.forget_opening(world, id);
    }

    fn forget_opening(&mut self, world: WorldId, id: NetworkId) {
        if self.world() == Some(world)
            && let Some(opening) = &mut self.opening
        {
            opening.remove(&id);
        }
    }

    fn track(&mut self, id: NetworkId) -> &mut Track {
        let place = id.0 as usize;
        if self.tracks.len() <= place {
            self.tracks.resize(place + 1, Track::default());
        }
        &mut self.tracks[place]
    }

    /// Follows a commit of `world`, in which the entities have these positions.
    pub(super) fn on_commit(&mut self, world: WorldId, tick: u64, positions: &[(NetworkId, Option<Place>)]) {
        let Some(view) = self.view.filter(|view| view.world == world && view.eyes != SightEyes::All) else {
            return;
        };
        if let SightEyes::Entity(eyes) = view.eyes {
            let own = positions.iter().find(|(id, _)| *id == eyes).and_then(|(_, point)| *point);
            self.point = own.or(self.point);
        }
        let Some(eyes) = self.point else { return };
        for (id, point) in positions {
            let Some(squared) = point.map(|point| squared(point, eyes)) else { continue };
            let track = self.track(*id);
            let is_near = squared <= steps_squared(view.radius - MARGIN);
            track.near_from = if is_near { track.near_from.or(Some(tick)) } else { None };
            if squared <= steps_squared(view.keep - MARGIN) {
                let from = *track.within_from.get_or_insert(tick);
                track.found_at = if tick - from >= ENTERS_AFTER { Some(tick) } else { track.found_at };
                track.is_in |= track.near_from.is_some_and(|from| tick - from >= ENTERS_AFTER);
            } else {
                (track.is_in, track.within_from) = (false, None);
                track.may_leave |= track.found_at.is_none_or(|found| tick - found >= LEAVES_AFTER);
            }
        }
    }

    /// Returns whether the connection sees an entity of its world at rest. `None` if the model does not know it.
    pub(super) fn must_show(&self, store: &Store, entity: &Entity) -> Option<bool> {
        let Some(view) = self.view else { return Some(false) };
        let rule = self.rules.get(&(view.world, entity.id));
        if rule == Some(&Show::Never) {
            return Some(false);
        }
        let is_eyes = view.eyes == SightEyes::Entity(entity.id);
        let is_anywhere = rule.is_some() || is_eyes || entity.owner == Some(self.viewer);
        if is_anywhere || view.eyes == SightEyes::All {
            return Some(true);
        }
        let Some(point) = position(store, entity.id) else { return Some(true) };
        let squared = squared(point, self.point?);
        let is_in = self.tracks.get(entity.id.0 as usize).is_some_and(|track| track.is_in);
        if is_in || squared <= steps_squared(view.radius - MARGIN) {
            Some(true)
        } else if squared > steps_squared(view.keep + MARGIN) {
            Some(false)
        } else {
            None
        }
    }

    /// Returns whether an entity of the first view may have gone out of the connection's sight.
    pub(super) fn may_leave(&self, id: NetworkId) -> bool {
        self.is_changed || self.tracks.get(id.0 as usize).is_some_and(|track| track.may_leave)
    }

    /// Returns a text about the path of an entity in a view by distance.
    pub(super) fn path(&self, id: NetworkId) -> String {
        format!("{:?}", self.tracks.get(id.0 as usize))
    }

    /// Returns an entity that a complete view contains, but that is not in `is_shown`.
    pub(super) fn first_missing(&self, is_shown: impl Fn(NetworkId) -> bool) -> Option<NetworkId> {
        self.opening.iter().flatten().copied().find(|id| !is_shown(*id))
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the view is {:?} from {:?}", self.view, self.point)
    }
}

fn squared(one: Place, other: Place) -> u64 {
    one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(other)).pow(2)).sum()
}

fn steps_squared(metres: u32) -> u64 {
    u64::from(metres * STEPS_PER_METRE).pow(2)
}
