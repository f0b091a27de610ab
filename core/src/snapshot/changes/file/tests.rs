use alloc::vec;

use quickcheck::quickcheck;

use super::*;

fn connection(number: u32) -> ConnectionId {
    KeyData::from_ffi(1 << 32 | u64::from(number)).into()
}

/// Returns changes of every kind.
fn changes() -> Changes {
    let mut column = Column::new(ComponentId(3), 2);
    for (id, words) in [(9, [1, 300]), (4, [u32::MAX, 0])] {
        let index = column.push(NetworkId(id));
        column.value_mut(index).copy_from_slice(&words);
    }
    column.push_removed(NetworkId(2));
    let mut marks = Column::new(ComponentId(700), 0);
    marks.push(NetworkId(5));
    let settings = EntitySettings::new().blueprint(BlueprintId(258)).hz(20).weight(7);
    Changes {
        tick: 1000,
        created: vec![
            Created { id: NetworkId(8), settings: EntitySettings::new() },
            Created { id: NetworkId(9), settings },
        ],
        columns: vec![Column::new(ComponentId(0), 1), column, marks],
        owners: vec![(NetworkId(4), Some(connection(6))), (NetworkId(9), None)],
        shows: vec![(connection(6), NetworkId(1), Show::Never), (connection(6), NetworkId(2), Show::Always)],
        predictions: vec![(connection(5), NetworkId(4), true), (connection(6), NetworkId(3), false)],
        destroyed: vec![(NetworkId(2), Gone::Destroyed), (NetworkId(200), Gone::OutOfSight)],
    }
}

/// Returns a record with the body `body`.
fn record(body: &[u8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    put(&mut file, body.len() as u64);
    file.extend_from_slice(body);
    file.extend_from_slice(&checksum(body).to_le_bytes());
    file
}

/// Format version 1 must never change, because users read recordings years after they were written.
#[test]
fn a_change_file_of_format_version_1_has_its_golden_bytes() {
    let mut body = Vec::new();
    changes().write_body(&mut body);
    let (five, six) = ([0xf5, 0, 0, 0, 0x20], [0xf6, 0, 0, 0, 0x20]);
    let expected = [
        // Tick 1000; new: 8, then 9 with a blueprint and a rate.
        &[0xa8, 0x0f, 2, 7, 0, 128, 0, 3, 7, 2, 1, 20, 0][..],
        // Component 3 of two words, of ids 9 and 4; removed from 2.
        &[2, 3, 2, 2, 18, 9, 1, 0xac, 0x04, 0xf7, 0xff, 0xff, 0xff, 0x1f, 0, 1, 4],
        // Component 700 of no words, of id 5.
        &[0xb8, 0x0a, 0, 1, 10, 0],
        // The owners of 4 and 9.
        &[&[2, 3][..], &six, &[4, 0]].concat(),
        // Shown, predicted, gone.
        &[&[2][..], &six, &[1, 2], &six, &[2, 1]].concat(),
        &[&[2][..], &five, &[4, 1], &six, &[3, 0]].concat(),
        &[2, 1, 0, 0x85, 0x03, 1],
    ]
    .concat();
    assert_eq!(body, expected);
}

#[test]
fn several_records_of_a_change_file_are_read_in_order() {
    let (first, second) = (changes(), Changes { tick: 1001, ..Changes::default() });
    let mut file = Vec::new();
    first.write(&mut file);
    second.write(&mut file);
    let (read, rest) = Changes::read(&file).unwrap();
    assert_eq!(read, first);
    assert_eq!(Changes::read(rest), Ok((second, &[][..])));
}

#[test]
fn a_truncated_or_damaged_change_file_is_refused() {
    let mut file = Vec::new();
    changes().write(&mut file);
    for length in 0..file.len() {
        let expected = if length < 4 { ChangesError::NotChanges } else { ChangesError::Truncated };
        assert_eq!(Changes::read(&file[..length]), Err(expected), "{length}");
    }
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Changes::read(&damaged).is_err(), "{bit}");
    }
    file[4] = 2;
    assert_eq!(Changes::read(&file), Err(ChangesError::Version { version: 2 }));
}

#[test]
fn a_change_file_with_unordered_repeated_or_zero_ids_is_refused() {
    let edits: [fn(&mut Changes); 12] = [
        |changes| changes.created.swap(0, 1),
        |changes| changes.created[0].id = NetworkId(0),
        |changes| {
            changes.columns[1].push(NetworkId(9));
        },
        |changes| {
            changes.columns[1].push_removed(NetworkId(4));
        },
        |changes| {
            changes.columns[1].push_removed(NetworkId(0));
        },
        |changes| changes.columns.swap(1, 2),
        |changes| changes.owners.swap(0, 1),
        |changes| changes.shows.swap(0, 1),
        |changes| changes.shows[1] = changes.shows[0],
        |changes| changes.predictions.swap(0, 1),
        |changes| changes.predictions[1] = changes.predictions[0],
        |changes| changes.destroyed[1] = changes.destroyed[0],
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut changes = changes();
        edit(&mut changes);
        let mut file = Vec::new();
        changes.write(&mut file);
        assert_eq!(Changes::read(&file), Err(ChangesError::Invalid), "{number}");
    }
}

#[test]
fn undefined_codes_and_wrong_counts_in_a_change_file_are_refused() {
    let empty = [0; 7];
    assert_eq!(Changes::read(&record(&empty)), Ok((Changes::default(), &[][..])));
    let bodies: [&[u8]; 9] = [
        &[0, 1, 0, 4, 128, 0, 0, 0, 0, 0],  // settings with an unknown flag
        &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], // a column without changes
        &[0, 0, 0, 1, 0, 6, 0, 0, 0],       // an owner that is no connection
        &[0, 0, 0, 0, 1, 0, 1, 0, 0, 0],    // a show for nobody
        &[0, 0, 0, 0, 0, 0, 1, 0, 2],       // another reason to be gone
        &[0, 0, 0, 0, 0, 0, 0, 0],          // a byte too many
        &[0, 0, 0, 0, 0, 0],                // a list too few
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], // more items than bytes
        &[0, 0, 1, 0, 0xb8, 0xff, 1, 2, 0, 0, 0, 0, 0], // more words than bytes
    ];
    for body in bodies {
        assert_eq!(Changes::read(&record(body)), Err(ChangesError::Invalid), "{body:?}");
    }
}

#[test]
fn an_arbitrary_change_file_body_is_refused_or_is_written_back_as_the_same_bytes() {
    fn property(body: Vec<u8>) -> bool {
        let file = record(&body);
        let Ok((changes, _)) = Changes::read(&file) else { return true };
        let mut again = Vec::new();
        changes.write(&mut again);
        again == file
    }
    quickcheck(property as fn(Vec<u8>) -> bool);
    // Small numbers get farther into a body.
    fn of_small_numbers(body: Vec<u8>) -> bool {
        property(body.into_iter().map(|byte| byte % 3).collect())
    }
    quickcheck(of_small_numbers as fn(Vec<u8>) -> bool);
}
