//! Instructions per case, counted by callgrind.
#![allow(missing_docs)]

use gungraun::prelude::*;
use tickwire_core_bench::replication::costs::{WorldCase, WorldScene};
use tickwire_core_bench::{Bare, Case, Crypto, Scene, Stack, Tickwire};

fn scene<S: Stack>(name: &str, stack: impl FnOnce(usize) -> S) -> Scene<S> {
    let Some(case) = Case::named(name) else { unreachable!("no case {name}") };
    Scene::new(stack(case.clients), case)
}

fn bare(name: &str) -> Scene<Bare> {
    scene(name, Bare::new)
}

fn null(name: &str) -> Scene<Tickwire> {
    let channels = Case::named(name).map_or(1, |case| case.channels);
    scene(name, |clients| Tickwire::with_channels(Crypto::Null, clients, channels))
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
#[bench::one_both("one.both")]
#[bench::ten_both("ten.both")]
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
#[bench::one_both("one.both")]
#[bench::ten_both("ten.both")]
#[bench::one_channels("one.channels")]
#[bench::ten_channels("ten.channels")]
fn plain(mut scene: Scene<Tickwire>) -> Scene<Tickwire> {
    scene.measure();
    scene
}

#[library_benchmark(setup = with_ring)]
#[bench::one("one")]
#[bench::ten("ten")]
#[bench::one_both("one.both")]
#[bench::ten_both("ten.both")]
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

fn world(name: &str) -> WorldScene {
    let Some(case) = WorldCase::named(name) else { unreachable!("no case {name}") };
    WorldScene::new(case)
}

#[library_benchmark(setup = world)]
#[bench::set("set")]
#[bench::commit_unchanged("commit.unchanged")]
#[bench::commit_changed("commit.changed")]
#[bench::commit_viewed("commit.viewed")]
#[bench::pack_one("pack.one")]
#[bench::pack_eight("pack.eight")]
#[bench::rest("rest")]
#[bench::receive("receive")]
#[bench::acknowledge("acknowledge")]
fn worlds(mut scene: WorldScene) -> WorldScene {
    scene.measure();
    scene
}

#[cfg(feature = "peers")]
mod peers {
    use gungraun::prelude::*;
    use tickwire_core_bench::Scene;
    use tickwire_core_bench::peers::{Enet, Quinn, Renet};

    use super::scene;

    fn with_enet(name: &str) -> Scene<Enet> {
        scene(name, Enet::new)
    }

    fn with_quinn(name: &str) -> Scene<Quinn> {
        scene(name, Quinn::new)
    }

    fn with_renet(name: &str) -> Scene<Renet> {
        scene(name, |clients| Renet::new(clients, false))
    }

    fn with_renetcode(name: &str) -> Scene<Renet> {
        scene(name, |clients| Renet::new(clients, true))
    }

    #[library_benchmark(setup = with_enet)]
    #[bench::one("one")]
    #[bench::ten("ten")]
    #[bench::one_loss("one.loss")]
    #[bench::ten_loss("ten.loss")]
    #[bench::one_both("one.both")]
    #[bench::ten_both("ten.both")]
    fn enet(mut scene: Scene<Enet>) -> Scene<Enet> {
        scene.measure();
        scene
    }

    #[library_benchmark(setup = with_quinn)]
    #[bench::one("one")]
    #[bench::ten("ten")]
    #[bench::one_both("one.both")]
    #[bench::ten_both("ten.both")]
    fn quinn(mut scene: Scene<Quinn>) -> Scene<Quinn> {
        scene.measure();
        scene
    }

    #[library_benchmark(setup = with_renet)]
    #[bench::one("one")]
    #[bench::ten("ten")]
    fn renet(mut scene: Scene<Renet>) -> Scene<Renet> {
        scene.measure();
        scene
    }

    #[library_benchmark(setup = with_renetcode)]
    #[bench::one("one")]
    #[bench::ten("ten")]
    fn renetcode(mut scene: Scene<Renet>) -> Scene<Renet> {
        scene.measure();
        scene
    }

    library_benchmark_group!(name = peers, benchmarks = [enet, quinn, renet, renetcode]);
}

library_benchmark_group!(name = costs, benchmarks = [harness, plain, ring, rustcrypto, worlds]);

#[cfg(feature = "peers")]
use self::peers::peers as peers_group;
#[cfg(feature = "peers")]
main!(library_benchmark_groups = costs, peers_group);
#[cfg(not(feature = "peers"))]

main!(library_benchmark_groups = costs);
