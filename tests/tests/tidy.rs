//! The house is tidy; and each rule fires on what it forbids.

use tickwire_tests::imports::Crate;
use tickwire_tests::source::{self, Dependency, File, Member};
use tickwire_tests::tidy::{
    FILE_LINES_MAX, FUNCTION_LINES_MAX, VALUES_MAX, broken_links, clocks, crowded_functions,
    exhaustive_enums, forbidden_words, lints, lonely_snapshots, long_file, long_functions, machine_paths,
    shipped, unfinished, wrong_arrows,
};

/// Names of hash maps: their order of iteration differs from run to run.
const HASH_MAPS: [&str; 4] = ["HashMap", "HashSet", "hashbrown", "ahash"];

/// Where entropy comes from, and a clock that is nothing else.
const WORLD: [&str; 8] = [
    "SystemTime",
    "thread_rng",
    "getrandom",
    "OsRng",
    "from_os_rng",
    "from_entropy",
    "RandomState",
    "rand::rng",
];

/// What else only a driver does.
const OPERATING_SYSTEM: [&str; 6] =
    ["std::env", "std::fs", "std::io", "std::net", "std::process", "std::thread"];

/// Rooms of the core where arithmetic is the protocol's own.
const INTEGER_ROOMS: [&str; 6] = [
    "core/src/channel/",
    "core/src/connection/",
    "core/src/crypto/",
    "core/src/endpoint/",
    "core/src/handshake/",
    "core/src/time.rs",
];

/// Parts of the simulator's package that run in real time: programs, and the conditioner between real sockets.
const REAL_TIME: [&str; 2] = ["sim/src/bin/", "sim/src/conditioner"];

/// Enums of the core that callers are meant to match whole: a new case would be a new protocol.
const EXHAUSTIVE: [&str; 1] = ["Fate"];

/// Rooms around the core.
const AROUND: [&str; 6] = ["bench/", "drivers/", "fuzz/bodies/", "sim/", "tests/", "xtask/"];

/// Names that types may share: what `clap` reads is called alike in every program and verb.
const SHARED_NAMES: [&str; 1] = ["Args"];

/// Beginnings of names of packages that know an engine, an executor or an operating system.
const WORLDLY: [&str; 18] = [
    "async-",
    "bevy",
    "futures",
    "getrandom",
    "hecs",
    "instant",
    "js-sys",
    "libc",
    "mio",
    "nix",
    "rand",
    "smol",
    "socket2",
    "tokio",
    "wasm-bindgen",
    "web-",
    "winapi",
    "windows",
];

fn rust(under: &str) -> Vec<File> {
    let mut files = shipped(&source::files());
    files.retain(|file| file.path.starts_with(under));
    files
}

fn expect_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn planted(text: impl Into<String>) -> File {
    File::new("core/src/planted.rs", text)
}

#[test]
fn functions_are_short() {
    let long = |lines: usize| planted(format!("fn f(a: [u8; 3]) {{\n{}}}\n", "    g();\n".repeat(lines - 2)));
    assert_eq!(long_functions(&long(FUNCTION_LINES_MAX)), [""; 0]);
    assert_eq!(long_functions(&long(FUNCTION_LINES_MAX + 1)).len(), 1);
    let brackets = format!("fn f() {{\n    a('{{');\n}}\n{}", "// }\n".repeat(FUNCTION_LINES_MAX));
    assert_eq!(long_functions(&planted(brackets)), [""; 0]);

    let files = [AROUND.as_slice(), &["core/"]].concat().into_iter().flat_map(rust);
    expect_none(files.flat_map(|file| long_functions(&file)));
}

#[test]
fn files_are_short() {
    let lines = |count: usize| planted("a();\n".repeat(count));
    assert_eq!(long_file(&lines(FILE_LINES_MAX)), None);
    assert!(long_file(&lines(FILE_LINES_MAX + 1)).is_some());

    expect_none(AROUND.into_iter().flat_map(rust).filter_map(|file| long_file(&file)));
}

#[test]
fn functions_take_few_values() {
    let f =
        |parameters: &str| planted(format!("impl A {{ fn f<F: Fn(u8) -> u8>(&self, {parameters}) {{}} }}"));
    assert_eq!(
        crowded_functions(&f("a: u8, b: [u8; 2], c: B<u8, u8>, d: impl Fn(u8, u8) -> u8, e: (), g: &str")),
        [""; 0]
    );
    assert_eq!(crowded_functions(&f("a: u8, (b, c): (u8, &(u8, u8)), d: u8, e: &mut u8, g: u8")).len(), 1);
    assert_eq!(crowded_functions(&f(&"a: u8, ".repeat(VALUES_MAX - 1))), [""; 0]);
    assert_eq!(crowded_functions(&f(&"a: u8, ".repeat(VALUES_MAX))).len(), 1);

    expect_none(AROUND.into_iter().flat_map(rust).flat_map(|file| crowded_functions(&file)));
}

/// The crates around the core.
fn crates() -> Vec<Crate> {
    let files: Vec<File> = AROUND.into_iter().flat_map(rust).collect();
    let is_root = |file: &&File| {
        let path = &file.path;
        path.ends_with("/lib.rs") || path.ends_with("/main.rs") || path.contains("/bin/") && is_single(path)
    };
    let is_crate: Vec<&File> = files.iter().filter(is_root).collect();
    is_crate.into_iter().map(|root| Crate::of(&files, &root.path)).collect()
}

/// Whether a program of a package is one file.
fn is_single(path: &str) -> bool {
    path.rsplit('/').nth(1) == Some("bin")
}

#[test]
fn files_import_in_no_circle() {
    let crate_of = |files: &[(&str, &str)]| {
        let files: Vec<File> = files.iter().map(|(path, text)| File::new(*path, *text)).collect();
        Crate::of(&files, "a/src/lib.rs").circles()
    };
    let root = ("a/src/lib.rs", "mod b;\nmod c;\npub use b::B;\npub use c::{C, d::D};");
    let b = ("a/src/b.rs", "use crate::C;\npub struct B(C);");
    let through = ("a/src/c/mod.rs", "pub mod d;\nmod e;\npub use self::e::C;");
    let d = ("a/src/c/d.rs", "use super::C;\npub struct D(C);");
    let e = |text| ("a/src/c/e.rs", text);
    assert_eq!(crate_of(&[root, b, through, d, e("pub struct C;")]), [""; 0]);
    for bad in ["use crate::{B, X as Y};\npub struct C(Box<B>);", "pub struct C(Box<crate::b::B>);"] {
        assert_eq!(
            crate_of(&[root, b, through, d, e(bad)]),
            ["these import from each other: a/src/b.rs, a/src/c/e.rs"]
        );
    }
    // A parent that uses what its child defines takes part, one that only exports it does not.
    let parent = |own| ("a/src/c/mod.rs", own);
    let uses = parent("pub mod d;\npub(crate) use self::d::D;\npub struct C(Box<D>);");
    assert_eq!(crate_of(&[root, b, uses, d]).len(), 1);
    let exports = parent("pub mod d;\npub(crate) use self::d::D;\npub struct C;");
    assert_eq!(crate_of(&[root, b, exports, d]), [""; 0]);

    expect_none(crates().iter().flat_map(Crate::circles));
}

#[test]
fn a_crate_has_one_type_a_name() {
    let files = [
        File::new(
            "a/src/lib.rs",
            "mod b;\nstruct One;\nimpl T for One {\n    type Two = One;\n}\nstruct Args;",
        ),
        File::new("a/src/b.rs", "/// struct One\npub enum Two {}\nstruct Args;"),
    ];
    assert_eq!(Crate::of(&files, "a/src/lib.rs").shared_names(&SHARED_NAMES), [""; 0]);
    assert_eq!(Crate::of(&files, "a/src/lib.rs").shared_names(&[]).len(), 1);

    expect_none(crates().iter().flat_map(|one| one.shared_names(&SHARED_NAMES)));
}

#[test]
fn what_is_not_shipped_is_left_out_of_the_rules_for_what_is() {
    let files = [
        File::new(
            "a/src/lib.rs",
            "fn a() -> A {\n    A {\n        #[cfg(test)]\n        b: c(),\n    }\n}\n#[cfg(test)]\nmod model;\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n",
        ),
        File::new("a/src/model.rs", "fn c() {}"),
        File::new("a/src/model/deep.rs", "fn d() {}"),
        File::new("a/src/modelling.rs", "fn e() {}"),
        File::new("a/tests/f.rs", "fn f() {}"),
    ];
    let shipped: Vec<File> = shipped(&files);
    let paths: Vec<&str> = shipped.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a/src/lib.rs", "a/src/modelling.rs"]);
    assert!(!shipped[0].text.contains("c()") && !shipped[0].text.contains("fn b"));
    assert_eq!(shipped[0].text.matches(['{', '}']).count(), 4);
}

#[test]
fn the_core_has_no_hash_maps() {
    assert_eq!(forbidden_words(&planted("use std::collections::HashMap;"), &HASH_MAPS).len(), 1);
    assert_eq!(forbidden_words(&planted("// no HashMap here\nf(\"HashMap\");"), &HASH_MAPS), [""; 0]);

    expect_none(rust("core/").iter().flat_map(|file| forbidden_words(file, &HASH_MAPS)));
}

#[test]
fn core_and_simulator_ask_the_world_nothing() {
    for bad in [
        "use std::time::Instant;",
        "use std::time::{Duration, Instant};",
        "let t = std::time::Instant::now();",
    ] {
        assert_eq!(clocks(&planted(bad)).len(), 1, "{bad} was taken");
    }
    assert_eq!(clocks(&planted("use std::time::Duration;\nuse crate::time::Instant;")), [""; 0]);
    for bad in ["SystemTime::now()", "rand::thread_rng()", "getrandom::fill(&mut seed)", "rand::rng()"] {
        assert_eq!(forbidden_words(&planted(bad), &WORLD).len(), 1, "{bad} was taken");
    }

    let is_real_time = |file: &File| REAL_TIME.iter().any(|room| file.path.starts_with(room));
    let mut files = [rust("core/"), rust("sim/src/")].concat();
    files.retain(|file| !is_real_time(file));
    expect_none(files.iter().flat_map(|file| [clocks(file), forbidden_words(file, &WORLD)].concat()));
}

#[test]
fn the_core_knows_no_operating_system() {
    assert_eq!(forbidden_words(&planted("std::net::UdpSocket::bind(a)"), &OPERATING_SYSTEM).len(), 1);

    expect_none(rust("core/src/").iter().flat_map(|file| forbidden_words(file, &OPERATING_SYSTEM)));
    let root = source::files().into_iter().find(|file| file.path == "core/src/lib.rs").unwrap();
    for line in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        assert!(root.text.lines().any(|own| own == line), "core/src/lib.rs lacks {line}");
    }
}

#[test]
fn protocol_arithmetic_has_no_floats() {
    assert_eq!(forbidden_words(&planted("let x = y as f64;"), &["f32", "f64"]).len(), 1);

    let files = INTEGER_ROOMS.iter().flat_map(|room| rust(room));
    expect_none(files.flat_map(|file| forbidden_words(&file, &["f32", "f64"])));
}

#[test]
fn nothing_is_left_for_later() {
    for bad in ["// TODO: finish", "/* FIXME */", "fn f() { todo!() }", "unimplemented!()", "dbg!(x)"] {
        assert_eq!(unfinished(&planted(bad)).len(), 1, "{bad} was taken");
    }
    assert_eq!(unfinished(&planted("f(\"TODO\"); // a todo! in words")), [""; 0]);

    expect_none(source::files().iter().filter(|file| file.is_rust()).flat_map(unfinished));
}

#[test]
fn events_and_errors_leave_room_for_more() {
    let bad = planted("/// Doc.\n#[derive(Debug)]\npub enum Open {\n    A,\n}\n");
    assert_eq!(exhaustive_enums(&bad, &EXHAUSTIVE).len(), 1);
    let good =
        planted("#[derive(Debug)]\n#[non_exhaustive]\npub enum Open {}\npub enum Fate {}\nenum Own {}\n");
    assert_eq!(exhaustive_enums(&good, &EXHAUSTIVE), [""; 0]);

    let mut files = rust("core/src/");
    files.retain(|file| file.path.ends_with("/event.rs") || file.path.ends_with("/error.rs"));
    assert!(!files.is_empty());
    expect_none(files.iter().flat_map(|file| exhaustive_enums(file, &EXHAUSTIVE)));
}

#[test]
fn arrows_point_to_the_core() {
    let depends = |name: &str, is_for_tests| Member {
        name: "tickwire-core".into(),
        folder: "core".into(),
        dependencies: vec![Dependency { name: name.into(), is_for_tests }],
    };
    let is_wrong = |name: &str| is_wrong_for("tickwire-core", name);
    for bad in ["tickwire-sim", "tickwire-native", "tokio", "bevy_ecs", "async-std", "libc"] {
        assert_eq!(wrong_arrows(&depends(bad, false), is_wrong).len(), 1, "{bad} was taken");
    }
    assert_eq!(wrong_arrows(&depends("tickwire-sim", true), is_wrong).len(), 1);
    assert_eq!(wrong_arrows(&depends("libc", true), is_wrong), [""; 0]);
    for good in ["tickwire-derive", "rand_chacha", "rand_core", "bytes"] {
        assert_eq!(wrong_arrows(&depends(good, false), is_wrong), [""; 0]);
    }

    let members = source::members();
    expect_none(
        members.iter().flat_map(|member| wrong_arrows(member, |name| is_wrong_for(&member.name, name))),
    );
}

/// Whether a package must not depend on another.
fn is_wrong_for(member: &str, dependency: &str) -> bool {
    let is_own = dependency == "tickwire" || dependency.starts_with("tickwire-");
    match member {
        "tickwire-core" | "tickwire-derive" if is_own => dependency != "tickwire-derive",
        "tickwire-core" => {
            let is_generator = ["rand_chacha", "rand_core"].contains(&dependency);
            !is_generator && WORLDLY.iter().any(|name| dependency.starts_with(name))
        }
        "tickwire-sim" | "tickwire-ecs" => is_own && dependency != "tickwire-core",
        _ => false,
    }
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    for member in source::members() {
        let manifest = source::root().join(&member.folder).join("Cargo.toml");
        let text = std::fs::read_to_string(manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{} does not", member.name);
    }
    let manifest = |path| std::fs::read_to_string(source::root().join(path)).unwrap();
    assert!(manifest("bench/core/Cargo.toml").contains("[lints]\nworkspace = true"));
    assert!(manifest("bench/Cargo.toml").contains("[lints]\nworkspace = true"));
    assert_eq!(lints(&manifest("bench/Cargo.toml")), lints(&manifest("Cargo.toml")));
    assert_eq!(lints("[a]\nb = 1\n\n[workspace.lints.c]\nd = 2\n\n[e]\n"), "[workspace.lints.c]\nd = 2\n");
}

#[test]
fn every_snapshot_has_its_test() {
    let source = File::new(
        "core/src/a.rs",
        "#[test]\nfn layout() { assert_snapshot!(x); assert_snapshot!(\"named\", y); }",
    );
    let snapshot = |name: &str, source: &str| {
        let text = format!("---\nsource: {source}\nexpression: x\n---\nbytes\n");
        File::new(format!("core/src/snapshots/tickwire_core__a__tests__{name}.snap"), text)
    };
    for good in ["layout", "layout-2", "named"] {
        assert_eq!(lonely_snapshots(&[source.clone(), snapshot(good, "core/src/a.rs")]), [""; 0], "{good}");
    }
    for (name, from) in [("renamed", "core/src/a.rs"), ("layout", "core/src/gone.rs")] {
        assert_eq!(lonely_snapshots(&[source.clone(), snapshot(name, from)]).len(), 1, "{name} was taken");
    }

    expect_none(lonely_snapshots(&source::files()));
}

#[test]
fn no_file_names_a_path_of_some_machine() {
    for folder in ["work", "root", "home"] {
        assert_eq!(machine_paths(&planted(format!("cd /{folder}/here"))).len(), 1);
        assert_eq!(machine_paths(&planted(format!("net/{folder} and /{folder}shop"))), [""; 0]);
    }

    expect_none(source::files().iter().flat_map(machine_paths));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let page = File::new("docs/a.md", "[b](b.md#part) [c](../c.md) [d](https://example.org) [e](#here)");
    assert_eq!(broken_links(&page, |path| path == "docs/b.md").len(), 1);

    let exists = |path: &str| source::root().join(path).exists();
    let pages = source::files().into_iter().filter(|file| file.path.ends_with(".md"));
    expect_none(pages.flat_map(|file| broken_links(&file, exists)));
}

/// The lines of the first example on a crate's front page.
fn front_page_example(text: &str) -> Vec<&str> {
    let page = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_end);
    let example = page.skip_while(|line| line.trim() != "```").skip(1);
    example
        .take_while(|line| line.trim() != "```")
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect()
}

#[test]
fn the_front_page_of_the_core_has_a_whole_example_of_sixty_lines_at_most() {
    let page = std::fs::read_to_string(source::root().join("core/src/lib.rs")).unwrap();
    let example = front_page_example(&page);
    assert!((20..=60).contains(&example.len()), "{} lines", example.len());
    let hidden = example.iter().find(|line| line.starts_with("# ") || **line == "#");
    assert_eq!(hidden, None, "a hidden line");
    assert_eq!(
        front_page_example("//! Words\n//! ```\n//! # let a = 1;\n//! b();\n//! ```\nmod c;"),
        ["# let a = 1;", "b();"]
    );
}
