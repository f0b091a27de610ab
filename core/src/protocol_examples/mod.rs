//! The examples of docs/PROTOCOL.md, produced by the code that they describe. A change of the wire format changes an
//! example, and this test then fails until the document contains the same example.
//!
//! Each example is built twice, by the product and by the rules in the document. The test compares the two results.
//! `UPDATE_PROTOCOL=1 cargo test -p tickwire-core protocol_examples` rewrites the examples of the document.

mod handshake;
mod sheet;
mod wire;
mod worlds;

use std::path::PathBuf;
use std::{env, fs};

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use self::sheet::Sheet;

const BEGIN: &str = "<!-- example: ";
const END: &str = "<!-- end of example -->";

#[test]
fn the_examples_in_protocol_md_match_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    let old = fs::read_to_string(&path).unwrap();
    let sheets = [wire::sheets(), handshake::sheets(), worlds::sheets()].concat();
    let (new, named) = with_examples(&old, &sheets);
    for sheet in &sheets {
        let times = named.iter().filter(|name| **name == sheet.name).count();
        assert_eq!(times, 1, "the document shows the example {:?} {times} times", sheet.name);
    }
    if env::var_os("UPDATE_PROTOCOL").is_some() {
        fs::write(&path, new).unwrap();
        return;
    }
    let differs = old.lines().zip(new.lines()).find(|(old, new)| old != new);
    assert!(
        old == new,
        "docs/PROTOCOL.md differs from the code at {differs:?}; if the format change is intended, rerun with UPDATE_PROTOCOL=1"
    );
}

/// Returns the document with new examples, and the names of the examples.
fn with_examples<'a>(document: &'a str, sheets: &[Sheet]) -> (String, Vec<&'a str>) {
    let (mut out, mut named, mut rest) = (String::new(), Vec::new(), document);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(" -->\n").expect("the marker of an example ends its line");
        let (_, after) = after.split_once(END).expect("an example ends with an end marker");
        let sheet =
            sheets.iter().find(|sheet| sheet.name == name).unwrap_or_else(|| panic!("no example {name:?}"));
        out += &format!("{before}{BEGIN}{name} -->\n```text\n{}```\n{END}", sheet.text);
        named.push(name);
        rest = after;
    }
    out += rest;
    (out, named)
}
