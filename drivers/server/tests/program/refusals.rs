//! Refused clients receive the reason of the refusal.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::{ConnectOptions, Secret, Ticket, TicketContents, TicketMint, server_ticket_key};
use tickwire_native::{ConnectError, NetworkAddress};
use tickwire_server::world;

use crate::harness::{Program, client, config, ending, until};

#[test]
fn a_full_server_refuses_a_client_until_another_client_has_left() {
    let mut server = Program::start(r#""max_connections": 1"#);
    let first = server.join();
    let error = server.try_join(ConnectOptions::new(server.key())).unwrap_err();
    assert_eq!(error.to_string(), "the server is full; try again later, or connect to another server");
    drop(first);
    until(|| (server.ask_json("status --json")["clients"] == 0).then_some(()));
    server.join();
}

#[test]
fn the_error_about_an_unknown_host_names_the_host() {
    let nowhere: NetworkAddress = "nowhere.invalid:7777".parse().unwrap();
    let error = client().connect(&nowhere, ConnectOptions::new([9; 32])).wait().unwrap_err();
    assert!(error.to_string().starts_with("the host `nowhere.invalid` is unknown"), "{error}");
}

#[test]
fn a_hello_of_a_different_protocol_version_is_answered_only_with_the_servers_version() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // Type, version 200, mode, application, connection id, attempt; padded as a Hello is.
    let mut hello = vec![4, 200, 0];
    hello.extend_from_slice(&world::APPLICATION.to_le_bytes());
    hello.extend_from_slice(b"cidattempt!");
    hello.resize(1200, 0);
    socket.send_to(&hello, server.address()).unwrap();
    let mut reply = [0; 100];
    let length = socket.recv(&mut reply).unwrap();
    // Its own words: the id, the version that it speaks, the attempt.
    assert_eq!(reply[..length], [&[7, 1][..], b"cid", &[1], b"attempt!"].concat());
    let stats = server.ask_json("stats --json");
    assert_eq!((&stats["datagrams_received"], &stats["datagrams_sent"]), (&1.into(), &1.into()));
}

#[test]
fn the_error_about_a_server_with_a_different_key_names_that_key() {
    let server = Program::start(r#""enable_logging": false"#);
    let options = ConnectOptions::new([9; 32]).timeout(Duration::from_secs(3));
    let error = client().connect(&server.address().into(), options).wait().unwrap_err();
    assert!(matches!(error, ConnectError::WrongKey { theirs, .. } if theirs == server.key()), "{error:?}");
    assert!(error.to_string().contains(&server.key().to_string()), "{error}");
}

/// Starts a server that accepts only clients with a ticket. Returns the server, and a function that mints its tickets.
fn ticket_server() -> (Program, impl Fn(u64, [u8; 16]) -> Ticket) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let provider = default_provider();
    let (identity, master) = (Secret::new([5; 32]), [6; 32]);
    let server_key = identity.public_key();
    let ticket_key = server_ticket_key(&*provider, &master, &server_key);
    for (name, key) in [("server.key", &identity), ("ticket.key", &ticket_key)] {
        let path = folder.path().join(name);
        fs::write(&path, key.reveal_hex()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let server = Program::start_in(folder, &config(r#""ticket_key_file": "ticket.key""#));
    assert_eq!((server.key(), &server.listening["key_is_new"]), (server_key, &false.into()));
    let mint = move |expiry, identity| {
        let contents = TicketContents { identity, expiry, user_data: Vec::new() };
        let mint = TicketMint::new(default_provider(), &ticket_key);
        let mut rng = Rng::from_seed([expiry as u8 ^ identity[0]; 32]);
        mint.mint(&mut rng, world::APPLICATION, &server_key, contents).unwrap()
    };
    (server, mint)
}

fn in_a_minute() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(60);
    now.as_micros() as u64
}

#[test]
fn a_server_with_a_ticket_key_accepts_only_clients_with_a_valid_ticket() {
    let (mut server, mint) = ticket_server();
    let open = || ConnectOptions::new(server.key());
    let expired = server.try_join(open().ticket(mint(1_000_000, [7; 16]))).unwrap_err();
    assert_eq!(expired.to_string(), "the ticket has expired; get a new ticket from the backend");
    let without = client().connect(&server.address().into(), open().timeout(Duration::from_secs(1))).wait();
    assert!(matches!(without, Err(ConnectError::TimedOut { .. })), "{without:?}");
    let _client = server.try_join(open().ticket(mint(in_a_minute(), [7; 16]))).unwrap();
    assert_eq!(server.ask_json("clients --json")[0]["identity"], "07".repeat(16));
}

#[test]
fn a_client_with_a_banned_identity_is_refused() {
    let (mut server, mint) = ticket_server();
    let join = |server: &Program, identity| {
        server.try_join(ConnectOptions::new(server.key()).ticket(mint(in_a_minute(), identity)))
    };
    let (bad, _good) = (join(&server, [1; 16]).unwrap(), join(&server, [2; 16]).unwrap());
    let answer = server.ask("ban 1 it's rude");
    assert!(answer.ends_with("is banned: it's rude; 1 client disconnected"), "{answer}");
    let reason = format!("{:?}", ending(&bad));
    assert!(reason.contains("it's rude"), "{reason}");
    let error = join(&server, [1; 16]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server has banned this client; ask the server's operator to lift the ban"
    );
    join(&server, [3; 16]).unwrap();
    // By the same name a second time: through the list that was written.
    assert!(server.ask("bans").contains(&"01".repeat(16)));
    server.ask(&format!("unban {}", "01".repeat(16)));
    join(&server, [1; 16]).unwrap();
}
