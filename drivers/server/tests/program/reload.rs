//! Changes to the configuration while the server runs.

use std::fs;

use crate::harness::{Program, config, until};

fn change(server: &Program, more: &str) {
    fs::write(server.folder.path().join("server.json"), config(more)).unwrap();
}

fn logged(server: &Program, text: &str) {
    until(|| server.log().contains(text).then_some(()));
}

#[test]
fn what_is_safe_takes_effect_and_the_rest_is_reported() {
    let mut server = Program::start(r#""tick_rate": 60"#);
    change(&server, r#""tick_rate": 30, "max_connections": 3, "game": { "agents": 2 }"#);
    until(|| (server.ask_json("status --json")["tick_rate"] == 30).then_some(()));
    logged(&server, "the configuration has changed: tick_rate took effect");
    logged(&server, "the configuration has changed: max_connections will take effect at a restart");
    logged(&server, "the configuration has changed: game took effect");
    until(|| server.errors().contains("max_connections will take effect at a restart").then_some(()));
    assert_eq!(server.ask("agents 2"), "2 agents, 0 of them clients'");
}

#[test]
fn a_change_that_is_wrong_changes_nothing_and_is_told() {
    let mut server = Program::start(r#""tick_rate": 60"#);
    change(&server, r#""tick_rate": 0"#);
    logged(
        &server,
        "the configuration stays as it was: server.json:1:34: `tick_rate` is 0; set it to a whole number",
    );
    assert_eq!(server.ask_json("status --json")["tick_rate"], 60);
    change(&server, r#""tick_rate": 20"#);
    until(|| (server.ask_json("status --json")["tick_rate"] == 20).then_some(()));
}

#[test]
fn a_file_that_is_replaced_is_noticed_as_well_as_one_that_is_written() {
    let mut server = Program::start(r#""tick_rate": 60"#);
    let path = server.folder.path().join("server.json");
    fs::write(path.with_extension("new"), config(r#""tick_rate": 25"#)).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
    until(|| (server.ask_json("status --json")["tick_rate"] == 25).then_some(()));
}

#[test]
fn the_level_of_the_log_changes_at_once() {
    let server = Program::start(r#""log_level": "error""#);
    let _first = server.join();
    change(&server, r#""log_level": "info""#);
    logged(&server, "log_level took effect");
    let _second = server.join();
    logged(&server, "client 2 joined");
    assert!(!server.log().contains("client 1 joined"), "{}", server.log());
}
