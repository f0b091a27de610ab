//! Replays the corpus, and the inputs with which a fuzzer found bugs, in ordinary tests.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tickwire_fuzz::corpus::corpus;
use tickwire_fuzz::{TARGETS, is_found};

/// The largest size of the corpus, in bytes.
const MOST: usize = 300 << 10;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(name)
}

/// Returns the files below `fuzz/<name>/<target>`, except the files that a fuzzer created on this machine.
fn files(name: &str, target: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder(name).join(target)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| !is_found(&path.file_name().unwrap().to_string_lossy()));
    files.sort();
    files
}

#[test]
fn every_file_of_the_corpus_and_every_regression_replays_without_a_panic() {
    for (target, body) in TARGETS {
        let corpus = files("corpus", target);
        assert!(!corpus.is_empty(), "{target} has no corpus");
        for path in corpus.iter().chain(&files("regressions", target)) {
            // The name of the file is the first thing that one wants to know.
            println!("{}", path.display());
            body(&fs::read(path).unwrap());
        }
    }
}

#[test]
fn the_corpus_equals_the_output_of_its_generator() {
    let made = corpus();
    let again = "`cargo run -p tickwire-fuzz --bin make-corpus` makes it again";
    for ((target, name), content) in &made {
        let committed = fs::read(folder("corpus").join(target).join(name));
        assert!(committed.is_ok_and(|bytes| bytes == *content), "{target}/{name} differs; {again}");
    }
    for (target, _) in TARGETS {
        for path in files("corpus", target) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(made.contains_key(&(*target, name.clone())), "{target}/{name} is not made; {again}");
        }
    }
    let bytes: usize = made.values().map(Vec::len).sum();
    assert!(bytes <= MOST, "{bytes} bytes");
}

#[test]
fn every_fuzz_target_has_a_corpus_folder_and_a_program() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let below = |folder: PathBuf| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().replace(".rs", "")).collect()
    };
    assert_eq!(below(folder("corpus")), names);
    assert_eq!(below(folder("fuzz_targets")), names);
    assert!(below(folder("regressions")).is_subset(&names));
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    assert!(names.iter().all(|name| manifest.contains(&format!("\"fuzz_targets/{name}.rs\""))));
}
