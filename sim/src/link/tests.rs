use core::time::Duration;

use super::*;
use crate::fault::Target;
use tickwire_core::time::Instant;

fn fault(kind: Kind, seed: u64) -> Fault {
    Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind, seed }
}

fn link_with(faults: &[Fault]) -> Link {
    let mut link = Link::new(3, 50_000);
    for (index, fault) in faults.iter().enumerate() {
        link.begin(index, fault);
    }
    link
}

/// Sends `count` datagrams of 100 bytes, 10 ms apart. The arrivals have the number, the delay and the bytes of each
/// datagram.
struct Run {
    arrivals: Vec<(u64, u64, Vec<u8>)>,
    tally: Tally,
}

fn sent(number: u64) -> Vec<u8> {
    let mut bytes = vec![0x33; 100];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Sends a datagram over a link without a bottleneck, and returns its arrivals.
fn carry(link: &mut Link, now_us: u64, datagram: (&[u8], Ecn), tally: &mut Tally) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let (bytes, ecn) = datagram;
    link.carry(Departure { at_us: now_us, bytes, ecn }, None, &mut Pool::default(), tally, &mut arrivals);
    arrivals
}

fn run(faults: &[Fault], count: u64) -> Run {
    let mut link = link_with(faults);
    let mut tally = Tally::new(faults.len());
    let mut all = Vec::new();
    for number in 0..count {
        let arrivals = carry(&mut link, number * 10_000, (&sent(number), Ecn::NotCapable), &mut tally);
        all.extend(
            arrivals.into_iter().map(|arrival| (number, arrival.at_us - number * 10_000, arrival.bytes)),
        );
    }
    Run { arrivals: all, tally }
}

#[test]
fn without_faults_every_datagram_arrives_unchanged_after_the_delay_of_the_link() {
    let run = run(&[], 100);
    assert_eq!(run.arrivals, (0..100).map(|number| (number, 50_000, sent(number))).collect::<Vec<_>>());
}

#[test]
fn a_flip_fault_limited_to_the_head_changes_no_later_byte() {
    let run = run(&[fault(Kind::Flip { ppm: 1_000_000, most: 8, within: 20 }, 1)], 1000);
    let harmed = run.arrivals.iter().filter(|(number, _, bytes)| bytes[..20] != sent(*number)[..20]);
    assert!(harmed.count() > 900);
    assert!(run.arrivals.iter().all(|(number, _, bytes)| bytes[20..] == sent(*number)[20..]));
}

#[test]
fn undamaged_copies_of_replayed_datagrams_arrive_even_if_the_originals_are_lost() {
    let spread = Duration::from_millis(200);
    let faults = [fault(Kind::Loss { ppm: 500_000 }, 1), fault(Kind::Replay { ppm: 1_000_000, spread }, 2)];
    let mut link = link_with(&faults);
    let mut tally = Tally::new(2);
    let (mut early, mut late) = (0, 0);
    for number in 0..1000 {
        let arrivals = carry(&mut link, number * 10_000, (&sent(number), Ecn::NotCapable), &mut tally);
        let repeated: Vec<_> = arrivals.iter().filter(|arrival| arrival.stranger.is_some()).collect();
        assert_eq!((repeated.len(), &repeated[0].bytes), (1, &sent(number)));
        let after_us = repeated[0].at_us - number * 10_000;
        early += u32::from(after_us <= 50_000);
        late += u32::from(after_us > 50_000 && after_us <= 250_000);
    }
    assert_eq!((early + late, tally.of(1)), (1000, 1000));
    assert!((400..600).contains(&early), "{early}");
}

#[test]
fn uniform_loss_drops_the_configured_share_of_datagrams() {
    let run = run(&[fault(Kind::Loss { ppm: 300_000 }, 1)], 10_000);
    assert_eq!(run.tally.of(0), 10_000 - run.arrivals.len() as u64);
    assert!((2_850..3_150).contains(&run.tally.of(0)), "{}", run.tally.of(0));
}

#[test]
fn burst_loss_with_a_chance_of_one_fifth_to_end_loses_five_datagrams_per_burst_on_average() {
    let kind = Kind::Burst { to_bad: 10_000, to_good: 200_000, good: 0, bad: 1_000_000 };
    let run = run(&[fault(kind, 1)], 100_000);
    let gaps = run.arrivals.windows(2).filter(|pair| pair[1].0 > pair[0].0 + 1).count() as u64;
    let mean_times_ten = run.tally.of(0) * 10 / gaps;
    assert!((45..55).contains(&mean_times_ten), "mean burst {mean_times_ten}/10");
}

#[test]
fn four_state_loss_drops_the_share_of_datagrams_that_its_transition_probabilities_give() {
    // Isolated losses only: state 4 is entered from 1 with p14, and always left.
    let alone = Kind::FourState { p13: 0, p31: 0, p32: 0, p23: 0, p14: 100_000 };
    let lone = run(&[fault(alone, 1)], 50_000);
    assert!(lone.arrivals.windows(2).all(|pair| pair[1].0 <= pair[0].0 + 2));
    assert!((4_300..4_800).contains(&lone.tally.of(0)), "{}", lone.tally.of(0));
    // Bursts of one, in gaps of one: 1 and 3 alternate.
    let every_other = Kind::FourState { p13: 1_000_000, p31: 1_000_000, p32: 0, p23: 0, p14: 0 };
    assert_eq!(run(&[fault(every_other, 1)], 1000).tally.of(0), 500);
    // Within a burst, 2 and 3 alternate: half of a burst's datagrams arrive.
    let bursts = Kind::FourState { p13: 1_000_000, p31: 0, p32: 500_000, p23: 500_000, p14: 0 };
    let lost = run(&[fault(bursts, 1)], 50_000).tally.of(0);
    assert!((24_000..26_000).contains(&lost), "{lost}");
}

#[test]
fn traced_loss_drops_the_datagrams_of_its_trace_in_every_repetition() {
    let bits = [false, true, true, false, false].to_vec();
    let run = run(&[fault(Kind::Traced { bits }, 1)], 10);
    assert_eq!(run.arrivals.iter().map(|arrival| arrival.0).collect::<Vec<_>>(), [0, 3, 4, 5, 8, 9]);
}

#[test]
fn an_mtu_fault_drops_exactly_the_datagrams_above_its_limit_and_a_partition_drops_all() {
    assert!(run(&[fault(Kind::Partition {}, 1)], 100).arrivals.is_empty());
    assert!(run(&[fault(Kind::Mtu { bytes: 99 }, 1)], 100).arrivals.is_empty());
    assert_eq!(run(&[fault(Kind::Mtu { bytes: 100 }, 1)], 100).arrivals.len(), 100);
}

#[test]
fn a_duplicate_fault_adds_one_to_three_copies_within_the_configured_spread() {
    let kind = Kind::Duplicate { ppm: 500_000, most: 3, spread: Duration::from_millis(20) };
    let run = run(&[fault(kind, 1)], 10_000);
    let mut counts = [0; 5];
    for number in 0..10_000 {
        counts[run.arrivals.iter().filter(|arrival| arrival.0 == number).count()] += 1;
    }
    assert_eq!((counts[0], counts[2] + counts[3] + counts[4]), (0, run.tally.of(0)));
    assert!(counts[2..].iter().all(|count| (1_500..1_850).contains(count)), "{counts:?}");
    assert!(run.arrivals.iter().all(|arrival| (50_000..=70_000).contains(&arrival.1)));
}

#[test]
fn a_flip_fault_changes_one_to_eight_bits_of_a_datagram() {
    let run = run(&[fault(Kind::Flip { ppm: 1_000_000, most: 8, within: 0 }, 1)], 1000);
    let mut seen = [0; 9];
    for (number, _, bytes) in &run.arrivals {
        let pairs = bytes.iter().zip(sent(*number));
        let bits: u32 = pairs.map(|(&is, was)| (is ^ was).count_ones()).sum();
        assert_eq!(bytes.len(), 100);
        seen[bits as usize] += 1;
    }
    assert!(seen[1..].iter().all(|&count| count > 50), "{seen:?}");
}

#[test]
fn each_copy_of_a_datagram_is_damaged_independently() {
    let twice = fault(Kind::Duplicate { ppm: 1_000_000, most: 1, spread: Duration::ZERO }, 1);
    let run = run(&[twice, fault(Kind::Flip { ppm: 500_000, most: 1, within: 0 }, 2)], 1000);
    let alike = run.arrivals.chunks(2).filter(|pair| pair[0].2 == pair[1].2).count();
    assert!((200..300).contains(&alike), "{alike}");
}

#[test]
fn a_truncation_fault_shortens_datagrams_and_an_extension_fault_lengthens_them() {
    let short = run(&[fault(Kind::Truncate { ppm: 1_000_000 }, 1)], 1000);
    assert!(
        short.arrivals.iter().all(|(number, _, bytes)| bytes.len() < 100 && sent(*number).starts_with(bytes))
    );
    assert!(short.arrivals.iter().any(|arrival| arrival.2.is_empty()));
    let long = run(&[fault(Kind::Extend { ppm: 1_000_000, most: 40 }, 1)], 1000);
    let extended =
        |bytes: &[u8], number| (101..=140).contains(&bytes.len()) && bytes.starts_with(&sent(number));
    assert!(long.arrivals.iter().all(|(number, _, bytes)| extended(bytes, *number)));
}

#[test]
fn a_reorder_fault_delays_its_configured_share_of_datagrams() {
    let run = run(&[fault(Kind::Reorder { ppm: 100_000, hold: Duration::from_millis(100) }, 1)], 10_000);
    let held = run.arrivals.iter().filter(|arrival| arrival.1 > 50_000).count() as u64;
    assert_eq!(held, run.tally.of(0));
    assert!((900..1_100).contains(&held), "{held}");
}

fn delays(kind: Kind) -> Vec<u64> {
    let mut delays: Vec<u64> =
        run(&[fault(kind, 1)], 20_000).arrivals.iter().map(|arrival| arrival.1 - 50_000).collect();
    delays.sort_unstable();
    delays
}

#[test]
fn normally_distributed_delays_have_the_configured_mean_and_deviation() {
    let (mean, deviation) = (Duration::from_millis(30), Duration::from_millis(5));
    let delays = delays(Kind::Normal { mean, deviation });
    let quantile = |share: usize| delays[delays.len() * share / 1000];
    assert!((29_900..30_100).contains(&quantile(500)), "{}", quantile(500));
    assert!((24_800..25_200).contains(&quantile(159)), "{}", quantile(159));
    assert!((34_800..35_200).contains(&quantile(841)), "{}", quantile(841));
}

#[test]
fn pareto_distributed_delays_have_the_configured_scale_and_median() {
    let (scale, most) = (Duration::from_millis(10), Duration::from_millis(200));
    let delays = delays(Kind::Pareto { scale, most });
    let quantile = |share: usize| delays[delays.len() * share / 1000];
    assert!(delays[0] >= 10_000 && delays[delays.len() - 1] == 200_000);
    // The median of exponent 2 is the scale times the square root of two; one in a hundred exceeds ten times it.
    assert!((13_900..14_400).contains(&quantile(500)), "{}", quantile(500));
    assert!((90_000..110_000).contains(&quantile(990)), "{}", quantile(990));
}

#[test]
fn uniform_delays_stay_within_their_maximum_and_recorded_delays_repeat_in_order() {
    let uniform = delays(Kind::Uniform { most: Duration::from_millis(10) });
    assert!((4_800..5_200).contains(&uniform[uniform.len() / 2]) && uniform[uniform.len() - 1] <= 10_000);
    let recorded = Kind::Recorded { delays: [1, 2, 3].map(Duration::from_micros).to_vec() };
    let run = run(&[fault(recorded, 1)], 6);
    assert_eq!(run.arrivals.iter().map(|arrival| arrival.1 - 50_000).collect::<Vec<_>>(), [1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_bunch_fault_delivers_the_datagrams_of_each_interval_at_the_same_time() {
    for (every, seed) in [(35_000, 1), (100_000, 2), (100_000, 3)] {
        let run = run(&[fault(Kind::Bunch { every: Duration::from_micros(every) }, seed)], 1000);
        let times: Vec<u64> = run.arrivals.iter().map(|arrival| arrival.0 * 10_000 + arrival.1).collect();
        let first = times[0] % every;
        assert!(times.iter().all(|time| time % every == first), "{every} {seed}");
        assert!(run.arrivals.iter().all(|arrival| (50_000..50_000 + every).contains(&arrival.1)));
    }
    let run = run(&[fault(Kind::Bunch { every: Duration::ZERO }, 1)], 10);
    assert!(run.arrivals.iter().all(|arrival| arrival.1 == 50_000));
}

#[test]
fn the_in_order_fault_delays_a_datagram_only_until_the_preceding_datagrams_have_arrived() {
    let jitter = fault(Kind::Uniform { most: Duration::from_millis(100) }, 1);
    let times = |run: &Run| -> Vec<u64> {
        run.arrivals.iter().map(|arrival| arrival.0 * 10_000 + arrival.1).collect()
    };
    let loose = times(&run(core::slice::from_ref(&jitter), 1000));
    let kept = times(&run(&[fault(Kind::InOrder {}, 2), jitter], 1000));
    let latest = loose.iter().scan(0, |latest, time| {
        *latest = (*latest).max(*time);
        Some(*latest)
    });
    assert_eq!(kept, latest.collect::<Vec<_>>());
    assert_ne!(kept, loose);
}

#[test]
fn a_clog_fault_delays_every_datagram_until_the_end_of_the_fault() {
    let mut clog = fault(Kind::Clog {}, 1);
    clog.until = Instant::saturating_from_micros(500_000);
    let run = run(&[clog], 100);
    let due = |number: u64| (number * 10_000 + 50_000).max(500_000);
    assert!(run.arrivals.iter().all(|arrival| arrival.0 * 10_000 + arrival.1 == due(arrival.0)));
}

#[test]
fn a_rate_fault_drops_datagrams_that_exceed_its_queue() {
    let squeezed = run(&[fault(Kind::Rate { bytes_per_second: 5_000, queue_bytes: 400 }, 1)], 1000);
    assert!((480..520).contains(&squeezed.arrivals.len()), "{}", squeezed.arrivals.len());
    let times: Vec<u64> = squeezed.arrivals.iter().map(|arrival| arrival.0 * 10_000 + arrival.1).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 20_000));
}

#[test]
fn removing_a_fault_changes_no_random_decision_of_the_remaining_faults() {
    let all = [
        fault(Kind::Duplicate { ppm: 300_000, most: 2, spread: Duration::ZERO }, 5),
        fault(Kind::Loss { ppm: 100_000 }, 7),
        fault(Kind::Burst { to_bad: 50_000, to_good: 300_000, good: 10_000, bad: 700_000 }, 6),
        fault(Kind::Flip { ppm: 200_000, most: 3, within: 0 }, 8),
        fault(Kind::Uniform { most: Duration::from_millis(9) }, 9),
    ];
    let survivors = |run: &Run| run.arrivals.iter().map(|arrival| arrival.0).collect::<Vec<_>>();
    let full = run(&all, 2000);
    // Without a loss, everything that arrived before arrives as it did; the rest are the datagrams it took.
    for index in [1, 2] {
        let without = run(&[&all[..index], &all[index + 1..]].concat(), 2000);
        let arrived = survivors(&full);
        let common: Vec<_> =
            without.arrivals.iter().filter(|one| arrived.contains(&one.0)).cloned().collect();
        assert_eq!(common, full.arrivals);
        assert!(without.arrivals.len() > full.arrivals.len());
    }
    // Without the corruption, the same datagrams arrive at the same times.
    let without_flips = run(&[&all[..3], &all[4..]].concat(), 2000);
    let times = |run: &Run| run.arrivals.iter().map(|arrival| (arrival.0, arrival.1)).collect::<Vec<_>>();
    assert_eq!(times(&without_flips), times(&full));
    assert!(without_flips.arrivals.iter().all(|arrival| arrival.2 == sent(arrival.0)));
}

#[test]
fn the_order_of_the_fault_list_does_not_change_any_arrival() {
    let loss = fault(Kind::Loss { ppm: 300_000 }, 1);
    let delay = fault(Kind::Uniform { most: Duration::from_millis(9) }, 2);
    let flip = fault(Kind::Flip { ppm: 300_000, most: 8, within: 0 }, 3);
    let one = run(&[loss.clone(), delay.clone(), flip.clone()], 500);
    let other = run(&[flip, loss, delay], 500);
    assert_eq!(one.arrivals, other.arrivals);
}

#[test]
fn a_fault_loses_different_datagrams_in_each_direction() {
    let loss = fault(Kind::Loss { ppm: 500_000 }, 1);
    let through = |id| {
        let mut link = Link::new(id, 0);
        link.begin(0, &loss);
        let (mut pool, mut tally, mut arrivals) = (Pool::default(), Tally::new(1), Vec::new());
        (0..64)
            .map(|number| {
                arrivals.clear();
                let departure = Departure { at_us: number, bytes: &[0], ecn: Ecn::NotCapable };
                link.carry(departure, None, &mut pool, &mut tally, &mut arrivals);
                arrivals.len()
            })
            .collect::<Vec<_>>()
    };
    assert_ne!(through(0), through(1));
    assert_eq!(through(1), through(1));
}

/// Sends 1,000 datagrams with the bits `ecn` through the faults `kinds`. Returns the bits of each arrival, and the
/// number of effects of the first fault.
fn bits(kinds: &[Kind], ecn: Ecn) -> (Vec<Ecn>, u64) {
    let faults: Vec<Fault> = kinds.iter().map(|kind| fault(kind.clone(), 7)).collect();
    let (mut link, mut tally) = (link_with(&faults), Tally::new(kinds.len()));
    let arrivals = (0..1000).flat_map(|number| carry(&mut link, number, (&[0], ecn), &mut tally));
    (arrivals.map(|arrival| arrival.ecn).collect(), tally.of(0))
}

#[test]
fn a_mark_fault_marks_its_configured_share_of_ecn_capable_datagrams_and_no_other_datagram() {
    let kind = [Kind::Mark { ppm: 250_000 }];
    let (marked, fired) = bits(&kind, Ecn::Capable0);
    let count = marked.iter().filter(|&&ecn| ecn == Ecn::CongestionExperienced).count();
    assert!((200..300).contains(&count), "{count}");
    assert_eq!(fired, count as u64);
    assert!(marked.iter().all(|&ecn| ecn == Ecn::CongestionExperienced || ecn == Ecn::Capable0));
    let (unmarked, fired) = bits(&kind, Ecn::NotCapable);
    assert!(unmarked.iter().all(|&ecn| ecn == Ecn::NotCapable));
    assert_eq!(fired, 0);
}

#[test]
fn a_bleaching_path_clears_all_ecn_bits() {
    let (cleared, fired) = bits(&[Kind::Bleach {}], Ecn::CongestionExperienced);
    assert!(cleared.iter().all(|&ecn| ecn == Ecn::NotCapable));
    assert_eq!(fired, 1000);
}
