//! The console on a terminal: prompt, line editing, history, output during editing, and the restored settings at the end.

use std::io::Write as _;
use std::os::fd::AsFd as _;

use rexpect::process::Signal;
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, tcgetattr};
use tempfile::TempDir;

use tickwire_core::{ConnectOptions, PublicKey};

use crate::harness::{client, command, config, until};

/// Starts a server on its own terminal, and waits for the prompt.
fn start() -> (PtySession, TempDir) {
    let (session, folder, _) = start_with("");
    (session, folder)
}

/// Starts a server as [`start`] does, with additional configuration keys. Also returns the line with its address and
/// key.
fn start_with(more: &str) -> (PtySession, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.json"), config(more)).unwrap();
    let mut command = command(folder.path(), &[]);
    command.env("TERM", "xterm");
    let mut session = spawn_command(command, Some(10_000)).unwrap();
    let (_, said) = session.exp_regex("listening on 127.0.0.1:[0-9]+ key [0-9a-f]{64}").unwrap();
    session.exp_string("> ").unwrap();
    (session, folder, said)
}

fn is_edited(session: &PtySession) -> bool {
    let terminal = session.process().get_file_handle().unwrap();
    !tcgetattr(terminal.as_fd()).unwrap().local_modes.contains(LocalModes::ICANON)
}

fn send(session: &mut PtySession, text: &str) {
    session.send(text).unwrap();
    session.flush().unwrap();
}

#[track_caller]
fn exits(session: &PtySession) -> i32 {
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_arrow_keys_edit_the_console_line_and_recall_the_previous_line() {
    let (mut session, _folder) = start();
    // A wrong letter is taken back, one is inserted further left.
    send(&mut session, "agnts 5x\u{7f}\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D");
    send(&mut session, "e\r");
    session.exp_string("5 agents, 0 with a client").unwrap();
    // Up, and the number is another.
    send(&mut session, "\u{1b}[A\u{7f}6\r");
    session.exp_string("6 agents, 0 with a client").unwrap();
    send(&mut session, "quit\r");
    session.exp_string("stopped (quit at the console)").unwrap();
    assert_eq!(exits(&session), 0);
}

#[test]
fn ctrl_d_closes_the_console_without_stopping_the_server() {
    let (mut session, _folder) = start();
    session.send_control('c').unwrap();
    session.exp_string("stopped (interrupted at the console)").unwrap();
    assert_eq!(exits(&session), 0);

    let (mut session, _folder) = start();
    session.send_control('d').unwrap();
    session.exp_string("the console is closed; the server runs until Ctrl-C or SIGTERM").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("stopped (SIGINT)").unwrap();
    assert_eq!(exits(&session), 0);
}

/// Connects a client that then receives nothing, and sends it a chat line, so that a stopping server must wait.
fn keep_busy(session: &mut PtySession, listening: &str) {
    let (_, at) = listening.split_once("listening on ").unwrap();
    let (address, key) = at.split_once(" key ").unwrap();
    let address: std::net::SocketAddr = address.parse().unwrap();
    let mut client = client();
    let options = ConnectOptions::new(key.parse::<PublicKey>().unwrap());
    client.connect(&address.into(), options).wait().unwrap();
    until(|| (client.stats().messages_received >= 1).then_some(()));
    client.abort();
    send(session, "say nobody hears this\r");
    session.exp_string("the text was sent to 1 client").unwrap();
}

#[test]
fn a_second_ctrl_c_ends_the_server_immediately() {
    let long = r#""shutdown_timeout": "600 s""#;
    let (mut session, folder, listening) = start_with(long);
    keep_busy(&mut session, &listening);
    session.send_control('c').unwrap();
    session
        .exp_string(
            "stopping (interrupted at the console): it sends the reason to 1 client, and delivers queued \
                     messages for up to 10 min",
        )
        .unwrap();
    until(|| (!is_edited(&session)).then_some(()));
    session.send_control('c').unwrap();
    session.exp_string("ended immediately (SIGINT)").unwrap();
    assert_eq!(exits(&session), 130);
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(log.contains("ended immediately (SIGINT during the shutdown)"), "{log}");

    let (mut session, _folder, listening) = start_with(long);
    keep_busy(&mut session, &listening);
    send(&mut session, "quit\r");
    session.exp_string("stopping (quit at the console)").unwrap();
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    session.exp_string("ended immediately (SIGTERM)").unwrap();
    assert_eq!(exits(&session), 143);
}

#[test]
fn a_typed_line_that_is_not_utf_8_does_not_affect_the_next_line() {
    let (mut session, _folder) = start();
    for line in [&b"say caf\xe9 quit\r"[..], b"\xff\r", b"agents 3\xc3\r"] {
        session.process().get_file_handle().unwrap().write_all(line).unwrap();
        session.exp_string("error: the line is not UTF-8 and was ignored; type it again").unwrap();
        session.exp_string("> ").unwrap();
        send(&mut session, "agents 7\r");
        session.exp_string("7 agents, 0 with a client").unwrap();
        session.exp_string("> ").unwrap();
    }
    send(&mut session, "quit\r");
    session.exp_string("stopped (quit at the console)").unwrap();
    assert_eq!(exits(&session), 0);
}

#[test]
fn the_terminal_settings_are_restored_when_sigterm_ends_the_server() {
    let (mut session, _folder) = start();
    until(|| is_edited(&session).then_some(()));
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    session.exp_string("\u{1b}[?2004l").unwrap();
    session.exp_string("stopped (SIGTERM)").unwrap();
    assert_eq!(exits(&session), 0);
    assert!(!is_edited(&session));
}

#[test]
fn a_logged_warning_does_not_change_the_console_line_being_edited() {
    let (mut session, folder) = start();
    send(&mut session, "agents 7");
    session.exp_string("agents 7").unwrap();
    let changed = config("\"log_files_kept\": 9");
    std::fs::write(folder.path().join("server.json"), changed).unwrap();
    session.exp_string("log_files_kept will take effect at a restart").unwrap();
    // The line is there again, and goes on.
    session.exp_string("agents 7").unwrap();
    send(&mut session, "\r");
    session.exp_string("7 agents").unwrap();
}

/// Starts a shell with job control. Also returns the command that starts the server in its own folder.
fn shell() -> (PtySession, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.json"), config("")).unwrap();
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "--noprofile", "-i"])
        .current_dir(folder.path())
        .env("TERM", "xterm")
        .env("PS1", "shell$ ");
    let session = spawn_command(bash, Some(10_000)).unwrap();
    (session, folder, env!("CARGO_BIN_EXE_tickwire-server").into())
}

/// Checks that the server still runs in the background after the console had several chances to use the terminal.
fn runs_in_background(session: &mut PtySession) {
    for place in 0..3 {
        session.send_line(&format!("sleep 0.3; jobs; echo looked-{place}")).unwrap();
        let (before, _) = session.exp_regex(&format!("\nlooked-{place}")).unwrap();
        assert!(before.contains("Running") && !before.contains("Stopped"), "{before}");
    }
}

#[test]
fn a_server_in_the_background_is_not_stopped_by_its_terminal() {
    let (mut session, _folder, program) = shell();
    session.send_line(&format!("{program} &")).unwrap();
    session.exp_regex("listening on 127.0.0.1:[0-9]+ key [0-9a-f]{64}").unwrap();
    runs_in_background(&mut session);
    session.send_line("fg").unwrap();
    session.exp_string("> ").unwrap();
    // What was begun is there again after a rest in the background.
    send(&mut session, "agents 7");
    session.exp_string("agents 7").unwrap();
    session.send_control('z').unwrap();
    session.exp_string("Stopped").unwrap();
    session.send_line("bg").unwrap();
    runs_in_background(&mut session);
    session.send_line("fg").unwrap();
    session.exp_string("agents 7").unwrap();
    send(&mut session, "\r");
    session.exp_string("7 agents, 0 with a client").unwrap();
    send(&mut session, "quit\r");
    session.exp_string("stopped (quit at the console)").unwrap();
}

#[test]
fn a_server_in_the_background_with_output_to_a_file_stops_on_sigterm() {
    let (mut session, folder, program) = shell();
    session.send_line(&format!("{program} > out.txt 2>&1 &")).unwrap();
    let out = || std::fs::read_to_string(folder.path().join("out.txt")).unwrap_or_default();
    until(|| out().contains("listening on").then_some(()));
    runs_in_background(&mut session);
    session.send_line("kill %1; wait %1; echo ended with $?").unwrap();
    session.exp_string("ended with 0").unwrap();
    assert!(out().contains("stopped (SIGTERM)"), "{}", out());
}
