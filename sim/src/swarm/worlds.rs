//! The replicated worlds of a swarm's server, and the worlds that its clients show.

use std::collections::BTreeMap;

use tickwire_core::snapshot::{Changes, Entity, Gone, NetworkId, Store, WorldId};
use tickwire_core::{ConnectionId, Endpoint};

use super::played_world::PlayedWorld;
use super::sight::{Sight, SightView};
use super::world_schema::{PURSE, Place, position, schema};
use crate::host::Context;
use crate::rng::{Draws, mix};
use crate::shown::{ShownWorld, committed_components};

/// The probability that one view changes in a tick, in parts per million.
const VIEW_CHANGE_PPM: u32 = 20_000;

/// The two ends of a session: the client's node and connection, and the server's connection.
pub(super) type SessionEnds = (usize, ConnectionId, ConnectionId);

/// The worlds that the server of a seed replicates, and the worlds that its clients show.
#[derive(Debug)]
pub(super) struct SwarmWorlds {
    seed: u64,
    /// One world, or two.
    played: Vec<PlayedWorld>,
    /// `true` if connections get other views during the run.
    has_changing_views: bool,
    /// By the server's connection.
    sights: BTreeMap<ConnectionId, Sight>,
    /// By client and connection.
    shown: BTreeMap<(usize, ConnectionId), ShownWorld>,
    /// The number of times that a view was replaced.
    pub(super) views_changed: u64,
}

impl SwarmWorlds {
    pub(super) fn new(seed: u64) -> Self {
        let drawn = mix(seed, VIEWS);
        let worlds = if drawn & 1 == 0 { 1 } else { 2 };
        Self {
            seed,
            played: (0..worlds).map(|id| PlayedWorld::new(seed, WorldId(id))).collect(),
            has_changing_views: drawn & 6 != 0,
            sights: BTreeMap::new(),
            shown: BTreeMap::new(),
            views_changed: 0,
        }
    }

    /// Forgets what a crashed node knew.
    pub(super) fn forget(&mut self, node: usize) {
        if node != 0 {
            self.shown.retain(|(of, _), _| *of != node);
            return;
        }
        self.played.iter_mut().for_each(PlayedWorld::restart);
        self.sights.clear();
    }

    /// Plays a tick of the server. The worlds and the views change only if the worlds are `is_moving`.
    pub(super) fn tick(&mut self, player: &mut Context<'_, Endpoint>, is_moving: bool) -> Result<(), String> {
        for played in &mut self.played {
            let changes = played
                .play(player.time, is_moving, &mut self.sights)
                .map_err(|error| format!("the world's writer refused a change: {error}"))?;
            let committed = player.host.commit(player.now, played.id(), &changes);
            played.reuse(changes);
            committed.map_err(|error| format!("the commit of tick {} was refused: {error}", played.tick))?;
            let Some(store) = player.host.world(played.id()) else { continue };
            let positions: Vec<(NetworkId, Option<Place>)> =
                store.entities().map(|entity| (entity.id, position(store, entity.id))).collect();
            for sight in self.sights.values_mut() {
                sight.on_commit(played.id(), played.tick, &positions);
            }
        }
        if is_moving && self.has_changing_views { self.change_views(player) } else { Ok(()) }
    }

    /// Gives one connection another view, now and then.
    fn change_views(&mut self, player: &mut Context<'_, Endpoint>) -> Result<(), String> {
        let mut draws = Draws::new(mix(mix(self.seed, VIEWS), self.played[0].tick));
        if self.sights.is_empty() || !draws.chance(VIEW_CHANGE_PPM) {
            return Ok(());
        }
        let place = draws.below(self.sights.len() as u64) as usize;
        let view = draws.chance(900_000).then(|| self.draw_view(&mut draws));
        let Some((viewer, sight)) = self.sights.iter_mut().nth(place) else { return Ok(()) };
        let world = view.map_or(WorldId(0), |view| view.world());
        let Some(store) = player.host.world(world) else { return Ok(()) };
        sight.change(view, store);
        self.views_changed += 1;
        let viewer_of_view = view.map(|view| view.viewer());
        player
            .host
            .set_viewer(player.now, *viewer, viewer_of_view)
            .map_err(|error| format!("no view: {error}"))
    }

    fn draw_view(&self, draws: &mut Draws) -> SightView {
        let played = &self.played[draws.below(self.played.len() as u64) as usize];
        SightView::draw(draws, played.id(), &played.ids)
    }

    /// Gives an accepted client its first view.
    pub(super) fn on_accepted(
        &mut self,
        player: &mut Context<'_, Endpoint>,
        viewer: ConnectionId,
    ) -> Result<(), String> {
        let mut draws = Draws::new(mix(mix(self.seed, FIRST_VIEWS), player.time.as_micros()));
        let view = self.draw_view(&mut draws);
        let Some(store) = player.host.world(view.world()) else {
            return Err("the server has no world".into());
        };
        self.sights.insert(viewer, Sight::new(viewer, view, store));
        player
            .host
            .set_viewer(player.now, viewer, Some(view.viewer()))
            .map_err(|error| format!("no view: {error}"))
    }

    /// A connection of a node ended.
    pub(super) fn on_closed(&mut self, node: usize, connection: ConnectionId) {
        self.shown.remove(&(node, connection));
        if node == 0 {
            self.sights.remove(&connection);
        }
    }

    /// A client received changes. `viewer` is the server's connection, if it is known.
    pub(super) fn on_snapshot(
        &mut self,
        (node, connection): (usize, ConnectionId),
        viewer: Option<ConnectionId>,
        changes: &Changes,
    ) -> Result<(), String> {
        let shown = self.shown.entry((node, connection)).or_default();
        shown.apply(changes)?;
        for column in changes.columns() {
            for (id, _) in column.values() {
                let Some(entity) = shown.entities.get(&id) else { continue };
                if !self.played.iter().any(|played| played.had(id, &entity.components)) {
                    return Err(format!(
                        "{id:?} has the components {:?}, which were never committed",
                        entity.components
                    ));
                }
            }
        }
        let Some(sight) = viewer.and_then(|viewer| self.sights.get(&viewer)) else { return Ok(()) };
        let mut left = changes.destroyed().iter().filter(|(_, gone)| *gone == Gone::OutOfSight);
        match left.find(|(id, _)| !sight.may_leave(*id)) {
            Some((id, _)) => {
                Err(format!("{id:?} left a view in which it had to stay; {sight}, {}", sight.path(*id)))
            }
            None => Ok(()),
        }
    }

    /// A client was told that its view is complete.
    pub(super) fn on_complete(
        &self,
        (node, connection): (usize, ConnectionId),
        viewer: Option<ConnectionId>,
    ) -> Result<(), String> {
        let sight = viewer.and_then(|viewer| self.sights.get(&viewer));
        let shown = self.shown.get(&(node, connection));
        let is_shown = |id| shown.is_some_and(|shown| shown.entities.contains_key(&id));
        match sight.and_then(|sight| sight.first_missing(is_shown)) {
            Some(id) => Err(format!("the view was reported as complete without {id:?}")),
            None => Ok(()),
        }
    }

    /// Returns an error if a client could not decode a snapshot frame.
    pub(super) fn check_frames(host: &Endpoint, connection: ConnectionId) -> Result<(), String> {
        match host.world_stats(connection).filter(|stats| stats.frames_refused > 0) {
            Some(stats) => Err(format!("snapshot frames were refused: {stats:?}")),
            None => Ok(()),
        }
    }

    /// Returns the difference between the world that a client shows and the server's world. `None` if there is none.
    pub(super) fn difference(&self, server: &Endpoint, ends: SessionEnds) -> Option<String> {
        let (node, connection, viewer) = ends;
        let nothing = ShownWorld::default();
        let shown = self.shown.get(&(node, connection)).unwrap_or(&nothing);
        let Some(sight) = self.sights.get(&viewer) else {
            return Some(format!("the server has no view for node {node}"));
        };
        let differing = match sight.world() {
            None => shown.entities.keys().next().copied(),
            Some(world) => first_difference(server.world(world)?, sight, shown, (connection, viewer)),
        };
        let id = differing?;
        let stats = server.world_stats(viewer);
        Some(format!("node {node} does not show {id:?} as in the server's world; {sight}; {stats:?}"))
    }
}

/// Returns the first entity that a client does not show as it must. `own` and `viewer` are the client's and the server's
/// connection.
fn first_difference(
    store: &Store,
    sight: &Sight,
    shown: &ShownWorld,
    (own, viewer): (ConnectionId, ConnectionId),
) -> Option<NetworkId> {
    let differs = |entity: &Entity| {
        let found = shown.entities.get(&entity.id);
        let must = sight.must_show(store, entity);
        let is_as_expected = found.is_none_or(|found| {
            let mut components = committed_components(&schema(), store, entity.id);
            let is_own = entity.owner == Some(viewer);
            if !is_own {
                components.remove(&PURSE);
            }
            let owner = entity.owner.map(|_| if is_own { own } else { ConnectionId::default() });
            found.owner == owner && found.components == components
        });
        must.is_some_and(|must| must != found.is_some()) || !is_as_expected
    };
    let gone = shown.entities.keys().find(|id| store.entity(**id).is_none());
    gone.copied().or_else(|| store.entities().find(differs).map(|entity| entity.id))
}

const VIEWS: u64 = 0x0076_6965_7773;
const FIRST_VIEWS: u64 = 0x0066_6972_7374;
