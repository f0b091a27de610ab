//! The numbers that name worlds, entities, components, groups and blueprints.

/// The id of an entity in its world, from 1 up. 0 names no entity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NetworkId(pub u32);

/// The id of a world of an endpoint. A game may run several worlds side by side, such as rooms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WorldId(pub u16);

/// The id of a component in its schema: its place in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ComponentId(pub u16);

/// The id of a group of components in its schema: its place in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GroupId(pub u16);

/// The id of a blueprint in its schema: its place in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct BlueprintId(pub u16);
