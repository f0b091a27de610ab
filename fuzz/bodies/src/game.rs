//! A world that a script changes, and the world that an application shows: the reference model of the snapshot targets.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use tickwire_core::ConnectionId;
use tickwire_core::snapshot::{
    Audience, BlueprintId, Changes, ComponentId, ComponentSpec, DynamicValue, Entity, EntitySettings,
    FieldKind, FieldSpec, Gone, NetworkId, Prediction, Show, SnapshotSchema, Steps, Store, Viewer, WorldId,
    WorldSchema, WorldWriter,
};

use tickwire_sim::shown::{Components, ShownWorld, committed_components, components_of_unit};

use crate::Script;

/// The largest number of entities in a world.
pub const ENTITIES: usize = 40;
/// The point from which a view by distance sees the world.
const EYES: [f64; 3] = [0.0, -500.0, 0.0];
const RADIUS: f64 = 150.0;
const KEEP: f64 = 180.0;
/// The ids of the components of [`schema`], in the order of their names.
const HEALTH: ComponentId = ComponentId(0);
const MARKED: ComponentId = ComponentId(1);
const POSE: ComponentId = ComponentId(2);
const PURSE: ComponentId = ComponentId(3);
const SPEED: ComponentId = ComponentId(4);

/// The words of an entity's position and of its velocity. Empty for an entity without the component.
type Motion = (NetworkId, Vec<u32>, Vec<u32>);

/// Returns a schema with four groups: `motion` has two components, `health` and `marked` have one component each, and
/// `secret` has one component, which only the owner receives. The component `marked` has no fields.
#[must_use]
pub fn schema() -> Arc<WorldSchema> {
    static SCHEMA: LazyLock<Arc<WorldSchema>> = LazyLock::new(|| Arc::new(new_schema()));
    Arc::clone(&SCHEMA)
}

fn new_schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-512.0, 512.0, 0.01).unwrap();
    let at = FieldSpec::new("at", FieldKind::numbers(2, metres)).position();
    let speed = FieldSpec::new("speed", FieldKind::numbers(2, metres)).velocity();
    let pose = ComponentSpec::new("pose").group("motion").predictor(Prediction::Velocity);
    schema.declare(pose.field(at)).unwrap();
    schema.declare(ComponentSpec::new("speed").group("motion").field(speed)).unwrap();
    let points = FieldSpec::new("points", FieldKind::integer(0, 100));
    schema.declare(ComponentSpec::new("health").field(points)).unwrap();
    schema.declare(ComponentSpec::new("marked")).unwrap();
    let gold = FieldSpec::new("gold", FieldKind::integer(0, 9999));
    schema.declare(ComponentSpec::new("purse").group("secret").field(gold)).unwrap();
    schema.group("secret").to(Audience::Owner);
    let mut health = schema.dynamic("health").unwrap();
    health.set("points", &DynamicValue::Int(100)).unwrap();
    schema.blueprint("crate", vec![health]).unwrap();
    schema.ticks_per_second(60);
    schema.finish().unwrap()
}

/// A game whose world a fuzzer's script changes.
pub struct Game {
    /// The writer, which holds the changes that are not committed yet.
    pub writer: WorldWriter,
    /// The tick of the latest commit.
    pub tick: u64,
    /// The ids of the entities that exist.
    pub ids: Vec<NetworkId>,
    /// The ids of the entities that are hidden from the viewer.
    pub hidden: BTreeSet<NetworkId>,
    /// The entities that the viewer sees at any distance.
    always: BTreeSet<NetworkId>,
    /// `true` if the viewer sees by distance, from [`EYES`].
    is_by_distance: bool,
    /// The viewer, as the sending end knows it.
    viewer: ConnectionId,
}

impl Game {
    /// Creates a game without entities, whose world the connection `viewer` sees.
    #[must_use]
    pub fn new(viewer: ConnectionId) -> Self {
        let writer = schema().writer();
        Self {
            writer,
            tick: 0,
            ids: Vec::new(),
            hidden: BTreeSet::new(),
            always: BTreeSet::new(),
            is_by_distance: false,
            viewer,
        }
    }

    /// Returns the game's viewer with a view of `world`. The view contains all entities that are not hidden. If
    /// `is_by_distance`, the view omits an entity more than 180 m from a fixed point, unless the viewer owns the entity
    /// or the game always shows it.
    pub fn look(&mut self, world: WorldId, is_by_distance: bool) -> Viewer {
        self.is_by_distance = is_by_distance;
        let viewer = Viewer::new(world);
        if is_by_distance { viewer.at(EYES, RADIUS).keep(KEEP) } else { viewer }
    }

    /// Reads one change from the script, and applies the change to the world.
    pub fn act(&mut self, script: &mut Script<'_>) {
        let step = script.byte();
        let place = script.below(self.ids.len());
        let Some(&id) = self.ids.get(place).filter(|_| step >= 0x18 || self.ids.len() >= ENTITIES) else {
            let settings = EntitySettings::new().hz([0, 20, 60][usize::from(step % 3)]);
            let is_crate = step & 4 == 0;
            let settings = if is_crate { settings.blueprint(BlueprintId(0)) } else { settings };
            self.ids.push(self.writer.create(settings).unwrap());
            return;
        };
        let component = ComponentId(u16::from(step % 5));
        match step {
            0..0xb0 => self.set(id, component, script.byte()),
            0xb0..0xc8 => self.writer.remove_component(id, component).unwrap(),
            0xc8..0xd8 => {
                self.writer.destroy(id, Gone::Destroyed).unwrap();
                self.ids.remove(place);
                self.hidden.remove(&id);
                self.always.remove(&id);
            }
            0xd8..0xe8 => {
                let another = tickwire_core::fuzzing::some_connection(8);
                let owner = [None, Some(self.viewer), Some(another)][usize::from(step % 3)];
                self.writer.set_owner(id, owner).unwrap();
            }
            _ => {
                let is_hidden = !self.hidden.remove(&id) && self.hidden.insert(id);
                let show = match step % 2 {
                    _ if is_hidden => Show::Never,
                    0 => Show::Always,
                    _ => Show::ByDistance,
                };
                if show == Show::Always {
                    self.always.insert(id);
                } else {
                    self.always.remove(&id);
                }
                self.writer.show(self.viewer, id, show).unwrap();
            }
        }
    }

    fn set(&mut self, id: NetworkId, component: ComponentId, number: u8) {
        let number = u32::from(number);
        match component {
            HEALTH => self.writer.set_words(id, component, &[number % 101]),
            MARKED => self.writer.set_words(id, component, &[]),
            PURSE => self.writer.set_words(id, component, &[number * 30]),
            _ => {
                self.writer.set_words(id, POSE, &[number * 400, 5]).unwrap();
                self.writer.set_words(id, SPEED, &[number * 7, 50_000 + number])
            }
        }
        .unwrap();
    }

    /// Advances the tick by `ticks`, and returns all changes made since the previous call, with the new tick.
    pub fn finish(&mut self, ticks: u64) -> Changes {
        self.tick += ticks;
        self.writer.finish(self.tick)
    }

    /// Returns whether `shown` equals the part of the committed world `store` that the viewer must see. `own` is the id
    /// of the connection at the viewer's end. In a view by distance, an entity 149 m to 181 m from the fixed point may
    /// be shown or not.
    #[must_use]
    pub fn is_shown(&self, shown: &ShownWorld, store: &Store, own: ConnectionId) -> bool {
        let mut count = 0;
        let is_as_expected = store.entities().all(|entity| {
            let found = shown.entities.get(&entity.id);
            count += usize::from(found.is_some());
            let mut components = committed_components(&schema(), store, entity.id);
            let must = self.must_be_shown(&entity, components.get(&POSE));
            let is_own = entity.owner == Some(self.viewer);
            if !is_own {
                components.remove(&PURSE);
            }
            let owner = entity.owner.map(|_| if is_own { own } else { ConnectionId::default() });
            must.is_none_or(|must| must == found.is_some())
                && found.is_none_or(|found| found.owner == owner && found.components == components)
        });
        is_as_expected && count == shown.entities.len()
    }

    /// Returns whether the viewer must see an entity at rest. `None` if this depends on the entity's earlier position.
    fn must_be_shown(&self, entity: &Entity, pose: Option<&Vec<u32>>) -> Option<bool> {
        if self.hidden.contains(&entity.id) {
            return Some(false);
        }
        let is_anywhere = self.always.contains(&entity.id) || entity.owner == Some(self.viewer);
        let Some(pose) = pose.filter(|_| self.is_by_distance && !is_anywhere) else { return Some(true) };
        let squared: f64 = pose.iter().zip(EYES).map(|(word, eye)| (metres(*word) - eye).powi(2)).sum();
        if squared <= (RADIUS - 1.0).powi(2) {
            Some(true)
        } else if squared > (KEEP + 1.0).powi(2) {
            Some(false)
        } else {
            None
        }
    }
}

fn metres(word: u32) -> f64 {
    f64::from(word) * 0.01 - 512.0
}

/// The world that an application shows: the result of all changes that the application received.
#[derive(Default)]
pub struct Display {
    /// The world after all changes so far.
    pub shown: ShownWorld,
    /// All states of position and velocity that were committed.
    motions: BTreeSet<Motion>,
}

impl Display {
    /// Records the position and the velocity of each entity that changed in the latest commit.
    pub fn note_commit(&mut self, store: &Store) {
        for unit in store.changed().list() {
            let state = store.state(*unit).unwrap();
            if schema().groups().component(POSE).is_some_and(|place| place.group == state.group) {
                // The entity may be destroyed: its last values are sent.
                self.motions.insert(motion(&components_of_unit(&schema(), &state), state.id));
            }
        }
    }

    /// Applies changes. Panics if the changes contradict the shown world, or if the position and the velocity of an entity
    /// are from different commits.
    pub fn apply(&mut self, changes: &Changes) {
        self.shown.apply(changes).unwrap();
        for (id, entity) in &self.shown.entities {
            let motion = motion(&entity.components, *id);
            let is_none = motion.1.is_empty() && motion.2.is_empty();
            assert!(is_none || self.motions.contains(&motion), "{id:?} mixes two commits: {entity:?}");
        }
    }
}

fn motion(components: &Components, id: NetworkId) -> Motion {
    let own = |component| components.get(&component).cloned().unwrap_or_default();
    (id, own(POSE), own(SPEED))
}
