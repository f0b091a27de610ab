//! Games that are idle.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tickwire_core::ConnectOptions;
use tickwire_core::message::{NetMessage, RegisterError};
use tickwire_native::Client;
use tickwire_server::{
    ClientId, Commands, Context, Dedicated, Game, GameError, Messages, NoSettings, Remote, ServerConfig,
    Summary,
};

use crate::harness::until;

#[derive(NetMessage)]
#[net(name = "sleepy/knock")]
struct Knock {
    number: u32,
}

/// The counters of the calls of a game's methods.
#[derive(Default)]
struct Diary {
    /// The number of calls of `is_at_rest`: one per turn with a tick, and one per regular check.
    asked: AtomicU64,
    /// The number of each tick that the game ran.
    steps: Mutex<Vec<u64>>,
    updates: AtomicU64,
    /// `true` if the game takes [`HOLD_UP`] to handle a message.
    is_slow: AtomicBool,
}

const HOLD_UP: Duration = Duration::from_millis(300);

/// A game that is always idle unless the test keeps it awake. The game sends received messages back.
#[derive(Default)]
struct Sleepy {
    diary: Arc<Diary>,
    is_awake: bool,
}

impl Game for Sleepy {
    const NAME: &'static str = "sleepy";
    const APPLICATION: u64 = 8;
    type Settings = NoSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.receives(|sleepy: &mut Self, server: &mut Context, from: ClientId, knock: &Knock| {
            if sleepy.diary.is_slow.load(Ordering::SeqCst) {
                thread::sleep(HOLD_UP);
            }
            drop(server.send(from, knock));
        })?;
        Ok(())
    }

    fn commands(commands: &mut Commands<Self>) {
        commands.add("wake", "", "rest no more", |sleepy, _, _| {
            sleepy.is_awake = true;
            Ok("awake".into())
        });
        commands.add("hold", "", "do something that takes long", |_, _, _| {
            thread::sleep(HOLD_UP);
            Ok("done".into())
        });
        commands.add("tick", "", "which it is", |_, server, _| Ok(server.tick().to_string()));
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        self.diary.asked.fetch_add(1, Ordering::SeqCst);
        !self.is_awake
    }

    fn tick(&mut self, server: &mut Context, _: Duration) {
        self.diary.steps.lock().unwrap().push(server.tick());
    }

    fn network_update(&mut self, _: &mut Context) {
        self.diary.updates.fetch_add(1, Ordering::SeqCst);
    }
}

/// A running server with the game.
struct Running {
    diary: Arc<Diary>,
    remote: Remote,
    server: std::net::SocketAddr,
    key: tickwire_core::PublicKey,
    began: Instant,
    thread: JoinHandle<Summary>,
    _folder: TempDir,
}

impl Running {
    fn start(tick_rate: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::default();
        config.bind_address = "127.0.0.1:0".parse().unwrap();
        config.tick_rate = tick_rate;
        (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));
        let (started, running) = std::sync::mpsc::channel();
        let game = Sleepy::default();
        let diary = Arc::clone(&game.diary);
        let thread = thread::spawn(move || {
            let server = Dedicated::start(game, config).unwrap();
            started.send((server.remote(), server.address(), server.public_key())).unwrap();
            server.run().unwrap()
        });
        let (remote, server, key) = running.recv().unwrap();
        Self { diary, remote, server, key, began: Instant::now(), thread, _folder: folder }
    }

    fn asked(&self) -> u64 {
        self.diary.asked.load(Ordering::SeqCst)
    }

    fn steps(&self) -> Vec<u64> {
        self.diary.steps.lock().unwrap().clone()
    }

    fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.remote.run("stats --json").unwrap().unwrap()).unwrap()
    }

    fn stop(self) -> Summary {
        self.remote.stop("enough");
        self.thread.join().unwrap()
    }
}

#[test]
fn an_idle_game_runs_no_tick_and_is_polled_once_a_second() {
    let running = Running::start(100);
    until(|| (running.asked() > 0).then_some(()));
    let (asked, steps, updates) =
        (running.asked(), running.steps(), running.diary.updates.load(Ordering::SeqCst));
    let begun = Instant::now();
    until(|| (running.asked() >= asked + 3).then_some(()));
    let looks = running.asked() - asked;
    // However slow the machine is, there are not more of them than seconds, and one that was about to come.
    let most = begun.elapsed().as_secs() + 1;
    assert!(looks <= most, "{looks} in {most} seconds");
    assert_eq!(running.steps(), steps);
    assert_eq!(running.diary.updates.load(Ordering::SeqCst), updates);
    running.stop();
}

#[test]
fn ticks_that_an_idle_game_skips_are_counted_only_as_rested() {
    let running = Running::start(100);
    until(|| (running.asked() > 0).then_some(()));
    let before = running.steps();
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(running.remote.run("wake"), Some(Ok("awake".into())));
    until(|| (running.steps().len() > before.len() + 10).then_some(()));
    let most = running.began.elapsed().as_millis() / 10 + 1;
    let steps = running.steps();
    let woken = &steps[before.len()..];
    let slept = woken[0] - before.last().unwrap();
    assert!((140..=u64::try_from(most).unwrap()).contains(&slept), "{slept} of {most}");
    assert!(woken.windows(2).all(|pair| pair[1] == pair[0] + 1), "{woken:?}");
    let stats = running.stats();
    assert!(stats["ticks_rested"].as_u64().unwrap() >= slept - 1, "{stats}");
    // A slow machine may skip ticks, but no tick counts twice.
    let counted = ["ticks", "ticks_skipped", "ticks_rested"].map(|name| stats[name].as_u64().unwrap());
    let number: u64 = running.remote.run("tick").unwrap().unwrap().parse().unwrap();
    assert!(counted.iter().sum::<u64>() <= number + 1, "{stats} at tick {number}");
    let diary = Arc::clone(&running.diary);
    let summary = running.stop();
    assert!(summary.rested >= slept - 1, "{summary:?}");
    let taken = diary.steps.lock().unwrap().len() as u64;
    assert_eq!(summary.ticks, taken, "steps that were not taken are not counted");
}

#[test]
fn the_tick_number_advances_while_a_game_is_idle() {
    let running = Running::start(100);
    let tick = || running.remote.run("tick").unwrap().unwrap().parse::<u64>().unwrap();
    until(|| (tick() > 0).then_some(()));
    let (began, before) = (Instant::now(), tick());
    thread::sleep(Duration::from_secs(2));
    let passed = tick() - before;
    let most = u64::try_from(began.elapsed().as_millis() / 10).unwrap() + 10;
    assert!((195..=most).contains(&passed), "{passed} of {most}");
    running.stop();
}

#[test]
fn a_message_wakes_an_idle_game_before_its_next_tick_is_due() {
    // A step lasts a second.
    let running = Running::start(1);
    let client = Client::start(tickwire_server::client_options::<Sleepy>().unwrap()).unwrap();
    let (mut heard, mut handlers) = (None, client.handlers::<Option<u32>>());
    handlers.on(|heard, _, _, knock: &Knock| *heard = Some(knock.number)).unwrap();
    client.connect(&running.server.into(), ConnectOptions::new(running.key)).wait().unwrap();
    let mut at_once = 0;
    for number in 0..5 {
        // At other times within a step.
        thread::sleep(Duration::from_millis(1350));
        let steps = running.steps().len();
        client.send_to_server(&Knock { number }).unwrap();
        until(|| {
            client.update(&mut heard, &mut handlers);
            heard.take()
        });
        at_once += usize::from(running.steps().len() == steps);
    }
    // An answer that waited for a step comes after one. A step may fall between question and answer by chance.
    assert!(at_once >= 3, "{at_once} of 5 answers came without a step");
    running.stop();
}

/// The number of ticks that the server skips in `HOLD_UP` at 100 ticks per second: all late ticks except those that the
/// server still runs.
const SKIPPED: u64 = 25;

#[test]
fn a_handler_that_takes_longer_than_the_tick_interval_of_an_idle_game_counts_as_an_overrun() {
    let running = Running::start(100);
    let client = Client::start(tickwire_server::client_options::<Sleepy>().unwrap()).unwrap();
    client.connect(&running.server.into(), ConnectOptions::new(running.key)).wait().unwrap();
    running.diary.is_slow.store(true, Ordering::SeqCst);
    for knocks in 1..=3 {
        client.send_to_server(&Knock { number: 0 }).unwrap();
        until(|| {
            let stats = running.stats();
            let of = |name: &str| stats[name].as_u64().unwrap();
            (of("tick_overruns") >= knocks && of("ticks_skipped") >= knocks * SKIPPED).then_some(())
        });
    }
    running.stop();
}

#[test]
fn a_command_that_takes_longer_than_the_tick_interval_of_an_idle_game_counts_as_an_overrun() {
    let running = Running::start(100);
    until(|| (running.asked() > 0).then_some(()));
    // Once after a long rest, with a step that is due at once, and once again right after.
    thread::sleep(Duration::from_millis(100));
    for holds in 1..=2 {
        running.remote.run("hold").unwrap().unwrap();
        until(|| {
            let stats = running.stats();
            let of = |name: &str| stats[name].as_u64().unwrap();
            (of("tick_overruns") >= holds && of("ticks_skipped") >= holds * SKIPPED).then_some(())
        });
    }
    running.stop();
}
