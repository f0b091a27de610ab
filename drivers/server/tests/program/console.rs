//! Commands through a pipe.

use tickwire_core::CloseReason;
use tickwire_server::codes;
use tickwire_server::world::{FROM_SERVER, Heard};

use crate::harness::{Program, ending, next, until};

#[test]
fn the_command_status_prints_the_status_of_the_server_as_text_and_as_json() {
    let mut server = Program::start(r#""max_connections": 9"#);
    let _client = server.join();
    let status = until(|| Some(server.ask_json("status --json")).filter(|status| status["clients"] == 1));
    assert_eq!(status["address"], server.listening["address"]);
    assert_eq!(status["key"], server.listening["key"]);
    assert_eq!((&status["clients_max"], &status["tick_rate"]), (&9.into(), &60.into()));
    let line = server.ask("status");
    assert!(line.starts_with("tickwire world: uptime ") && line.ends_with(" s, 1 of 9 clients"), "{line}");
    server.lines_until("ticks at 60 per second");
}

#[test]
fn an_unknown_command_is_answered_with_a_suggestion() {
    let mut server = Program::start(r#""enable_logging": false"#);
    assert_eq!(server.ask("statu"), "error: unknown command `statu`; did you mean `status`?");
    assert_eq!(server.ask("frobnicate"), "error: unknown command `frobnicate`; `help` lists the commands");
    assert_eq!(server.ask("kick"), "error: no client is named; usage: kick <client> [reason]");
    assert_eq!(
        server.ask("kick bob"),
        "error: `bob` is not a client's number; `clients` lists the numbers; usage: kick <client> [reason]"
    );
    assert_eq!(
        server.ask("kick 7"),
        "error: client 7 is not connected; `clients` lists the connected clients"
    );
    assert_eq!(
        server.ask("status --jsn"),
        "error: `--jsn` is not an argument of this command; usage: status [--json]"
    );
    assert_eq!(server.ask("say"), "error: the message is missing; usage: say <text>");
    assert_eq!(
        server.ask("unban me"),
        "error: the argument is neither an identity nor an address; usage: unban <identity | address>"
    );
    assert_eq!(server.ask("unban 192.0.2.1"), "error: 192.0.2.1 is not banned; `bans` lists all bans");
}

#[test]
fn help_lists_every_command_including_commands_of_the_game() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let mut help = vec![server.ask("help")];
    help.extend(server.lines_until("unban"));
    for command in [
        "agents", "ban", "bans", "clients", "help", "kick", "quit", "reload", "say", "stats", "status",
        "unban",
    ] {
        assert!(help.iter().any(|line| line.starts_with(command)), "{command} is missing in {help:?}");
    }
    assert_eq!(
        server.ask("help quit").split_whitespace().collect::<Vec<_>>().join(" "),
        "quit [reason] stop the server in an orderly way"
    );
    assert_eq!(server.ask("agents 3"), "3 agents, 0 with a client");
    assert_eq!(
        server.ask("agents many"),
        "error: the count is not a number from 0 to 10000; usage: agents <count>"
    );
}

#[test]
fn the_command_say_sends_its_text_to_every_client() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let client = server.join();
    assert_eq!(server.ask("say the bridge is out, it's gone"), "the text was sent to 1 client");
    let heard: Heard = next(&client);
    assert_eq!((heard.from, heard.text.as_str()), (FROM_SERVER, "the bridge is out, it's gone"));
}

#[test]
fn the_command_say_refuses_text_too_long_for_a_chat_line() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let client = server.join();
    let said = server.ask(&format!("say {}é", "x".repeat(199)));
    assert_eq!(said, "error: the line has 201 bytes, but a chat line may have at most 200; shorten it");
    let whole = "x".repeat(200);
    assert_eq!(server.ask(&format!("say {whole}")), "the text was sent to 1 client");
    assert_eq!(next::<Heard>(&client).text.as_str(), whole, "nothing was said before it");
}

#[test]
fn a_kicked_client_receives_the_reason() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let client = server.join();
    assert_eq!(server.ask("kick #1 no shouting"), "client 1 is kicked: no shouting");
    assert_eq!(ending(&client), CloseReason::Peer { code: codes::KICKED, text: "no shouting".into() });
    until(|| (server.ask("clients") == "no client is connected").then_some(()));
    let _back = server.join();
    assert_eq!(server.ask_json("clients --json")[0]["id"], 2);
}

#[test]
fn a_banned_address_is_refused_after_the_server_restarts() {
    let mut server = Program::start("\"ban_file\": \"bans.json\"");
    assert_eq!(
        server.ask("ban 127.0.0.1"),
        "127.0.0.1 is banned: banned by the server; 0 clients disconnected"
    );
    server.ask("quit");
    let folder = std::sync::Arc::clone(&server.folder);
    assert_eq!(server.end().0, Some(0));
    let mut server = Program::start_in(folder, &crate::harness::config("\"ban_file\": \"bans.json\""));
    let options = tickwire_core::ConnectOptions::new(server.key());
    let error = server.try_join(options).unwrap_err();
    assert_eq!(error, tickwire_native::ConnectError::Banned);
    assert_eq!(server.ask("unban 127.0.0.1"), "127.0.0.1 may connect again");
    server.join();
}

#[test]
fn the_console_and_the_configuration_accept_addresses_as_they_are_printed() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let client = server.join();
    let clients =
        until(|| server.ask_json("clients --json").as_array().filter(|all| !all.is_empty()).cloned());
    let address = clients[0]["address"].as_str().unwrap();
    let answer = server.ask(&format!("ban {address} rude"));
    assert_eq!(answer, "127.0.0.1 is banned: rude; 1 client disconnected");
    ending(&client);
    assert_eq!(server.ask(&format!("unban {address}")), "127.0.0.1 may connect again");
    for printed in [&server.address().to_string(), "[::]:7777", "[fe80::1%4]:7777"] {
        let ended = crate::harness::run(server.folder.path(), &["--check", "--bind-address", printed]);
        assert_eq!(ended.code, Some(0), "{printed}: {}", ended.errors);
    }
    for (written, said) in
        [("239.1.1.1:7777", "a multicast address"), ("[fe80::1]:7777", "without its interface")]
    {
        let ended = crate::harness::run(server.folder.path(), &["--check", "--bind-address", written]);
        assert!(ended.code == Some(2) && ended.errors.contains(said), "{written}: {}", ended.errors);
    }
}

#[test]
fn the_command_stats_prints_the_counters() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let _client = server.join();
    let stats = server.ask_json("stats --json");
    assert!(stats["datagrams_received"].as_u64().unwrap() >= 2, "{stats}");
    assert!(stats["ticks"].as_u64().is_some() && stats["drops"].is_object(), "{stats}");
}

#[test]
fn the_command_quit_sends_every_client_the_reason() {
    let mut server = Program::start(r#""tick_rate": 50"#);
    let client = server.join();
    assert_eq!(server.ask("quit maintenance until noon"), "stopping");
    let text = "the server is stopping (maintenance until noon)".into();
    assert_eq!(ending(&client), CloseReason::Peer { code: codes::STOPPED, text });
    let log = std::sync::Arc::clone(&server.folder);
    let (code, last) = server.end();
    assert_eq!((code, &last["event"], &last["clients"]), (Some(0), &"stopped".into(), &1.into()));
    let log = std::fs::read_to_string(log.path().join("server.log")).unwrap();
    assert!(
        log.contains("Headless server started on 127.0.0.1:") && log.contains("Headless server shut down"),
        "{log}"
    );
}

#[test]
fn the_server_continues_after_its_standard_input_ends() {
    let mut server = Program::start(r#""enable_logging": false"#);
    server.ask("status --json");
    server.close_input();
    std::thread::sleep(std::time::Duration::from_millis(200));
    server.join();
    assert_eq!(server.child.try_wait().unwrap(), None);
}

#[test]
fn a_console_line_with_control_characters_is_echoed_escaped() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let answer = server.ask("\u{1b}[2J\u{fffd}");
    assert!(answer.starts_with("error: unknown command `\\u{1b}[2J"), "{answer}");
    assert_eq!(server.ask_json("status --json")["clients"], 0);
}

#[cfg(unix)]
#[test]
fn a_stalled_reader_of_console_output_does_not_delay_the_shutdown() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.json"), crate::harness::config("")).unwrap();
    let mut child = crate::harness::command(folder.path(), &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    // More than the pipe and the queue before it take together.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all("help\n".repeat(1000).as_bytes()).unwrap();
    let log = || std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
    until(|| log().contains("no program reads standard output").then_some(()));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let ended =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until(|| child.try_wait().unwrap())));
    child.kill().unwrap();
    assert_eq!(ended.unwrap().code(), Some(0));
    assert!(log().contains("Headless server shut down"), "{}", log());
    drop((stdin, out));
}

#[cfg(unix)]
#[test]
fn a_slow_reader_of_console_output_gets_every_answer() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let mut expected = 0;
    for number in 0..100 {
        expected = number;
        server.tell(&format!("agents {number}"));
        server.tell("help");
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    let lines = server.lines_until(&format!("{expected} agents, "));
    assert_eq!(lines.iter().filter(|line| line.contains(", 0 with a client")).count(), 100);
}

#[test]
fn a_console_line_above_4096_bytes_is_refused() {
    let mut server = Program::start(r#""enable_logging": false"#);
    assert_eq!(
        server.ask(&"x".repeat(1 << 20)),
        "error: the line has more than 4096 bytes and was ignored; type a shorter line"
    );
    let shown = "x".repeat(40) + "…";
    assert_eq!(
        server.ask(&"x".repeat(4000)),
        format!("error: unknown command `{shown}`; `help` lists the commands")
    );
    assert!(
        server
            .ask(&format!("kick {}", "x".repeat(4000)))
            .contains(&format!("`{shown}` is not a client's number"))
    );
    assert_eq!(server.ask_json("status --json")["clients"], 0);
}

#[test]
fn the_command_say_fails_if_its_text_reached_no_client() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let mut client = server.join();
    // It hears nothing any more, and the server does not know yet.
    client.abort();
    let line = format!("say {}", "x".repeat(190));
    let answer = until(|| {
        let mut answers = (0..100).map(|_| server.ask(&line));
        answers.find(|answer| answer != "the text was sent to 1 client")
    });
    assert!(answer.starts_with("error: the text was sent to 0 of 1 client;"), "{answer}");
}
