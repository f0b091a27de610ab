//! A connection counts towards the limits of an address that the client has proved, never of a forged source address.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crowd;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use crowd::{Bears, Field, SECOND};
use tickwire_core::{Access, Address, Admission, AdmissionRequest, Duration, Event, LinkId, Refusal, limits};

fn udp(a: u8, b: u8, port: u16) -> Address {
    SocketAddr::from(([10, 9, a, b], port)).into()
}

/// Performs 120 handshakes from one address whose Data packets have other source addresses.
fn forge(field: &mut Field, forged: impl Fn(u8) -> Address, with_tickets: bool) {
    for number in 0..120 {
        let attacker = field.add(&format!("10.66.6.6:{}", 4000 + u16::from(number)), |_| {});
        field.clients[attacker].bears = Bears::Data(forged(number));
        let ticket = with_tickets.then(|| field.ticket());
        field.dial(attacker, ticket);
    }
    field.run_for(SECOND);
}

#[test]
fn forged_first_data_packets_give_one_address_no_more_session_slots_than_its_share() {
    for with_tickets in [false, true] {
        let access = if with_tickets { Access::Tickets } else { Access::Open };
        let mut field = Field::new(access, |config| {
            config.max_connections = 120;
            config.max_connections_per_source = Some(60);
            config.handshake_burst = 200;
        });
        forge(&mut field, |number| udp(number, 1, 9), with_tickets);
        assert!(field.places() <= 60, "{} places", field.places());
        let ticket = with_tickets.then(|| field.ticket());
        let honest = field.add("10.1.1.1:5000", |_| {});
        field.dial(honest, ticket);
        field.run_for(SECOND);
        assert!(field.clients[honest].arrived.is_some(), "an honest client found no place");
    }
}

#[test]
fn first_data_packets_with_a_forged_address_do_not_lock_out_clients_at_that_address() {
    for with_tickets in [false, true] {
        let access = if with_tickets { Access::Tickets } else { Access::Open };
        let mut field = Field::new(access, |config| {
            config.max_connections = 256;
            config.max_connections_per_source = Some(64);
            config.handshake_burst = 200;
        });
        forge(&mut field, |_| udp(1, 1, 5000), with_tickets);
        let victims: Vec<usize> = (0..64)
            .map(|number| {
                let victim = field.add(&format!("10.9.1.1:{}", 5000 + number), |_| {});
                let ticket = with_tickets.then(|| field.ticket());
                field.dial(victim, ticket);
                victim
            })
            .collect();
        field.run_for(SECOND);
        let refused = victims.iter().filter(|victim| field.clients[**victim].refusal().is_some()).count();
        assert_eq!(refused, 0, "of 64 at the forged address");
    }
}

#[test]
fn the_number_of_connections_with_unvalidated_addresses_stays_within_its_limit() {
    let mut field = Field::new(Access::Tickets, |config| {
        config.cookie_threshold = 1000;
        config.max_connections = 100;
    });
    // The Hello comes from two addresses, so that the Welcome can be read at both, and the Data from a third.
    for number in 0..90u8 {
        let attacker = field.add(&format!("10.66.6.6:{}", 4000 + u16::from(number)), |_| {});
        field.clients[attacker].copies_to = Some(udp(2, number, 1));
        field.clients[attacker].bears = Bears::Data(udp(1, 1, u16::from(number) + 1));
        let ticket = field.ticket();
        field.dial(attacker, Some(ticket));
    }
    field.run_for(SECOND);
    assert!(field.places() <= limits::UNVALIDATED, "{} places", field.places());
    let ticket = field.ticket();
    let honest = field.add("10.9.1.1:5000", |_| {});
    field.dial(honest, Some(ticket));
    field.run_for(SECOND);
    assert!(field.clients[honest].arrived.is_some());
    field.run_for(SECOND * 20);
    assert_eq!(field.places(), 1);
}

#[test]
fn a_client_whose_hello_was_copied_counts_towards_the_limit_of_its_validated_address() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut field = Field::new(Access::Tickets, |config| config.max_connections_per_source = Some(1));
    let log = Arc::clone(&asked);
    field.server.set_authenticator(move |request: &AdmissionRequest<'_>| {
        log.lock().unwrap().push(request.far_end);
        Admission::Accept
    });
    for (port, is_in) in [(5000, true), (5001, false)] {
        let ticket = field.ticket();
        let client = field.add(&format!("10.1.1.1:{port}"), |config| config.reconnect = false);
        // Somebody on the path sends the Hello again from elsewhere.
        field.clients[client].copies_to = Some(udp(3, 3, port));
        field.dial(client, Some(ticket));
        field.run_for(SECOND * 8);
        let stays = field.server.connections().count() == 1;
        assert!(stays, "{:?}", field.events);
        assert_eq!(field.clients[client].refusal().is_none(), is_in);
    }
    assert!(asked.lock().unwrap().contains(&Some(IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1)))));
}

#[test]
fn a_client_that_lost_its_session_counts_towards_the_limits_of_its_new_handshake_address() {
    let mut field = Field::new(Access::Open, |config| config.max_connections_per_source = Some(1));
    let attacker = field.add("10.66.6.6:4000", |_| {});
    field.dial(attacker, None);
    field.run_for(SECOND * 2);
    field.clients[attacker].bears = Bears::Data(udp(1, 1, 5000));
    field.restart_server();
    field.run_for(SECOND * 30);
    let victim = field.add("10.9.1.1:5000", |_| {});
    field.dial(victim, None);
    field.run_for(SECOND);
    assert!(field.clients[victim].arrived.is_some(), "{:?}", field.clients[victim].events);
    let other = field.add("10.66.6.6:4001", |_| {});
    field.dial(other, None);
    field.run_for(SECOND);
    assert_eq!(field.places(), 2, "the place at the attacker's address is taken");
}

#[test]
fn a_connection_over_a_link_counts_towards_the_limits_of_the_address_of_its_peer() {
    let host: IpAddr = "2001:db8:1:2::1".parse().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut field = Field::new(Access::Open, |config| config.max_connections_per_source = Some(2));
    let log = Arc::clone(&seen);
    field.server.set_authenticator(move |request: &AdmissionRequest<'_>| {
        log.lock().unwrap().push(request.far_end);
        match request.far_end {
            Some(IpAddr::V4(ip)) if ip.octets()[0] == 192 => Admission::Refuse(Refusal::Banned),
            _ => Admission::Accept,
        }
    });
    let over_link = |field: &mut Field, id, far_end| {
        let client = field.add_at(LinkId(id).into(), |_| {});
        field.open_link(client, LinkId(id), far_end);
        field.dial(client, None);
        field.run_for(SECOND);
        client
    };
    let clients: Vec<usize> = (1..=4).map(|id| over_link(&mut field, id, Some(host))).collect();
    assert_eq!(field.places(), 2);
    assert!(field.clients[clients[2]].refusal().is_some() && field.clients[clients[3]].refusal().is_some());
    // The same host, over UDP.
    let udp_client = field.add("[2001:db8:1:2::77]:5000", |_| {});
    field.dial(udp_client, None);
    field.run_for(SECOND);
    assert!(field.clients[udp_client].refusal().is_some());
    // A link without a far end is a source of its own.
    for id in 5..8 {
        over_link(&mut field, id, None);
    }
    assert_eq!(field.places(), 5);
    let banned = over_link(&mut field, 9, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(field.clients[banned].refusal(), Some(&Refusal::Banned));
    assert!(seen.lock().unwrap().contains(&Some(host)));
    let connection = field.events.iter().find_map(|(_, event)| match event {
        Event::Connected { connection, .. } => Some(*connection),
        _ => None,
    });
    assert_eq!(field.server.far_end(connection.unwrap()), Some(host));
}

#[test]
fn new_links_do_not_raise_the_handshake_limit_of_one_host() {
    let mut field = Field::new(Access::Open, |config| {
        config.max_connections = 10_000;
        config.max_connections_per_source = Some(10_000);
    });
    for id in 1..=1000 {
        let client = field.add_at(LinkId(id).into(), |_| {});
        field.open_link(client, LinkId(id), Some("10.66.6.6".parse().unwrap()));
        field.dial(client, None);
        field.run_for(Duration::from_millis(1));
    }
    field.run_for(SECOND);
    assert!(field.handshakes() <= 64 + 32 * 3, "{} handshakes in two seconds", field.handshakes());
}

/// Returns whether a new client from `address` gets a session slot.
fn has_room(field: &mut Field, address: &str) -> bool {
    let client = field.add(address, |config| config.connect_timeout = SECOND);
    let connection = field.dial(client, None);
    field.run_for(SECOND);
    let is_in = field.clients[client].arrived.is_some();
    field.with_client(client, |client, now| client.endpoint.close(now, connection, 0, ""));
    field.run_for(SECOND * 6);
    is_in
}

#[test]
fn a_connection_that_migrates_counts_towards_the_limits_of_its_new_address() {
    let mut field = Field::new(Access::Open, |config| config.max_connections_per_source = Some(1));
    let client = field.add("10.1.1.1:5000", |_| {});
    field.dial(client, None);
    field.run_for(SECOND * 2);
    assert!(!has_room(&mut field, "10.1.1.1:6000"));
    field.move_to(client, "10.2.2.2:5000");
    field.run_for(SECOND * 12);
    assert!(field.clients[client].endpoint.connections().count() == 1);
    assert!(has_room(&mut field, "10.1.1.1:6001"));
    assert!(!has_room(&mut field, "10.2.2.2:6000"));
}

#[test]
fn a_session_resumed_from_a_different_address_counts_towards_the_limits_of_that_address() {
    let mut field = Field::new(Access::Open, |config| {
        config.max_connections_per_source = Some(1);
        config.idle_timeout = SECOND * 4;
    });
    let client = field.add("10.1.1.1:5000", |config| config.idle_timeout = SECOND * 4);
    field.dial(client, None);
    field.run_for(SECOND * 2);
    // Nothing gets through for a while, and the client is elsewhere when it does.
    field.clients[client].is_mute = true;
    field.run_for(SECOND * 10);
    field.clients[client].is_mute = false;
    field.move_to(client, "10.2.2.2:5000");
    field.run_for(SECOND * 10);
    assert!(field.events.iter().any(|(_, event)| matches!(event, Event::Resumed { .. })));
    assert!(has_room(&mut field, "10.1.1.1:6001"));
    assert!(!has_room(&mut field, "10.2.2.2:6000"));
}

#[test]
fn clients_that_migrate_between_two_addresses_take_at_most_the_session_slots_of_two_addresses() {
    let mut field = Field::new(Access::Open, |config| config.max_connections_per_source = Some(2));
    let mut clients = Vec::new();
    for round in 0..4u16 {
        for number in 0..2 {
            let client = field.add(&format!("10.1.1.1:{}", 5000 + round * 10 + number), |_| {});
            field.dial(client, None);
            clients.push(client);
        }
        field.run_for(SECOND * 2);
        for (number, client) in clients.iter().enumerate() {
            field.move_to(*client, &format!("10.2.2.2:{}", 5000 + number));
        }
        field.run_for(SECOND * 12);
    }
    // Four of them are in, and none was thrown out when it moved.
    assert_eq!(field.places(), 4);
    assert!(clients[..4].iter().all(|client| field.clients[*client].connected().is_some()));
    assert!(!field.events.iter().any(|(_, event)| matches!(event, Event::Closed { .. })));
}
