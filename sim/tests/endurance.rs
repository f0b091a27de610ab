//! What `endurance` does with a million messages, with as many as CI has time for.

use std::time::Duration;

use tickwire_sim::stream::{StreamConfig, run_to_completion, terrible_network};

#[test]
fn no_message_is_lost_doubled_or_out_of_order_on_a_terrible_network() {
    let mut config = StreamConfig::new(1, 5_000);
    config.faults = terrible_network();
    let mut world = config.world();
    run_to_completion(&mut world, Duration::from_secs(600)).unwrap();
    assert_eq!(world.application().delivered(), 20_000);
    let counters = world.counters();
    assert!(counters.lost * 10 > counters.sent * 2, "the network was not terrible: {counters:?}");
}
