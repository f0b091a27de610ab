//! A seeded network, clock and fault injector for tickwire and for games built on it.
//!
//! A [`World`](world::World) drives any number of sans-IO state machines ([`Host`](host::Host)s) on one virtual clock
//! over a virtual network. The faults of a world are an explicit list of [`Fault`](fault::Fault)s, generated from a seed
//! or written by hand. [`Checker`](checker::Checker)s check every step. If a run fails, [`shrink`](shrink::shrink) removes
//! the faults that the failure does not need. The same configuration gives the same run, bit for bit, on every target,
//! because no part reads a clock, draws entropy, or computes with floats. The only exception is the [`conditioner`], which
//! applies the same link model between real processes.
//!
//! A game on a bad network, played twice from one seed:
//!
//! ```
//! use std::time::Duration;
//! use tickwire_core::{Access, ChannelId, Config, ConnectOptions, Endpoint, Event, Instant, Secrets};
//! use tickwire_sim::fault::Fault;
//! use tickwire_sim::host::{Application, Boot, Context};
//! use tickwire_sim::network::{Topology, home_address};
//! use tickwire_sim::world::{World, WorldConfig};
//!
//! /// Node 0 is a server; node 1 connects, and sends a hundred messages.
//! #[derive(Default)]
//! struct Game {
//!     heard: usize,
//! }
//!
//! impl Application for Game {
//!     type Host = Endpoint;
//!
//!     fn build(&mut self, boot: Boot) -> Endpoint {
//!         let mut config = Config::new(1);
//!         config.access = if boot.node == 0 { Access::Open } else { Access::Closed };
//!         let secrets = Secrets::new([boot.node as u8 + 1; 32]);
//!         Endpoint::new(config, secrets, boot.seed, boot.now).expect("the default settings are valid")
//!     }
//!
//!     fn started(&mut self, context: &mut Context<'_, Endpoint>) {
//!         if context.node == 1 {
//!             let options = ConnectOptions::danger_any_key();
//!             let Ok(server) = context.host.connect(context.now, home_address(0), options) else {
//!                 return context.fail("the client cannot dial");
//!             };
//!             for number in 0..100 {
//!                 drop(context.host.send(context.now, server, ChannelId(0), vec![number; 500]));
//!             }
//!         }
//!     }
//!
//!     fn event(&mut self, _: &mut Context<'_, Endpoint>, event: Event) {
//!         self.heard += usize::from(matches!(event, Event::Message { .. }));
//!     }
//! }
//!
//! // Datagrams take 50 ms each way, and for the first two seconds a fifth of them is lost.
//! let play = |seed| {
//!     let loss: Fault = "0..2000000 all loss ppm=200000 seed=1".parse().expect("a fault");
//!     let config = WorldConfig::new(seed, Topology::star(1, Duration::from_millis(50))).faults(vec![loss]);
//!     let mut world = World::new(config, Game::default());
//!     world.run_until(Instant::ZERO + Duration::from_secs(10)).expect("no checker objects");
//!     assert_eq!(world.application().heard, 100);
//!     world.trace().hash()
//! };
//! assert_eq!(play(7), play(7), "the same seed gives the same run, to the last bit");
//! assert_ne!(play(7), play(8));
//! ```
#![forbid(unsafe_code)]

mod agenda;
pub mod carrier;
pub mod checker;
pub mod clock;
pub mod conditioner;
mod endpoint_host;
pub mod fault;
pub mod host;
pub mod link;
pub mod mahimahi;
pub mod network;
pub mod pair;
pub mod paths;
pub mod provider;
pub mod report;
pub mod rng;
pub mod shown;
pub mod shrink;
pub mod stream;
pub mod swarm;
pub mod trace;
pub mod world;

pub use swarm::trace_hash;
