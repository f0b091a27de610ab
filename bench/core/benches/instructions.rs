//! Instructions per case, counted by callgrind.
#![allow(missing_docs)]

use gungraun::prelude::*;
use tickwire_core_bench::{Bare, Case, Crypto, Scene, Stack, Tickwire};

fn scene<S: Stack>(name: &str, stack: impl FnOnce(usize) -> S) -> Scene<S> {
    let case = Case::named(name).unwrap_or_else(|| panic!("no case {name}"));
    Scene::new(stack(case.clients), case)
}

fn bare(name: &str) -> Scene<Bare> {
    scene(name, Bare::new)
}

fn null(name: &str) -> Scene<Tickwire> {
    scene(name, |clients| Tickwire::new(Crypto::Null, clients))
}

fn with_ring(name: &str) -> Scene<Tickwire> {
    scene(name, |clients| Tickwire::new(Crypto::Ring, clients))
}

fn with_rustcrypto(name: &str) -> Scene<Tickwire> {
    scene(name, |clients| Tickwire::new(Crypto::RustCrypto, clients))
}

#[library_benchmark(setup = bare)]
#[bench::one("one")]
#[bench::ten("ten")]
fn harness(mut scene: Scene<Bare>) -> Scene<Bare> {
    scene.measure();
    scene
}

#[library_benchmark(setup = null)]
#[bench::one("one")]
#[bench::ten("ten")]
#[bench::one_hundred("one.hundred")]
#[bench::ten_hundred("ten.hundred")]
#[bench::one_loss("one.loss")]
#[bench::ten_loss("ten.loss")]
fn plain(mut scene: Scene<Tickwire>) -> Scene<Tickwire> {
    scene.measure();
    scene
}

#[library_benchmark(setup = with_ring)]
#[bench::one("one")]
#[bench::ten("ten")]
fn ring(mut scene: Scene<Tickwire>) -> Scene<Tickwire> {
    scene.measure();
    scene
}

#[library_benchmark(setup = with_rustcrypto)]
#[bench::one("one")]
#[bench::ten("ten")]
fn rustcrypto(mut scene: Scene<Tickwire>) -> Scene<Tickwire> {
    scene.measure();
    scene
}

library_benchmark_group!(name = costs, benchmarks = [harness, plain, ring, rustcrypto]);

main!(library_benchmark_groups = costs);
