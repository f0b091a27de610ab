//! The units of a world that have positions, sorted into cubic cells of space.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::positions::PositionFields;
use crate::planted::{self, Bug};
use crate::snapshot::ids::NetworkId;
use crate::snapshot::schema::WorldSchema;
use crate::snapshot::store::{Store, UnitId};

/// A cell of space: the multiple of the edge length on each axis.
type GridCell = [i32; 3];

/// The largest number of cells on the longest axis of the positions.
const LEAST_EDGES: f64 = 4096.0;

/// A unit with a position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedUnit {
    pub(crate) id: NetworkId,
    pub(crate) point: [f64; 3],
    cell: GridCell,
}

/// The positions of a world. The grid stays empty until the first connection sees the world by distance.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpatialGrid {
    fields: PositionFields,
    /// The edge length of a cell, or `None` until a connection sees the world by distance.
    edge: Option<f64>,
    /// The position of each unit, indexed by unit.
    placed: Vec<Option<PlacedUnit>>,
    cells: BTreeMap<GridCell, Vec<UnitId>>,
    /// The entities with a unit that lost its position in the latest commit.
    unplaced: Vec<NetworkId>,
}

impl SpatialGrid {
    /// Creates the grid of an empty world.
    pub(crate) fn new(schema: &WorldSchema) -> Self {
        Self { fields: PositionFields::new(schema), ..Self::default() }
    }

    /// Prepares the grid for a connection that sees the world within `radius`. The edge length of the cells is the
    /// smallest radius, so that a search examines few cells and few units outside of the radius.
    pub(crate) fn serve(&mut self, store: &Store, radius: f64) {
        // Smaller cells than these are no use: a search of any radius may look at all cells that are not empty.
        let wanted = radius.max(self.fields.extent() / LEAST_EDGES);
        if self.fields.is_empty() || self.edge.is_some_and(|edge| edge <= wanted) {
            return;
        }
        self.edge = Some(wanted);
        self.cells.clear();
        self.placed.clear();
        for entity in store.entities() {
            for (_, unit) in store.units(entity.id) {
                self.update(store, unit);
            }
        }
        self.unplaced.clear();
    }

    /// Updates the positions after the store's latest commit.
    pub(crate) fn on_commit(&mut self, store: &Store) {
        self.unplaced.clear();
        if self.edge.is_none() {
            return;
        }
        for unit in store.evicted() {
            self.remove(*unit);
        }
        for unit in store.changed().list() {
            self.update(store, *unit);
        }
    }

    /// Returns the position of a unit.
    pub(crate) fn get(&self, unit: UnitId) -> Option<&PlacedUnit> {
        self.placed.get(unit.0 as usize)?.as_ref()
    }

    /// Returns the position of an entity, which is the position of its first unit with a position.
    pub(crate) fn point(&self, store: &Store, id: NetworkId) -> Option<[f64; 3]> {
        store.units(id).find_map(|(_, unit)| Some(self.get(unit)?.point))
    }

    /// Returns the square of the smallest distance between an entity's positions and the point `from`. Returns `None`
    /// if the entity has no position.
    pub(crate) fn squared_distance(&self, store: &Store, id: NetworkId, from: [f64; 3]) -> Option<f64> {
        let own = store.units(id).filter_map(|(_, unit)| self.get(unit));
        own.map(|placed| squared_distance(placed.point, from)).min_by(f64::total_cmp)
    }

    /// Returns the entities with a unit that lost its position in the latest commit.
    pub(crate) fn unplaced(&self) -> &[NetworkId] {
        &self.unplaced
    }

    /// Calls `visit` with each unit within `distance` of `point`, and with the square of the unit's distance.
    pub(crate) fn visit(
        &self,
        point: [f64; 3],
        distance: f64,
        mut visit: impl FnMut(UnitId, NetworkId, f64),
    ) {
        let Some(edge) = self.edge else { return };
        let most = distance * distance;
        let mut look = |units: &[UnitId]| {
            for unit in units {
                let Some(placed) = self.get(*unit) else { continue };
                let squared = squared_distance(placed.point, point);
                if squared <= most {
                    visit(*unit, placed.id, squared);
                }
            }
        };
        let [x, y, z] = point.map(|axis| cell_of(axis - distance, edge)..=cell_of(axis + distance, edge));
        // A wide search looks at the cells that are not empty, each once.
        if count(&x).saturating_mul(count(&y)) > self.cells.len() as u64 {
            let is_near = |cell: &GridCell| {
                let [own_x, own_y, own_z] = cell;
                x.contains(own_x) && y.contains(own_y) && z.contains(own_z)
            };
            self.cells.iter().filter(|(cell, _)| is_near(cell)).for_each(|(_, units)| look(units));
            return;
        }
        for x in x {
            for y in y.clone() {
                let column = self.cells.range([x, y, *z.start()]..=[x, y, *z.end()]);
                column.for_each(|(_, units)| look(units));
            }
        }
    }

    /// Updates the position of a unit to its committed position.
    fn update(&mut self, store: &Store, unit: UnitId) {
        let Some(edge) = self.edge else { return };
        let Some(state) = store.state(unit) else { return self.remove(unit) };
        if state.gone.is_some() {
            // The last values of what was destroyed count for nobody's view.
            store.siblings(unit).for_each(|sibling| self.remove(sibling));
            return;
        }
        if !self.fields.has(state.group) {
            return;
        }
        let Some(point) = self.fields.point(state.group, &state.version) else {
            if self.get(unit).is_some() {
                self.remove(unit);
                self.unplaced.push(state.id);
            }
            return;
        };
        let stale = self.get(unit).filter(|_| planted::is_planted(Bug::GridCellStale));
        let cell = stale.map_or_else(|| point.map(|axis| cell_of(axis, edge)), |before| before.cell);
        let placed = PlacedUnit { id: state.id, point, cell };
        if self.get(unit).is_none_or(|before| before.cell != placed.cell) {
            self.remove(unit);
            self.cells.entry(placed.cell).or_default().push(unit);
        }
        if self.placed.len() <= unit.0 as usize {
            self.placed.resize(unit.0 as usize + 1, None);
        }
        if let Some(place) = self.placed.get_mut(unit.0 as usize) {
            *place = Some(placed);
        }
    }

    fn remove(&mut self, unit: UnitId) {
        let Some(placed) = self.placed.get_mut(unit.0 as usize).and_then(Option::take) else { return };
        let Some(units) = self.cells.get_mut(&placed.cell) else { return };
        if let Some(place) = units.iter().position(|other| *other == unit) {
            units.swap_remove(place);
        }
        if units.is_empty() {
            self.cells.remove(&placed.cell);
        }
    }

    /// Returns the heap memory of the grid, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let units: usize = self.cells.values().map(Vec::capacity).sum();
        // A tree's node has places for eleven entries, of which more than half are used.
        self.placed.capacity() * size_of::<Option<PlacedUnit>>()
            + self.cells.len() * size_of::<(GridCell, Vec<UnitId>)>() * 2
            + units * size_of::<UnitId>()
            + self.unplaced.capacity() * size_of::<NetworkId>()
    }
}

/// Returns the cell of a coordinate. The function rounds down by itself, because `core` has no `floor` and a cast
/// rounds towards zero.
fn cell_of(axis: f64, edge: f64) -> i32 {
    let cells = axis / edge;
    let cut = cells as i32;
    if f64::from(cut) > cells { cut.saturating_sub(1) } else { cut }
}

fn count(cells: &RangeInclusive<i32>) -> u64 {
    u64::from(cells.end().abs_diff(*cells.start())) + 1
}

fn squared_distance(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(&other).map(|(one, other)| (one - other) * (one - other)).sum()
}
