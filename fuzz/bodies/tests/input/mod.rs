//! Random inputs for the targets.

use std::fs;
use std::path::Path;

use tickwire_sim::rng::Draws;

/// Returns the corpus of a target.
pub(crate) fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Returns a file of the corpus that is truncated, changed or joined with another file, or only random bytes.
pub(crate) fn input(corpus: &[Vec<u8>], draws: &mut Draws) -> Vec<u8> {
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
