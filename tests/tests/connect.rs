//! Connecting: what a crowd goes through, and what strangers get out of a server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod script;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use script::forge;
use script::provider;
use tickwire_core::crypto::{Provider, default_provider};
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Address, ChannelId, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event,
    Instant, Secrets, Ticket, TicketContents, TicketMint, server_ticket_key,
};
use tickwire_sim::provider::{CountingProvider, DiffieHellmans};
use tickwire_sim::rng::{Draws, mix, seed_bytes};

const APPLICATION: u64 = 0x636f_6e6e_6563_7400;
const MASTER: [u8; 32] = [6; 32];
const SERVER_IDENTITY: [u8; 32] = [1; 32];
/// Wall time at [`Instant::ZERO`], in microseconds.
const WALL: u64 = 1_700_000_000_000_000;
const ONE_WAY: Duration = Duration::from_millis(50);
/// Twice the time that an attempt has by default. Through such loss, one of 10,000 takes longer than that.
const PATIENCE: Duration = Duration::from_secs(20);
const START: Instant = Instant::saturating_from_micros(1_000_000_000);

fn server_at() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7777))
}

fn client_at(number: usize) -> SocketAddr {
    SocketAddr::from(([10, 1, (number >> 8) as u8, number as u8], 4000))
}

/// What a client shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shows {
    Ticket,
    Nothing,
    NothingNotEvenAKey,
}

/// Bytes that one address sent to the server, and got from it before it was known to be there.
#[derive(Clone, Copy, Default)]
struct Account {
    received: usize,
    sent: usize,
    is_validated: bool,
}

/// A datagram on its way: when it arrives, from which client or to which, and its bytes.
type Flying = (Instant, usize, Vec<u8>);

/// A server and its clients, 50 ms away.
struct Town {
    now: Instant,
    server: Endpoint,
    clients: Vec<Endpoint>,
    to_server: Vec<Flying>,
    to_client: Vec<Flying>,
    accounts: BTreeMap<Address, Account>,
    /// When each client was told `Connected`.
    client_connected: BTreeMap<usize, Instant>,
    /// When the server was told `Connected` of each address.
    server_connected: BTreeMap<Address, Instant>,
}

fn config(provider: &Arc<dyn Provider>, access: Access) -> Config {
    let mut config = Config::new(APPLICATION);
    config.provider = Arc::clone(provider);
    config.access = access;
    config.wall_offset = WALL;
    config.max_connections = 1000;
    config
}

fn server(provider: &Arc<dyn Provider>, access: Access, seed: u64) -> Endpoint {
    let key = server_ticket_key(&**provider, &MASTER, &provider.handshake().public_key(&SERVER_IDENTITY));
    let secrets = Secrets::new(SERVER_IDENTITY).ticket_key(key);
    Endpoint::new(config(provider, access), secrets, seed_bytes(seed, 0), START).unwrap()
}

fn ticket(provider: &Arc<dyn Provider>, seed: u64) -> Ticket {
    let server_key = provider.handshake().public_key(&SERVER_IDENTITY);
    let mint = TicketMint::new(Arc::clone(provider), &server_ticket_key(&**provider, &MASTER, &server_key));
    let expiry = WALL + (START + Duration::from_secs(60)).as_micros();
    let contents = TicketContents { identity: [3; 16], expiry, user_data: vec![1; 64] };
    mint.mint(&mut Rng::from_seed(seed_bytes(seed, 1)), APPLICATION, &server_key, contents).unwrap()
}

fn options(provider: &Arc<dyn Provider>, shows: Shows, seed: u64) -> ConnectOptions {
    let server_key = provider.handshake().public_key(&SERVER_IDENTITY);
    match shows {
        Shows::Ticket => ConnectOptions::new(server_key).ticket(ticket(provider, seed)),
        Shows::Nothing => ConnectOptions::new(server_key),
        Shows::NothingNotEvenAKey => ConnectOptions::danger_any_key(),
    }
}

/// A client's endpoint.
fn client(provider: &Arc<dyn Provider>, seed: u64) -> Endpoint {
    Endpoint::new(config(provider, Access::Closed), Secrets::new([2; 32]), seed_bytes(seed, 2), START)
        .unwrap()
}

impl Town {
    fn new(provider: &Arc<dyn Provider>, access: Access, shows: Shows, clients: usize, seed: u64) -> Self {
        let mut town = Self {
            now: START,
            server: server(provider, access, seed),
            clients: Vec::new(),
            to_server: Vec::new(),
            to_client: Vec::new(),
            accounts: BTreeMap::new(),
            client_connected: BTreeMap::new(),
            server_connected: BTreeMap::new(),
        };
        for number in 0..clients {
            let seed = mix(seed, number as u64);
            let mut endpoint = client(provider, seed);
            let options = options(provider, shows, seed).timeout(PATIENCE);
            endpoint.connect(START, server_at(), options).unwrap();
            town.clients.push(endpoint);
        }
        town
    }

    /// Runs until everybody is connected at both ends, or until `end`; `harm` may change a datagram, or lose it.
    fn run(&mut self, end: Instant, harm: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        loop {
            self.drain_server(harm);
            (0..self.clients.len()).for_each(|number| self.drain_client(number, harm));
            if self.is_done() {
                return;
            }
            let flights = self.to_server.iter().chain(&self.to_client).map(|flying| flying.0);
            let timeouts = self.clients.iter().chain([&self.server]).map(|end| end.poll_timeout().0);
            let next = flights.chain(timeouts).min().unwrap_or(end).max(self.now);
            if next > end {
                return;
            }
            self.now = next;
            self.land();
        }
    }

    fn is_done(&self) -> bool {
        self.client_connected.len() == self.clients.len() && self.server_connected.len() == self.clients.len()
    }

    fn land(&mut self) {
        let now = self.now;
        for (_, number, mut bytes) in self.to_server.extract_if(.., |flying| flying.0 <= now) {
            let from = Address::from(client_at(number));
            self.accounts.entry(from).or_default().received += bytes.len();
            let from = client_at(number);
            self.server.handle_datagram(now, from, Ecn::NotCapable, &mut bytes);
        }
        for (_, number, mut bytes) in self.to_client.extract_if(.., |flying| flying.0 <= now) {
            self.clients[number].handle_datagram(now, server_at(), Ecn::NotCapable, &mut bytes);
        }
        for endpoint in self.clients.iter_mut().chain([&mut self.server]) {
            if endpoint.poll_timeout().0 <= now {
                endpoint.handle_timeout(now);
            }
        }
    }

    fn drain_server(&mut self, harm: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        let mut buffer = [0; 1200];
        while let Some(event) = self.server.poll_event() {
            if let Event::Connected { address, .. } = event {
                self.server_connected.entry(address).or_insert(self.now);
                self.accounts.entry(address).or_default().is_validated = true;
            }
        }
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut buffer) {
            let account = self.accounts.entry(transmit.path.remote).or_default();
            account.sent += transmit.size;
            assert!(account.is_validated || account.sent <= account.received, "amplified");
            let Address::Udp(to) = transmit.path.remote else { continue };
            let Some(number) = (0..self.clients.len()).find(|number| client_at(*number) == to) else {
                continue;
            };
            let mut bytes = buffer[..transmit.size].to_vec();
            if harm(&mut bytes) {
                self.to_client.push((self.now + ONE_WAY, number, bytes));
            }
        }
    }

    fn drain_client(&mut self, number: usize, harm: &mut dyn FnMut(&mut Vec<u8>) -> bool) {
        let mut buffer = [0; 1200];
        let endpoint = &mut self.clients[number];
        while let Some(event) = endpoint.poll_event() {
            if let Event::Connected { .. } = event {
                self.client_connected.entry(number).or_insert(self.now);
            }
        }
        while let Some(transmit) = endpoint.poll_transmit(self.now, &mut buffer) {
            let mut bytes = buffer[..transmit.size].to_vec();
            if harm(&mut bytes) {
                self.to_server.push((self.now + ONE_WAY, number, bytes));
            }
        }
    }
}

/// Everything arrives as it was sent.
fn intact(_: &mut Vec<u8>) -> bool {
    true
}

/// Three of ten datagrams are lost.
fn lossy(seed: u64) -> impl FnMut(&mut Vec<u8>) -> bool {
    let mut draws = Draws::new(seed);
    move |_| !draws.chance(300_000)
}

/// Three of ten datagrams arrive with changed bits, some of them in the places that matter most.
fn corrupting(seed: u64) -> impl FnMut(&mut Vec<u8>) -> bool {
    let mut draws = Draws::new(seed);
    move |bytes| {
        if draws.chance(300_000) {
            let span = if draws.chance(500_000) { bytes.len().min(60) } else { bytes.len() };
            for _ in 0..draws.between(1, 3) {
                let bit = draws.below(span as u64 * 8) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        true
    }
}

const BOTH: [(Access, Shows); 2] = [(Access::Open, Shows::Nothing), (Access::Tickets, Shows::Ticket)];

#[test]
fn a_crowd_that_comes_at_once_gets_in_through_loss_and_corruption() {
    // Enough of them that the server counts itself under load.
    for (access, shows) in BOTH {
        let mut town = Town::new(&provider::null(), access, shows, 300, 1);
        let (mut loss, mut corruption) = (lossy(1), corrupting(2));
        town.run(START + PATIENCE, &mut |bytes| loss(bytes) && corruption(bytes));
        assert!(town.is_done(), "{shows:?}: {} of 300", town.server_connected.len());
        assert_eq!(town.server.half_open(), 0);
    }
}

/// The first datagram of a client that shows this.
fn first_datagram(provider: &Arc<dyn Provider>, shows: Shows, seed: u64) -> Vec<u8> {
    let mut endpoint = client(provider, seed);
    endpoint.connect(START, server_at(), options(provider, shows, seed)).unwrap();
    let mut buffer = [0; 1200];
    let transmit = endpoint.poll_transmit(START, &mut buffer).unwrap();
    buffer[..transmit.size].to_vec()
}

/// What a server answers to one datagram.
fn replies(server: &mut Endpoint, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    server.handle_datagram(START, from, Ecn::NotCapable, &mut datagram.to_vec());
    let mut buffer = [0; 1200];
    let mut replies = Vec::new();
    while let Some(transmit) = server.poll_transmit(START, &mut buffer) {
        assert_eq!(transmit.path.remote, Address::from(from), "an answer to somebody else");
        replies.push(buffer[..transmit.size].to_vec());
    }
    replies
}

fn flip(bytes: &mut [u8], draws: &mut Draws, from: usize, until: usize, most: u64) {
    for _ in 0..draws.between(1, most) {
        let bit = draws.between(from as u64 * 8, until as u64 * 8 - 1) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Places in a Hello: where the cookie begins, and where the length of the ticket does.
const COOKIE: usize = 22;
const TICKET: usize = 48;

/// A Hello of somebody who holds neither ticket nor cookie, however hard it looks.
fn forged_hello(honest: &[Vec<u8>; 2], draws: &mut Draws) -> Vec<u8> {
    let [open, ticket] = honest;
    match draws.below(4) {
        0 => forge::garbage(4, 1200, draws.next_u64()),
        1 => open.clone(),
        2 => {
            let mut hello = open.clone();
            flip(&mut hello, draws, COOKIE, COOKIE + 16, 20);
            hello
        }
        _ => {
            // Somebody else's ticket, or a damaged one.
            let mut hello = ticket.clone();
            flip(&mut hello, draws, TICKET + 2, TICKET + 200, 5);
            hello
        }
    }
}

#[test]
fn a_flood_of_forged_hellos_leaves_nothing_behind_and_costs_no_diffie_hellman() {
    for access in [Access::Open, Access::Tickets] {
        for inner in [provider::null(), default_provider()] {
            let spent = DiffieHellmans::default();
            let provider: Arc<dyn Provider> = Arc::new(CountingProvider::new(inner, &spent));
            let honest = [Shows::Nothing, Shows::Ticket].map(|shows| first_datagram(&provider, shows, 1));
            let mut server = server(&provider, access, 1);
            let mut draws = Draws::new(7);
            let before = (spent.responses(), spent.public_keys());
            for number in 0..10_000 {
                let hello = forged_hello(&honest, &mut draws);
                let replies = replies(&mut server, client_at(number), &hello);
                let answered: usize = replies.iter().map(Vec::len).sum();
                assert!(answered <= 28, "more than a Retry");
                assert!(answered == 0 || access == Access::Open, "whoever has no ticket is met with silence");
            }
            assert_eq!(server.half_open(), 0);
            assert_eq!(server.connections().count(), 0);
            assert!(server.poll_event().is_none());
            assert_eq!((spent.responses(), spent.public_keys()), before, "Diffie-Hellmans");
        }
    }
}

#[test]
fn no_datagram_of_a_stranger_gets_an_answer_larger_than_itself() {
    let provider = provider::null();
    let honest = [Shows::Nothing, Shows::Ticket, Shows::NothingNotEvenAKey]
        .map(|shows| first_datagram(&provider, shows, 1));
    let mut answered = 0;
    for access in [Access::Open, Access::Tickets] {
        let mut server = server(&provider, access, 1);
        let mut draws = Draws::new(9);
        for number in 0..20_000 {
            let mut datagram = match draws.below(5) {
                0 => forge::garbage(draws.between(4, 15) as u8, draws.below(80) as usize, draws.next_u64()),
                1 => forge::garbage(draws.between(4, 15) as u8, draws.below(1300) as usize, draws.next_u64()),
                which => honest[which as usize - 2].clone(),
            };
            if datagram.len() > 30 && draws.chance(500_000) {
                flip(&mut datagram, &mut draws, 1, 30, 2);
            }
            if draws.chance(500_000) {
                let length = draws.below(datagram.len() as u64 + 1);
                datagram.truncate(length as usize);
            }
            let replies = replies(&mut server, client_at(number), &datagram);
            let size: usize = replies.iter().map(Vec::len).sum();
            assert!(size <= datagram.len(), "{size} bytes for {}", datagram.len());
            assert!(datagram.first() != Some(&8) || size == 0 || size < datagram.len());
            answered += replies.len();
        }
    }
    assert!(answered > 1000, "only {answered} answers");
}

/// A connected pair, and the server's end of the connection.
fn connected(provider: &Arc<dyn Provider>, seed: u64) -> (Town, ConnectionId) {
    let mut town = Town::new(provider, Access::Tickets, Shows::Ticket, 1, seed);
    town.run(START + Duration::from_secs(1), &mut intact);
    assert!(town.is_done());
    let connection = town.server.connections().next().unwrap();
    (town, connection)
}

#[test]
fn an_address_that_a_copied_packet_came_from_gets_no_more_than_it_sent() {
    for seed in 0..300 {
        let (mut town, _) = connected(&provider::null(), seed);
        let client = town.clients[0].connections().next().unwrap();
        let mut draws = Draws::new(seed);
        let stranger = SocketAddr::from(([10, 66, 0, 1], 666));
        let (mut received, mut sent) = (0, 0);
        let mut buffer = [0; 1200];
        for _ in 0..draws.between(1, 5) {
            // Somebody on the path is faster than the packets that it copies.
            let size = draws.below(60) as usize;
            town.clients[0].send(town.now, client, ChannelId(3), vec![5; size]).unwrap();
            while let Some(transmit) = town.clients[0].poll_transmit(town.now, &mut buffer) {
                received += transmit.size;
                let bytes = &mut buffer[..transmit.size];
                town.server.handle_datagram(town.now, stranger, Ecn::NotCapable, bytes);
            }
            for _ in 0..draws.below(50) {
                town.now += Duration::from_millis(200);
                town.server.handle_timeout(town.now);
                while let Some(transmit) = town.server.poll_transmit(town.now, &mut buffer) {
                    if transmit.path.remote == Address::from(stranger) {
                        sent += transmit.size;
                        assert!(sent <= received, "{sent} bytes for {received}");
                    }
                }
            }
        }
    }
}

/// With the first probe timeout of more than a second, five lost in a row outlived the half-open handshake.
#[test]
fn regression_the_first_data_is_repeated_often_while_the_handshake_is_half_open() {
    let mut town = Town::new(&provider::null(), Access::Open, Shows::Nothing, 1, 1);
    let mut answers = 0;
    let mut lost = 0;
    town.run(START + Duration::from_millis(4500), &mut |bytes| {
        let is_data = bytes[0] >= 8;
        lost += u32::from(is_data);
        // The first Welcome is lost too, so that nobody has measured the round trip.
        let is_welcome = bytes[0] == 6;
        answers += u32::from(is_welcome);
        !(is_data || is_welcome && answers == 1)
    });
    assert!(lost >= 14, "{lost} in 4.5 s");
}
