//! A game with its own message types, channels and metrics, and clients that get their configuration from the game.

use std::thread;

use crate::harness::until;
use crate::monitoring::get_from;
use tickwire_core::message::{NetMessage, RegisterError};
use tickwire_core::{ChannelConfig, Config, ConnectOptions, Delivery};
use tickwire_native::{Client, ConnectError, Options};
use tickwire_server::{
    ClientId, Context, Counter, Dedicated, Game, GameError, Gauge, Messages, NoSettings, ServerConfig,
    client_options, registry,
};

#[derive(NetMessage)]
#[net(name = "bells/ring", channel = "bells")]
struct Ring {
    times: u8,
}

#[derive(NetMessage)]
#[net(name = "bells/rung", delivery = "sequenced")]
struct Rung {
    total: u32,
}

#[derive(Default)]
struct Bells {
    total: u32,
    rings: Option<Counter>,
    crowd: Option<Gauge>,
}

impl Bells {
    fn ring(&mut self, server: &mut Context, _: ClientId, ring: &Ring) {
        self.total += u32::from(ring.times);
        self.rings.iter().for_each(|rings| rings.add(ring.times.into()));
        server.broadcast(&Rung { total: self.total }).unwrap();
    }
}

impl Game for Bells {
    const NAME: &'static str = "bells";
    const APPLICATION: u64 = 0x6265_6c6c;
    type Settings = NoSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.receives(Self::ring)?.sends::<Rung>()?;
        Ok(())
    }

    fn configure(config: &mut Config) {
        let mut bells = ChannelConfig::new(Delivery::ReliableUnordered).named("bells");
        bells.compress = true;
        config.channels = vec![ChannelConfig::new(Delivery::Sequenced), bells];
        config.max_message = 5000;
    }

    fn start(&mut self, server: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        self.rings = Some(server.counter("rings", "How often a bell was rung")?);
        self.crowd = Some(server.gauge("crowd", "People in the tower")?);
        Ok(())
    }

    fn joined(&mut self, server: &mut Context, _: ClientId) {
        self.crowd.iter().for_each(|crowd| crowd.set(server.client_count() as f64));
    }
}

#[test]
fn the_monitoring_page_shows_the_metrics_of_the_game() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::default();
    config.bind_address = "127.0.0.1:0".parse().unwrap();
    config.monitoring_address = Some("127.0.0.1:0".parse().unwrap());
    (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));
    let (started, running) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let server = Dedicated::start(Bells::default(), config).unwrap();
        let addresses = (server.address(), server.monitoring_address().unwrap().to_string());
        started.send((server.remote(), addresses, server.public_key())).unwrap();
        server.run().unwrap()
    });
    let (remote, (address, monitoring), key) = running.recv().unwrap();

    let client = Client::start(client_options::<Bells>().unwrap()).unwrap();
    client.connect(&address.into(), ConnectOptions::new(key)).wait().unwrap();
    client.send_to_server(&Ring { times: 3 }).unwrap();
    let (mut total, mut handlers) = (0, client.handlers::<u32>());
    handlers.on(|total, _, _, rung: &Rung| *total = rung.total).unwrap();
    until(|| {
        client.update(&mut total, &mut handlers);
        (total == 3).then_some(())
    });

    let metrics = get_from(&monitoring, "/metrics").1;
    for line in [
        "# HELP tickwire_game_rings How often a bell was rung",
        "# TYPE tickwire_game_rings counter",
        "tickwire_game_rings_total 3",
        "# TYPE tickwire_game_crowd gauge",
        "tickwire_game_crowd 1.0",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line} is missing in:\n{metrics}");
    }
    let status = remote.run("status").unwrap().unwrap();
    assert!(status.ends_with("skipped while idle\ncrowd 1\nrings 3"), "{status}");
    let status: serde_json::Value =
        serde_json::from_str(&remote.run("status --json").unwrap().unwrap()).unwrap();
    assert_eq!(status["metrics"], serde_json::json!({ "crowd": 1.0, "rings": 3 }));

    // A client that repeats the configuration by hand, and forgets the channels, is told which differ.
    let mut by_hand = Config::new(Bells::APPLICATION);
    by_hand.channels.push(ChannelConfig::new(Delivery::ReliableUnordered).named("bells"));
    let stranger = Client::start(Options::new(by_hand).registry(registry::<Bells>().unwrap())).unwrap();
    let error = stranger.connect(&address.into(), ConnectOptions::new(key)).wait().unwrap_err();
    assert!(matches!(error, ConnectError::Schema(_)), "{error:?}");
    insta::assert_snapshot!(error, @r"
    the message types or channels of this end and the server differ
      only this end has: `channel:2`, `channel:3`, `channel:4`
      both have, with different layouts: `channel:0`, `channel:1`, `limit:max_message`
    give both ends the same message types, channels and maximum message size
    ");
    remote.stop("enough");
    thread.join().unwrap();
}
