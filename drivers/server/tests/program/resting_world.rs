//! A replicated world that does not change while clients join.

use std::thread;
use std::time::Duration;

use tickwire_core::ConnectOptions;
use tickwire_core::message::RegisterError;
use tickwire_core::snapshot::{
    EntitySettings, NetComponent, SnapshotSchema, SnapshotSchemaError, WorldView, WorldWriter,
};
use tickwire_native::Client;
use tickwire_server::{
    Context, Dedicated, Game, GameError, Messages, NoSettings, ServerConfig, client_options, world_schema,
};

const ENTITIES: u32 = 8000;
/// The rate at which a client receives the world, in bytes per second. At this rate the world takes longer than the
/// 2 s for which an idle game is committed, and more than the 256 frames of a single tick.
const RATE: u32 = 100_000;
/// The number of polls, at least 20 ms apart, after which the test fails. The world takes 7 s, about 350 polls.
const POLLS: usize = 3000;

#[derive(NetComponent, Clone, Copy, PartialEq, Debug)]
#[net(name = "museum/exhibit")]
struct Exhibit {
    values: [u32; 20],
}

impl Exhibit {
    /// Returns the values of an exhibit, which no prediction can guess.
    fn of(number: u32) -> Self {
        let mut value = number;
        Self {
            values: [0; 20].map(|_: u32| {
                value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                value
            }),
        }
    }
}

/// A game that creates its world once and is idle from then on.
#[derive(Default)]
struct Museum {
    is_open: bool,
}

impl Game for Museum {
    const NAME: &'static str = "museum";
    const APPLICATION: u64 = 9;
    type Settings = NoSettings;

    fn messages(_: &mut Messages<Self>) -> Result<(), RegisterError> {
        Ok(())
    }

    fn schema(schema: &mut SnapshotSchema) -> Result<(), SnapshotSchemaError> {
        schema.component::<Exhibit>()?;
        Ok(())
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        self.is_open
    }

    fn tick(&mut self, _: &mut Context, _: Duration) {}

    fn replicate(&mut self, _: &mut Context, world: &mut WorldWriter) {
        if !std::mem::replace(&mut self.is_open, true) {
            for number in 0..ENTITIES {
                let entity = world.create(EntitySettings::new()).unwrap();
                world.set(entity, &Exhibit::of(number)).unwrap();
            }
        }
    }
}

#[test]
fn a_slow_client_that_joins_an_idle_game_receives_its_whole_world() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::default();
    config.bind_address = "127.0.0.1:0".parse().unwrap();
    config.client_bandwidth_limit = RATE.try_into().ok();
    (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));
    let (started, running) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        let server = Dedicated::start(Museum::default(), config).unwrap();
        started.send((server.remote(), server.address(), server.public_key())).unwrap();
        server.run().unwrap()
    });
    let (remote, address, key) = running.recv().unwrap();

    let client = Client::start(client_options::<Museum>().unwrap()).unwrap();
    let mut view = WorldView::new(&world_schema::<Museum>().unwrap());
    let mut handlers = client.handlers::<WorldView>();
    handlers.on_snapshot(|view: &mut WorldView, _, _, changes| view.apply(changes));
    client.connect(&address.into(), ConnectOptions::new(key)).wait().unwrap();
    let is_whole = (0..POLLS).any(|_| {
        client.update(&mut view, &mut handlers);
        thread::sleep(Duration::from_millis(20));
        view.all::<Exhibit>().count() == ENTITIES as usize
    });
    assert!(is_whole, "{} exhibits after {POLLS} polls", view.all::<Exhibit>().count());
    let mut expected: Vec<_> = (0..ENTITIES).map(|number| Exhibit::of(number).values).collect();
    let mut seen: Vec<_> = view.all::<Exhibit>().map(|(_, exhibit)| exhibit.values).collect();
    expected.sort_unstable();
    seen.sort_unstable();
    assert!(seen == expected);

    let rested = || -> u64 {
        let stats: serde_json::Value =
            serde_json::from_str(&remote.run("stats --json").unwrap().unwrap()).unwrap();
        stats["ticks_rested"].as_u64().unwrap()
    };
    // The acknowledgement of the final frames reaches the server, which then sleeps.
    // Each question wakes the server, so the questions are far apart.
    let has_rested = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(500));
        rested() > 0
    });
    assert!(has_rested, "the server never sleeps");
    remote.stop("enough");
    server.join().unwrap();
}
