//! Addresses: printed addresses can be bound and dialled, interfaces distinguish link-local addresses, and errors state the
//! result for each address.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::future::ready;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::relay::Relay;
use tickwire_core::{Access, Address, Config, ConnectOptions, Event};
use tickwire_native::{
    Client, ConnectError, NetworkAddress, Options, Resolution, Server, StartError, UnreachedCause,
    capabilities,
};

fn server_at(address: SocketAddr) -> Result<Server, StartError> {
    Server::start(common::server_options(common::open_config()).bind(address))
}

fn any_client(config: Config) -> Options {
    common::options(config)
}

fn connects(server: &Server, to: SocketAddr) -> bool {
    let client = Client::start(any_client(Config::new(common::APPLICATION))).unwrap();
    let options = common::options_for(server).timeout(Duration::from_millis(700));
    client.connect(&to.into(), options).wait().is_ok()
}

/// Returns a link-local address of this machine with its interface, if there is one.
fn link_local() -> Option<SocketAddrV6> {
    if_addrs::get_if_addrs().unwrap().iter().find_map(|interface| match interface.ip() {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Some(SocketAddrV6::new(ip, 0, 0, interface.index?)),
        _ => None,
    })
}

#[test]
fn binding_to_a_reported_local_address_gives_the_same_address_in_every_family() {
    let mut bound: Vec<SocketAddr> = ["127.0.0.1:0", "0.0.0.0:0"].map(|text| text.parse().unwrap()).into();
    if capabilities().dual_stack {
        bound.extend(["[::1]:0", "[::]:0"].map(|text| text.parse::<SocketAddr>().unwrap()));
    }
    bound.extend(link_local().map(SocketAddr::V6));
    for address in bound {
        let first = server_at(address).unwrap();
        let printed = first.local_address();
        assert_eq!(printed.ip(), address.ip());
        let reached = |server: &Server| {
            ["127.0.0.1", "::1"]
                .map(|ip| connects(server, SocketAddr::new(ip.parse().unwrap(), printed.port())))
        };
        let reaches = reached(&first);
        drop(first);
        let text: NetworkAddress = printed.to_string().parse().unwrap();
        let again = server_at(text.socket_address().unwrap()).unwrap();
        assert_eq!(again.local_address(), printed);
        assert_eq!(reached(&again), reaches, "{printed}");
        if address.ip().is_unspecified() {
            assert_eq!(reaches, [true, address.is_ipv6()], "{printed}");
        }
    }
}

#[test]
fn a_link_local_server_is_reached_through_the_interface_in_its_address() {
    let Some(address) = link_local() else {
        println!("skipped: this machine has no link-local address");
        return;
    };
    for bind in [SocketAddr::V6(address), "[::]:0".parse().unwrap()] {
        let server = server_at(bind).unwrap();
        let mut to = address;
        to.set_port(server.local_address().port());
        let text = SocketAddr::V6(to).to_string();
        let client = Client::start(any_client(Config::new(common::APPLICATION))).unwrap();
        let connection = client.connect(&text.parse().unwrap(), common::options_for(&server)).wait().unwrap();
        assert_eq!(client.info(connection).unwrap().address, Some(Address::Udp(SocketAddr::V6(to))));
        let there = common::wait_connected(&server);
        let Some(Address::Udp(SocketAddr::V6(from))) = server.info(there).unwrap().address else {
            panic!("no IPv6 address")
        };
        assert_eq!(from.scope_id(), address.scope_id(), "replies leave through the interface");
    }
}

#[test]
fn multicast_and_broadcast_addresses_are_refused_for_binding_and_dialling() {
    let client = common::client();
    for ip in ["224.0.0.1", "255.255.255.255", "127.255.255.255", "ff02::1", "::ffff:224.0.0.1"] {
        let address = SocketAddr::new(ip.parse().unwrap(), 7777);
        let error = server_at(address).expect_err(ip);
        assert!(matches!(error, StartError::NotUnicast { .. }), "{ip}: {error:?}");
        assert!(error.to_string().contains("which stands for"), "{error}");
        let error = client.connect(&address.into(), ConnectOptions::new([9; 32])).wait().unwrap_err();
        let ConnectError::NoUsableAddress { unreached } = &error else { panic!("{ip}: {error:?}") };
        assert!(matches!(unreached[0].cause, UnreachedCause::NotUnicast(_)), "{error}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_attempt_whose_datagrams_the_operating_system_refuses_fails_before_its_timeout() {
    // From the loopback address nothing leaves the machine: the system refuses each datagram.
    let client = common::client();
    let to: NetworkAddress = "192.0.2.1:7777".parse().unwrap();
    let hour = Duration::from_secs(3600);
    let error = client.connect(&to, ConnectOptions::new([9; 32]).timeout(hour)).wait().unwrap_err();
    let ConnectError::NoUsableAddress { unreached } = &error else { panic!("{error:?}") };
    assert!(matches!(&unreached[0].cause, UnreachedCause::SendRefused(words) if words.contains("os error")));
    assert!(
        error.to_string().starts_with("no address of the server can be reached: 192.0.2.1:7777"),
        "{error}"
    );
}

/// Starts a client whose resolver returns the addresses in `found`.
fn client_that_finds(found: &Arc<Mutex<Vec<SocketAddr>>>, config: Config) -> Client {
    let found = Arc::clone(found);
    let resolver = move |host: &str, _: u16| -> Resolution {
        assert_eq!(host, "play.example");
        Box::pin(ready(Ok(found.lock().unwrap().clone())))
    };
    Client::start(any_client(config).resolver(resolver)).unwrap()
}

#[test]
fn an_endpoint_limited_to_one_connection_dials_the_second_address_of_a_host_name() {
    let server = common::server();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let found = [silent.local_addr().unwrap(), server.local_address()];
    let mut config = Config::new(common::APPLICATION);
    config.max_connections = 1;
    let client = client_that_finds(&Arc::new(Mutex::new(found.into())), config);
    let to = "play.example".parse().unwrap();
    let connection = client.connect(&to, common::options_for(&server)).wait().unwrap();
    assert_eq!(client.info(connection).unwrap().address, Some(server.local_address().into()));
}

#[test]
fn an_interrupted_connection_resumes_at_a_new_address_of_a_different_address_family() {
    if !capabilities().dual_stack {
        println!("skipped: this machine has no IPv6, or no dual stack");
        return;
    }
    let mut config = common::open_config();
    config.access = Access::Open;
    let server = Server::start(common::server_options(config).port(0)).unwrap();
    let port = server.local_address().port();
    let relay = Relay::start(SocketAddr::from(([127, 0, 0, 1], port)), 0);
    let found = Arc::new(Mutex::new(vec![relay.address]));
    let mut config = Config::new(common::APPLICATION);
    (config.heartbeat, config.idle_timeout) = (Duration::from_millis(300), Duration::from_secs(1));
    let client = client_that_finds(&found, config);
    let to = "play.example".parse().unwrap();
    let connection = client.connect(&to, common::options_for(&server)).wait().unwrap();
    common::wait_connected(&server);
    let elsewhere: SocketAddr = format!("[::1]:{port}").parse().unwrap();
    *found.lock().unwrap() = vec![relay.address, elsewhere];
    drop(relay);
    let address = common::wait_for(&client, |event| match event {
        Event::Resumed { connection: resumed, address } if resumed == connection => Some(address),
        Event::Closed { reason, .. } => panic!("{reason:?}"),
        _ => None,
    });
    assert_eq!(address, Address::from(elsewhere));
}
