//! docs/REQUIREMENTS.md lists all requirements, and the tests that it names exist.
#![allow(clippy::unwrap_used, reason = "a test ends when its own ground gives way")]

use clap::CommandFactory;
use tickwire_tests::proof::{has_examples, has_test};
use tickwire_tests::source::{self, File, Member};
use xtask::requirements::{COUNT, Counts, PATH, Proof, Row, parse};

#[test]
fn every_requirement_is_listed_once_in_the_order_of_ids() {
    let ids: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    let expected: Vec<String> = (1..=COUNT).map(|number| format!("R{number:03}")).collect();
    assert_eq!(ids, expected);
}

#[test]
fn every_requirement_has_only_documented_kinds() {
    for row in rows() {
        for kind in row.kind.split('/') {
            assert!("AFNTOPGRD".contains(kind) && kind.len() == 1, "{}: kind {kind:?}", row.id);
        }
    }
}

#[test]
fn every_proof_named_in_the_requirements_exists() {
    let (files, members) = (source::files(), source::members());
    let rows = rows();
    println!("{}", Counts::of(&rows));
    let faults: Vec<String> = rows.iter().flat_map(|row| faults(row, &rows, &files, &members)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_named_proof_that_does_not_exist_is_reported() {
    let (files, members) = (source::files(), source::members());
    for bad in ["`core::no_such_test`", "`cmd:dance`", "`doc:core/src/no.rs`", "as R999", "as R001"] {
        let rows = parse(&format!("| R001 | One | F | {bad} |")).unwrap();
        assert_eq!(faults(&rows[0], &rows, &files, &members).len(), 1, "{bad} was accepted");
    }
    let good = "`tests::requirements::every_proof_named_in_the_requirements_exists`, `cmd:requirements`";
    let rows = parse(&format!("| R001 | One | F | {good} |\n| R002 | Two | F | as R001 |")).unwrap();
    for row in &rows {
        assert_eq!(faults(row, &rows, &files, &members), [""; 0]);
    }
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(source::root().join(PATH)).unwrap();
    parse(&text).unwrap()
}

fn faults(row: &Row, rows: &[Row], files: &[File], members: &[Member]) -> Vec<String> {
    let missing: Vec<&String> = match &row.proof {
        Proof::NotYet => Vec::new(),
        Proof::As(others) => others.iter().filter(|id| !stands_alone(id, rows)).collect(),
        Proof::Tests(names) => names.iter().filter(|name| !exists(name, files, members)).collect(),
    };
    missing.iter().map(|name| format!("{}: {name} does not exist", row.id)).collect()
}

/// Returns whether a row exists and does not refer to other rows.
fn stands_alone(id: &str, rows: &[Row]) -> bool {
    rows.iter().any(|row| row.id == id && !matches!(row.proof, Proof::As(_)))
}

fn exists(name: &str, files: &[File], members: &[Member]) -> bool {
    if let Some(verb) = name.strip_prefix("cmd:") {
        return xtask::Cli::command().find_subcommand(verb).is_some();
    }
    if let Some(path) = name.strip_prefix("doc:") {
        return has_examples(path, files);
    }
    has_test(name, files, members)
}
