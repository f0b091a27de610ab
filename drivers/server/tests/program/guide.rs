//! The programs in the guide equal the examples `bells` and `beach`, which have their own tests.

const GUIDE: &str = include_str!("../../../../docs/guide/first-server.md");
const WORLD: &str = include_str!("../../../../docs/guide/replicated-world.md");
const BEACH: &str = include_str!("../../../../examples/beach.rs");
const RUNNING: &str = include_str!("../../../../docs/guide/running-a-server.md");
const EXAMPLE: &str = include_str!("../../../../examples/bells.rs");

/// Compares the pieces of code in a chapter with a program. Between two pieces there is an empty line or none, as it reads best.
fn compare(chapter: &str, program: &str) {
    let pieces = chapter.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let pieces: Vec<&str> = pieces.collect();
    let squeezed = |text: &str| text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(squeezed(&pieces.join("\n")), squeezed(program));
}

#[test]
fn the_code_in_the_server_guide_equals_the_example_program() {
    compare(GUIDE, EXAMPLE);
}

#[test]
fn the_code_in_the_guide_to_replicated_worlds_equals_the_example_program() {
    compare(WORLD, BEACH);
}

#[test]
fn every_metric_in_the_guide_to_replicated_worlds_exists() {
    let metrics = include_str!("../../src/monitor/metrics.rs");
    let named: Vec<&str> =
        quoted(WORLD).into_iter().filter_map(|word| word.strip_prefix("tickwire_")).collect();
    assert_eq!(named.len(), 2);
    assert!(named.iter().all(|name| metrics.contains(&format!("\"{name}\""))), "{named:?}");
}

#[test]
fn every_configuration_key_in_the_server_guide_exists() {
    let config = include_str!("../../config.schema.json");
    let schema: serde_json::Value = serde_json::from_str(config).unwrap();
    let example = GUIDE.split("```jsonc\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.json"), example).unwrap();
    let ended = crate::harness::run(folder.path(), &["--check"]);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for key in GUIDE.split("| `").skip(1).map(|rest| rest.split('`').next().unwrap()) {
        assert!(schema["properties"][key].is_object(), "there is no key {key}");
    }
}

/// Returns the words in backticks in a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_console_command_in_the_server_guides_exists() {
    let mut server = crate::harness::Program::start(r#""enable_logging": false"#);
    let mut help = vec![server.ask("help")];
    help.extend(server.lines_until("unban"));
    let at_the_prompt =
        GUIDE.split("At the server's prompt, ").nth(1).unwrap().split("Ctrl-C").next().unwrap();
    let (own, rest) = at_the_prompt.split_once(" is the game's own command; ").unwrap();
    assert_eq!(quoted(own), ["total"], "the example's test gives it");
    let commands = quoted(rest);
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        assert!(help.iter().any(|line| line.split(' ').next() == Some(command)), "there is no `{command}`");
    }
    let line = RUNNING.split(" take `--json`").next().unwrap().lines().last().unwrap();
    let commands = quoted(line);
    assert!(commands.len() > 3, "{commands:?}");
    for command in commands {
        let answer = server.ask_json(&format!("{command} --json"));
        assert!(answer.is_object() || answer.is_array(), "{command}: {answer}");
    }
}

/// Returns the arguments of the program in the guide, as a service and in a container.
#[cfg(unix)]
fn deployments() -> [Vec<String>; 2] {
    let line = |after: &str| RUNNING.split(after).nth(1).unwrap().lines().next().unwrap();
    let service = line("ExecStart=/usr/local/bin/tickwire-server ").split(' ').map(str::to_owned).collect();
    let mut container: Vec<String> = serde_json::from_str(line("ENTRYPOINT ")).unwrap();
    assert_eq!(container.remove(0), "tickwire-server");
    // Another server of this machine may have the port.
    let port = container.iter_mut().find(|argument| *argument == "0.0.0.0:9777").unwrap();
    "127.0.0.1:0".clone_into(port);
    [service, container]
}

#[cfg(unix)]
#[test]
fn a_server_started_as_the_guide_describes_keeps_its_key_over_a_restart() {
    use crate::harness::{Program, config, until};
    assert!(RUNNING.contains("STOPSIGNAL SIGTERM"), "as systemd does by itself");
    for arguments in deployments() {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("server.json"), config("")).unwrap();
        let mut keys = Vec::new();
        for _ in 0..2 {
            let mut server = Program::start_with(std::sync::Arc::clone(&folder), &arguments);
            // Nobody types anything.
            server.close_input();
            let _client = server.join();
            keys.push(server.key());
            until(|| server.errors().contains("Headless server started on").then_some(()));
            assert_eq!(server.log(), "", "the log is on standard error");
            server.signal(rustix::process::Signal::TERM);
            let (code, last) = server.end();
            assert_eq!((code, &last["why"]), (Some(0), &"SIGTERM".into()));
        }
        assert_eq!(keys[0], keys[1], "the folder keeps the key");
    }
}
