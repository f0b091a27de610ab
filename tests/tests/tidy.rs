//! The files of the workspace keep its rules, and each rule detects a violation.

use tickwire_tests::exceptions::{
    CIRCLES, CROWDED_FUNCTIONS, LONG_FILES, LONG_FUNCTIONS, Offence, SHARED_NAMES, unexcused,
};
use tickwire_tests::imports::{circles, graph, roots, shared_names};
use tickwire_tests::source::{self, Dependency, File, Member};
use tickwire_tests::tidy::{
    self, FILE_LINES_MAX, FUNCTION_LINES_MAX, broken_links, clocks, exhaustive_enums, forbidden_words,
    hidden_subjects, lints, lonely_snapshots, long_file, long_functions, machine_paths, shipped, unfinished,
    wrong_arrows,
};
use tickwire_tests::values::crowded_functions;

/// The names of hash maps, whose order of iteration differs between runs.
const HASH_MAPS: [&str; 4] = ["HashMap", "HashSet", "hashbrown", "ahash"];

/// The names of sources of entropy, and of a clock.
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

/// The modules of the operating system that only drivers may use.
const OPERATING_SYSTEM: [&str; 6] =
    ["std::env", "std::fs", "std::io", "std::net", "std::process", "std::thread"];

/// The folders of the core in which the protocol defines the arithmetic on integers.
const INTEGER_ROOMS: [&str; 6] = [
    "core/src/channel/",
    "core/src/connection/",
    "core/src/crypto/",
    "core/src/endpoint/",
    "core/src/handshake/",
    "core/src/time/",
];

/// The parts of the simulator's package that run in real time: programs, and the conditioner.
const REAL_TIME: [&str; 2] = ["sim/src/bin/", "sim/src/conditioner"];

/// The enums of the core that callers must match exhaustively. A new variant would change the protocol.
const EXHAUSTIVE: [&str; 1] = ["Fate"];

/// The beginnings of the names of packages that depend on an engine, an executor or an operating system.
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

/// Checks that every Rust file that breaks a rule is an exception, and that every exception breaks the rule.
fn expect_no_others(rule: impl Fn(&File) -> Option<Offence>, exceptions: &[(&str, usize)]) {
    let offences: Vec<Offence> = tidy::rust(&source::files()).iter().filter_map(rule).collect();
    expect_none(unexcused(&offences, exceptions));
}

#[test]
fn no_function_has_more_lines_than_the_limit() {
    let long = |lines: usize| planted(format!("fn f(a: [u8; 3]) {{\n{}}}\n", "    g();\n".repeat(lines - 2)));
    assert_eq!(long_functions(&long(FUNCTION_LINES_MAX)), None);
    assert_eq!(long_functions(&long(FUNCTION_LINES_MAX + 1)).map(|found| found.number), Some(1));
    let brackets = format!("fn f() {{\n    a('{{');\n}}\n{}", "// }\n".repeat(FUNCTION_LINES_MAX));
    assert_eq!(long_functions(&planted(brackets)), None);

    expect_no_others(long_functions, LONG_FUNCTIONS);
}

#[test]
fn no_file_has_more_lines_than_the_limit() {
    let lines = |count: usize| planted("a();\n".repeat(count));
    assert_eq!(long_file(&lines(FILE_LINES_MAX)), None);
    assert!(long_file(&lines(FILE_LINES_MAX + 1)).is_some());

    expect_no_others(long_file, LONG_FILES);
}

#[test]
fn no_function_takes_more_parameter_values_than_the_limit() {
    let count = |arguments: &str| crowded_functions(&planted(format!("fn f({arguments}) {{}}"))).is_some();
    assert!(!count("a: A, b: B, c: C, d: D, e: E, f: F, g: fn(A, B) -> (C, D)"));
    assert!(count("a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H"));
    assert!(count("(a, b): (A, B), c: &(C, D), d: D, e: E, ((f, g), h): ((F, G), &mut (H,))"));
    assert!(!count("a: [(A, B); 8], b: Option<(A, B, C)>, c: C, d: D, e: E, f: F, _: ()"));
    let methods = "trait T { fn f(&self, a: A, b: B, c: C, d: D, e: E, f: F, g: G); }\n\
                   impl S { fn f(self, a: A, b: B, c: C, d: D, (e, f): (E, F), g: G) {} }";
    assert_eq!(crowded_functions(&planted(methods)).map(|found| found.number), Some(2));

    expect_no_others(crowded_functions, CROWDED_FUNCTIONS);
}

#[test]
fn imports_between_files_form_no_cycle() {
    expect_none(planted_circles());

    let files = source::files();
    let shipped = shipped(&files);
    let graphs: Vec<_> = roots(&shipped).into_iter().map(|root| graph(root, &files)).collect();
    let is_looked_at = |path: &String| graphs.iter().any(|graph| graph.contains_key(path));
    let product = shipped.iter().map(|file| &file.path).filter(|path| path.contains("/src/"));
    let unseen = product.filter(|path| !is_looked_at(path)).map(|path| format!("{path} belongs to no crate"));
    expect_none(unseen);
    let found: Vec<Offence> = graphs.iter().flat_map(|graph| circles(graph, CIRCLES)).collect();
    expect_none(unexcused(&found, CIRCLES));
}

/// The types that `clap` reads have the same name in every program and verb.
const ALIKE: [&str; 1] = ["Args"];

#[test]
fn no_crate_has_two_types_with_the_same_name() {
    let root = "mod b;\nstruct One;\nimpl T for One { type Two = One; }\nstruct Args;\nfn three() {}";
    let files = [
        File::new("a/src/lib.rs", root),
        File::new("a/src/b.rs", "// struct One\npub enum Two {}\nstruct Args;\nfn three() { struct Two; }"),
    ];
    assert_eq!(shared_names("a/src/lib.rs", &files, &ALIKE), None);
    assert_eq!(shared_names("a/src/lib.rs", &files, &[]).map(|found| found.number), Some(1));

    let files = source::files();
    let shipped = shipped(&files);
    let found = roots(&shipped).into_iter().filter_map(|root| shared_names(root, &files, &ALIKE));
    expect_none(unexcused(&found.collect::<Vec<_>>(), SHARED_NAMES));
}

/// Returns the planted cycles that the rule overlooks, and cycles that it reports without cause.
fn planted_circles() -> Vec<String> {
    let root = "mod a;\nmod b;\nmod c;\nmacro_rules! m { () => {} }\npub use b::B;\n";
    // What three files hold, and the circle that it makes.
    let cases: [(&str, &str, &str, &[&str]); 11] = [
        ("use crate::b::B;\nstruct A;", "use super::a::A;\nstruct B;", "", &["a b"]),
        (
            "use crate::B;\nstruct A;",
            "use crate::c::C;\npub struct B;",
            "use crate::a::A;\nstruct C;",
            &["a b c"],
        ),
        ("struct A(super::b::B);", "struct B;\nfn f() { let _ = crate::a::A(B); }", "", &["a b"]),
        ("pub fn g() {}", "pub struct B;\nfn f() { vec![x.a, crate::a::g()]; }", "use super::*;", &[]),
        (
            "pub fn g() { B; }\nuse super::*;",
            "pub struct B;\nfn f() { vec![x.a, crate::a::g()]; }",
            "",
            &["a b"],
        ),
        (
            "struct A;",
            "use crate::{a::{self, A}, c::C as D};\nstruct B;",
            "use crate::a;\nstruct C(a::A);",
            &[],
        ),
        ("struct A;\nfn f() { c::g(); }\nuse crate::c;", "", "use super::a;\nfn g() -> a::A {}", &["a c"]),
        ("struct A;", "struct B;\nmod inner { use super::super::a::A; use super::B; }", "", &[]),
        ("use crate::b::B;\nstruct A;", "struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }", "", &[]),
        ("use crate::b::B;\nstruct A;", "struct B { pub(in crate::a) b: u8 } // crate::a::A", "", &[]),
        ("use std::b;\nstruct A;", "use other::a::A;\nstruct B; const S: &str = \"crate::a::A\";", "", &[]),
    ];
    let mut faults = Vec::new();
    for (a, b, c, expected) in cases {
        let files = [("lib", root), ("a", a), ("b/mod", b), ("c", c)];
        let files = files.map(|(name, text)| File::new(format!("x/src/{name}.rs"), text));
        let found = circles(&graph("x/src/lib.rs", &files), &[]);
        let places = |found: &Offence| {
            let lines = found.text.lines().skip(1).map(|line| line.trim().split([':', ' ']).next());
            let mut names: Vec<&str> = lines.flatten().filter_map(|path| path.split('/').nth(2)).collect();
            names.dedup();
            names.join(" ").replace(".rs", "")
        };
        let found: Vec<String> = found.iter().map(places).collect();
        if found != expected {
            faults.push(format!("{a:?}, {b:?}, {c:?}: {found:?} instead of {expected:?}"));
        }
    }
    faults
}

#[test]
fn test_code_is_exempt_from_the_rules_for_product_code() {
    let files = [
        File::new(
            "a/src/lib.rs",
            "fn a() {}\n#[cfg(test)]\nmod model;\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n",
        ),
        File::new("a/src/model.rs", "fn c() {}"),
        File::new("a/src/model/deep.rs", "fn d() {}"),
        File::new("a/src/modelling.rs", "fn e() {}"),
        File::new("a/tests/f.rs", "fn f() {}"),
    ];
    let shipped: Vec<File> = shipped(&files);
    let paths: Vec<&str> = shipped.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a/src/lib.rs", "a/src/modelling.rs"]);
    assert_eq!(shipped[0].text, "fn a() {}\n");
}

#[test]
fn the_core_has_no_hash_maps() {
    assert_eq!(forbidden_words(&planted("use std::collections::HashMap;"), &HASH_MAPS).len(), 1);
    assert_eq!(forbidden_words(&planted("// no HashMap here\nf(\"HashMap\");"), &HASH_MAPS), [""; 0]);

    expect_none(rust("core/").iter().flat_map(|file| forbidden_words(file, &HASH_MAPS)));
}

#[test]
fn core_and_simulator_read_no_clock_environment_or_entropy() {
    for bad in [
        "use std::time::Instant;",
        "use std::time::{Duration, Instant};",
        "let t = std::time::Instant::now();",
    ] {
        assert_eq!(clocks(&planted(bad)).len(), 1, "{bad} was accepted");
    }
    assert_eq!(clocks(&planted("use std::time::Duration;\nuse crate::time::Instant;")), [""; 0]);
    for bad in ["SystemTime::now()", "rand::thread_rng()", "getrandom::fill(&mut seed)", "rand::rng()"] {
        assert_eq!(forbidden_words(&planted(bad), &WORLD).len(), 1, "{bad} was accepted");
    }

    let is_real_time = |file: &File| REAL_TIME.iter().any(|room| file.path.starts_with(room));
    let mut files = [rust("core/"), rust("sim/src/")].concat();
    files.retain(|file| !is_real_time(file));
    expect_none(files.iter().flat_map(|file| [clocks(file), forbidden_words(file, &WORLD)].concat()));
}

#[test]
fn the_core_contains_no_code_for_an_operating_system() {
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
fn no_rust_file_contains_a_note_of_unfinished_work() {
    for bad in ["// TODO: finish", "/* FIXME */", "fn f() { todo!() }", "unimplemented!()", "dbg!(x)"] {
        assert_eq!(unfinished(&planted(bad)).len(), 1, "{bad} was accepted");
    }
    assert_eq!(unfinished(&planted("f(\"TODO\"); // a todo! in words")), [""; 0]);

    expect_none(source::files().iter().filter(|file| file.is_rust()).flat_map(unfinished));
}

#[test]
fn public_event_and_error_enums_of_the_core_are_non_exhaustive() {
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
fn no_crate_depends_on_a_crate_of_a_higher_layer() {
    let depends = |name: &str, is_for_tests| Member {
        name: "tickwire-core".into(),
        folder: "core".into(),
        dependencies: vec![Dependency { name: name.into(), is_for_tests }],
    };
    let is_wrong = |name: &str| is_wrong_for("tickwire-core", name);
    for bad in ["tickwire-sim", "tickwire-native", "tokio", "bevy_ecs", "async-std", "libc"] {
        assert_eq!(wrong_arrows(&depends(bad, false), is_wrong).len(), 1, "{bad} was accepted");
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

/// Returns whether the package `member` must not depend on the package `dependency`.
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
fn every_package_inherits_the_lints_of_the_workspace() {
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
fn every_golden_snapshot_file_belongs_to_an_existing_test() {
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
        assert_eq!(lonely_snapshots(&[source.clone(), snapshot(name, from)]).len(), 1, "{name} was accepted");
    }

    expect_none(lonely_snapshots(&source::files()));
}

#[test]
fn no_paragraph_of_a_documentation_comment_begins_with_what_who_or_that_which() {
    for bad in [
        "/// What a packet carries.",
        "//! Who sends.",
        "    /// Whoever sends.",
        "/// That which is sent.",
        "/// A packet.\n///\n/// What it carries.",
        "/// # Errors\n/// What the writer says.",
        "/// ```\n/// f();\n/// ```\n///\n/// Who, then?",
    ] {
        assert_eq!(hidden_subjects(&planted(bad)).len(), 1, "{bad:?} was accepted");
    }
    for good in [
        "/// The content of a packet.",
        "/// Whole packets.",
        "/// A packet says\n/// What it carries.",
        "// What a packet carries.",
        "//// What a packet carries.",
        "let text = \"\n/// What a packet carries.\n\";",
        "/// ```\n///\n/// What::f();\n/// ```",
    ] {
        assert_eq!(hidden_subjects(&planted(good)), [""; 0], "{good:?}");
    }

    expect_none(source::files().iter().filter(|file| file.is_rust()).flat_map(hidden_subjects));
}

#[test]
fn no_file_contains_a_local_path_of_a_development_machine() {
    for folder in ["work", "root", "home"] {
        assert_eq!(machine_paths(&planted(format!("cd /{folder}/here"))).len(), 1);
        assert_eq!(machine_paths(&planted(format!("net/{folder} and /{folder}shop"))), [""; 0]);
    }

    expect_none(source::files().iter().flat_map(machine_paths));
}

#[test]
fn links_between_documents_have_existing_targets() {
    let page = File::new("docs/a.md", "[b](b.md#part) [c](../c.md) [d](https://example.org) [e](#here)");
    assert_eq!(broken_links(&page, |path| path == "docs/b.md").len(), 1);

    let exists = |path: &str| source::root().join(path).exists();
    let pages = source::files().into_iter().filter(|file| file.path.ends_with(".md"));
    expect_none(pages.flat_map(|file| broken_links(&file, exists)));
}

/// Returns the lines of the first example on a crate's front page.
fn front_page_example(text: &str) -> Vec<&str> {
    let page = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_end);
    let example = page.skip_while(|line| line.trim() != "```").skip(1);
    example
        .take_while(|line| line.trim() != "```")
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect()
}

#[test]
fn the_front_page_of_the_core_has_a_complete_example_of_at_most_sixty_lines() {
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
