//! The ids of worlds, entities, components, groups and blueprints.

/// The id of an entity in its world, counted from 1. The id 0 means no entity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NetworkId(pub u32);

/// The id of a world of an endpoint. A game may run several worlds at the same time, for example one world for each
/// match.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WorldId(pub u16);

/// The id of a component in its schema: the index of the component in the list sorted by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ComponentId(pub u16);

/// The id of a group of components in its schema: the index of the group in the list sorted by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GroupId(pub u16);

/// The id of a blueprint in its schema: the index of the blueprint in the list sorted by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct BlueprintId(pub u16);
