use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::grid::SpatialGrid;
use crate::snapshot::changes::{EntitySettings, Gone};
use crate::snapshot::component::{ComponentSpec, FieldKind, FieldSpec};
use crate::snapshot::ids::{ComponentId, NetworkId};
use crate::snapshot::quantize::Steps;
use crate::snapshot::schema::{SnapshotSchema, WorldSchema};
use crate::snapshot::store::Store;
use crate::snapshot::writer::WorldWriter;

const HEIGHT: ComponentId = ComponentId(0);
const PLACE: ComponentId = ComponentId(1);

/// Returns a schema with a position of two axes, and a position of one integer behind another field.
fn schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-100.0, 100.0, 0.5).unwrap();
    let place = FieldSpec::new("at", FieldKind::numbers(2, metres)).position();
    schema.declare(ComponentSpec::new("place").group("where").hz(0).field(place)).unwrap();
    let speed = FieldSpec::new("speed", FieldKind::numbers(2, metres));
    let height = FieldSpec::new("height", FieldKind::integer(-50, 50)).position();
    schema.declare(ComponentSpec::new("height").group("where").hz(0).field(speed).field(height)).unwrap();
    schema.finish().unwrap()
}

/// Returns the entities within a distance, computed from the committed words without a grid.
fn near(store: &Store, point: [f64; 3], distance: f64) -> BTreeSet<NetworkId> {
    let group = schema().groups().component(PLACE).unwrap().group;
    let own = store.entities().filter_map(|entity| {
        // The words of the unit: presence, the speed and the height, the place.
        let words = store.state(store.unit(entity.id, group)?)?.version.words;
        let at = if words[0] & 1 != 0 {
            [f64::from(words[3]) - 50.0, 0.0]
        } else if words[0] & 2 != 0 {
            [words[4], words[5]].map(|word| f64::from(word) * 0.5 - 100.0)
        } else {
            return None;
        };
        let squared = (at[0] - point[0]).powi(2) + (at[1] - point[1]).powi(2) + point[2].powi(2);
        (squared <= distance * distance).then_some(entity.id)
    });
    own.collect()
}

fn change(writer: &mut WorldWriter, ids: &mut Vec<NetworkId>, (act, number): (u8, u8)) {
    let place = usize::from(number) % ids.len().max(1);
    let Some(&id) = ids.get(place).filter(|_| act >= 40) else {
        ids.push(writer.create(EntitySettings::new()).unwrap());
        return;
    };
    let number = u32::from(number);
    match act {
        40..150 => writer.set_words(id, PLACE, &[number, number * 7 % 400]).unwrap(),
        150..190 => writer.set_words(id, HEIGHT, &[3, 4, number % 101]).unwrap(),
        190..220 => writer.remove_component(id, HEIGHT).unwrap(),
        220..240 => writer.remove_component(id, PLACE).unwrap(),
        _ => {
            writer.destroy(id, Gone::Destroyed).unwrap();
            ids.swap_remove(place);
        }
    }
}

#[test]
fn the_spatial_grid_finds_the_same_entities_as_a_comparison_of_all_distances() {
    fn property(acts: Vec<(u8, u8)>, edge: u8, x: u8, distances: (u8, u8)) -> bool {
        let (schema, mut ids) = (schema(), Vec::new());
        let (mut writer, mut store) = (schema.writer(), schema.store(1000).unwrap());
        let mut grid = SpatialGrid::new(&schema);
        let point = [f64::from(x) - 128.0, f64::from(x) / 3.0, 1.0];
        acts.chunks(8).zip(1..).all(|(acts, tick)| {
            if tick == 3 {
                grid.serve(&store, f64::from(edge) / 2.0);
            }
            acts.iter().for_each(|act| change(&mut writer, &mut ids, *act));
            let changes = writer.finish(tick);
            store.commit(&changes).unwrap();
            writer.reuse(changes);
            grid.on_commit(&store);
            store.release_before(tick.saturating_sub(2));
            tick < 3
                || [f64::from(distances.0), f64::from(distances.1) / 20.0].into_iter().all(|distance| {
                    let mut found = BTreeSet::new();
                    grid.visit(point, distance, |_, id, squared| {
                        assert_eq!(grid.squared_distance(&store, id, point), Some(squared));
                        assert!(found.insert(id));
                    });
                    found == near(&store, point, distance)
                })
        })
    }
    quickcheck(property as fn(Vec<(u8, u8)>, u8, u8, (u8, u8)) -> bool);
}
