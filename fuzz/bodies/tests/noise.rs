//! Every target with bytes that no fuzzer chose: a little of it in every run of the tests.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use tickwire_fuzz::TARGETS;
use tickwire_sim::rng::{Draws, mix};

const ROUNDS: u64 = 300;

/// A file of the corpus, cut, changed and joined with another; or nothing but noise.
fn input(corpus: &[Vec<u8>], draws: &mut Draws) -> Vec<u8> {
    let one = |draws: &mut Draws| corpus[draws.below(corpus.len() as u64) as usize].clone();
    if draws.below(4) == 0 {
        let mask = draws.next_u64() as u8;
        return (0..draws.magnitude(1, 1000)).map(|_| draws.next_u64() as u8 & mask).collect();
    }
    let mut bytes = one(draws);
    if draws.below(2) == 0 {
        let other = one(draws);
        bytes.truncate(draws.below(bytes.len() as u64 + 1) as usize);
        bytes.extend_from_slice(&other[draws.below(other.len() as u64 + 1) as usize..]);
    }
    for _ in 0..draws.below(6) {
        let place = draws.below(bytes.len() as u64 + 1) as usize;
        match draws.below(3) {
            0 => bytes.insert(place, draws.next_u64() as u8),
            1 => drop((place < bytes.len()).then(|| bytes.remove(place))),
            _ => bytes.get_mut(place).into_iter().for_each(|byte| *byte ^= 1 << draws.below(8)),
        }
    }
    bytes
}

#[test]
fn noise_and_changed_corpora_break_no_promise() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("corpus");
    // A long run by hand: `ROUNDS=100000 TARGET=hostile_client cargo test -p tickwire-fuzz --release --test noise`.
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let only = std::env::var("TARGET").ok();
    for (index, (target, body)) in (0..).zip(TARGETS) {
        if only.as_deref().is_some_and(|only| only != *target) {
            continue;
        }
        let mut paths: Vec<_> =
            fs::read_dir(folder.join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let corpus: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        for round in 0..rounds {
            let bytes = input(&corpus, &mut Draws::new(mix(index, round)));
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(catch_unwind(|| body(&bytes)).is_ok(), "{target} breaks a promise for {hex}");
        }
    }
}
