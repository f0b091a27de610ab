//! Tests of changes that the store rejects. A rejected commit leaves the store unchanged.

use alloc::string::ToString;

use super::*;
use crate::snapshot::changes::Created;

#[test]
fn a_commit_with_a_tick_that_is_not_newer_is_refused() {
    let mut play = Play::new();
    play.entity();
    let newest = play.tick;
    for tick in [0, newest] {
        let error = play.refused(|changes| changes.tick = tick);
        assert_eq!(error, CommitError::TickNotNewer { tick, newest });
    }
}

#[test]
fn a_commit_beyond_the_limit_of_entities_is_refused() {
    let mut play = Play::new();
    play.store = Store::new(groups(), TICKS, 2).unwrap();
    let (first, _) = play.entity();
    play.entity();
    play.create();
    assert_eq!(play.refused(|_| {}), CommitError::TooManyEntities { max: 2 });
    // Destroying an entity makes room for a new entity in the same tick.
    let mut changes = WorldWriter::new(&groups()).finish(play.tick + 1);
    changes.created.push(Created { id: NetworkId(3), settings: EntitySettings::new() });
    changes.destroyed.push((first, Gone::Destroyed));
    assert_eq!(play.store.commit(&changes), Ok(()));
}

#[test]
fn a_commit_that_reuses_an_entity_id_is_refused() {
    let mut play = Play::new();
    let (id, _) = play.entity();
    play.entity();
    play.writer.destroy(id, Gone::Destroyed).unwrap();
    play.commit();
    for used in [1, 2] {
        let created = Created { id: NetworkId(used), settings: EntitySettings::new() };
        let error = play.refused(|changes| changes.created.push(created));
        assert_eq!(error, CommitError::IdNotNew { id: NetworkId(used), newest: NetworkId(2) });
    }
}

#[test]
fn changes_to_entities_that_do_not_exist_are_refused() {
    let edits: [fn(&mut Changes, NetworkId); 6] = [
        |changes, id| {
            changes.columns[2].push(id);
        },
        |changes, id| {
            changes.columns[2].push_removed(id);
        },
        |changes, id| changes.owners.push((id, None)),
        |changes, id| changes.shows.push((connection(1), id, crate::snapshot::Show::Always)),
        |changes, id| changes.predictions.push((connection(1), id, true)),
        |changes, id| changes.destroyed.push((id, Gone::Destroyed)),
    ];
    for edit in edits {
        let mut play = Play::new();
        let (gone, _) = play.entity();
        play.writer.destroy(gone, Gone::Destroyed).unwrap();
        play.commit();
        for id in [gone, NetworkId(0), NetworkId(77)] {
            // The refusal must also undo the creation of an entity in the same changes.
            play.writer.create(EntitySettings::new()).unwrap();
            assert_eq!(play.refused(|changes| edit(changes, id)), CommitError::NoSuchEntity { id });
        }
        // The store can use the ids of refused entities, although the writer does not assign them again.
        play.entity();
    }
}

#[test]
fn changes_with_components_of_a_different_schema_are_refused() {
    let mut play = Play::new();
    let (id, _) = play.entity();
    let component = ComponentId(4);
    let other = |width| {
        let mut column = crate::snapshot::Column::new(component, width);
        column.push(id);
        column
    };
    let error = play.refused(|changes| changes.columns.push(other(1)));
    assert_eq!(error, CommitError::NoSuchComponent { component });
    let error = play.refused(|changes| {
        changes.columns[2] = crate::snapshot::Column::new(HEALTH, 2);
        changes.columns[2].push(id);
    });
    assert_eq!(error, CommitError::WrongWords { component: HEALTH, given: 2, expected: 1 });
}

#[test]
fn a_commit_with_one_word_out_of_range_changes_no_value() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    for (component, words) in [(HEALTH, vec![101]), (POSE, vec![0, 1001, 0]), (POSE, vec![0, 0, 256])] {
        play.set(id, HEALTH, &[50]);
        play.set(id, POSE, &[900, 500, 0]);
        play.set(id, component, &words);
        assert_eq!(play.refused(|_| {}), CommitError::OutOfRange { id, component });
        play.commit();
        assert_eq!(play.words(unit), [1, 500, 500, 0, 0]);
    }
}

#[test]
fn a_commit_in_which_a_connection_predicts_more_entities_than_the_limit_is_refused() {
    let mut play = Play::new();
    let ids: Vec<NetworkId> = (0..=limits::PREDICTED_ENTITIES).map(|_| play.create()).collect();
    for id in &ids[1..] {
        play.writer.predict(connection(1), *id).unwrap();
    }
    play.commit();
    let error = play.refused(|changes| changes.predictions.push((connection(1), ids[0], true)));
    assert_eq!(error, CommitError::TooManyPredicted { connection: connection(1) });
    // Another connection may still predict an entity. So may the same connection once it stops predicting an entity, or once a
    // predicted entity is destroyed.
    play.writer.predict(connection(2), ids[0]).unwrap();
    play.writer.destroy(ids[1], Gone::Destroyed).unwrap();
    play.writer.predict(connection(1), ids[0]).unwrap();
    play.commit();
    play.writer.stop_predicting(connection(1), ids[2]).unwrap();
    let new = play.create();
    play.writer.predict(connection(1), new).unwrap();
    play.commit();
}

#[test]
fn a_store_with_settings_beyond_the_limits_is_refused() {
    let new = |groups, ticks, entities| Store::new(groups, ticks, entities).unwrap_err();
    for ticks_per_second in [0, 10_001] {
        assert_eq!(new(groups(), ticks_per_second, 1), StoreError::Rate { ticks_per_second });
    }
    let max_entities = limits::ENTITIES_MAX + 1;
    assert_eq!(new(groups(), 60, max_entities), StoreError::Entities { max_entities });
    let edits: [fn(&mut ComponentPlace); 4] = [
        |place| place.group = GroupId(3),
        |place| place.words = 5,
        |place| place.first_word = 0,
        |place| place.bit = 32,
    ];
    for edit in edits {
        let mut groups = groups();
        edit(&mut groups.components[0]);
        assert_eq!(new(groups, 60, 1), StoreError::Component { component: POSE });
    }
}

#[test]
fn the_error_about_a_refused_commit_names_the_remedy() {
    let error = CommitError::IdNotNew { id: NetworkId(4), newest: NetworkId(9) };
    assert_eq!(
        error.to_string(),
        "the id 4 of a new entity is not above 9, the highest id so far; use only one writer for each world"
    );
    assert!(CommitError::TooManyEntities { max: 5 }.to_string().contains("raise max_entities"));
    assert!(StoreError::Rate { ticks_per_second: 0 }.to_string().contains("1 to 10000"));
}
