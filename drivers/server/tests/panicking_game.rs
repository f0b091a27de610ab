//! A game that panics: the program ends with the exit code for panics, logs the message of the panic, and restores the terminal.
//!
//! If `TICKWIRE_TEST_GAME` is set, this file is the game's program. Otherwise it is the test that starts the program.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on has failed"))]

use std::process::ExitCode;
use std::time::Duration;

use tickwire_core::message::{NetMessage, RegisterError};
use tickwire_server::{ClientId, Commands, Context, Game, GameError, Messages, NoSettings};

/// A game that panics in the method that the test selects, or registers a message type whose channel does not exist.
struct Fragile {
    place: String,
    _inner: Inner,
}

/// A part of the game, which may panic when it is dropped.
struct Inner(bool);

impl Drop for Inner {
    fn drop(&mut self) {
        assert!(!self.0, "the cellar gave way too");
    }
}

impl Fragile {
    fn at(&self, place: &str) {
        assert!(self.place != place, "the floor gave way\nunder the {place}");
    }
}

/// A message type whose channel does not exist.
#[derive(NetMessage)]
#[net(name = "fragile/far", channel = 9)]
struct Far {
    number: u32,
}

/// A message to a client that has joined.
#[derive(NetMessage)]
#[net(name = "fragile/hello")]
struct Hello {
    number: u32,
}

impl Game for Fragile {
    const NAME: &'static str = "fragile";
    const APPLICATION: u64 = 7;
    type Settings = NoSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.sends::<Hello>()?;
        if std::env::var(GAME).is_ok_and(|place| place == "channel") {
            messages.sends::<Far>()?;
        }
        Ok(())
    }

    fn commands(commands: &mut Commands<Self>) {
        commands.add("fall", "", "panic", |game, _, _| {
            game.at("command");
            Ok(String::new())
        });
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        self.at("start");
        Ok(())
    }

    fn joined(&mut self, _: &mut Context, _: ClientId) {
        self.at("join");
    }

    fn stopping(&mut self, _: &mut Context) {
        self.at("stop");
    }

    fn tick(&mut self, server: &mut Context, _: Duration) {
        if server.tick() == 10 {
            self.at("tenth step");
            self.at("drop");
        }
    }
}

fn main() -> ExitCode {
    if let Ok(place) = std::env::var(GAME) {
        let inner = Inner(place == "drop");
        return tickwire_server::main(Fragile { place, _inner: inner });
    }
    a_panic_of_the_game_is_logged_and_ends_the_program_with_exit_code_8();
    a_panic_of_the_game_at_a_start_a_command_or_a_stop_is_reported_with_its_place();
    a_panic_of_the_game_at_a_join_ends_the_program_with_exit_code_8();
    without_a_log_the_report_of_a_panic_refers_to_standard_error();
    a_message_type_that_names_a_missing_channel_is_refused_with_exit_code_7();
    #[cfg(unix)]
    {
        terminal::the_terminal_settings_are_restored_after_a_panic_of_the_game();
        terminal::the_terminal_settings_are_restored_after_a_second_panic_in_a_destructor();
    }
    println!("test result: ok. 7 passed; 0 failed; 0 ignored");
    ExitCode::SUCCESS
}

fn game(folder: &std::path::Path, place: &str) -> std::process::Command {
    std::fs::write(folder.join("server.json"), r#"{ "bind_address": "127.0.0.1:0" }"#).unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.current_dir(folder).env(GAME, place).env_remove("RUST_BACKTRACE");
    command
}

/// Runs the game with these lines at its console. Returns its exit code, and the text on standard error.
fn run(folder: &std::path::Path, place: &str, arguments: &[&str], lines: &str) -> (Option<i32>, String) {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = game(folder, place);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that ended before it read them has said why.
    let _closed = stdin.write_all(lines.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn a_panic_of_the_game_is_logged_and_ends_the_program_with_exit_code_8() {
    let folder = tempfile::tempdir().unwrap();
    let (code, errors) = run(folder.path(), "tenth step", &[], "");
    assert_eq!(code, Some(8), "{errors}");
    let said = "error: the game panicked: the floor gave way\\nunder the tenth step; the log names the source line of the panic";
    assert!(errors.contains(said) && errors.contains("; clients were disconnected"), "{errors}");
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(
        log.contains("panicking_game.rs") && log.contains("the game panicked: the floor gave way"),
        "{log}"
    );
}

fn a_panic_of_the_game_at_a_start_a_command_or_a_stop_is_reported_with_its_place() {
    for (place, lines, clients) in [
        ("start", "", "no client was connected yet"),
        ("command", "fall\n", "clients were disconnected"),
        ("stop", "quit\n", "clients were disconnected"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (code, errors) = run(folder.path(), place, &[], lines);
        assert_eq!(code, Some(8), "{place}: {errors}");
        assert!(
            errors.contains(&format!("under the {place}; the log names the source line of the panic")),
            "{errors}"
        );
        assert!(errors.contains(clients), "{errors}");
    }
}

fn a_panic_of_the_game_at_a_join_ends_the_program_with_exit_code_8() {
    use std::io::BufRead as _;
    let folder = tempfile::tempdir().unwrap();
    let mut command = game(folder.path(), "join");
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["listening", "on", address, "key", key] = words[..] else {
        unreachable!("it says where it listens first: {line}")
    };
    let key: tickwire_core::PublicKey = key.parse().unwrap();
    let registry = tickwire_server::registry::<Fragile>().unwrap();
    let options = tickwire_native::Options::new(tickwire_core::Config::new(7)).registry(registry);
    let client = tickwire_native::Client::start(options).unwrap();
    // It may have been let in by then, or not.
    let _ended = client.connect(&address.parse().unwrap(), tickwire_core::ConnectOptions::new(key)).wait();
    assert_eq!(child.wait().unwrap().code(), Some(8));
}

fn without_a_log_the_report_of_a_panic_refers_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let (code, errors) = run(folder.path(), "tenth step", &["--enable-logging", "false"], "");
    assert_eq!(code, Some(8), "{errors}");
    assert!(
        errors.contains("standard error names the source line of the panic")
            && !errors.contains("the log says"),
        "{errors}"
    );
    assert!(errors.contains("panicking_game.rs"), "{errors}");
}

fn a_message_type_that_names_a_missing_channel_is_refused_with_exit_code_7() {
    for arguments in [&["--check"][..], &[]] {
        let folder = tempfile::tempdir().unwrap();
        let (code, errors) = run(folder.path(), "channel", arguments, "");
        assert_eq!(code, Some(7), "{errors}");
        assert!(errors.contains("error: message type `fragile/far` uses channel 9"), "{errors}");
    }
}

#[cfg(unix)]
mod terminal {
    use std::os::fd::AsFd as _;

    use rexpect::process::WaitStatus;
    use rexpect::session::spawn_command;
    use rustix::termios::{LocalModes, tcgetattr};

    /// Runs the game on a terminal until it prints `said`. Returns its exit status.
    fn run(place: &str, said: &str) -> WaitStatus {
        let folder = tempfile::tempdir().unwrap();
        let mut command = super::game(folder.path(), place);
        command.env("TERM", "xterm");
        let mut session = spawn_command(command, Some(10_000)).unwrap();
        session.exp_string(said).unwrap();
        let status = session.process().wait().unwrap();
        let terminal = session.process().get_file_handle().unwrap();
        let is_as_found = tcgetattr(terminal.as_fd()).unwrap().local_modes.contains(LocalModes::ICANON);
        assert!(is_as_found, "{place}: {status:?}");
        if place == "drop" {
            let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
            assert!(log.contains("under the drop") && log.contains("the cellar gave way too"), "{log}");
        }
        status
    }

    pub(super) fn the_terminal_settings_are_restored_after_a_panic_of_the_game() {
        let status = run("tenth step", "error: the game panicked");
        assert!(matches!(status, WaitStatus::Exited(_, 8)), "{status:?}");
    }

    pub(super) fn the_terminal_settings_are_restored_after_a_second_panic_in_a_destructor() {
        let status = run("drop", "error: a second panic while the first was handled");
        assert!(matches!(status, WaitStatus::Signaled(..)), "{status:?}");
    }
}

const GAME: &str = "TICKWIRE_TEST_GAME";
