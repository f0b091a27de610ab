//! The console on a terminal: prompt, line editing, history, lines that appear meanwhile; and the terminal as it was found.

use std::os::fd::AsFd as _;

use rexpect::process::Signal;
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, tcgetattr};
use tempfile::TempDir;

use crate::harness::{command, config, until};

/// A server on a terminal of its own, at its prompt.
fn start() -> (PtySession, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.json"), config("")).unwrap();
    let mut command = command(folder.path(), &[]);
    command.env("TERM", "xterm");
    let mut session = spawn_command(command, Some(10_000)).unwrap();
    session.exp_regex("listening on 127.0.0.1:[0-9]+ key [0-9a-f]{64}").unwrap();
    session.exp_string("> ").unwrap();
    (session, folder)
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
fn a_line_is_edited_and_the_last_one_comes_back() {
    let (mut session, _folder) = start();
    // A wrong letter is taken back, one is inserted further left.
    send(&mut session, "agnts 5x\u{7f}\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D");
    send(&mut session, "e\r");
    session.exp_string("5 agents, 0 of them clients'").unwrap();
    // Up, and the number is another.
    send(&mut session, "\u{1b}[A\u{7f}6\r");
    session.exp_string("6 agents, 0 of them clients'").unwrap();
    send(&mut session, "quit\r");
    session.exp_string("stopped (quit at the console)").unwrap();
    assert_eq!(exits(&session), 0);
}

#[test]
fn ctrl_c_stops_the_server_in_order_and_ctrl_d_only_closes_the_console() {
    let (mut session, _folder) = start();
    session.send_control('c').unwrap();
    session.exp_string("stopped (interrupted at the console)").unwrap();
    assert_eq!(exits(&session), 0);

    let (mut session, _folder) = start();
    session.send_control('d').unwrap();
    session.exp_string("the console is closed; the server goes on until Ctrl-C or SIGTERM").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("stopped (SIGINT)").unwrap();
    assert_eq!(exits(&session), 0);
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was_found() {
    let (mut session, _folder) = start();
    until(|| is_edited(&session).then_some(()));
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    session.exp_string("stopped (SIGTERM)").unwrap();
    assert_eq!(exits(&session), 0);
    assert!(!is_edited(&session));
}

#[test]
fn a_warning_does_not_tear_the_line_that_is_being_edited() {
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
