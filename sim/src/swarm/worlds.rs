//! The replicated world of a swarm's server, and the worlds that its clients show.
//!
//! Each value is computed from the entity and the tick in which it was set. A client's check thus finds a unit that mixes
//! two states, and a value that the server never had, without a copy of the history.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use tickwire_core::snapshot::{
    Audience, Changes, ComponentId, ComponentSpec, Entity, EntitySettings, FieldKind, FieldSpec, Gone,
    NetworkId, Prediction, Show, SnapshotSchema, Steps, Store, Viewer, WorldId, WorldSchema, WorldWriter,
    WriteError,
};
use tickwire_core::{ConnectionId, Endpoint};

use crate::host::Context;
use crate::rng::{Draws, mix};
use crate::shown::{Components, ShownWorld, committed_components};

/// The most entities of the world.
const ENTITIES: usize = 200;
/// Ticks of the world in a second.
const TICKS_PER_SECOND: u16 = 30;
const WORLD: WorldId = WorldId(0);
/// How long after it can be heard again a client may take to show the server's world.
pub(super) const CONVERGE: Duration = Duration::from_secs(2);

/// By name: health, pose, purse, speed.
const HEALTH: ComponentId = ComponentId(0);
const POSE: ComponentId = ComponentId(1);
const PURSE: ComponentId = ComponentId(2);
const SPEED: ComponentId = ComponentId(3);

/// Positions have so many values.
const PLACES: u32 = 1 << 17;
/// The point from which a view by distance looks, and its radii.
const EYES: [f64; 3] = [0.0, 0.0, 0.0];
const RADIUS: f64 = 500.0;
const KEEP: f64 = 600.0;

/// The schema of the world.
pub(super) fn schema() -> Arc<WorldSchema> {
    static SCHEMA: LazyLock<Arc<WorldSchema>> = LazyLock::new(|| Arc::new(new_schema()));
    Arc::clone(&SCHEMA)
}

#[expect(clippy::expect_used, reason = "a schema that is refused is a bug of the swarm itself")]
fn new_schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-1024.0, 1024.0, 1.0 / 64.0).expect("a range of metres");
    let speeds = Steps::new(-32.0, 32.0, 1.0 / 64.0).expect("a range of speeds");
    let at = FieldSpec::new("at", FieldKind::numbers(2, metres)).position();
    let speed = FieldSpec::new("speed", FieldKind::numbers(2, speeds)).velocity();
    let pose = ComponentSpec::new("pose").group("motion").predictor(Prediction::Velocity);
    let points = FieldSpec::new("points", FieldKind::integer(0, 1 << 24));
    let gold = FieldSpec::new("gold", FieldKind::integer(0, 1 << 24));
    let components = [
        pose.field(at),
        ComponentSpec::new("speed").group("motion").field(speed),
        ComponentSpec::new("health").field(points),
        ComponentSpec::new("purse").group("secret").field(gold),
    ];
    for component in components {
        schema.declare(component).expect("a valid component");
    }
    schema.group("secret").to(Audience::Owner);
    schema.ticks_per_second(TICKS_PER_SECOND);
    schema.finish().expect("a valid schema")
}

/// The world that the server of a seed replicates, and the worlds that its clients show.
#[derive(Debug)]
pub(super) struct SwarmWorlds {
    seed: u64,
    writer: WorldWriter,
    tick: u64,
    ids: Vec<NetworkId>,
    /// Entities that single connections may not see.
    hidden: BTreeSet<(ConnectionId, NetworkId)>,
    /// The server's connections, and whether each sees by distance.
    viewers: BTreeMap<ConnectionId, bool>,
    /// By client and connection.
    shown: BTreeMap<(usize, ConnectionId), ShownWorld>,
}

impl SwarmWorlds {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            writer: schema().writer(),
            tick: 0,
            ids: Vec::new(),
            hidden: BTreeSet::new(),
            viewers: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    /// A node died, and what it knew.
    pub(super) fn forget(&mut self, node: usize) {
        if node != 0 {
            self.shown.retain(|(of, _), _| *of != node);
            return;
        }
        self.writer = schema().writer();
        self.ids.clear();
        self.hidden.clear();
        self.viewers.clear();
    }

    /// The server plays a tick. The world changes only if it `is_moving`.
    pub(super) fn tick(&mut self, player: &mut Context<'_, Endpoint>, is_moving: bool) -> Result<(), String> {
        self.tick += 1;
        if is_moving {
            let mut draws = Draws::new(mix(mix(self.seed, WORLDS), self.tick));
            self.live(&mut draws).map_err(|error| format!("the world's writer refused a change: {error}"))?;
        }
        let changes = self.writer.finish(self.tick);
        let committed = player.host.commit(player.now, WORLD, &changes);
        self.writer.reuse(changes);
        committed.map_err(|error| format!("the commit of tick {} was refused: {error}", self.tick))
    }

    fn live(&mut self, draws: &mut Draws) -> Result<(), WriteError> {
        for _ in 0..8 {
            if self.ids.len() < ENTITIES {
                let hz = [0, 5, 20][draws.below(3) as usize];
                self.ids.push(self.writer.create(EntitySettings::new().hz(hz))?);
            }
        }
        for id in self.ids.clone() {
            self.set(id)?;
        }
        let place = draws.below(self.ids.len() as u64) as usize;
        let id = self.ids[place];
        match draws.below(30) {
            0..3 => {
                self.writer.destroy(id, Gone::Destroyed)?;
                self.ids.swap_remove(place);
                self.hidden.retain(|(_, other)| *other != id);
            }
            3 => self.writer.remove_component(id, HEALTH)?,
            4 => self.writer.set_owner(id, None)?,
            5..9 => {
                let viewers = self.viewers.len() as u64;
                let Some((viewer, _)) = self.viewers.iter().nth(draws.below(viewers.max(1)) as usize) else {
                    return Ok(());
                };
                match draws.below(4) {
                    0 => self.writer.set_owner(id, Some(*viewer))?,
                    _ if self.hidden.remove(&(*viewer, id)) => {
                        self.writer.show(*viewer, id, Show::ByDistance)?;
                    }
                    _ => {
                        self.hidden.insert((*viewer, id));
                        self.writer.show(*viewer, id, Show::Never)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Sets the components of an entity whose turn it is.
    fn set(&mut self, id: NetworkId) -> Result<(), WriteError> {
        let (values, tick) = (Values::new(self.seed, id), self.tick as u32);
        if values.moves_in(tick) {
            let (pose, speed) = values.motion(tick);
            self.writer.set_words(id, POSE, &pose)?;
            self.writer.set_words(id, SPEED, &speed)?;
        }
        if values.is_hurt_in(tick) {
            self.writer.set_words(id, HEALTH, &[tick])?;
            self.writer.set_words(id, PURSE, &[tick])?;
        }
        Ok(())
    }

    /// The server accepted a client.
    pub(super) fn on_accepted(
        &mut self,
        player: &mut Context<'_, Endpoint>,
        viewer: ConnectionId,
    ) -> Result<(), String> {
        let is_by_distance = mix(self.seed, self.tick) & 1 == 0;
        let view = Viewer::new(WORLD);
        let view = if is_by_distance { view.at(EYES, RADIUS).keep(KEEP) } else { view };
        self.viewers.insert(viewer, is_by_distance);
        player.host.set_viewer(player.now, viewer, Some(view)).map_err(|error| format!("no view: {error}"))
    }

    /// A connection of a node ended.
    pub(super) fn on_closed(&mut self, node: usize, connection: ConnectionId) {
        self.shown.remove(&(node, connection));
        if node == 0 {
            self.viewers.remove(&connection);
            self.hidden.retain(|(viewer, _)| *viewer != connection);
        }
    }

    /// A client received changes.
    pub(super) fn on_snapshot(
        &mut self,
        node: usize,
        connection: ConnectionId,
        changes: &Changes,
    ) -> Result<(), String> {
        let shown = self.shown.entry((node, connection)).or_default();
        shown.apply(changes)?;
        let newest = self.tick as u32;
        for column in changes.columns() {
            for (id, _) in column.values() {
                let Some(entity) = shown.entities.get(&id) else { continue };
                let values = Values::new(self.seed, id);
                if !values.were_set(&entity.components, newest) {
                    return Err(format!(
                        "{id:?} has the components {:?}, which were never committed",
                        entity.components
                    ));
                }
            }
        }
        Ok(())
    }

    /// The first client that does not show the server's world; `None` if all do. `pairs` are the two ends of each session: the
    /// client's node and connection, and the server's connection.
    pub(super) fn unconverged(
        &self,
        server: &Endpoint,
        pairs: impl Iterator<Item = (usize, ConnectionId, ConnectionId)>,
    ) -> Option<String> {
        let Some(store) = server.world(WORLD) else { return Some("the server has no world".into()) };
        let nothing = ShownWorld::default();
        for (node, connection, viewer) in pairs {
            let shown = self.shown.get(&(node, connection)).unwrap_or(&nothing);
            if let Some(id) = self.first_difference(store, shown, connection, viewer) {
                let stats = server.world_stats(viewer);
                return Some(format!("node {node} does not show {id:?} as in the server's world; {stats:?}"));
            }
        }
        None
    }

    fn first_difference(
        &self,
        store: &Store,
        shown: &ShownWorld,
        own: ConnectionId,
        viewer: ConnectionId,
    ) -> Option<NetworkId> {
        let mut entities = store.entities();
        let differs = |entity: &Entity| {
            let mut components = committed_components(&schema(), store, entity.id);
            let must = self.must_show(entity, components.get(&POSE), viewer);
            let is_own = entity.owner == Some(viewer);
            if !is_own {
                components.remove(&PURSE);
            }
            let owner = entity.owner.map(|_| if is_own { own } else { ConnectionId::default() });
            let found = shown.entities.get(&entity.id);
            must.is_some_and(|must| must != found.is_some())
                || found.is_some_and(|found| found.owner != owner || found.components != components)
        };
        let gone = shown.entities.keys().find(|id| store.entity(**id).is_none());
        gone.copied().or_else(|| entities.find(differs).map(|entity| entity.id))
    }

    /// Whether a connection sees an entity at rest; `None` if that depends on where the entity was before.
    fn must_show(&self, entity: &Entity, pose: Option<&Vec<u32>>, viewer: ConnectionId) -> Option<bool> {
        if self.hidden.contains(&(viewer, entity.id)) {
            return Some(false);
        }
        let is_by_distance = self.viewers.get(&viewer).copied().unwrap_or(false);
        let Some(pose) = pose.filter(|_| is_by_distance && entity.owner != Some(viewer)) else {
            return Some(true);
        };
        // The simulator computes without floats: in sixty-fourths of a metre.
        let squared: u64 = pose.iter().map(|word| u64::from(word.abs_diff(PLACES / 2)).pow(2)).sum();
        let steps = |metres: f64| (metres as u64 * 64).pow(2);
        if squared <= steps(RADIUS - 1.0) {
            Some(true)
        } else if squared > steps(KEEP + 1.0) {
            Some(false)
        } else {
            None
        }
    }
}

/// The values that an entity has in each tick.
#[derive(Clone, Copy)]
struct Values {
    key: u64,
}

impl Values {
    fn new(seed: u64, id: NetworkId) -> Self {
        Self { key: mix(mix(seed, WORLDS), u64::from(id.0)) }
    }

    /// Whether the server sets the motion in a tick: some entities always move, others seldom.
    fn moves_in(self, tick: u32) -> bool {
        let period = [1, 3, 20, 300][(self.key % 4) as usize];
        mix(self.key, u64::from(tick)).is_multiple_of(period)
    }

    /// Whether the server sets health and purse in a tick.
    fn is_hurt_in(self, tick: u32) -> bool {
        mix(!self.key, u64::from(tick)).is_multiple_of(60)
    }

    /// Position and velocity. The first word of the position says in which tick they were set.
    fn motion(self, tick: u32) -> ([u32; 2], [u32; 2]) {
        let drawn = mix(self.key, u64::from(tick)) >> 8;
        let x = (self.key as u32).wrapping_add(tick.wrapping_mul(3)) % PLACES;
        let y = ((self.key >> 32) as u32).wrapping_add(tick / 16 * 5).wrapping_add(drawn as u32 % 3) % PLACES;
        ([x, y], [2240, 2000 + (drawn >> 8) as u32 % 96])
    }

    /// The tick in which a motion with this first word was set. 3 has an inverse modulo a power of two.
    fn tick_of(self, x: u32) -> u32 {
        x.wrapping_sub(self.key as u32).wrapping_mul(0xaaaa_aaab) % PLACES
    }

    /// Whether the server set these components, each in one tick up to `newest`.
    fn were_set(self, components: &Components, newest: u32) -> bool {
        let one = |component| components.get(&component).map(Vec::as_slice);
        let is_motion = match (one(POSE), one(SPEED)) {
            (Some(pose @ [x, _]), Some(speed)) => {
                let tick = self.tick_of(*x);
                let (own_pose, own_speed) = self.motion(tick);
                tick <= newest && self.moves_in(tick) && pose == own_pose && speed == own_speed
            }
            (None, None) => true,
            _ => false,
        };
        let mut counts = [one(HEALTH), one(PURSE)].into_iter().flatten();
        is_motion && counts.all(|words| matches!(words, [tick] if *tick <= newest && self.is_hurt_in(*tick)))
    }
}

const WORLDS: u64 = 0x776f_726c_6473;
