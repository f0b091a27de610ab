//! IPv4 and IPv6, names with several addresses, and peers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use common::Ping;
use tickwire_core::{Address, Config, ConnectOptions, Event, Secrets};
use tickwire_native::{Client, NetworkAddress, Peer, Server, capabilities};

#[test]
fn one_server_socket_accepts_ipv4_and_ipv6() {
    if !capabilities().dual_stack {
        println!("skipped: this machine has no IPv6, or no dual stack");
        return;
    }
    let server = Server::start(common::server_options(common::open_config()).port(0)).unwrap();
    let port = server.local_address().port();
    for (to, local) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
        let options = common::options(Config::new(common::APPLICATION));
        let client = Client::start(options.bind(local.parse().unwrap())).unwrap();
        let to = NetworkAddress::new(to, port).unwrap();
        client.connect(&to, common::options_for(&server)).wait().unwrap();
        let address = common::wait_for(&server, |event| match event {
            Event::Connected { address, .. } => Some(address),
            _ => None,
        });
        assert_eq!(address, Address::from(client.local_address()), "IPv4 peers have IPv4 addresses");
        client.send_to_server(&Ping { number: 1 }).unwrap();
        common::wait_for(&server, |event| matches!(event, Event::Message { .. }).then_some(()));
    }
}

#[test]
fn a_dual_stack_client_reaches_an_ipv4_server_and_an_ipv6_server() {
    if !capabilities().dual_stack {
        println!("skipped: this machine has no IPv6, or no dual stack");
        return;
    }
    let options = common::options(Config::new(common::APPLICATION));
    let client = Client::start(options).unwrap();
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let options = common::server_options(common::open_config()).bind(at.parse().unwrap());
        let server = Server::start(options).unwrap();
        let here =
            client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
        client.send(here, &Ping { number: 1 }).unwrap();
        common::wait_for(&server, |event| matches!(event, Event::Message { .. }).then_some(()));
    }
}

#[test]
fn a_client_connects_although_one_address_of_the_host_name_does_not_answer() {
    // `localhost` may have an IPv6 address, where nobody listens; the server has the IPv4 one.
    let server = common::server();
    let port = server.local_address().port();
    let _silent = UdpSocket::bind((Ipv6Addr::LOCALHOST, port));
    let options = common::options(Config::new(common::APPLICATION));
    let client = Client::start(options).unwrap();
    let to: NetworkAddress = format!("localhost:{port}").parse().unwrap();
    // Were the silent one waited for, nothing of the attempt's ten seconds would be left.
    client.connect(&to, common::options_for(&server)).wait().unwrap();
    common::wait_connected(&server);
    assert_eq!(client.connection_count(), 1);
    common::wait_for(&client, |event| matches!(event, Event::Connected { .. }).then_some(()));
    std::thread::sleep(Duration::from_millis(50));
    // The game hears nothing of the address that did not answer.
    while let Some(event) = client.next_event() {
        assert!(matches!(event, Event::RateChanged { .. }), "{event:?}");
    }
}

#[test]
fn two_peers_with_a_shared_secret_that_dial_each_other_get_one_connection() {
    let psk = [42; 32];
    let peer = |identity: u8| {
        let options = common::options(Config::new(common::APPLICATION));
        Peer::start(options.secrets(Secrets::new([identity; 32])).bind(common::loopback(0))).unwrap()
    };
    let (one, two) = (peer(1), peer(2));
    // Both at once: the Hellos cross, and there is one connection.
    let a = one.connect_to_peer(&two.local_address().into(), psk, two.public_key());
    let b = two.connect_to_peer(&one.local_address().into(), psk, one.public_key());
    let here = a.wait().unwrap();
    let _there = b.wait().unwrap();
    assert_eq!((one.connection_count(), two.connection_count()), (1, 1));
    one.send(here, &Ping { number: 5 }).unwrap();
    let number = common::wait_for(&two, |event| match event {
        Event::Message { data, .. } => Some(two.registry().decode_as::<Ping>(&data).unwrap().number),
        _ => None,
    });
    assert_eq!(number, 5);
}

#[test]
fn a_client_that_a_peer_does_not_expect_cannot_connect() {
    let options = common::options(Config::new(common::APPLICATION));
    let peer = Peer::start(options.secrets(Secrets::new([1; 32])).bind(common::loopback(0))).unwrap();
    let client = common::client();
    let options = ConnectOptions::new(peer.public_key()).timeout(Duration::from_millis(400));
    assert!(client.connect(&peer.local_address().into(), options).wait().is_err());
    let two = Config::new(0).provider.handshake().public_key(&[2; 32]);
    peer.expect_peer([9; 32], two).unwrap();
    assert!(peer.expect_peer([0; 32], two).is_err());
    peer.forget_peer([9; 32], two).unwrap();
}

#[test]
fn replies_are_sent_from_the_address_that_the_client_dialled() {
    // A server of several addresses answers from the one that was asked.
    let server = Server::start(common::server_options(common::open_config()).port(0)).unwrap();
    let to = SocketAddr::from(([127, 0, 0, 2], server.local_address().port()));
    if UdpSocket::bind((to.ip(), 0)).is_err() {
        println!("skipped: this machine has one loopback address");
        return;
    }
    let client = common::client();
    let here = client.connect(&to.into(), common::options_for(&server)).wait().unwrap();
    assert_eq!(client.info(here).unwrap().address, Some(Address::from(to)));
}
