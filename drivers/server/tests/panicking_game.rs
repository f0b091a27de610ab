//! A game that panics: the program ends with a code of its own, its words are in the log, and the terminal is as it was.
//!
//! This file is both: with `TICKWIRE_TEST_GAME` set it is the game's program, else the test that starts it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on has failed"))]

use std::process::ExitCode;
use std::time::Duration;

use tickwire_core::message::RegisterError;
use tickwire_server::{Context, Game, GameError, Messages, NoSettings};

/// A game whose tenth step panics.
struct Fragile;

impl Game for Fragile {
    const NAME: &'static str = "fragile";
    const APPLICATION: u64 = 7;
    type Settings = NoSettings;

    fn messages(_: &mut Messages<Self>) -> Result<(), RegisterError> {
        Ok(())
    }

    fn start(&mut self, _: &mut Context<'_>, _: &NoSettings) -> Result<(), GameError> {
        Ok(())
    }

    fn tick(&mut self, server: &mut Context<'_>, _: Duration) {
        assert!(server.tick() < 10, "the floor gave way\nunder the tenth step");
    }
}

fn main() -> ExitCode {
    if std::env::var_os(GAME).is_some() {
        return tickwire_server::main(Fragile);
    }
    told_in_the_log_with_a_code_of_its_own();
    #[cfg(unix)]
    terminal::left_as_it_was_found();
    println!("test result: ok. 2 passed; 0 failed; 0 ignored");
    ExitCode::SUCCESS
}

fn game(folder: &std::path::Path) -> std::process::Command {
    std::fs::write(folder.join("server.json"), r#"{ "bind_address": "127.0.0.1:0" }"#).unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.current_dir(folder).env(GAME, "1").env_remove("RUST_BACKTRACE");
    command
}

fn told_in_the_log_with_a_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let output = game(folder.path()).stdin(std::process::Stdio::null()).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{errors}");
    assert!(
        errors.contains("error: the game panicked: the floor gave way\\nunder the tenth step"),
        "{errors}"
    );
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(
        log.contains("panicking_game.rs") && log.contains("the game panicked: the floor gave way"),
        "{log}"
    );
}

#[cfg(unix)]
mod terminal {
    use std::os::fd::AsFd as _;

    use rexpect::process::WaitStatus;
    use rexpect::session::spawn_command;
    use rustix::termios::{LocalModes, tcgetattr};

    pub(super) fn left_as_it_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = super::game(folder.path());
        command.env("TERM", "xterm");
        let mut session = spawn_command(command, Some(10_000)).unwrap();
        session.exp_string("error: the game panicked").unwrap();
        let status = session.process().wait().unwrap();
        assert!(matches!(status, WaitStatus::Exited(_, 8)), "{status:?}");
        let terminal = session.process().get_file_handle().unwrap();
        assert!(tcgetattr(terminal.as_fd()).unwrap().local_modes.contains(LocalModes::ICANON));
    }
}

const GAME: &str = "TICKWIRE_TEST_GAME";
