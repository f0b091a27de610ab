//! Runs the program `endurance` with fewer messages.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use tickwire_sim::fault::KindName;
use tickwire_sim::stream::{StreamConfig, run_to_completion, terrible_network};

const MESSAGES: u64 = 20_000;

#[test]
fn reliable_messages_arrive_exactly_once_and_ordered_messages_in_order_at_30_percent_loss() {
    let mut config = StreamConfig::new(1, MESSAGES as u32 / 4);
    config.faults = terrible_network();
    let mut world = config.world();
    run_to_completion(&mut world, Duration::from_secs(600)).unwrap();
    assert_eq!(world.application().delivered(), MESSAGES);

    // The network was as terrible as it claims to be, in hundredths of what met each fault: half of what was not lost
    // came twice, and each copy was harmed and held back for itself.
    let (counters, fired) = (world.counters(), world.fired_by_kind());
    let met = counters.sent - counters.too_large;
    let carried = met - fired[&KindName::Loss];
    let copies = carried + fired[&KindName::Duplicate];
    let share = |kind, of| fired[&kind] * 100 / of;
    assert_eq!(fired[&KindName::Loss], counters.lost);
    assert!((29..=31).contains(&share(KindName::Loss, met)), "{fired:?}");
    assert!((49..=50).contains(&share(KindName::Duplicate, carried)), "{fired:?}");
    assert!((9..=10).contains(&share(KindName::Flip, copies)), "{fired:?}");
    assert!((49..=50).contains(&share(KindName::Reorder, copies)), "{fired:?}");
}
