//! Tests of a network thread whose socket fails, that is flooded, or that coalesces upkeep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use tickwire_core::{CloseReason, Config, ConnectOptions, Secrets};

use super::*;
use crate::clock::Clock;
use crate::command::Command;
use crate::command_queue::CommandQueue;
use crate::event_queue::EventQueue;
use crate::options::Bind;
use crate::resolve::SystemResolver;
use crate::shared::Facts;

#[test]
fn an_endpoint_whose_socket_fails_every_read_ends_within_100_reads() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let (shared, mut network) = thread(UdpSocket::broken(file), Duration::ZERO);
    let now = shared.facts.clock.now();
    network.endpoint.connect(now, somewhere(), ConnectOptions::new([9; 32])).unwrap();
    network.receive_errors = ReceiveErrors::new(Duration::from_millis(300));
    network.run();
    let events: Vec<Event> = std::iter::from_fn(|| shared.events.take(|| {}).ok()).collect();
    let ends: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Closed { connection, reason: CloseReason::Driver { text }, .. } => {
                (*connection == ConnectionId::default(), text.contains("os error"))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ends, [(false, true), (true, true)], "its connections end, then it does");
    // Before errors were waited out, there were millions of them.
    let errors = shared.with_snapshot(|snapshot| snapshot.network.receive_errors);
    assert!((16..100).contains(&errors), "{errors}");
}

fn somewhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

/// Creates a network thread that a test runs turn by turn.
fn thread(socket: UdpSocket, coalescing: Duration) -> (Arc<Shared>, NetworkThread) {
    let (clock, sleeper) = (Clock::start(), Sleeper::new().unwrap());
    let endpoint = Endpoint::new(Config::new(1), Secrets::new([1; 32]), [2; 32], clock.now()).unwrap();
    let facts = Facts {
        registry: Arc::default(),
        screens_messages: false,
        channels: Vec::new(),
        has_worlds: false,
        max_message: 1,
        clock,
        local_address: somewhere(),
        public_key: [0; 32].into(),
    };
    let commands = CommandQueue::new(8, Arc::clone(sleeper.alarm()));
    let shared = Arc::new(Shared::new(commands, EventQueue::new(8), facts));
    let dials = Dials::new(Duration::from_secs(1), Arc::new(SystemResolver));
    let coalescing = |now| Coalescing::new(coalescing, now);
    let network = NetworkThread::new(Arc::clone(&shared), endpoint, socket, sleeper, dials, coalescing);
    (shared, network)
}

#[test]
fn the_network_thread_handles_at_most_64_datagrams_of_a_flooding_source_in_a_turn() {
    let socket = loopback();
    let to = socket.local_address();
    let (shared, mut network) = thread(socket, Duration::ZERO);
    let [flood, other] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let mut handled = 0;
    for turn in 0..100 {
        // The thread reads all of them in this turn, and drops each datagram that it handles as garbage.
        for _ in 0..100 {
            flood.send_to(&[0; 20], to).unwrap();
        }
        other.send_to(&[0; 20], to).unwrap();
        network.may_be_readable = true;
        network.receive(shared.facts.clock.now());
        let before = std::mem::replace(&mut handled, network.endpoint.drops().total());
        assert_eq!(handled - before, 64 + 1, "turn {turn}");
    }
    // After each turn, 36 more datagrams wait, up to 4096.
    assert_eq!(network.counters.datagrams_received, 101 * 100);
    assert_eq!(network.counters.datagrams_over_share, 0);
    for _ in 0..20 {
        for _ in 0..100 {
            flood.send_to(&[0; 20], to).unwrap();
        }
        network.may_be_readable = true;
        network.receive(shared.facts.clock.now());
    }
    network.take_snapshot(shared.facts.clock.now());
    let over = shared.with_snapshot(|snapshot| snapshot.network.datagrams_over_share);
    assert_eq!(over, 36 * 120 - 4096);
}

fn loopback() -> UdpSocket {
    UdpSocket::open(Bind::Address(SocketAddr::from(([127, 0, 0, 1], 0))), 4 << 20).unwrap()
}

#[test]
fn no_read_is_delayed_while_packets_of_unknown_connections_arrive() {
    let socket = loopback();
    let to = socket.local_address();
    let (shared, mut network) = thread(socket, Duration::from_millis(100));
    let noise = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let began = shared.facts.clock.now();
    for number in 0..100 {
        let now = began + Duration::from_millis(10_000 + 25 * number);
        noise.send_to(&[8; 48], to).unwrap();
        network.may_be_readable = true;
        network.receive(now);
        assert_eq!(network.nap(now, false), None, "{number}");
    }
    assert_eq!(network.counters.datagrams_received, 100);
}

#[test]
#[cfg(target_os = "linux")]
fn the_arrival_time_of_a_datagram_read_late_is_its_arrival_in_the_socket() {
    let mut socket = loopback();
    let clock = Clock::start();
    socket.stamp(true);
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // The system begins to timestamp datagrams a moment after the request.
    let is_stamped = (0..20).any(|_| {
        sender.send_to(&[8; 48], socket.local_address()).unwrap();
        let sent = clock.now();
        std::thread::sleep(Duration::from_millis(50));
        let mut arrived = None;
        socket.receive(&clock, |arrival, _| arrived = arrival.at).unwrap();
        // The system's timestamp and `sent` come from two clocks, hence the tolerance.
        arrived.is_some_and(|arrived| arrived <= sent + Duration::from_millis(5))
    });
    assert!(is_stamped);
}

#[test]
fn a_command_ends_a_coalescing_delay_of_the_network_thread_immediately() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let sleeper = Sleeper::new().unwrap();
        let commands = CommandQueue::new(8, Arc::clone(sleeper.alarm()));
        assert!(sleeper.lie_down());
        assert!(commands.insist(Command::Abort, false).is_ok());
        sleeper.nap(Duration::from_secs(3600));
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("the nap ends");
}
