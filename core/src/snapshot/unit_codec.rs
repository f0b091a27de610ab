//! The part of a schema with which units are coded, equal at both ends: a plan for each group, and the words of each
//! blueprint.

use alloc::vec;
use alloc::vec::Vec;

use super::delta::{Plan, ReceiverUnit, SlotBinding};
use super::groups::{ComponentPlace, Groups};
use super::ids::{BlueprintId, ComponentId, GroupId};
use super::layout::{Layout, Part, Predictor};
use super::schema::{Audience, WorldSchema};

/// The number of words of an entity's own unit, in the form that a connection receives.
pub(crate) const EXISTENCE_WORDS: usize = 3;

/// The plans and blueprints, indexed by group. The final group contains the units of entities themselves.
#[derive(Debug)]
pub(crate) struct UnitCodec {
    groups: Vec<GroupCodec>,
    blueprints: usize,
}

/// The plan and the blueprints of a group.
#[derive(Debug)]
struct GroupCodec {
    plan: Plan,
    /// The words of each blueprint. The first item is for entities without a blueprint.
    blueprints: Vec<Vec<u32>>,
    components: Vec<(ComponentId, ComponentPlace)>,
    has_presence: bool,
    audience: Audience,
}

/// The position of a component in a received unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitComponent {
    pub(super) id: ComponentId,
    pub(super) first_word: usize,
    pub(super) words: usize,
    /// The index of the word with the bit that shows whether the entity has the component. `presence_bit` is the mask
    /// of this bit.
    pub(super) presence_word: usize,
    pub(super) presence_bit: u32,
}

impl UnitCodec {
    pub(crate) fn new(schema: &WorldSchema) -> Self {
        let names = schema.blueprints();
        let mut codec = Self::of_groups(schema.groups());
        codec.blueprints = names.len();
        for (number, group) in (0..=u16::MAX).zip(&mut codec.groups) {
            group.audience = schema.audience(GroupId(number)).unwrap_or_default();
            for blueprint in names {
                let own = blueprint.units.iter().find(|(id, _)| *id == GroupId(number));
                let mut words = vec![0; group.plan.words()];
                if let Some((_, unit)) = own {
                    words.iter_mut().zip(unit).for_each(|(to, from)| *to = *from);
                    if !group.has_presence
                        && let Some(last) = words.last_mut()
                    {
                        *last = 1;
                    }
                }
                group.blueprints.push(words);
            }
        }
        codec
    }

    /// Creates a codec of the groups, without blueprints.
    fn of_groups(groups: &Groups) -> Self {
        let mut own: Vec<GroupCodec> = groups
            .groups
            .iter()
            .map(|group| {
                let has_presence = group.has_presence();
                // Behind the words of a single component goes whether the entity has it.
                let tail = if has_presence { None } else { Some(Part::Flag) };
                let parts = group.layout.parts().iter().cloned().chain(tail).collect();
                GroupCodec::new(&Layout::new(parts, group.layout.predictor()), has_presence)
            })
            .collect();
        for (id, place) in (0..=u16::MAX).zip(&groups.components) {
            if let Some(group) = own.get_mut(usize::from(place.group.0)) {
                group.components.push((ComponentId(id), *place));
            }
        }
        own.push(GroupCodec::new(&existence_layout(), true));
        Self { groups: own, blueprints: 0 }
    }

    /// Returns the group of the units of entities themselves.
    pub(crate) fn existence_group(&self) -> GroupId {
        GroupId(self.groups.len() as u16 - 1)
    }

    pub(crate) fn plan(&self, group: GroupId) -> Option<&Plan> {
        self.groups.get(usize::from(group.0)).map(|group| &group.plan)
    }

    /// Returns the words against which the first version of a unit is coded.
    pub(crate) fn blueprint(&self, group: GroupId, blueprint: Option<BlueprintId>) -> Option<&[u32]> {
        let place = blueprint.map_or(0, |blueprint| usize::from(blueprint.0) + 1);
        let group = self.groups.get(usize::from(group.0))?;
        // The units of entities themselves have no blueprints.
        let place = if place <= self.blueprints { place } else { return None };
        group.blueprints.get(place).or_else(|| group.blueprints.first()).map(Vec::as_slice)
    }

    /// Returns the plan and the blueprint of a bound unit. Returns `None` if the schema does not have the group or
    /// the blueprint.
    pub(super) fn unit(&self, binding: &SlotBinding) -> Option<ReceiverUnit<'_>> {
        let blueprint = self.blueprint(binding.group, binding.blueprint)?;
        Some(ReceiverUnit { plan: self.plan(binding.group)?, blueprint })
    }

    /// Returns the components of a group.
    pub(super) fn components(&self, group: GroupId) -> impl Iterator<Item = UnitComponent> {
        let group = self.groups.get(usize::from(group.0));
        group.into_iter().flat_map(|group| {
            group.components.iter().map(|(id, place)| {
                let (presence_word, presence_bit) = if group.has_presence {
                    (0, 1 << (place.bit & 31))
                } else {
                    (group.plan.words().saturating_sub(1), 1)
                };
                UnitComponent {
                    id: *id,
                    first_word: usize::from(place.first_word),
                    words: usize::from(place.words),
                    presence_word,
                    presence_bit,
                }
            })
        })
    }

    /// Returns the peers to which a group is sent.
    pub(super) fn audience(&self, group: GroupId) -> Audience {
        self.groups.get(usize::from(group.0)).map_or(Audience::All, |group| group.audience)
    }

    /// Returns whether any group is sent to only some of the peers.
    pub(super) fn has_audiences(&self) -> bool {
        self.groups.iter().any(|group| group.audience != Audience::All)
    }

    /// Returns all components with their numbers of words, in the order of the ids.
    pub(super) fn columns(&self) -> Vec<(ComponentId, u16)> {
        let all = self.groups.iter().flat_map(|group| &group.components);
        let mut columns: Vec<(ComponentId, u16)> = all.map(|(id, place)| (*id, place.words)).collect();
        columns.sort_unstable();
        columns
    }
}

impl GroupCodec {
    fn new(layout: &Layout, has_presence: bool) -> Self {
        let plan = Plan::new(layout);
        let blueprints = vec![vec![0; plan.words()]];
        let audience = Audience::All;
        Self { plan, blueprints, components: Vec::new(), has_presence, audience }
    }
}

/// Returns the layout of an entity's own unit: the reason why the entity is gone, or 0; the owner; and the epoch.
fn existence_layout() -> Layout {
    let parts = vec![Part::Choice { count: 3 }, Part::Choice { count: 3 }, Part::Opaque { bits: 32 }];
    Layout::new(parts, Predictor::Last)
}
