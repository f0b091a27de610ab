//! Floods of handshakes, and honest clients that connect during a flood.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crowd;

use crowd::{Field, SECOND};
use tickwire_core::{Access, Config, Duration, Event, LinkId};

/// Returns the number of handshakes that one source gets in `seconds` seconds with the default configuration: 64 at
/// once, and 32 per second.
const fn share(seconds: u64) -> u64 {
    64 + 32 * seconds
}

/// One client completes a handshake and leaves, 500 times per second.
#[test]
fn completed_handshakes_of_one_address_are_limited_to_32_a_second_after_a_burst_of_64() {
    for with_tickets in [false, true] {
        let access = if with_tickets { Access::Tickets } else { Access::Open };
        let mut field = Field::new(access, |config| {
            config.max_connections = 30_000;
            config.max_connections_per_source = Some(30_000);
            // Without a cookie each ticket would pay for itself.
            config.cookie_threshold = if with_tickets { 0 } else { 64 };
        });
        field.one_way = Duration::from_millis(1);
        let client = field.add("10.66.6.6:4000", |_| {});
        for _ in 0..2_000 {
            let ticket = with_tickets.then(|| field.ticket());
            let connection = field.dial(client, ticket);
            field.run_for(Duration::from_millis(4));
            field.with_client(client, |client, now| client.endpoint.close(now, connection, 0, ""));
            field.run_for(Duration::from_millis(1));
        }
        let seconds = 10;
        assert!(field.handshakes() <= share(seconds), "{} handshakes", field.handshakes());
        assert!(field.connected() as u64 <= share(seconds), "{} connections", field.connected());
        let honest = field.add("10.1.1.1:5000", |_| {});
        let ticket = with_tickets.then(|| field.ticket());
        field.dial(honest, ticket);
        field.run_for(SECOND);
        assert!(field.clients[honest].arrived.is_some());
    }
}

/// One client resumes its session on one link after another, as fast as links open.
#[test]
fn resumptions_of_one_session_are_limited_to_two_a_second_after_a_burst_of_16() {
    let mut field = Field::new(Access::Open, |config| config.resume_window = SECOND * 60);
    field.one_way = Duration::from_millis(1);
    let mut link = LinkId(1);
    let client = field.add_at(link.into(), |_| {});
    field.open_link(client, link, None);
    let connection = field.dial(client, None);
    field.run_for(SECOND);
    let before = field.handshakes();
    for number in 2..2_002 {
        let old = std::mem::replace(&mut link, LinkId(number));
        field.open_link(client, link, None);
        field.with_client(client, |client, now| {
            client.endpoint.redirect(now, connection, link);
            client.endpoint.close_link(now, old);
        });
        field.run_for(Duration::from_millis(5));
    }
    let handshakes = field.handshakes() - before;
    assert!(handshakes <= 16 + 2 * 10, "{handshakes} in ten seconds");
    assert!(handshakes >= 16);
    // It is not shut out for that.
    field.run_for(SECOND * 20);
    assert!(field.clients[client].endpoint.stats(connection).is_some());
    assert!(field.events.iter().any(|(_, event)| matches!(event, Event::Resumed { .. })));
}

#[test]
fn sixty_four_clients_that_dial_from_one_address_at_the_same_time_connect_within_a_second() {
    let mut field = Field::new(Access::Open, |config| config.max_connections = 128);
    let crowd = crowd_at(&mut field, "10.1.1.1");
    field.run_for(SECOND);
    assert!(crowd.iter().all(|client| field.clients[*client].arrived.is_some()));
}

/// Makes 64 clients from one address dial now.
fn crowd_at(field: &mut Field, ip: &str) -> Vec<usize> {
    (0..64)
        .map(|number| {
            let client = field.add(&format!("{ip}:{}", 5000 + number), |_| {});
            field.dial(client, None);
            client
        })
        .collect()
}

/// Attackers that begin handshakes with valid cookies, and complete none.
struct Flood {
    clients: Vec<usize>,
    /// The number of Hellos with cookies per second, of all attackers together.
    per_second: u64,
    turn: usize,
}

impl Flood {
    fn from(field: &mut Field, addresses: impl Iterator<Item = String>, per_second: u64) -> Self {
        let clients = addresses
            .map(|address| {
                let client = field.add(&address, |config| {
                    config.reconnect = false;
                    config.connect_timeout = SECOND;
                });
                field.clients[client].is_mute = true;
                client
            })
            .collect();
        Self { clients, per_second, turn: 0 }
    }

    /// Runs the flood for `time`, and calls `each` every 100 ms.
    fn run(&mut self, field: &mut Field, time: Duration, mut each: impl FnMut(&mut Field)) {
        let step = Duration::from_millis(4);
        let dials = self.per_second * 4 / 1000;
        for number in 1..=time.as_millis() / step.as_millis() {
            for _ in 0..dials {
                let client = self.clients[self.turn % self.clients.len()];
                self.turn += 1;
                // It forgets what it got a Welcome for.
                for event in std::mem::take(&mut field.clients[client].events) {
                    if let Event::Connected { connection, .. } = event {
                        field
                            .with_client(client, |client, now| client.endpoint.close(now, connection, 0, ""));
                    }
                }
                field.dial(client, None);
            }
            field.run_for(step);
            if number % 25 == 0 {
                each(field);
            }
        }
    }
}

/// Returns the time within which `share` percent of the clients were connected.
fn percentile(field: &Field, clients: &[usize], share: usize) -> Duration {
    let arrived = |client: &usize| field.clients[*client].arrived.unwrap_or(Duration::MAX);
    let mut times: Vec<Duration> = clients.iter().map(arrived).collect();
    times.sort_unstable();
    times[(times.len() * share).div_ceil(100).max(1) - 1]
}

/// The number of Hellos with valid cookies per second: 2,500 Hellos of 1200 bytes are 3 MB/s.
const FLOOD: u64 = 2_500;

/// Runs a flood from these addresses. After two seconds, `honest` clients connect, one every 100 ms from its own address,
/// and 64 clients connect at once from one address.
fn siege(
    addresses: impl Iterator<Item = String>,
    per_second: u64,
    honest: u32,
) -> (Field, Vec<usize>, Vec<usize>) {
    let mut field = Field::new(Access::Open, |config| {
        config.max_connections = 256;
        config.max_connections_per_source = Some(64);
    });
    let mut flood = Flood::from(&mut field, addresses, per_second);
    flood.run(&mut field, SECOND * 2, |_| {});
    let crowd = crowd_at(&mut field, "10.1.1.1");
    let mut alone = Vec::new();
    flood.run(&mut field, SECOND + Duration::from_millis(100) * honest, |field| {
        let number = alone.len();
        let client = field.add(&format!("10.2.2.{number}:5000"), |_| {});
        field.dial(client, None);
        alone.push(client);
    });
    alone.truncate(honest as usize);
    (field, alone, crowd)
}

fn assert_open(case: &str, (field, alone, crowd): &(Field, Vec<usize>, Vec<usize>)) {
    let (alone, crowd) = (percentile(field, alone, 99), percentile(field, crowd, 99));
    println!("{case}: alone {alone:?}, in a crowd {crowd:?}, {} handshakes", field.handshakes());
    assert!(alone <= SECOND, "{case}: from an address of its own: {alone:?}");
    assert!(crowd <= SECOND * 3, "{case}: behind one address: {crowd:?}");
}

#[test]
fn honest_clients_connect_while_120_addresses_abandon_2500_handshakes_a_second() {
    let addresses = (0..120).map(|number| format!("10.66.0.{number}:4000"));
    let siege = siege(addresses, FLOOD, 64);
    assert_open("120 addresses", &siege);
    // Those who abandon handshakes get fewer: an eighth of 32 a second, after what they had at once.
    let most = 120 * (64 + 4 * 9);
    assert!(siege.0.handshakes() < most, "{} handshakes", siege.0.handshakes());
}

#[test]
fn honest_clients_connect_through_floods_from_8_to_2000_addresses() {
    for (case, count, per_second) in
        [("8 addresses", 8, FLOOD), ("16 that had a rest", 16, 4_000), ("2,000", 2_000, 2_000)]
    {
        let addresses = (0..count).map(|number| format!("10.66.{}.{}:4000", number / 250, number % 250));
        assert_open(case, &siege(addresses, per_second, 24));
    }
    let networks = (0..2_000).map(|number| format!("[2001:db8:1:{number:x}::1]:4000"));
    assert_open("a /48", &siege(networks, 2_000, 24));
}

/// A client that was connected has a resume ticket, and can abandon handshakes with it.
#[test]
fn a_flood_of_hellos_with_resume_tickets_does_not_lock_out_clients_without_a_resume_ticket() {
    let mut field = Field::new(Access::Open, |config| {
        config.max_connections = 2_000;
        config.resume_window = SECOND * 5;
    });
    let holders: Vec<usize> = (0..1_200)
        .map(|number| {
            let client = field.add(&format!("10.66.{}.{}:4000", number / 250, number % 250), |_| {});
            field.dial(client, None);
            client
        })
        .collect();
    field.run_for(SECOND * 2);
    // The server starts anew, and all of them come back without ever finishing.
    field.restart_server();
    for client in &holders {
        field.clients[*client].is_mute = true;
    }
    for _ in 0..5 {
        field.run_for(SECOND * 5);
        let honest = field.add(&format!("10.1.1.{}:5000", field.clients.len() % 250), |_| {});
        field.dial(honest, None);
        field.run_for(SECOND);
        assert!(field.clients[honest].arrived.is_some());
    }
}

#[test]
fn clients_with_resume_tickets_reconnect_through_a_flood_of_hellos_without_tickets() {
    let mut field = Field::new(Access::Open, |config| {
        config.max_connections = 256;
        config.resume_window = SECOND * 30;
    });
    let honest: Vec<usize> = (0..40)
        .map(|number| {
            let client = field.add(&format!("10.1.1.{number}:5000"), |config| {
                config.idle_timeout = SECOND * 2;
            });
            field.dial(client, None);
            client
        })
        .collect();
    field.run_for(SECOND * 2);
    let addresses = (0..120).map(|number| format!("10.66.0.{number}:4000"));
    let mut flood = Flood::from(&mut field, addresses, FLOOD);
    field.restart_server();
    field.events.clear();
    flood.run(&mut field, SECOND * 12, |_| {});
    let back = field.events.iter().filter(|(_, event)| matches!(event, Event::Connected { .. })).count();
    assert_eq!(back, honest.len());
}

#[test]
fn clients_with_backend_tickets_connect_within_a_second_through_a_flood_of_hellos_without_tickets() {
    let mut field = Field::new(Access::Open, |config| {
        config.max_connections = 256;
        config.max_connections_per_source = Some(64);
    });
    let addresses = (0..120).map(|number| format!("10.66.0.{number}:4000"));
    let mut flood = Flood::from(&mut field, addresses, FLOOD);
    flood.run(&mut field, SECOND * 2, |_| {});
    let mut honest: Vec<usize> = Vec::new();
    let mut join = |field: &mut Field, address: String| {
        let client = field.add(&address, |_| {});
        let ticket = field.ticket();
        field.dial(client, Some(ticket));
        honest.push(client);
    };
    (0..64).for_each(|number| join(&mut field, format!("10.1.1.1:{}", 5000 + number)));
    let mut number = 0;
    flood.run(&mut field, SECOND * 2, |field| {
        number += 1;
        join(field, format!("10.2.2.{number}:5000"));
    });
    flood.run(&mut field, SECOND, |_| {});
    let slowest = percentile(&field, &honest, 100);
    println!("{} clients with tickets, the slowest within {slowest:?}", honest.len());
    assert!(slowest <= SECOND, "{slowest:?}");
}

/// An observer repeats a client's Hello with a ticket or a resume ticket 200 times per second, with other Noise bytes and from a
/// different forged address each time. Returns the time until the client is connected, once its own datagrams arrive.
fn watched(resumes: bool, change: impl FnOnce(&mut Config)) -> Option<Duration> {
    let mut field = Field::new(Access::Tickets, change);
    let client = field.add("10.1.1.1:5000", |_| {});
    let ticket = field.ticket();
    if resumes {
        field.dial(client, Some(ticket));
        field.run_for(SECOND * 2);
        field.clients[client].is_cut = true;
        while field.clients[client].hello[2] != 2 {
            field.run_for(SECOND);
        }
    } else {
        field.clients[client].is_cut = true;
        field.dial(client, Some(ticket));
    }
    let hello = field.clients[client].hello.clone();
    let ticket_bytes = usize::from(u16::from_le_bytes([hello[46], hello[47]]));
    let events = field.events.len();
    let mut opened_at = None;
    for number in 0..2_000u32 {
        let mut noise = hello.clone();
        let first = 48 + ticket_bytes + 2 + 40;
        for (byte, other) in noise[first..first + 4].iter_mut().zip((number + 1).to_le_bytes()) {
            *byte ^= other;
        }
        field.forge(&format!("10.66.{}.{}:4000", number / 250, number % 250), noise);
        field.run_for(Duration::from_millis(5));
        if number == 400 {
            field.clients[client].is_cut = false;
            opened_at = Some(field.now);
        }
        let is_in =
            |(_, event): &(_, Event)| matches!(event, Event::Connected { .. } | Event::Resumed { .. });
        if let Some((at, _)) = field.events[events..].iter().find(|event| is_in(event)) {
            return Some(*at - opened_at.unwrap());
        }
    }
    None
}

#[test]
fn copies_of_an_observed_hello_never_lock_out_the_holder_of_its_ticket() {
    for resumes in [false, true] {
        for (rate, burst, threshold) in [(4, 8, 64), (1, 1, 1_000), (32, 64, 64), (32, 64, 1_000_000)] {
            let took = watched(resumes, |config| {
                (config.handshake_rate, config.handshake_burst) = (rate, burst);
                config.cookie_threshold = threshold;
            });
            assert!(
                took.is_some_and(|took| took <= SECOND),
                "{rate} a second, {burst} at once, cookies from {threshold}, resumes: {resumes}: {took:?}"
            );
        }
    }
}
