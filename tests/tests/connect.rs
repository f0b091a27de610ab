//! Connecting: many clients at once, and the answers of a server to unauthenticated senders.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crowd;
mod script;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crowd::Field;
use script::forge;
use script::provider;
use tickwire_core::crypto::{Provider, default_provider};
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Address, ChannelId, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Instant,
    Secrets, Ticket, TicketContents, TicketMint, server_ticket_key,
};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};
use tickwire_sim::provider::{CountingProvider, DiffieHellmans};
use tickwire_sim::rng::{Draws, seed_bytes};

const APPLICATION: u64 = 0x636f_6e6e_6563_7400;
const MASTER: [u8; 32] = [6; 32];
const SERVER_IDENTITY: [u8; 32] = [1; 32];
/// The wall time at [`Instant::ZERO`], in microseconds since the Unix epoch.
const WALL: u64 = 1_700_000_000_000_000;
/// The time limit of an attempt: twice the default. At this loss, about one of 10,000 attempts takes longer than the
/// default.
const PATIENCE: Duration = Duration::from_secs(20);
const START: Instant = Instant::saturating_from_micros(1_000_000_000);

fn server_at() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7777))
}

fn client_at(number: usize) -> SocketAddr {
    SocketAddr::from(([10, 1, (number >> 8) as u8, number as u8], 4000))
}

/// The credential that a client shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shows {
    Ticket,
    Nothing,
    NothingNotEvenAKey,
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

/// Creates a client's endpoint.
fn client(provider: &Arc<dyn Provider>, seed: u64) -> Endpoint {
    Endpoint::new(config(provider, Access::Closed), Secrets::new([2; 32]), seed_bytes(seed, 2), START)
        .unwrap()
}

/// Returns a network that loses 30 % of the datagrams.
fn lossy(seed: u64) -> impl FnMut(&mut Vec<u8>) -> bool {
    let mut draws = Draws::new(seed);
    move |_| !draws.chance(300_000)
}

/// Returns a network that changes bits in 30 % of the datagrams, often at the most important positions.
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

#[test]
fn all_clients_that_dial_at_the_same_time_connect_through_loss_and_corruption() {
    // Enough of them that the server counts itself under load.
    const CROWD: usize = 300;
    for access in [Access::Open, Access::Tickets] {
        let mut field = Field::new(access, |config| config.max_connections = 1000);
        let (mut loss, mut corruption) = (lossy(1), corrupting(2));
        field.harm = Box::new(move |bytes| loss(bytes) && corruption(bytes));
        for number in 0..CROWD {
            let client = field.add(&client_at(number).to_string(), |_| {});
            let mut options = ConnectOptions::new(field.server.public_key()).timeout(PATIENCE);
            if access == Access::Tickets {
                options = options.ticket(field.ticket());
            }
            field.dial_with(client, options);
        }
        let is_done = |field: &Field| {
            field.clients.iter().all(|client| client.connected().is_some()) && field.connected() == CROWD
        };
        while !is_done(&field) {
            assert!(field.now < Instant::ZERO + PATIENCE, "{access:?}: {} of {CROWD}", field.connected());
            field.run_for(Duration::from_millis(10));
        }
        assert_eq!(field.server.half_open(), 0);
    }
}

/// Returns the first datagram of a client with the credential `shows`.
fn first_datagram(provider: &Arc<dyn Provider>, shows: Shows, seed: u64) -> Vec<u8> {
    let mut endpoint = client(provider, seed);
    endpoint.connect(START, server_at(), options(provider, shows, seed)).unwrap();
    let mut buffer = [0; 1200];
    let transmit = endpoint.poll_transmit(START, &mut buffer).unwrap();
    buffer[..transmit.size].to_vec()
}

/// Returns the answers of a server to one datagram.
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

/// The positions of the cookie and of the length of the ticket in a Hello.
const COOKIE: usize = 22;
const TICKET: usize = 48;

/// Returns a Hello of an attacker without a valid ticket or cookie, which resembles an honest Hello.
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
fn a_flood_of_forged_hellos_causes_no_diffie_hellman_computation() {
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
fn no_answer_to_a_stranger_is_larger_than_the_received_datagram() {
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

/// Creates a pair whose client has connected with a ticket. Returns the id of the client's connection.
fn connected(provider: &Arc<dyn Provider>, seed: u64) -> (Pair, ConnectionId) {
    let mut pair = Pair::of(START, [server(provider, Access::Tickets, seed), client(provider, seed)]);
    let connection = pair.dial_with(options(provider, Shows::Ticket, seed));
    pair.flush();
    assert_eq!(pair.connections.each_ref().map(Vec::len), [1, 1]);
    (pair, connection)
}

#[test]
fn the_source_address_of_a_copied_packet_receives_no_more_bytes_than_it_sent() {
    for seed in 0..300 {
        let (mut pair, connection) = connected(&provider::null(), seed);
        let mut draws = Draws::new(seed);
        let stranger = SocketAddr::from(([10, 66, 0, 1], 666));
        let (mut received, mut sent) = (0, 0);
        let mut buffer = [0; 1200];
        for _ in 0..draws.between(1, 5) {
            // Somebody on the path is faster than the packets that it copies.
            let size = draws.below(60) as usize;
            pair.ends[CLIENT].send(pair.now, connection, ChannelId(3), vec![5; size]).unwrap();
            for mut bytes in pair.take(CLIENT) {
                received += bytes.len();
                pair.ends[SERVER].handle_datagram(pair.now, stranger, Ecn::NotCapable, &mut bytes);
            }
            for _ in 0..draws.below(50) {
                pair.now += Duration::from_millis(200);
                pair.ends[SERVER].handle_timeout(pair.now);
                while let Some(transmit) = pair.ends[SERVER].poll_transmit(pair.now, &mut buffer) {
                    if transmit.path.remote == Address::from(stranger) {
                        sent += transmit.size;
                        assert!(sent <= received, "{sent} bytes for {received}");
                    }
                }
            }
        }
    }
}

/// With a first probe timeout of more than one second, the half-open handshake expired when five datagrams in a row
/// were lost.
#[test]
fn regression_a_first_data_packet_that_is_always_lost_is_sent_at_least_14_times_in_4500_ms() {
    let mut field = Field::new(Access::Open, |_| {});
    let lost = Arc::new(AtomicU64::new(0));
    let (count, mut welcomes) = (Arc::clone(&lost), 0);
    field.harm = Box::new(move |bytes| {
        let is_data = bytes[0] >= 8;
        count.fetch_add(u64::from(is_data), Ordering::Relaxed);
        // The first Welcome is lost too, so that nobody has measured the round trip.
        let is_welcome = bytes[0] == 6;
        welcomes += u32::from(is_welcome);
        !(is_data || is_welcome && welcomes == 1)
    });
    let client = field.add(&client_at(0).to_string(), |_| {});
    field.dial(client, None);
    field.run_for(Duration::from_millis(4500));
    let lost = lost.load(Ordering::Relaxed);
    assert!(lost >= 14, "{lost} in 4.5 s");
}
