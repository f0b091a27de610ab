//! The acceptance test of the design documents, with the server and the clients in separate processes.

use std::time::{Duration, Instant};

use tickwire_core::ConnectOptions;
use tickwire_native::Client;
use tickwire_server::world::{FROM_SERVER, Heard};

use crate::harness::{PATIENCE, Program, client, next, until};

#[test]
fn a_hundred_clients_connect_and_a_broadcast_reaches_all_of_them_within_a_second() {
    let mut server = Program::start(
        r#""max_connections": 100, "max_connections_per_address": 100, "handshake_burst": 200"#,
    );
    let (to, options) = (server.address().into(), ConnectOptions::new(server.key()).timeout(PATIENCE));
    let begun = Instant::now();
    let clients: Vec<Client> = (0..100).map(|_| client()).collect();
    let attempts: Vec<_> = clients.iter().map(|client| client.connect(&to, options.clone())).collect();
    for attempt in attempts {
        attempt.wait().unwrap();
    }
    println!("100 clients connected in {:.1?}", begun.elapsed());
    until(|| (server.ask_json("status --json")["clients"] == 100).then_some(()));

    let begun = Instant::now();
    assert_eq!(server.ask("say Hello World"), "the text was sent to 100 clients");
    for client in &clients {
        let heard: Heard = next(client);
        assert_eq!((heard.from, heard.text.as_str()), (FROM_SERVER, "Hello World"));
    }
    let took = begun.elapsed();
    println!("a broadcast of another process reached 100 clients in {took:.1?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}
