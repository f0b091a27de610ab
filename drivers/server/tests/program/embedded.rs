//! The library without the program: games that are slow, that fail, or that stop the server.

use std::thread;
use std::time::Duration;

use crate::harness::until;
use crate::monitoring::get_from;
use tickwire_core::message::RegisterError;
use tickwire_server::{Context, Dedicated, Game, GameError, Messages, NoSettings, ServerConfig, ServerError};

/// The behaviour of a game in these tests.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Each tick takes longer than the tick interval.
    Slow,
    /// The game returns an error when it starts.
    Failing,
    /// The game stops the server at its tenth tick.
    Short,
    /// The tenth tick takes so long that the server counts as hung.
    Hanging,
}

struct Odd(Manner);

impl Game for Odd {
    const NAME: &'static str = "odd";
    const APPLICATION: u64 = 7;
    type Settings = NoSettings;

    fn messages(_: &mut Messages<Self>) -> Result<(), RegisterError> {
        Ok(())
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        if self.0 == Manner::Failing { Err("the map is missing".into()) } else { Ok(()) }
    }

    fn tick(&mut self, server: &mut Context, step: Duration) {
        assert_eq!(step, Duration::from_millis(10));
        match self.0 {
            Manner::Slow => thread::sleep(Duration::from_millis(70)),
            Manner::Short if server.tick() == 10 => server.stop("the match is over"),
            Manner::Hanging if server.tick() == 10 => thread::sleep(Duration::from_secs(7)),
            _ => {}
        }
    }
}

/// Returns a configuration whose files are in `folder`.
fn config(folder: &tempfile::TempDir) -> ServerConfig<NoSettings> {
    let mut config = ServerConfig::default();
    config.bind_address = "127.0.0.1:0".parse().unwrap();
    config.tick_rate = 100;
    (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));
    config
}

#[test]
fn the_server_counts_overruns_of_a_game_that_is_slower_than_its_tick_rate() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let (started, running) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let server = Dedicated::start(Odd(Manner::Slow), config).unwrap();
        started.send(server.remote()).unwrap();
        server.run().unwrap()
    });
    let remote = running.recv().unwrap();
    until(|| {
        let stats = remote.run("stats --json").unwrap().unwrap();
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        (stats["tick_overruns"].as_u64() >= Some(2) && stats["ticks_skipped"].as_u64() >= Some(20))
            .then_some(())
    });
    remote.stop("enough");
    thread.join().unwrap();
}

#[test]
fn the_error_of_a_game_that_does_not_start_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let error = Dedicated::start(Odd(Manner::Failing), config(&folder)).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.exit_code()),
        ("the game did not start: the map is missing", 7)
    );
}

#[test]
fn a_server_stops_when_its_game_requests_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let server = Dedicated::start(Odd(Manner::Short), config(&folder)).unwrap();
    let remote = server.remote();
    let summary = server.run().unwrap();
    assert_eq!((summary.why.as_str(), summary.ticks), ("the match is over", 10));
    assert!(!remote.is_running() && remote.run("status").is_none());
}

#[test]
fn a_server_that_is_dropped_before_it_ran_frees_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let server = Dedicated::start(Odd(Manner::Short), config(&folder)).unwrap();
    let (remote, address) = (server.remote(), server.address());
    drop(server);
    assert!(remote.run("status").is_none());
    let mut config = config(&folder);
    config.bind_address = address;
    let _again = Dedicated::start(Odd(Manner::Short), config.clone()).unwrap();
    let error = Dedicated::start(Odd(Manner::Short), config).unwrap_err();
    assert!(matches!(error, ServerError::Network(_)), "{error}");
}

#[test]
fn the_health_page_reports_a_hanging_game() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.monitoring_address = Some("127.0.0.1:0".parse().unwrap());
    let (started, running) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let server = Dedicated::start(Odd(Manner::Hanging), config).unwrap();
        started.send((server.remote(), server.monitoring_address().unwrap())).unwrap();
        server.run().unwrap()
    });
    let (remote, address) = running.recv().unwrap();
    let mut seen: Vec<String> = Vec::new();
    until(|| {
        let (head, body) = get_from(&address.to_string(), "/health");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let health = format!("{} {}", head.split(' ').nth(1).unwrap(), body["status"].as_str().unwrap());
        if seen.last() != Some(&health) {
            seen.push(health);
        }
        (seen.len() == 3).then_some(())
    });
    assert_eq!(seen, ["200 ok", "503 hangs", "200 ok"]);
    remote.stop("enough");
    thread.join().unwrap();
}
