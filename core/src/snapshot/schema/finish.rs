//! Checks a schema as a whole, and numbers its components, groups and blueprints.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::component::{ComponentSpec, Prediction};
use super::super::groups::{ComponentPlace, Group, Groups};
use super::super::ids::{ComponentId, GroupId};
use super::super::layout::{Layout, Part, Predictor};
use super::blueprint::Blueprint;
use super::error::SnapshotSchemaError;
use super::group::GroupSettings;
use super::world_schema::{Declared, WorldSchema};
use super::{hash, motion, size};
use crate::limits;
use crate::schema::SchemaEntry;

/// The default number of ticks per second of a world, which is equal to the default of the dedicated server.
pub(super) const TICKS_PER_SECOND: u16 = 60;
/// The default rate in Hz at which changes are committed.
const HZ: u16 = 20;

/// The components of a group, in the order of their names.
type GroupMembers<'a> = Vec<(ComponentId, &'a ComponentSpec)>;

/// The names of blueprints, with the name and the words of each component.
type NamedBlueprints = BTreeMap<String, Vec<(String, Vec<u32>)>>;

pub(super) fn finish(
    components: BTreeMap<String, Declared>,
    settings: BTreeMap<String, GroupSettings>,
    blueprints: NamedBlueprints,
    ticks_per_second: u16,
) -> Result<WorldSchema, SnapshotSchemaError> {
    let components: Vec<Declared> = components.into_values().collect();
    let mut members: BTreeMap<&str, GroupMembers<'_>> = BTreeMap::new();
    for (id, declared) in (0..).map(ComponentId).zip(&components) {
        members.entry(declared.spec.group_name()).or_default().push((id, &declared.spec));
    }
    if let Some(group) = settings.keys().find(|name| !members.contains_key(name.as_str())) {
        return Err(SnapshotSchemaError::EmptyGroup { group: group.clone() });
    }
    let mut groups =
        Groups { groups: Vec::new(), components: vec![ComponentPlace::default(); components.len()] };
    let mut group_names = Vec::new();
    let mut entries = Vec::new();
    for (name, members) in &members {
        let settings = settings.get(*name).copied().unwrap_or_default();
        let id = GroupId(groups.groups.len() as u16);
        let group = group(name, members, settings, ticks_per_second)?;
        append_entries(&mut entries, name, members, group.layout.predictor());
        place_members(&mut groups.components, members, id, &group);
        groups.groups.push(group);
        group_names.push((String::from(*name), settings.audience));
    }
    let blueprints =
        blueprints.into_iter().map(|(name, values)| blueprint(name, values, &components, &groups));
    let blueprints = blueprints.collect::<Result<Vec<_>, _>>()?;
    entries.extend(blueprints.iter().map(|blueprint| blueprint_entry(blueprint, &components)));
    let ids = (0..).map(ComponentId);
    let mut types: Vec<_> =
        components.iter().zip(ids).filter_map(|(one, id)| Some((one.type_id?, id))).collect();
    types.sort();
    Ok(WorldSchema { groups, components, group_names, blueprints, types, entries, ticks_per_second })
}

fn group(
    name: &str,
    members: &GroupMembers<'_>,
    settings: GroupSettings,
    ticks_per_second: u16,
) -> Result<Group, SnapshotSchemaError> {
    if members.len() > limits::GROUP_COMPONENTS {
        return Err(SnapshotSchemaError::CrowdedGroup { group: name.into(), components: members.len() });
    }
    let mut parts = Vec::new();
    if members.len() > 1 {
        parts.push(presence(members.len()));
    }
    let first_part = parts.len();
    let mut largest = (0, "");
    for (_, spec) in members {
        let own = parts_of(spec);
        largest = largest.max((size::unit_bits(&own), &spec.name));
        parts.extend(own);
    }
    let bytes = size::unit_bits(&parts).div_ceil(8);
    if bytes > limits::UNIT_BYTES as u64 {
        return Err(SnapshotSchemaError::LargeGroup { group: name.into(), bytes, largest: largest.1.into() });
    }
    let mut asked = members.iter().filter_map(|(_, spec)| spec.predictor);
    let first = asked.next();
    if settings.predictor.is_none() && asked.any(|other| Some(other) != first) {
        return Err(SnapshotSchemaError::Predictors { group: name.into() });
    }
    let prediction: Prediction = settings.predictor.or(first).unwrap_or_default();
    let specs = members.iter().map(|(_, spec)| *spec);
    let predictor = motion::predictor(prediction, specs, first_part, ticks_per_second)
        .map_err(|fault| SnapshotSchemaError::BadMotion { group: name.into(), fault })?;
    let rates = members.iter().filter_map(|(_, spec)| spec.hz);
    // 0 commits on every tick, so it is the highest rate.
    let highest = rates.max_by_key(|hz| hz.wrapping_sub(1));
    let hz = settings.hz.or(highest).unwrap_or(HZ);
    Ok(Group { layout: Layout::new(parts, predictor), components: members.len() as u8, hz })
}

/// Returns the part that shows which components of a group an entity has, with a bit for each component.
fn presence(components: usize) -> Part {
    match components {
        32.. => Part::Opaque { bits: 32 },
        fewer => Part::Choice { count: 1 << fewer },
    }
}

fn parts_of(spec: &ComponentSpec) -> Vec<Part> {
    let mut parts = Vec::new();
    spec.fields.iter().for_each(|field| field.kind.append_parts(&mut parts));
    parts
}

fn place_members(places: &mut [ComponentPlace], members: &GroupMembers<'_>, id: GroupId, group: &Group) {
    let mut first_word = usize::from(group.has_presence());
    for (bit, (component, spec)) in (0..).zip(members) {
        let words = spec.words();
        if let Some(place) = places.get_mut(usize::from(component.0)) {
            *place = ComponentPlace { group: id, bit, first_word: first_word as u16, words: words as u16 };
        }
        first_word += words;
    }
}

/// Appends the schema entries of the components and groups. A group whose only component has the name of the group
/// needs no entry.
fn append_entries(
    entries: &mut Vec<SchemaEntry>,
    name: &str,
    members: &GroupMembers<'_>,
    predictor: Predictor,
) {
    let is_own = members.len() == 1 && members.iter().all(|(_, spec)| spec.name == name);
    entries.extend(members.iter().map(|(_, spec)| SchemaEntry {
        name: format!("component:{}", spec.name),
        hash: hash::component(spec, is_own.then_some(predictor)),
    }));
    if !is_own {
        let names = members.iter().map(|(_, spec)| spec.name.as_ref());
        entries.push(SchemaEntry { name: format!("group:{name}"), hash: hash::group(names, predictor) });
    }
}

fn blueprint(
    name: String,
    values: Vec<(String, Vec<u32>)>,
    declared: &[Declared],
    groups: &Groups,
) -> Result<Blueprint, SnapshotSchemaError> {
    let mut components: BTreeMap<ComponentId, Vec<u32>> = BTreeMap::new();
    let mut units: BTreeMap<GroupId, Vec<u32>> = BTreeMap::new();
    for (component, words) in values {
        let bad = |fault| {
            let (blueprint, component) = (name.clone(), component.clone());
            SnapshotSchemaError::BadBlueprint { blueprint, component, fault }
        };
        let found = declared.binary_search_by(|one| one.spec.name.as_ref().cmp(&component));
        let id = ComponentId(
            found.map_err(|_| bad("is not declared; declare the component in the schema"))? as u16
        );
        let place = groups.component(id).copied().unwrap_or_default();
        if words.len() != usize::from(place.words) {
            return Err(bad(
                "does not have the fields of the declared component; use the same fields for both",
            ));
        }
        let Some(group) = groups.group(place.group) else { continue };
        let unit = units.entry(place.group).or_insert_with(|| vec![0; group.layout.words()]);
        if group.has_presence()
            && let Some(presence) = unit.first_mut()
        {
            *presence |= 1 << place.bit;
        }
        let own = unit.iter_mut().skip(usize::from(place.first_word));
        own.zip(&words).for_each(|(own, word)| *own = *word);
        if components.insert(id, words).is_some() {
            return Err(bad("is listed twice; list the component once"));
        }
    }
    Ok(Blueprint { name, components: components.into_iter().collect(), units: units.into_iter().collect() })
}

fn blueprint_entry(blueprint: &Blueprint, declared: &[Declared]) -> SchemaEntry {
    let named = blueprint.components.iter().filter_map(|(id, words)| {
        Some((declared.get(usize::from(id.0))?.spec.name.as_ref(), words.as_slice()))
    });
    SchemaEntry { name: format!("blueprint:{}", blueprint.name), hash: hash::blueprint(named) }
}
