//! Tests of a network thread whose socket fails.

use tickwire_core::{CloseReason, Config, ConnectOptions, Secrets};

use super::*;
use crate::clock::Clock;
use crate::command_queue::CommandQueue;
use crate::event_queue::EventQueue;
use crate::resolve::SystemResolver;
use crate::shared::Facts;

#[test]
fn an_endpoint_whose_socket_fails_every_read_ends_within_100_reads() {
    let (clock, sleeper) = (Clock::start(), Sleeper::new().unwrap());
    let mut endpoint = Endpoint::new(Config::new(1), Secrets::new([1; 32]), [2; 32], clock.now()).unwrap();
    endpoint.connect(clock.now(), somewhere(), ConnectOptions::new([9; 32])).unwrap();
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
    let coalescing = |now| Coalescing::new(Duration::ZERO, now);
    let file = std::fs::File::open("/dev/null").unwrap();
    let mut network = NetworkThread::new(
        Arc::clone(&shared),
        endpoint,
        UdpSocket::broken(file),
        sleeper,
        dials,
        coalescing,
    );
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

fn somewhere() -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 1))
}
