//! Somebody's own game logic under test: a score that two players raise, kept by a server, over a network that loses,
//! doubles and reorders. The test itself is `main`; what is above it is the game.
//!
//! ```text
//! cargo run -p tickwire-sim --example own_game
//! ```
#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use tickwire_core::{Access, ChannelId, Config, ConnectOptions, ConnectionId, Endpoint, Event, Secrets};
use tickwire_sim::checker::Violation;
use tickwire_sim::fault::{KindName, Profile, draw};
use tickwire_sim::host::{Application, Boot, Context};
use tickwire_sim::network::{Topology, home_address};
use tickwire_sim::world::{World, WorldConfig};

/// Points that a player scores.
const POINTS: u32 = 100;

/// The game: node 0 is the server and keeps the score, the others are players.
#[derive(Default)]
struct Game {
    score: u32,
    player: [Option<ConnectionId>; 3],
    scored: [u32; 3],
}

impl Application for Game {
    type Host = Endpoint;

    fn build(&mut self, boot: Boot) -> Endpoint {
        let mut config = Config::new(0x6f77_6e20_6761_6d65);
        config.access = if boot.node == 0 { Access::Open } else { Access::Closed };
        let secrets = Secrets::new([boot.node as u8 + 1; 32]);
        Endpoint::new(config, secrets, boot.seed, boot.now).expect("a valid configuration")
    }

    fn started(&mut self, node: &mut Context<'_, Endpoint>) {
        if node.node > 0 {
            let server = Config::new(0).provider.public_key(&[1; 32]);
            let connection = node.host.connect(node.now, home_address(0), ConnectOptions::new(server));
            self.player[node.node] = connection.ok();
            node.tick_in(Duration::from_millis(50));
        }
    }

    /// A player scores a point every 50 ms, and tells the server.
    fn tick(&mut self, node: &mut Context<'_, Endpoint>) {
        let Some(connection) = self.player[node.node] else { return };
        if node.host.send(node.now, connection, ChannelId(0), vec![1]).is_ok() {
            self.scored[node.node] += 1;
        }
        if self.scored[node.node] < POINTS {
            node.tick_in(Duration::from_millis(50));
        }
    }

    fn event(&mut self, node: &mut Context<'_, Endpoint>, event: Event) {
        if let Event::Message { data, .. } = event {
            self.score += u32::from(data[0]);
            if self.score > self.scored.iter().sum() {
                node.fail("the server counted a point that nobody scored");
            }
        }
    }
}

fn main() -> Result<(), Violation> {
    for seed in 0..20 {
        let topology = Topology::star(2, Duration::from_millis(30));
        let mut profile = Profile::new(3, 2, Duration::from_secs(10));
        profile.kinds = profile.kinds.without(KindName::Restart);
        let faults = draw(seed, &profile);
        let mut world = World::new(WorldConfig::new(seed, topology).faults(faults), Game::default());
        world.run_for(Duration::from_secs(10))?;
        world.heal()?;
        world.run_for(Duration::from_secs(20))?;
        assert_eq!(world.application().score, 2 * POINTS, "seed {seed}");
    }
    println!("20 seeds: every point arrived, and none twice");
    Ok(())
}
