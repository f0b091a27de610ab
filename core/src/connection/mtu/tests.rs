use alloc::vec::Vec;
use core::net::SocketAddr;

use super::*;

const ROOM: usize = 65_535;

fn ipv4() -> Address {
    Address::from(SocketAddr::from(([10, 0, 0, 1], 7777)))
}

fn ipv6() -> Address {
    Address::from(SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 7777)))
}

/// Searches on a path that carries IP packets of `path_mtu` bytes. Returns the size found, and the number of
/// probes.
fn search(mtu: &mut PathMtu, now: Instant, path_mtu: u16) -> (usize, u32) {
    let mut probes = 0;
    mtu.on_full(now, ROOM);
    for number in 1.. {
        let Some(size) = mtu.due() else { break };
        mtu.on_probe_sent(number);
        probes += 1;
        if size + usize::from(mtu.headers) <= usize::from(path_mtu) {
            assert!(mtu.on_acked(number, size as u64));
            assert_eq!(mtu.current(), size);
        } else {
            assert!(mtu.on_lost(number, size as u64));
        }
        assert!(probes < 60, "it does not end");
        mtu.on_full(now, ROOM);
    }
    (mtu.current.into(), probes)
}

#[test]
fn the_mtu_search_finds_the_path_mtu_with_at_most_16_probes() {
    for (path_mtu, most_probes) in [(1500, 10), (9000, 2), (1420, 16), (1280, 13), (1492, 16), (6000, 8)] {
        for (remote, headers) in [(ipv4(), 28), (ipv6(), 48)] {
            let mut mtu = PathMtu::new(remote, 1200, 9000 - headers);
            let (found, probes) = search(&mut mtu, Instant::ZERO, path_mtu as u16);
            assert_eq!(found, path_mtu - headers, "{path_mtu}");
            assert!(probes <= most_probes, "{path_mtu}: {probes} probes");
        }
    }
}

#[test]
fn the_mtu_search_finds_the_largest_plateau_below_the_path_mtu_or_keeps_the_base_size() {
    for (path_mtu, found) in [(1495, 1492 - 28), (1281, 1280 - 28), (1250, 1200), (3000, 1472)] {
        let mut mtu = PathMtu::new(ipv4(), 1200, 8972);
        assert_eq!(search(&mut mtu, Instant::ZERO, path_mtu).0, found, "{path_mtu}");
    }
}

#[test]
fn no_size_above_the_maximum_datagram_size_of_both_ends_is_probed() {
    for most in [1200, 1201, 1300, 1452, 1472, 2000, 8972] {
        let mut mtu = PathMtu::new(ipv4(), 1200, most);
        assert_eq!(search(&mut mtu, Instant::ZERO, u16::MAX).0, most, "{most}");
    }
}

#[test]
fn a_link_is_never_probed_for_its_mtu() {
    let mut mtu = PathMtu::new(Address::Link(crate::address::LinkId(1)), 16_000, 60_000);
    mtu.on_full(Instant::ZERO, ROOM);
    assert!(!mtu.is_due());
}

#[test]
fn no_mtu_probe_is_due_until_data_exceeds_the_datagram_size() {
    assert!(!PathMtu::new(ipv4(), 1200, 1472).is_due());
}

#[test]
fn a_datagram_size_is_given_up_after_three_lost_mtu_probes() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    mtu.on_full(Instant::ZERO, ROOM);
    for number in 1..=3 {
        assert_eq!(mtu.due(), Some(1472));
        mtu.on_probe_sent(number);
        assert!(!mtu.is_due());
        assert!(mtu.on_lost(number, 1472));
    }
    assert!(mtu.due().is_some_and(|size| size < 1472));
}

#[test]
fn a_failed_datagram_size_is_probed_again_after_ten_minutes() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    assert_eq!(search(&mut mtu, Instant::ZERO, 1420).0, 1392);
    let early = Instant::ZERO + RAISE_AFTER - Span::from_micros(1);
    assert_eq!(search(&mut mtu, early, 1500), (1392, 0));
    assert_eq!(search(&mut mtu, Instant::ZERO + RAISE_AFTER, 1500), (1472, 1));
}

/// Returns a search that has found the size of an Ethernet path, with packet 1 as the probe.
fn found() -> PathMtu {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    assert_eq!(search(&mut mtu, Instant::ZERO, 1500).0, 1472);
    mtu
}

fn lose(mtu: &mut PathMtu, packets: &[(u64, u64)]) -> bool {
    packets.iter().for_each(|&(number, bytes)| assert!(!mtu.on_lost(number, bytes)));
    mtu.take_black_hole(Instant::ZERO)
}

#[test]
fn losses_of_only_large_datagrams_count_as_a_black_hole_and_restart_the_mtu_search_below_their_size() {
    let mut mtu = found();
    assert!(!lose(&mut mtu, &[(101, 1472), (102, 1201)]));
    mtu.on_acked(103, 1200);
    assert!(!lose(&mut mtu, &[(104, 1472), (105, 1201), (106, 1400)]));
    assert!(lose(&mut mtu, &[(107, 1472)]));
    assert_eq!(usize::from(mtu.current), BASE_DATAGRAM);
    let mut mtu = found();
    assert!(!lose(&mut mtu, &[(101, 1472)]));
    mtu.on_acked(103, 300);
    assert!(lose(&mut mtu, &[(104, 1472), (105, 1472), (106, 1472), (107, 1472)]));
    assert_eq!(usize::from(mtu.current), BASE_DATAGRAM);
    assert_eq!(search(&mut mtu, Instant::ZERO, 1420).0, 1392);
}

/// Loses five datagrams of `bytes` from packet `number` on, while small datagrams pass. Returns `true` if the
/// losses were a black hole.
fn fall(mtu: &mut PathMtu, number: u64, bytes: u64) -> bool {
    assert!(!lose(mtu, &[(number, bytes)]));
    mtu.on_acked(number + 1, 100);
    let lost: Vec<_> = (2..7).map(|step| (number + step, bytes)).collect();
    lose(mtu, &lost)
}

#[test]
fn after_a_black_hole_at_the_base_size_the_datagram_size_falls_to_1000_and_then_700_bytes() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1200);
    assert!(fall(&mut mtu, 10, 1200));
    assert_eq!(mtu.current, 1000);
    assert!(fall(&mut mtu, 20, 1000));
    assert_eq!(mtu.current, 700);
    let mut other = mtu.clone();
    assert_eq!(search(&mut mtu, Instant::ZERO, 950 + 28).0, 900);
    assert_eq!(search(&mut other, Instant::ZERO, 720 + 28).0, 700);
    // A smaller one that passes says more.
    let mut mtu = PathMtu::new(ipv4(), 1200, 1200);
    assert!(!lose(&mut mtu, &[(10, 1200)]));
    mtu.on_acked(11, 1100);
    assert!(lose(&mut mtu, &[(12, 1200), (13, 1200), (14, 1200), (15, 1200)]));
    assert_eq!(mtu.current, 1100);
}

#[test]
fn a_failed_datagram_size_below_the_base_size_is_probed_again_after_a_minute() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    assert!(fall(&mut mtu, 10, 1200));
    assert_eq!(search(&mut mtu, Instant::ZERO, 1000 + 28).0, 1000);
    let later = Instant::ZERO + RAISE_FROM_BELOW_BASE_AFTER;
    assert_eq!(search(&mut mtu, later - Span::from_micros(1), 1500), (1000, 0));
    assert_eq!(search(&mut mtu, later, 1500), (1472, 1));
}

#[test]
fn a_path_mtu_counts_as_too_small_after_five_lost_probes_of_700_bytes() {
    for passing in 0..=5 {
        let mut mtu = PathMtu::new(ipv4(), 1200, 1200);
        assert!(fall(&mut mtu, 10, 1200) && fall(&mut mtu, 20, 1000) && fall(&mut mtu, 30, 700));
        for number in 0..5 {
            assert!(!mtu.is_too_narrow());
            assert_eq!(mtu.due(), Some(700));
            mtu.on_probe_sent(100 + number);
            assert_eq!(mtu.due(), Some(PING));
            mtu.on_probe_sent(200 + number);
            assert!(!mtu.is_due());
            if number == passing {
                assert!(mtu.on_acked(100 + number, 700));
                break;
            }
            assert!(mtu.on_lost(100 + number, 700));
        }
        assert_eq!(mtu.is_too_narrow(), passing == 5);
        assert_eq!(mtu.current, 700);
    }
}

#[test]
fn a_disproved_black_hole_delays_the_detection_of_the_next_black_hole_by_ten_seconds() {
    let mut mtu = found();
    assert!(fall(&mut mtu, 10, 900));
    assert_eq!((mtu.current, mtu.due()), (700, Some(1472)));
    assert!(mtu.wants_quiet_since().is_some());
    mtu.on_probe_sent(50);
    assert!(mtu.on_acked(50, 1472));
    assert_eq!((mtu.current, mtu.due(), mtu.wants_quiet_since()), (1472, None, None));
    assert!(!lose(&mut mtu, &[(60, 900)]));
    mtu.on_acked(61, 100);
    for number in 62..70 {
        mtu.on_lost(number, 900);
    }
    assert!(!mtu.take_black_hole(Instant::ZERO + SUSPICION_AFTER_MISTAKE - Span::from_micros(1)));
    assert!(mtu.take_black_hole(Instant::ZERO + SUSPICION_AFTER_MISTAKE));
}

#[test]
fn a_black_hole_that_three_lost_probes_confirm_limits_the_mtu_search_to_smaller_sizes() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1200);
    assert!(fall(&mut mtu, 10, 900));
    for number in 50..53 {
        assert_eq!(mtu.due(), Some(1200));
        mtu.on_probe_sent(number);
        assert!(mtu.on_lost(number, 1200));
    }
    assert_eq!((mtu.current, mtu.due(), mtu.wants_quiet_since()), (700, Some(800), None));
}

#[test]
fn heavy_random_loss_raises_the_number_of_losses_that_count_as_a_black_hole() {
    // Of 100 datagrams 30 are lost, large and small.
    let (mut mtu, mut draws, mut falls) = (found(), 1u64, 0);
    for number in 2..200_000u64 {
        draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bytes = if number % 5 == 0 { 300 } else { 1472 };
        if draws >> 33 < (1 << 31) / 10 * 3 {
            falls += u32::from(lose(&mut mtu, &[(number, bytes)]));
        } else {
            mtu.on_acked(number, bytes);
        }
    }
    assert_eq!((falls, mtu.current), (0, 1472));
    assert!((250..350).contains(&mtu.chance), "{}", mtu.chance);
    // And then the hole.
    assert!(!lose(&mut mtu, &[(200_000, 1472)]));
    mtu.on_acked(200_001, 300);
    let lost: Vec<_> = (200_002..200_040).map(|number| (number, 1472)).collect();
    assert!(lose(&mut mtu, &lost));
}

#[test]
fn an_acknowledged_large_datagram_resets_the_count_of_black_hole_losses() {
    let mut mtu = found();
    for number in (0..100_000).step_by(1000) {
        mtu.on_acked(number + 1, 800);
        mtu.on_acked(number + 500, 1472);
        let lost: Vec<_> = (2..400).map(|step| (number + step, 1472)).collect();
        assert!(!lose(&mut mtu, &lost));
        assert!(!lose(&mut mtu, &[(number + 501, 1472)]));
    }
    assert_eq!(mtu.current, 1472);
}

#[test]
fn losses_of_small_and_large_datagrams_together_are_not_mistaken_for_a_black_hole() {
    // The first packet after it is a small one; what was lost lies before.
    let mut mtu = found();
    mtu.on_acked(50, 1472);
    mtu.on_acked(90, 1200);
    let lost: Vec<_> = (51..90).map(|number| (number, 1472)).collect();
    assert!(!lose(&mut mtu, &lost));
    // Small ones were lost with the large ones.
    assert!(!lose(&mut mtu, &[(91, 1472), (92, 1472), (93, 1472), (94, 700)]));
    assert!(!lose(&mut mtu, &[(95, 1472), (96, 1472), (97, 1472)]));
    assert_eq!(mtu.current, 1472);
}

/// A link that lost large datagrams was reduced to the base size, and then probed as a path is.
#[test]
fn regression_losses_on_a_link_are_never_mistaken_for_a_black_hole() {
    let mut mtu = PathMtu::new(Address::Link(crate::address::LinkId(1)), 4000, 4000);
    mtu.on_acked(1, 4000);
    mtu.on_acked(2, 300);
    assert!(!lose(&mut mtu, &[(3, 4000), (4, 4000), (5, 4000), (6, 4000)]));
    mtu.on_full(Instant::ZERO, ROOM);
    assert_eq!((mtu.current, mtu.due()), (4000, None));
}

#[test]
fn a_transmit_buffer_below_the_probe_size_pauses_the_mtu_search_until_a_larger_buffer_is_given() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 8972);
    mtu.on_full(Instant::ZERO, ROOM);
    mtu.on_no_room(1400);
    assert!(mtu.due().is_some_and(|size| size <= 1400));
    mtu.on_no_room(100);
    assert_eq!((mtu.current, mtu.due()), (1200, None));
    assert_eq!(search(&mut mtu, Instant::ZERO, 9000).0, 8972);
}

#[test]
fn after_a_change_of_path_the_mtu_search_finds_the_mtu_of_the_new_path() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 8972);
    search(&mut mtu, Instant::ZERO, 9000);
    mtu.restart(ipv6());
    assert_eq!(search(&mut mtu, Instant::ZERO, 1500).0, 1452);
}

#[test]
fn the_estimate_of_random_loss_falls_to_zero_within_2000_packets_without_loss() {
    let mut mtu = found();
    (1000..1100).for_each(|number| assert!(!mtu.on_lost(number, 1200)));
    // One that comes through says that those were chance.
    mtu.on_acked(1100, 1200);
    assert!(mtu.chance > 100);
    (1101..3000).for_each(|number| assert!(!mtu.on_acked(number, 1200)));
    assert_eq!(mtu.chance, 0);
}
