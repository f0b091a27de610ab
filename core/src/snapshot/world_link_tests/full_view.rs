//! Tests of a view whose slots are all in use.

use super::*;
use crate::limits::VIEW_UNITS;

/// The number of units of each entity: its existence, and three groups of components.
const UNITS: usize = 4;

#[test]
fn an_entity_without_free_slots_is_left_out_of_the_view_until_other_entities_leave() {
    let schema = schema();
    let (mut writer, mut store) = (schema.writer().with_max_entities(22_000), schema.store(22_000).unwrap());
    let mut grid = SpatialGrid::new(&schema);
    let mut sender = WorldSender::new(Arc::new(UnitCodec::new(&schema)), WorldId(0), connection(OWN));
    let commit = |writer: &mut WorldWriter, store: &mut Store, grid: &mut SpatialGrid, tick| {
        let changes = writer.finish(tick);
        store.commit(&changes).unwrap();
        writer.reuse(changes);
        grid.on_commit(store);
    };
    let mut create = || {
        let id = writer.create(EntitySettings::new()).unwrap();
        writer.set_words(id, ComponentId(0), &[1]).unwrap();
        writer.set_words(id, ComponentId(1), &[]).unwrap();
        writer.set_words(id, ComponentId(4), &[7, 50_000]).unwrap();
        id
    };
    let ids: Vec<_> = (0..22_000).map(|_| create()).collect();
    commit(&mut writer, &mut store, &mut grid, 1);
    sender.on_attached(&store, &grid);
    let fits = VIEW_UNITS / UNITS;
    assert_eq!(sender.left_out(), ids.len() - fits);

    for id in ids.iter().take(1000) {
        writer.destroy(*id, Gone::Destroyed).unwrap();
    }
    commit(&mut writer, &mut store, &mut grid, 2);
    sender.on_commit(&store, &grid);
    assert_eq!(sender.left_out(), ids.len() - 1000 - fits, "as many entered as left");

    for id in ids.iter().skip(1000).take(ids.len() - fits) {
        writer.destroy(*id, Gone::Destroyed).unwrap();
    }
    commit(&mut writer, &mut store, &mut grid, 3);
    sender.on_commit(&store, &grid);
    assert_eq!(sender.left_out(), 0);
    assert!(ids.iter().rev().take(100).all(|id| sender.views(*id)));
}

#[test]
fn a_view_of_exactly_65535_units_is_walked_to_its_end() {
    let schema = schema();
    let entities = VIEW_UNITS / 3;
    let (mut writer, mut store) =
        (schema.writer().with_max_entities(entities), schema.store(entities).unwrap());
    let mut grid = SpatialGrid::new(&schema);
    let mut sender = WorldSender::new(Arc::new(UnitCodec::new(&schema)), WorldId(0), connection(OWN));
    for _ in 0..entities {
        let id = writer.create(EntitySettings::new()).unwrap();
        writer.set_words(id, ComponentId(0), &[1]).unwrap();
        writer.set_words(id, ComponentId(1), &[]).unwrap();
    }
    store.commit(&writer.finish(1)).unwrap();
    grid.on_commit(&store);
    sender.on_attached(&store, &grid);
    assert_eq!((sender.left_out(), entities * 3), (0, VIEW_UNITS));
    // The walk over all slots must not count beyond the last one.
    sender.on_resumed();
    assert!(!sender.is_settled());
}
