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
fn a_reload_reports_the_changed_keys_that_need_a_restart() {
    let mut server = Program::start(r#""tick_rate": 60"#);
    change(&server, r#""tick_rate": 30, "max_connections": 3, "game": { "agents": 2 }"#);
    until(|| (server.ask_json("status --json")["tick_rate"] == 30).then_some(()));
    logged(&server, "the configuration has changed: tick_rate took effect");
    logged(&server, "the configuration has changed: max_connections will take effect at a restart");
    logged(&server, "the configuration has changed: game took effect");
    until(|| server.errors().contains("max_connections will take effect at a restart").then_some(()));
    assert_eq!(server.ask("agents 2"), "2 agents, 0 with a client");
}

#[test]
fn an_invalid_change_of_the_configuration_is_not_applied() {
    let mut server = Program::start(r#""tick_rate": 60"#);
    change(&server, r#""tick_rate": 0"#);
    logged(
        &server,
        "the configuration is unchanged: server.json:1:34: `tick_rate` is 0; set it to a whole number",
    );
    assert_eq!(server.ask_json("status --json")["tick_rate"], 60);
    change(&server, r#""tick_rate": 20"#);
    until(|| (server.ask_json("status --json")["tick_rate"] == 20).then_some(()));
}

#[test]
fn a_configuration_file_that_is_replaced_by_a_renamed_file_is_reloaded() {
    let mut server = Program::start(r#""tick_rate": 60"#);
    let path = server.folder.path().join("server.json");
    fs::write(path.with_extension("new"), config(r#""tick_rate": 25"#)).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
    until(|| (server.ask_json("status --json")["tick_rate"] == 25).then_some(()));
}

#[test]
fn a_changed_log_level_takes_effect_immediately() {
    let server = Program::start(r#""log_level": "error""#);
    let _first = server.join();
    change(&server, r#""log_level": "info""#);
    logged(&server, "log_level took effect");
    let _second = server.join();
    logged(&server, "client 2 joined");
    assert!(!server.log().contains("client 1 joined"), "{}", server.log());
}

#[test]
fn a_reload_does_not_change_the_running_values_of_keys_that_need_a_restart() {
    let mut server = Program::start(r#""max_connections": 64"#);
    change(&server, r#""max_connections": 2, "tick_rate": 30"#);
    until(|| (server.ask_json("status --json")["tick_rate"] == 30).then_some(()));
    assert_eq!(server.ask_json("status --json")["clients_max"], 64);
    logged(&server, "max_connections will take effect at a restart");
    change(&server, r#""max_connections": 64, "tick_rate": 30"#);
    logged(&server, "a restart no longer changes max_connections");
    assert_eq!(server.log().matches("max_connections will take effect at a restart").count(), 1);
    change(&server, r#""max_connections": 64, "tick_rate": 30, "game": { "seed": 2 }"#);
    logged(&server, "game will take effect at a restart");
    change(&server, r#""max_connections": 64, "tick_rate": 30"#);
    logged(&server, "game took effect");
}

#[test]
fn a_configuration_file_that_is_created_while_the_server_runs_is_applied() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let mut server = Program::start_with(folder, &["--bind-address", "127.0.0.1:0"]);
    assert_eq!(server.ask("reload"), "the configuration was read: no key has changed");
    change(&server, r#""tick_rate": 30"#);
    until(|| (server.ask_json("status --json")["tick_rate"] == 30).then_some(()));
}

#[test]
fn the_command_reload_answers_with_the_result_of_the_reload() {
    let mut server = Program::start(r#""max_connections": 64"#);
    let nothing = "the configuration was read: no key has changed";
    assert_eq!(server.ask("reload"), nothing);
    logged(&server, nothing);
    let path = server.folder.path().join("server.bans.json");
    fs::write(&path, r#"[{"who": "192.0.2.9", "why": "by hand"}]"#).unwrap();
    assert_eq!((server.ask("reload"), server.ask("bans")), (nothing.into(), "192.0.2.9  by hand".into()));
    fs::write(&path, "[{").unwrap();
    let answer = server.ask("reload");
    assert!(answer.starts_with("error: the list of bans is unchanged: "), "{answer}");
}

#[cfg(unix)]
#[test]
fn sighup_reloads_the_configuration() {
    let server = Program::start(r#""max_connections": 64"#);
    server.signal(rustix::process::Signal::HUP);
    logged(&server, "the configuration was read: no key has changed");
}

#[cfg(unix)]
#[test]
fn a_change_to_a_configuration_file_behind_symbolic_links_is_applied() {
    use std::os::unix::fs::symlink;
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let target = other.path().join("real.json");
    fs::write(&target, config(r#""tick_rate": 60"#)).unwrap();
    symlink(&target, folder.path().join("server.json")).unwrap();
    let mut server = Program::start_with(std::sync::Arc::new(folder), &[]);
    fs::write(&target, config(r#""tick_rate": 30"#)).unwrap();
    until(|| (server.ask_json("status --json")["tick_rate"] == 30).then_some(()));
    // The link leads elsewhere; what it leads to then is watched as well.
    let third = tempfile::tempdir().unwrap();
    let target = third.path().join("other.json");
    fs::write(&target, config(r#""tick_rate": 31"#)).unwrap();
    symlink(&target, server.folder.path().join("new")).unwrap();
    fs::rename(server.folder.path().join("new"), server.folder.path().join("server.json")).unwrap();
    until(|| (server.ask_json("status --json")["tick_rate"] == 31).then_some(()));
    fs::write(&target, config(r#""tick_rate": 32"#)).unwrap();
    until(|| (server.ask_json("status --json")["tick_rate"] == 32).then_some(()));
}

#[test]
fn an_emptied_or_deleted_configuration_file_resets_no_setting() {
    let mut server = Program::start(r#""tick_rate": 25, "log_level": "debug", "game": { "agents": 3 }"#);
    let path = server.folder.path().join("server.json");
    for text in ["", " \n", "\u{feff}", "// all of it is for later\n"] {
        fs::write(&path, text).unwrap();
        let answer = server.ask("reload");
        assert!(
            answer.contains("the configuration is unchanged: server.json: is empty; write `{}`"),
            "{answer}"
        );
        assert_eq!(server.ask_json("status --json")["tick_rate"], 25);
    }
    fs::remove_file(&path).unwrap();
    let answer = server.ask("reload");
    assert!(answer.contains("no longer exists"), "{answer}");
    assert_eq!(server.ask_json("status --json")["tick_rate"], 25);
    fs::write(&path, "{}").unwrap();
    until(|| (server.ask_json("status --json")["tick_rate"] == 60).then_some(()));
}
