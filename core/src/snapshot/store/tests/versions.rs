//! Tests of the numbers of units, of older versions, and of the hash of a world.

use super::*;

#[test]
fn a_unit_id_is_reused_only_after_its_release() {
    let mut play = Play::new();
    let (old, unit) = play.entity();
    play.writer.destroy(old, Gone::Destroyed).unwrap();
    let gone_at = play.commit();
    let (_, second) = play.entity();
    assert_ne!(second, unit);
    play.store.release_before(gone_at);
    assert!(play.store.state(unit).is_some());
    assert!(play.store.stats().versions > 0);
    play.store.release_before(gone_at + 1);
    assert_eq!((play.store.state(unit), play.store.stats().versions), (None, 0));
    assert_eq!(play.store.words_at(unit, gone_at), None);
    let (third, again) = play.entity();
    assert_eq!(again, unit);
    assert_eq!(play.store.state(again).unwrap().id, third);
    assert_eq!(play.words(again), [1, 500, 500, 0, 0]);
    // The new unit must not show the versions of the earlier unit.
    assert_eq!(play.store.words_at(again, play.tick - 1), None);
}

#[test]
fn the_entity_destroyed_first_is_evicted_when_too_many_destroyed_entities_are_kept() {
    let mut play = Play::new();
    play.store = Store::new(groups(), TICKS, 3).unwrap();
    let mut units = Vec::new();
    for round in 0..6 {
        let (id, unit) = play.entity();
        units.push(unit);
        play.writer.destroy(id, Gone::Destroyed).unwrap();
        play.commit();
        if round < 3 {
            assert_eq!(play.store.evicted(), []);
        } else {
            assert!(play.store.evicted().contains(&units[round - 3]));
            assert_eq!((play.store.evicted().len(), play.store.stats().gone), (2, 3));
        }
    }
}

#[test]
fn the_store_keeps_exactly_the_64_newest_versions_of_a_unit() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    play.writer.predict(connection(1), id).unwrap();
    for step in 1..=100 {
        play.set(id, POSE, &[step, 0, 0]);
        play.commit();
    }
    let kept = (0..=play.tick).filter(|tick| play.store.words_at(unit, *tick).is_some());
    assert!(kept.eq(play.tick - 63..=play.tick));
    assert_eq!(limits::VERSIONS, 64);
    for tick in play.tick - 63..=play.tick {
        let words = play.store.words_at(unit, tick).unwrap().words;
        assert_eq!(u64::from(words[1]), 100 - (play.tick - tick));
    }
}

#[test]
fn thinning_keeps_exactly_the_requested_versions_of_a_unit() {
    let mut play = Play::new();
    let (id, unit) = play.entity();
    play.writer.predict(connection(1), id).unwrap();
    let first = play.tick;
    for step in 1..=26 {
        play.set(id, POSE, &[step, 0, 0]);
        play.commit();
    }
    let needed = [first, first + 5];
    let mut asked = 0;
    play.store.thin(|asked_for, ticks| {
        asked += 1;
        assert_eq!((asked_for, ticks.len()), (unit, 26));
        assert!(ticks.windows(2).all(|pair| pair[0].start == pair[1].end));
        let bit = |(place, ticks): (usize, &core::ops::Range<u64>)| {
            u64::from(needed.iter().any(|tick| ticks.contains(tick))) << place
        };
        ticks.iter().enumerate().map(bit).sum()
    });
    assert_eq!(asked, 1);
    for tick in first..play.tick {
        let version = play.store.words_at(unit, tick);
        assert_eq!(version.is_some(), needed.contains(&tick), "{tick}");
    }
    assert_eq!(play.store.words_at(unit, first).unwrap().words[1], 500);
    assert_eq!(play.store.words_at(unit, first + 5).unwrap().words[1], 5);
    assert_eq!(play.store.stats().versions, 2);
}

#[test]
fn thinning_drops_old_versions_even_of_a_unit_that_no_longer_changes() {
    let mut play = Play::new();
    let units: Vec<(NetworkId, UnitId)> = (0..100).map(|_| play.entity()).collect();
    for step in 1..=5 {
        for (id, _) in &units {
            play.set(*id, POSE, &[step * 100, 0, 0]);
        }
        play.commit();
        play.commit();
        play.commit();
    }
    assert!(play.store.stats().versions >= 400);
    for _ in 0..60 {
        play.commit();
        play.store.thin(|_, _| 0);
    }
    assert_eq!(play.store.stats().versions, 0);
    assert!(units.iter().all(|(_, unit)| play.store.words_at(*unit, play.tick).is_some()));
}

#[test]
fn thinning_asks_about_no_unit_after_ten_seconds_without_changes_even_if_old_versions_are_needed() {
    let mut play = Play::new();
    let units: Vec<(NetworkId, UnitId)> = (0..100).map(|_| play.entity()).collect();
    for (id, _) in &units {
        play.set(*id, POSE, &[900, 0, 0]);
    }
    let mut asked = |ticks: u32| {
        let mut asked = 0;
        for _ in 0..ticks {
            play.commit();
            play.store.thin(|_, _| {
                asked += 1;
                u64::MAX
            });
        }
        asked
    };
    assert!(asked(TICKS * 5) > 1000);
    asked(TICKS * 5);
    assert_eq!(asked(TICKS * 5), 0);
}

#[test]
fn the_world_hash_depends_on_existence_owners_and_words_but_not_on_ticks() {
    let mut play = Play::new();
    let mut hashes = vec![play.store.world_hash()];
    let id = play.create();
    play.commit();
    hashes.push(play.store.world_hash());
    play.set(id, VISIBLE, &[]);
    play.commit();
    hashes.push(play.store.world_hash());
    play.set(id, HEALTH, &[0]);
    play.commit();
    hashes.push(play.store.world_hash());
    play.writer.set_owner(id, Some(connection(1))).unwrap();
    play.commit();
    hashes.push(play.store.world_hash());
    for (place, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..place].contains(hash), "{place}");
    }
    play.writer.set_owner(id, None).unwrap();
    play.commit();
    assert_eq!(play.store.world_hash(), hashes[3]);
    play.writer.remove_component(id, HEALTH).unwrap();
    play.commit();
    assert_eq!(play.store.world_hash(), hashes[2]);
    play.writer.destroy(id, Gone::Destroyed).unwrap();
    play.commit();
    assert_eq!(play.store.world_hash(), hashes[0]);
}

#[test]
fn the_world_hash_is_the_same_on_every_target() {
    let mut play = Play::new();
    play.entity();
    let (id, _) = play.entity();
    play.set(id, HEALTH, &[77]);
    play.writer.set_owner(id, Some(connection(5))).unwrap();
    play.commit();
    assert_eq!(play.store.world_hash(), 0xec22_5b58_7833_7a49);
}
