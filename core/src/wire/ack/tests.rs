use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::*;

fn set(numbers: impl IntoIterator<Item = u64>) -> AckRanges {
    let mut ranges = AckRanges::default();
    numbers.into_iter().for_each(|number| ranges.insert(number));
    ranges
}

fn numbers(ranges: &AckRanges) -> Vec<u64> {
    ranges.iter().rev().flatten().collect()
}

fn encode(ranges: &AckRanges, room: usize) -> Result<Vec<u8>, NoRoom> {
    encode_marked(ranges, None, room)
}

fn encode_marked(ranges: &AckRanges, marks: Option<EcnCounts>, room: usize) -> Result<Vec<u8>, NoRoom> {
    let mut buffer = vec![0; room];
    let mut writer = Writer::new(&mut buffer);
    write_ack(
        ranges,
        Span::from_micros(803),
        Instant::saturating_from_micros(0x0123_4567),
        marks,
        &mut writer,
    )?;
    let length = writer.written();
    buffer.truncate(length);
    Ok(buffer)
}

fn decode(bytes: &[u8]) -> Result<AckFrame<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let frame = AckFrame::read(reader.u8()?, &mut reader)?;
    reader.finish().map(|()| frame)
}

fn expanded(bytes: &[u8], next: u64) -> Result<Vec<RangeInclusive<u64>>, Malformed> {
    decode(bytes)?.ranges(next).collect()
}

#[test]
fn ack_ranges_contain_exactly_the_packet_numbers_inserted_in_any_order() {
    fn the_set_holds_the_inserted_numbers(inserted: Vec<u8>, base: u64) -> bool {
        // 64 different numbers make at most 32 ranges, so nothing is forgotten.
        [0, base >> 1, u64::MAX - 63].iter().all(|&base| {
            let inserted: Vec<u64> = inserted.iter().map(|&number| base + u64::from(number % 64)).collect();
            let model: BTreeSet<u64> = inserted.iter().copied().collect();
            let ranges = set(inserted);
            let apart = ranges.ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            apart
                && numbers(&ranges).into_iter().eq(model.iter().copied())
                && ranges.largest() == model.last().copied()
                && (0..64).all(|away| ranges.contains(base + away) == model.contains(&(base + away)))
        })
    }
    quickcheck(the_set_holds_the_inserted_numbers as fn(Vec<u8>, u64) -> bool);
}

#[test]
fn one_ack_range_beyond_the_limit_drops_the_oldest_eighth_of_the_ranges() {
    let full = set((0..limits::ACK_RANGES_KEPT as u64).map(|step| 1000 + step * 2));
    assert_eq!((full.len(), full.lowest()), (limits::ACK_RANGES_KEPT, Some(1000)));
    let newest = full.largest().unwrap();
    for (number, is_kept) in [(newest + 2, true), (newest + 100, true), (newest - 1, true), (1, false)] {
        let mut ranges = full.clone();
        ranges.insert(number);
        assert_eq!(ranges.contains(number), is_kept, "{number}");
        let joins = number == newest - 1;
        let surplus = if joins { 0 } else { limits::ACK_RANGES_KEPT as u64 / 8 };
        assert_eq!(ranges.lowest(), Some(1000 + 2 * surplus));
        assert!(ranges.len() <= limits::ACK_RANGES_KEPT);
    }
}

#[test]
fn thinning_drops_ack_ranges_below_a_number_but_keeps_the_requested_count_of_ranges() {
    let full = set((0..100).map(|step| step * 10));
    for (below, keep, lowest) in [(500, 40, 500), (500, 80, 200), (501, 0, 510), (0, 0, 0), (5000, 1, 990)] {
        let mut ranges = full.clone();
        ranges.thin_out(below, keep);
        assert_eq!(ranges.lowest(), Some(lowest), "{below}, {keep}");
    }
    assert_eq!(
        (full.largest_below(500), full.largest_below(501), full.largest_below(0)),
        (Some(490), Some(500), None)
    );
}

#[test]
fn an_ack_of_more_than_32_ranges_is_written_as_a_bitmap_of_the_newest_numbers() {
    fn the_ranges_written_fit_and_are_the_newest(inserted: Vec<u16>, base: u64, room: u16) -> bool {
        let base = base.min(u64::MAX - 70_000);
        [base, 0].iter().all(|&base| {
            // Each second number of the newest ones, so that there are enough ranges.
            let even = (0..40).map(|step| base + 5000 + 2 * step);
            let ranges = set(inserted.iter().map(|&number| base + u64::from(number % 5000)).chain(even));
            let room = 30 + usize::from(room % 1000);
            let mut buffer = vec![0; room];
            let mut writer = Writer::new(&mut buffer);
            let lowest = write_ack(&ranges, Span::ZERO, Instant::ZERO, None, &mut writer).unwrap();
            let length = writer.written();
            let frame = decode(&buffer[..length]).unwrap();
            let mut again = vec![0; length];
            frame.write(&mut Writer::new(&mut again)).unwrap();
            let next = ranges.largest().unwrap() + 1;
            let told: Vec<u64> = frame.ranges(next).flat_map(|range| range.unwrap().rev()).collect();
            again == buffer[..length]
                && told.last() == Some(&lowest)
                && told.into_iter().rev().eq(numbers(&ranges).into_iter().filter(|&number| number >= lowest))
                && (lowest == ranges.lowest().unwrap() || length + 1 >= room || length > limits::ACK_BITMAP)
        })
    }
    quickcheck(the_ranges_written_fit_and_are_the_newest as fn(Vec<u16>, u64, u16) -> bool);
}

#[test]
fn an_ack_of_every_second_packet_of_the_largest_flight_fits_one_datagram() {
    let ranges = set((0..limits::PACKETS_IN_FLIGHT as u64).map(|step| 2 * step));
    let mut buffer = [0; limits::BASE_DATAGRAM - 24];
    let mut writer = Writer::new(&mut buffer);
    let marks = Some(EcnCounts { capable: 10, experienced: 10 });
    let delay = Span::from_millis(50);
    assert_eq!(write_ack(&ranges, delay, Instant::ZERO, marks, &mut writer), Ok(0));
    let length = writer.written();
    let frame = decode(&buffer[..length]).unwrap();
    assert_eq!((frame.marks, frame.delay), (marks, delay));
    assert_eq!(frame.ranges(10_000).count(), ranges.len());
}

#[test]
fn an_ack_with_gaps_2000_packets_apart_is_written_as_ranges() {
    let ranges = set((0..100_000).filter(|number| number % 2000 != 0));
    let bytes = encode(&ranges, 1000).unwrap();
    assert_eq!((bytes[0], decode(&bytes).unwrap().ranges(100_000).count()), (ACK | 15, limits::ACK_RANGES));
}

#[test]
fn an_ack_bitmap_below_packet_number_zero_or_above_the_size_limit_is_malformed() {
    let frame = |largest: u16, bits: &[u8]| {
        let mut buffer = vec![0; 2000];
        let mut writer = Writer::new(&mut buffer);
        writer.u8(ACK_BITS).unwrap();
        writer.u16(largest).unwrap();
        writer.bytes(&[0; 4]).unwrap();
        writer.varint(bits.len() as u64).unwrap();
        writer.bytes(bits).unwrap();
        let written = writer.written();
        buffer.truncate(written);
        buffer
    };
    assert_eq!(expanded(&frame(9, &[]), 10), Ok(vec![9..=9]));
    assert_eq!(expanded(&frame(9, &[0b1010_0011, 1]), 10), Ok(vec![7..=9, 3..=3, 0..=1]));
    assert_eq!(expanded(&frame(9, &[0, 2]), 10), Err(Malformed));
    assert_eq!(expanded(&frame(9, &[0xff, 0xff]), 10), Err(Malformed));
    assert_eq!(expanded(&frame(9, &[0, 0, 0]), 10), Ok(vec![9..=9]));
    assert_eq!(expanded(&frame(9, &[0xff; 3]), 65_536 + 10).unwrap(), vec![65_521..=65_545]);
    assert!(decode(&frame(9, &[0; limits::ACK_BITMAP])).is_ok());
    assert_eq!(decode(&frame(9, &[0; limits::ACK_BITMAP + 1])), Err(Malformed));
}

#[test]
fn removing_ack_ranges_below_a_number_keeps_that_number_and_all_higher_numbers() {
    fn the_numbers_below_are_removed(inserted: Vec<u8>, below: u8) -> bool {
        let (inserted, below) =
            (inserted.iter().map(|&number| u64::from(number % 64)), u64::from(below % 70));
        let mut ranges = set(inserted.clone());
        ranges.remove_below(below);
        let model: BTreeSet<u64> = inserted.filter(|&number| number >= below).collect();
        numbers(&ranges).into_iter().eq(model)
    }
    quickcheck(the_numbers_below_are_removed as fn(Vec<u8>, u8) -> bool);
}

#[test]
fn an_ack_decodes_to_the_encoded_ranges() {
    fn the_ranges_decoded_are_those_written(inserted: Vec<u16>, base: u64, ahead: u16) -> bool {
        let base = base.min(u64::MAX - 70_000);
        [base, 0, u64::MAX - 70_000].iter().all(|&base| {
            let ranges =
                set(inserted.iter().take(limits::ACK_RANGES).map(|&number| base + u64::from(number)));
            let Some(largest) = ranges.largest() else { return true };
            let next = largest.saturating_add(1).saturating_add(u64::from(ahead) % 0x7fff);
            let bytes = encode(&ranges, 500).unwrap();
            let frame = decode(&bytes).unwrap();
            let mut buffer = vec![0; bytes.len()];
            frame.write(&mut Writer::new(&mut buffer)).unwrap();
            buffer == bytes
                && frame.delay == Span::from_micros(800)
                && frame.receive_time_low24 == 0x0023_4567
                && frame.ranges(next).map(Result::unwrap).eq(ranges.iter())
        })
    }
    quickcheck(the_ranges_decoded_are_those_written as fn(Vec<u16>, u64, u16) -> bool);
}

#[test]
fn ecn_counts_of_an_ack_decode_as_encoded() {
    let ranges = set([1, 5, 9]);
    for (capable, experienced) in [(0, 0), (1, 0), (64, 3), (u64::from(u32::MAX), u64::MAX >> 2)] {
        let marks = Some(EcnCounts { capable, experienced });
        let full = encode_marked(&ranges, marks, 500).unwrap();
        assert_eq!(decode(&full).unwrap().marks, marks);
        assert!(decode(&full[..full.len() - 1]).is_err());
        for room in 0..full.len() {
            let Ok(bytes) = encode_marked(&ranges, marks, room) else { continue };
            assert_eq!(decode(&bytes).unwrap().marks, marks, "{room}");
        }
    }
}

#[test]
fn an_ack_without_space_for_all_ranges_contains_the_newest_ranges_that_fit() {
    for count in [1u64, 2, 14, 15, 16, 17, 31, 32] {
        let ranges = set((0..count).map(|step| step * 3));
        let full = encode(&ranges, 500).unwrap();
        let mut previous = 0;
        for room in 0..=full.len() + 3 {
            let Ok(bytes) = encode(&ranges, room) else {
                assert!(room < 8);
                continue;
            };
            let written = expanded(&bytes, count * 3).unwrap();
            assert!(ranges.iter().zip(&written).all(|(ours, theirs)| ours == *theirs));
            assert!(written.len() >= previous, "more room never means fewer ranges");
            // The next range would have taken two bytes, or three where the count outgrows the type byte.
            assert!(written.len() == ranges.len() || bytes.len() + 3 > room, "{count} in {room}");
            previous = written.len();
        }
        assert_eq!(previous, ranges.len());
    }
}

#[test]
fn an_ack_frame_without_ranges_is_not_written() {
    assert_eq!(encode(&AckRanges::default(), 0), Ok(vec![]));
}

#[test]
fn no_byte_of_an_ack_is_written_if_the_first_range_does_not_fit() {
    let mut buffer = [0; 7];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(write_ack(&set([1]), Span::ZERO, Instant::ZERO, None, &mut writer), Err(NoRoom));
    assert_eq!(writer.written(), 0);
}

#[test]
fn an_ack_of_an_unsent_packet_expands_to_the_unsent_packet_number() {
    for next in [0u64, 1, 100, 70_000, 1 << 40] {
        for ahead in [0, 1, 1000, 1 << 15] {
            let bytes = encode(&set([next + ahead]), 100).unwrap();
            assert_eq!(expanded(&bytes, next), Ok(vec![next + ahead..=next + ahead]));
        }
    }
}

#[test]
fn an_ack_range_below_packet_number_zero_is_malformed() {
    let bytes = encode(&set([1, 5, 6]), 100).unwrap();
    assert_eq!(expanded(&bytes, 7), Ok(vec![5..=6, 1..=1]));
    let mut first_too_long = bytes.clone();
    first_too_long[7] = 7;
    assert_eq!(expanded(&first_too_long, 7), Err(Malformed));
    let mut gap_too_long = bytes.clone();
    gap_too_long[8] = 4;
    assert_eq!(expanded(&gap_too_long, 7), Err(Malformed));
    let mut second_too_long = bytes.clone();
    second_too_long[9] = 2;
    assert_eq!(expanded(&second_too_long, 7), Err(Malformed));
    // 65,535 is too far ahead of 0 to be an acknowledgement of the unsent.
    assert_eq!(expanded(&encode(&set([65_535]), 100).unwrap(), 0), Err(Malformed));
}

#[test]
fn the_iterator_over_ack_ranges_ends_at_the_first_malformed_range() {
    let mut bytes = encode(&set([1, 5, 6]), 100).unwrap();
    bytes[7] = 7;
    let frame = decode(&bytes).unwrap();
    assert_eq!(frame.ranges(7).count(), 1);
}

#[test]
fn an_ack_delay_above_two_to_the_62nd_microseconds_is_malformed() {
    for (units, valid) in [(1u64 << 59, true), ((1 << 59) + 1, false), (u64::MAX, false)] {
        let mut buffer = [0; 20];
        let mut writer = Writer::new(&mut buffer);
        writer.bytes(&[ACK, 0, 0]).unwrap();
        writer.varint(units).unwrap();
        writer.bytes(&[0; 4]).unwrap();
        let written = writer.written();
        assert_eq!(decode(&buffer[..written]).is_ok(), valid, "{units}");
    }
}

#[test]
fn an_ack_with_more_ranges_than_the_limit_is_malformed() {
    let frame = |further: u8| {
        let mut bytes = vec![ACK | 15, further - 15, 0, 0, 0, 0, 0, 0];
        bytes.resize(8 + 1 + 2 * usize::from(further), 0);
        decode(&bytes).map(|frame| frame.ranges(70_000).filter(Result::is_ok).count())
    };
    assert_eq!(frame(31), Ok(limits::ACK_RANGES));
    assert_eq!(frame(32), Err(Malformed));
}

#[test]
fn decoding_arbitrary_ack_bytes_never_panics() {
    fn the_bytes_never_panic(bytes: Vec<u8>, next: u64) -> bool {
        let mut reader = Reader::new(&bytes);
        let Ok(frame) = AckFrame::read(ACK | (bytes.first().copied().unwrap_or(0) % 16), &mut reader) else {
            return true;
        };
        let mut reader = Reader::new(&bytes);
        let bits = AckFrame::read(ACK_BITS_MARKS, &mut reader).map_or(0, |frame| frame.ranges(next).count());
        frame.ranges(next).count() <= limits::ACK_RANGES && bits <= 4 * limits::ACK_BITMAP + 1
    }
    quickcheck(the_bytes_never_panic as fn(Vec<u8>, u64) -> bool);
}
