use core::net::SocketAddr;

use super::*;

fn ipv4() -> Address {
    Address::from(SocketAddr::from(([10, 0, 0, 1], 7777)))
}

fn ipv6() -> Address {
    Address::from(SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 7777)))
}

/// Searches on a path that carries IP packets of `path_mtu`; the result, and how many probes it took.
fn search(mtu: &mut PathMtu, now: Instant, path_mtu: u16) -> (usize, u32) {
    let mut probes = 0;
    mtu.on_full(now);
    for number in 1.. {
        let Some(size) = mtu.due() else { break };
        mtu.on_probe_sent(number);
        probes += 1;
        if size + usize::from(mtu.headers) <= usize::from(path_mtu) {
            assert_eq!(mtu.on_acked(number, size as u64), Some(size));
        } else {
            assert_eq!(mtu.on_lost(number, size as u64), Loss::Probe);
        }
        assert!(probes < 60, "it does not end");
        mtu.on_full(now);
    }
    (mtu.current.into(), probes)
}

#[test]
fn what_a_path_carries_is_found_in_few_probes() {
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
fn between_plateaus_the_one_below_is_found_and_below_the_first_the_base_stays() {
    for (path_mtu, found) in [(1495, 1492 - 28), (1281, 1280 - 28), (1250, 1200), (3000, 1472)] {
        let mut mtu = PathMtu::new(ipv4(), 1200, 8972);
        assert_eq!(search(&mut mtu, Instant::ZERO, path_mtu).0, found, "{path_mtu}");
    }
}

#[test]
fn nothing_above_what_both_ends_take_is_tried() {
    for most in [1200, 1201, 1300, 1452, 1472, 2000, 8972] {
        let mut mtu = PathMtu::new(ipv4(), 1200, most);
        assert_eq!(search(&mut mtu, Instant::ZERO, u16::MAX).0, most, "{most}");
    }
}

#[test]
fn on_a_link_there_is_nothing_to_find() {
    let mut mtu = PathMtu::new(Address::Link(crate::address::LinkId(1)), 16_000, 60_000);
    mtu.on_full(Instant::ZERO);
    assert!(!mtu.is_due());
}

#[test]
fn before_a_datagram_is_full_nothing_is_tried() {
    assert!(!PathMtu::new(ipv4(), 1200, 1472).is_due());
}

#[test]
fn one_lost_probe_is_chance_and_three_are_a_limit() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    mtu.on_full(Instant::ZERO);
    for number in 1..=3 {
        assert_eq!(mtu.due(), Some(1472));
        mtu.on_probe_sent(number);
        assert!(!mtu.is_due());
        assert_eq!(mtu.on_lost(number, 1472), Loss::Probe);
    }
    assert!(mtu.due().is_some_and(|size| size < 1472));
}

#[test]
fn what_failed_is_tried_again_after_ten_minutes() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    assert_eq!(search(&mut mtu, Instant::ZERO, 1420).0, 1392);
    let early = Instant::ZERO + RAISE_AFTER - Duration::from_micros(1);
    assert_eq!(search(&mut mtu, early, 1500), (1392, 0));
    assert_eq!(search(&mut mtu, Instant::ZERO + RAISE_AFTER, 1500), (1472, 1));
}

#[test]
fn three_large_datagrams_lost_in_a_row_are_a_black_hole_and_the_search_goes_on_below() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    assert_eq!(search(&mut mtu, Instant::ZERO, 1500).0, 1472);
    assert_eq!(mtu.on_lost(100, 1472), Loss::Ordinary);
    assert_eq!(mtu.on_lost(101, 1201), Loss::Ordinary);
    assert_eq!(mtu.on_lost(102, 1200), Loss::Ordinary);
    assert_eq!(mtu.on_lost(103, 1472), Loss::BlackHole);
    assert_eq!(usize::from(mtu.current), BASE_DATAGRAM);
    assert_eq!(search(&mut mtu, Instant::ZERO, 1420).0, 1392);
}

#[test]
fn a_large_datagram_that_came_through_acquits_those_before_it() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 1472);
    search(&mut mtu, Instant::ZERO, 1500);
    for number in 0..1000 {
        // As after a moment without any connection at all.
        mtu.on_acked(1000 * (number + 1), 1472);
        for lost in 1..20 {
            assert_eq!(mtu.on_lost(1000 * (number + 1) - lost, 1472), Loss::Ordinary);
        }
        assert_eq!(mtu.on_lost(1000 * (number + 1) + 1, 1472), Loss::Ordinary);
    }
    assert_eq!(mtu.current, 1472);
}

#[test]
fn a_buffer_that_is_too_small_ends_the_search_above_it() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 8972);
    mtu.on_full(Instant::ZERO);
    mtu.on_no_room(1400);
    assert_eq!(search(&mut mtu, Instant::ZERO, u16::MAX).0, 1400);
    mtu.on_no_room(100);
    assert_eq!((mtu.current, mtu.due()), (1400, None));
}

#[test]
fn a_new_path_starts_at_the_base() {
    let mut mtu = PathMtu::new(ipv4(), 1200, 8972);
    search(&mut mtu, Instant::ZERO, 9000);
    mtu.restart(ipv6());
    assert_eq!(search(&mut mtu, Instant::ZERO, 1500).0, 1452);
}
