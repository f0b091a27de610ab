use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::quickcheck;
use slotmap::KeyData;

use super::*;
use crate::snapshot::groups::{ComponentPlace, Group};

const POINT: ComponentId = ComponentId(0);
const MARK: ComponentId = ComponentId(1);

/// Returns a component of two words, and a component without words.
fn groups() -> Groups {
    let place = ComponentPlace { words: 2, ..ComponentPlace::default() };
    Groups {
        groups: vec![Group::default(), Group::default()],
        components: vec![place, ComponentPlace::default()],
    }
}

fn connection(number: u32) -> ConnectionId {
    KeyData::from_ffi(1 << 32 | u64::from(number)).into()
}

fn world() -> (WorldWriter, NetworkId) {
    let mut world = WorldWriter::new(&groups());
    let id = world.create(EntitySettings::new()).unwrap();
    (world, id)
}

fn values(changes: &Changes, component: ComponentId) -> Vec<(NetworkId, Vec<u32>)> {
    let columns = changes.column(component).into_iter();
    columns
        .flat_map(|column| column.values().map(|(id, words)| (id, words.to_vec())).collect::<Vec<_>>())
        .collect()
}

#[test]
fn changes_and_world_writers_can_be_sent_to_another_thread() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Changes>();
    crosses::<WorldWriter>();
}

#[test]
fn entity_ids_count_from_1_and_are_never_reused() {
    let (mut world, first) = world();
    assert_eq!(first, NetworkId(1));
    world.destroy(first, Gone::Destroyed).unwrap();
    for expected in 2..100 {
        let id = world.create(EntitySettings::new()).unwrap();
        assert_eq!(id, NetworkId(expected));
        world.destroy(id, Gone::Destroyed).unwrap();
        drop(world.finish(expected.into()));
    }
    world.newest = u32::MAX - 1;
    assert_eq!(world.create(EntitySettings::new()), Ok(NetworkId(u32::MAX)));
    assert_eq!(world.create(EntitySettings::new()), Err(WriteError::IdsExhausted));
}

#[test]
fn the_latest_value_set_in_a_tick_replaces_earlier_values_of_the_tick() {
    let (mut world, id) = world();
    world.set_words(id, POINT, &[1, 2]).unwrap();
    world.set_words(id, POINT, &[3, 4]).unwrap();
    assert_eq!(values(&world.finish(1), POINT), [(id, vec![3, 4])]);
    world.words_mut(id, POINT).unwrap()[1] = 7;
    assert_eq!(world.words_mut(id, POINT).unwrap(), [0, 7]);
    assert_eq!(values(&world.finish(2), POINT), [(id, vec![0, 7])]);
}

#[test]
fn the_latest_call_in_a_tick_determines_whether_a_component_is_set_or_removed() {
    let (mut world, id) = world();
    world.set_words(id, POINT, &[1, 2]).unwrap();
    world.remove_component(id, POINT).unwrap();
    let changes = world.finish(1);
    let column = changes.column(POINT).unwrap();
    assert_eq!((column.ids(), column.removed()), (&[][..], &[id][..]));
    world.remove_component(id, POINT).unwrap();
    world.set_words(id, POINT, &[1, 2]).unwrap();
    let changes = world.finish(2);
    let column = changes.column(POINT).unwrap();
    assert_eq!((column.ids(), column.removed()), (&[id][..], &[][..]));
}

#[test]
fn the_changes_of_a_tick_contain_only_the_latest_change_of_each_component() {
    fn property(steps: Vec<(u8, u8, u32)>) -> bool {
        let mut world = WorldWriter::new(&groups());
        let ids: Vec<NetworkId> = (0..6).map(|_| world.create(EntitySettings::new()).unwrap()).collect();
        let mut said = BTreeMap::new();
        for (tick, (who, what, value)) in (1..).zip(steps) {
            let id = ids[usize::from(who) % ids.len()];
            match what % 8 {
                0 | 1 => {
                    world.remove_component(id, POINT).unwrap();
                    said.insert((id, POINT), None);
                }
                2 => {
                    world.set_words(id, MARK, &[]).unwrap();
                    said.insert((id, MARK), Some(vec![]));
                }
                3 => {
                    let changes = world.finish(tick);
                    let mut found = BTreeMap::new();
                    for column in changes.columns() {
                        let values = column.values().map(|(id, words)| (id, Some(words.to_vec())));
                        for (id, value) in values.chain(column.removed().iter().map(|id| (*id, None))) {
                            if found.insert((id, column.component()), value).is_some() {
                                return false;
                            }
                        }
                    }
                    if found != core::mem::take(&mut said) {
                        return false;
                    }
                    world.reuse(changes);
                }
                _ => {
                    world.set_words(id, POINT, &[value, 1]).unwrap();
                    said.insert((id, POINT), Some(vec![value, 1]));
                }
            }
        }
        true
    }
    quickcheck(property as fn(Vec<(u8, u8, u32)>) -> bool);
}

#[test]
fn every_call_of_the_world_writer_refuses_an_entity_that_does_not_exist() {
    let (mut world, id) = world();
    world.destroy(id, Gone::Destroyed).unwrap();
    drop(world.finish(1));
    for id in [id, NetworkId(0), NetworkId(2)] {
        let error = WriteError::NoSuchEntity { id };
        assert!(!world.contains(id));
        assert_eq!(world.set_words(id, POINT, &[1, 2]), Err(error));
        assert_eq!(world.words_mut(id, POINT).map(|_| ()), Err(error));
        assert_eq!(world.remove_component(id, POINT), Err(error));
        assert_eq!(world.destroy(id, Gone::Destroyed), Err(error));
        assert_eq!(world.show(connection(1), id, Show::Never), Err(error));
        assert_eq!(world.set_owner(id, None), Err(error));
        assert_eq!(world.predict(connection(1), id), Err(error));
        assert_eq!(world.stop_predicting(connection(1), id), Err(error));
    }
    assert!(world.finish(2).is_empty());
    let error = WriteError::NoSuchEntity { id: NetworkId(7) }.to_string();
    assert_eq!(
        error,
        "entity 7 does not exist: it was never created in this world, or was destroyed; create the entity first"
    );
}

#[test]
fn a_refused_value_with_a_wrong_number_of_words_keeps_the_earlier_value() {
    let (mut world, id) = world();
    world.set_words(id, POINT, &[1, 2]).unwrap();
    let error = world.set_words(id, POINT, &[1, 2, 3]);
    assert_eq!(error, Err(WriteError::WrongWords { component: POINT, given: 3, expected: 2 }));
    let component = ComponentId(2);
    assert_eq!(world.set_words(id, component, &[]), Err(WriteError::NoSuchComponent { component }));
    assert_eq!(values(&world.finish(1), POINT), [(id, vec![1, 2])]);
}

#[test]
fn the_world_writer_refuses_an_entity_beyond_the_limit() {
    let mut world = WorldWriter::new(&groups()).with_max_entities(2);
    let first = world.create(EntitySettings::new()).unwrap();
    world.create(EntitySettings::new()).unwrap();
    assert_eq!(world.create(EntitySettings::new()), Err(WriteError::TooManyEntities { max: 2 }));
    world.destroy(first, Gone::Destroyed).unwrap();
    assert!(world.create(EntitySettings::new()).is_ok());
}

#[test]
fn destroyed_entities_do_not_count_towards_the_limit_of_predicted_entities() {
    let mut world = WorldWriter::new(&groups());
    let ids: Vec<NetworkId> =
        (0..=limits::PREDICTED_ENTITIES).map(|_| world.create(EntitySettings::new()).unwrap()).collect();
    for id in &ids[1..] {
        world.predict(connection(1), *id).unwrap();
        world.predict(connection(1), *id).unwrap();
    }
    let full = WriteError::TooManyPredicted { connection: connection(1) };
    assert_eq!(world.predict(connection(1), ids[0]), Err(full));
    world.predict(connection(2), ids[0]).unwrap();
    world.destroy(ids[1], Gone::Destroyed).unwrap();
    world.predict(connection(1), ids[0]).unwrap();
    drop(world.finish(1));
    world.forget_connection(connection(1));
    let changes = world.finish(2);
    assert_eq!(changes.predictions().len(), limits::PREDICTED_ENTITIES);
    assert!(changes.predictions().iter().all(|(who, _, is)| *who == connection(1) && !is));
    world.predict(connection(1), ids[3]).unwrap();
    assert_eq!(world.finish(3).predictions(), [(connection(1), ids[3], true)]);
}

#[test]
fn owner_and_visibility_changes_are_listed_once_with_their_latest_value() {
    let (mut world, id) = world();
    let other = world.create(EntitySettings::new()).unwrap();
    for show in [Show::Never, Show::Always] {
        world.show(connection(2), id, show).unwrap();
        world.show(connection(1), other, show).unwrap();
    }
    world.set_owner(other, Some(connection(1))).unwrap();
    world.set_owner(id, Some(connection(1))).unwrap();
    world.set_owner(id, None).unwrap();
    world.destroy(other, Gone::OutOfSight).unwrap();
    world.destroy(id, Gone::Destroyed).unwrap();
    let changes = world.finish(1);
    let shows = [(connection(1), other, Show::Always), (connection(2), id, Show::Always)];
    assert_eq!(changes.shows(), shows);
    assert_eq!(changes.owners(), [(id, None), (other, Some(connection(1)))]);
    assert_eq!(changes.destroyed(), [(id, Gone::Destroyed), (other, Gone::OutOfSight)]);
    assert!(world.finish(2).is_empty());
}

#[test]
fn changes_in_reused_memory_equal_changes_in_new_memory() {
    let (mut world, id) = world();
    let mut fresh = world.clone();
    world.set_words(id, POINT, &[1, 2]).unwrap();
    world.predict(connection(1), id).unwrap();
    let changes = world.finish(1);
    world.reuse(changes);
    let spare = world.finish(2);
    assert!(spare.is_empty());
    fresh.changes.clear();
    for world in [&mut world, &mut fresh] {
        world.set_words(id, MARK, &[]).unwrap();
    }
    assert_eq!(world.finish(3), fresh.finish(3));
    // Changes of another schema have other columns, so their memory is not used.
    world.reuse(Changes::default());
    assert!(world.set_words(id, POINT, &[5, 6]).is_ok());
    drop(world.finish(4));
    assert!(world.set_words(id, POINT, &[5, 6]).is_ok());
}
