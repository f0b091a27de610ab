//! Every target with bytes that no fuzzer chose: a little of it in every run of the tests.

use tickwire_fuzz::TARGETS;
use tickwire_sim::rng::Draws;

#[test]
fn noise_breaks_no_promise() {
    let only = std::env::var("TARGET").ok();
    let rounds = std::env::var("ROUNDS").map_or(400, |text| text.parse().unwrap());
    for (index, (name, body)) in (0..).zip(TARGETS) {
        if only.as_deref().is_some_and(|only| only != *name) {
            continue;
        }
        let mut draws = Draws::new(index);
        let start = std::time::Instant::now();
        for round in 0..rounds {
            let length = draws.magnitude(1, 2000) as usize;
            let mask = if round % 2 == 0 { 0xff } else { draws.next_u64() as u8 };
            let bytes: Vec<u8> = (0..length).map(|_| draws.next_u64() as u8 & mask).collect();
            let result = std::panic::catch_unwind(|| body(&bytes));
            if result.is_err() {
                std::fs::write("/tmp/noise-fail", &bytes).unwrap();
                panic!("{name} round {round}");
            }
        }
        println!("{name}: {:?}", start.elapsed());
    }
}
