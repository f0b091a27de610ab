//! A simulated network with one client and one server.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part; a test that cannot go on fails"
)]

use std::sync::Arc;
use std::time::Duration;

use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Config, ConnectOptions, ConnectionId, Endpoint, Event, Instant, Secrets, TicketContents,
    TicketMint, server_ticket_key,
};
use tickwire_sim::checker::{Amplification, NonceUniqueness};
use tickwire_sim::fault::Fault;
use tickwire_sim::host::{Application, Boot, Context};
use tickwire_sim::network::{Topology, home_address};
use tickwire_sim::provider::{NonceLog, RecordingProvider};
use tickwire_sim::world::{World, WorldConfig};

/// The one-way delay of a datagram.
pub(crate) const DELAY: Duration = Duration::from_millis(50);
/// The wall time at [`Instant::ZERO`], in microseconds since the Unix epoch.
const WALL: u64 = 1_700_000_000_000_000;
const SERVER_SECRET: [u8; 32] = [1; 32];

/// The credential that the client brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    AnyKey,
    Key,
    Ticket,
}

/// A client and a server, and the events that each reported.
pub(crate) struct Pair {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
    pub(crate) told: [Vec<(Instant, Event)>; 2],
    pub(crate) client: Option<ConnectionId>,
    /// A node that accepts no datagrams above a size, and this size in bytes.
    pub(crate) narrow: Option<(usize, u16)>,
}

impl Pair {
    pub(crate) fn new(config: Config, trust: Trust) -> Self {
        Self { config, trust, told: Default::default(), client: None, narrow: None }
    }

    pub(crate) fn world(seed: u64, config: Config, trust: Trust, faults: Vec<Fault>) -> World<Self> {
        let (mut config, log) = (config, NonceLog::default());
        config.provider = Arc::new(RecordingProvider::new(config.provider, log.clone()));
        let pair = Self::new(config, trust);
        let topology = Topology::star(1, DELAY);
        let mut world = World::new(WorldConfig::new(seed, topology).faults(faults), pair);
        let has_called = |node, address| node == 1 && address == home_address(0);
        world.check(Amplification::new(has_called, log.clone()));
        world.check(NonceUniqueness(log));
        world
    }

    fn ticket_key(&self) -> tickwire_core::Secret {
        let provider = &*self.config.provider;
        server_ticket_key(provider, &[7; 32], &provider.handshake().public_key(&SERVER_SECRET))
    }

    fn options(&self) -> ConnectOptions {
        let server_key = self.config.provider.handshake().public_key(&SERVER_SECRET);
        let options = ConnectOptions::new(server_key);
        match self.trust {
            Trust::AnyKey => return ConnectOptions::danger_any_key(),
            Trust::Key => return options,
            Trust::Ticket => {}
        }
        let mint = TicketMint::new(self.config.provider.clone(), &self.ticket_key());
        let contents = TicketContents { expiry: WALL + 3_600_000_000, ..TicketContents::default() };
        let mut randomness = Rng::from_seed([9; 32]);
        options.ticket(mint.mint(&mut randomness, self.config.application, &server_key, contents).unwrap())
    }
}

impl Application for Pair {
    type Host = Endpoint;

    fn build(&mut self, boot: Boot) -> Endpoint {
        let mut config = self.config.clone();
        config.wall_offset = WALL;
        // The simulated network drops what is too large for a link, and cuts nothing up.
        config.dont_fragment = true;
        if let Some((_, bytes)) = self.narrow.filter(|(node, _)| *node == boot.node) {
            config.max_datagram = bytes;
        }
        let mut secrets = Secrets::new([boot.node as u8 + 1; 32]);
        if boot.node == 0 {
            config.access = if self.trust == Trust::Ticket { Access::Tickets } else { Access::Open };
            secrets = secrets.ticket_key(self.ticket_key());
        }
        Endpoint::new(config, secrets, boot.seed, boot.now).unwrap()
    }

    fn started(&mut self, context: &mut Context<'_, Endpoint>) {
        if context.node == 1 {
            let connection = context.host.connect(context.now, home_address(0), self.options());
            self.client = Some(connection.unwrap());
        }
    }

    fn event(&mut self, context: &mut Context<'_, Endpoint>, event: Event) {
        self.told[context.node].push((context.time, event));
    }
}
