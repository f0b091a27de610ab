//! What the swarm found once, each in as few lines as it takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::time::Duration;

use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, CloseReason, Config, ConnectOptions, ConnectionId, Endpoint, Event, Instant, Secrets,
    TicketContents, TicketMint, server_ticket_key,
};
use tickwire_sim::fault::{Fault, Kind, Target};
use tickwire_sim::host::{Application, Boot, Context};
use tickwire_sim::network::{Topology, home_address};
use tickwire_sim::world::{World, WorldConfig};

const SECOND: Duration = Duration::from_secs(1);
const SERVER_SECRET: [u8; 32] = [1; 32];

/// One client, one server, and what each was told.
struct Pair {
    config: Config,
    has_ticket: bool,
    told: [Vec<(Instant, Event)>; 2],
    client: Option<ConnectionId>,
}

impl Pair {
    fn world(config: Config, has_ticket: bool, faults: Vec<Fault>) -> World<Self> {
        let pair = Self { config, has_ticket, told: Default::default(), client: None };
        let topology = Topology::star(1, Duration::from_millis(20));
        World::new(WorldConfig::new(1, topology).faults(faults), pair)
    }

    fn ticket_key(&self) -> [u8; 32] {
        let provider = &*self.config.provider;
        server_ticket_key(provider, &[7; 32], &provider.public_key(&SERVER_SECRET))
    }

    fn options(&self) -> ConnectOptions {
        let server_key = self.config.provider.public_key(&SERVER_SECRET);
        let options = ConnectOptions::new(server_key);
        if !self.has_ticket {
            return options;
        }
        let mint = TicketMint::new(self.config.provider.clone(), &self.ticket_key());
        let contents = TicketContents { expiry: 3_600_000_000, ..TicketContents::default() };
        let mut randomness = Rng::from_seed([9; 32]);
        options.ticket(mint.mint(&mut randomness, self.config.application, &server_key, contents).unwrap())
    }
}

impl Application for Pair {
    type Host = Endpoint;

    fn build(&mut self, boot: Boot) -> Endpoint {
        let mut config = self.config.clone();
        let mut secrets = Secrets::new([boot.node as u8 + 1; 32]);
        if boot.node == 0 {
            config.access = if self.has_ticket { Access::Tickets } else { Access::Open };
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

/// Swarm seed 17, with `8165709..11764660 node=0 pause`: a client whose ticket was used up, and that had no resume ticket,
/// dialled a server that could only be silent, for five minutes and without a word to its application.
#[test]
fn a_client_with_nothing_but_a_used_ticket_gives_up_when_the_server_falls_silent() {
    let mut config = Config::new(1);
    config.idle_timeout = SECOND;
    config.resume_window = Duration::ZERO;
    let dark = Fault {
        from: Instant::ZERO + SECOND,
        until: Instant::ZERO + SECOND * 4,
        target: Target::All,
        kind: Kind::Partition {},
        seed: 1,
    };
    let mut world = Pair::world(config, true, vec![dark]);
    world.run_for(SECOND * 10).unwrap();
    let told = &world.application().told[1];
    assert!(matches!(told[0], (_, Event::Connected { .. })));
    let (at, Event::Closed { reason: CloseReason::TimedOut, .. }) = &told[1] else { panic!("{told:?}") };
    assert!(*at <= Instant::ZERO + SECOND * 3, "only at {at:?}");
}

/// Swarm seed 688: the last code below those of the protocol meant "the server is full" to whoever was told it.
#[test]
fn every_code_below_the_protocols_own_reaches_the_peer_as_it_is() {
    for sent in [0, 1, 0xfeff] {
        let mut world = Pair::world(Config::new(1), false, Vec::new());
        world.run_for(SECOND).unwrap();
        let close = |pair: &mut Pair, context: &mut Context<'_, Endpoint>| {
            context.host.close(context.now, pair.client.unwrap(), sent, "bye");
        };
        world.with(1, close).unwrap();
        world.run_for(SECOND).unwrap();
        let last = world.application().told[0].last();
        let Some((_, Event::Closed { reason: CloseReason::Peer { code, .. }, .. })) = last else {
            panic!("{last:?}")
        };
        assert_eq!(*code, sent);
    }
}
