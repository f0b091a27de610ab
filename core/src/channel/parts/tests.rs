use quickcheck::quickcheck;

use super::*;

#[test]
fn the_record_of_a_message_in_reassembly_takes_40_bytes_in_addition_to_its_pages() {
    assert_eq!((size_of::<Parts>(), size_of::<Extent>()), (40, 24));
}

#[test]
fn a_first_fragment_of_nine_bytes_allocates_the_smallest_page_at_any_offset() {
    for offset in [0, 4095, 70_000, (1 << 28) - 1] {
        for (length, memory) in [(1, 0), (9, PAGE_LEAST)] {
            let mut spare = Spare::default();
            let mut parts = Spare::begin((1 << 28) + 8);
            spare.write(&mut parts, offset, &[1; 9][..length]);
            assert_eq!((parts.memory(), parts.ranges()), (memory, 1));
        }
    }
}

#[test]
fn fragments_that_arrive_in_order_fill_whole_pages() {
    let mut spare = Spare::default();
    let mut parts = Spare::begin(1 << 20);
    for offset in (0..1 << 20).step_by(1024) {
        spare.write(&mut parts, offset, &[7; 1024]);
    }
    assert!(parts.is_complete() && parts.iter().all(|part| part.len() == PAGE));
    assert!(parts.memory() <= (1 << 20) * 103 / 100, "{}", parts.memory());
}

#[test]
fn unused_pages_kept_for_reuse_take_at_most_512_kib() {
    let mut spare = Spare::default();
    let mut seen = alloc::collections::BTreeSet::new();
    for _ in 0..100 {
        let parts = spare.store(&[1; 5000]);
        seen.extend(parts.iter().map(<[u8]>::as_ptr));
        spare.recycle(parts);
    }
    assert_eq!(seen.len(), 2);
    for total in [100, 200_000] {
        let many: Vec<_> = (0..300).map(|_| spare.store(&vec![1; total])).collect();
        many.into_iter().for_each(|parts| spare.recycle(parts));
        assert_eq!(spare.pages_bytes, spare.pages.iter().flatten().map(|page| page.len()).sum::<usize>());
        assert_eq!(spare.tables_bytes, spare.tables.iter().map(|more| more.memory()).sum::<usize>());
        assert!(spare.pages_bytes <= PAGES_KEPT && spare.tables_bytes <= TABLES_KEPT);
    }
    spare.trim();
    assert!(spare.is_empty());
}

#[test]
fn reassembly_in_any_order_takes_at_most_twice_the_received_bytes_plus_the_overhead_of_each_range() {
    const TOTAL: u32 = 40_000;
    for step in [1u32, 3, 64, 100, 1150] {
        let starts = || (0..TOTAL).step_by(step as usize);
        let orders: [Vec<u32>; 4] = [
            starts().collect(),
            starts().rev().collect(),
            starts().step_by(2).chain(starts().skip(1).step_by(2)).collect(),
            starts()
                .step_by(2)
                .chain(starts().skip(1).step_by(2).collect::<Vec<_>>().into_iter().rev())
                .collect(),
        ];
        for order in orders {
            let (mut spare, mut parts, mut came) = (Spare::default(), Spare::begin(TOTAL), 0);
            for (count, start) in (1..).zip(order) {
                let length = step.min(TOTAL - start);
                spare.write(&mut parts, start, &vec![(start % 251) as u8; length as usize]);
                came += length as usize;
                let places = Sorted::<Extent>::PLACE * count.min(parts.ranges() + came / 512) + 400;
                let pages = 2 * came + PAGE_LEAST * parts.ranges() + PAGE;
                assert!(parts.memory() <= places + pages, "{step}: {} for {came}", parts.memory());
            }
            assert!(parts.is_complete() && parts.ranges() == 1);
        }
    }
}

quickcheck! {
    fn overlapping_fragments_keep_the_bytes_that_were_written_first(script: Vec<(u16, u16)>) -> bool {
        const TOTAL: usize = 20_000;
        let text = |which: usize| -> Vec<u8> { (0..TOTAL).map(|at| (at * 7 % 251 + which) as u8).collect() };
        let (mut spare, mut parts) = (Spare::default(), Spare::begin(TOTAL as u32));
        let mut model = vec![None; TOTAL];
        let mut agrees = true;
        for (start, length) in script {
            let start = usize::from(start) % TOTAL;
            let length = if length % 3 == 0 { 1 } else { usize::from(length) % 6000 };
            let end = (start + length).min(TOTAL);
            let text = text(length % 3);
            spare.write(&mut parts, start as u32, &text[start..end]);
            for at in start..end {
                model[at].get_or_insert(text[at]);
            }
            let ranges = (0..TOTAL).filter(|&at| model[at].is_some() && (at == 0 || model[at - 1].is_none())).count();
            let pages: usize = match &parts.table {
                Table::One(extent) => extent.page.memory(),
                Table::More(more) => {
                    let all = || more.extents.iter();
                    assert!(all().zip(all().skip(1)).all(|(one, next)| one.end() <= next.offset));
                    assert_eq!(more.pages, all().map(|extent| extent.page.memory()).sum::<usize>());
                    more.pages
                }
            };
            agrees &= parts.received as usize == model.iter().flatten().count()
                && parts.ranges() == ranges
                && pages <= 2 * parts.received as usize + PAGE_LEAST * ranges + PAGE;
        }
        let rest = text(0);
        spare.write(&mut parts, 0, &rest);
        let expected: Vec<u8> = model.iter().zip(&rest).map(|(first, rest)| first.unwrap_or(*rest)).collect();
        agrees && parts.is_complete() && parts.iter().collect::<Vec<_>>().concat() == expected
    }
}
