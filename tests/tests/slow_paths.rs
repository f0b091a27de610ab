//! Paths with round trips of seconds, and drivers that call every few seconds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Duration, Event, Instant, Secrets,
    TicketContents, TicketMint, server_ticket_key,
};

const SECOND: Duration = Duration::from_secs(1);
const WALL: u64 = 1_700_000_000_000_000;
const MASTER: [u8; 32] = [7; 32];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comes {
    Openly,
    WithoutAKey,
    WithTicket,
}

/// A path, the credential of its client, the intervals at which the drivers of server and client call, and the time of the
/// server driver's first call.
#[derive(Clone, Copy, Debug)]
struct Path {
    round_trip: Duration,
    comes: Comes,
    polls_every: [Duration; 2],
    server_polls_from: Duration,
}

impl Path {
    fn new(seconds: f64, comes: Comes) -> Self {
        Self {
            round_trip: Duration::from_secs_f64(seconds),
            comes,
            polls_every: [Duration::ZERO; 2],
            server_polls_from: Duration::ZERO,
        }
    }

    /// Creates a server and a client that has begun to connect.
    fn dial(&self) -> (Net, ConnectionId) {
        self.dial_within(SECOND * 30)
    }

    fn dial_within(&self, timeout: Duration) -> (Net, ConnectionId) {
        let mut config = Config::new(APPLICATION);
        (config.wall_offset, config.connect_timeout) = (WALL, timeout);
        let client = Node::new(config.clone(), Secrets::new([2; 32]), 2, "10.0.0.2:4000", Instant::ZERO);
        config.access = if self.comes == Comes::WithTicket { Access::Tickets } else { Access::Open };
        let provider = default_provider();
        let public = provider.handshake().public_key(&[1; 32]);
        let key = server_ticket_key(&*provider, &MASTER, &public);
        let secrets = Secrets::new([1; 32]).ticket_key(key.clone());
        let server = Node::new(config, secrets, 1, "10.0.0.1:7777", Instant::ZERO);
        let mut net = Net::new(vec![server, client], self.round_trip / 2);
        for (node, polls_every) in net.nodes.iter_mut().zip(self.polls_every) {
            node.polls_every = polls_every;
        }
        net.nodes[0].polls_from = self.server_polls_from;
        let options = match self.comes {
            Comes::Openly => ConnectOptions::new(public),
            Comes::WithoutAKey => ConnectOptions::danger_any_key(),
            Comes::WithTicket => {
                let contents =
                    TicketContents { identity: [3; 16], expiry: WALL + 3_600_000_000, user_data: Vec::new() };
                let mut rng = Rng::from_seed([5; 32]);
                let mint = TicketMint::new(provider, &key);
                let ticket = mint.mint(&mut rng, APPLICATION, &public, contents).unwrap();
                ConnectOptions::new(public).ticket(ticket)
            }
        };
        let to = net.nodes[0].address;
        let connection = net.nodes[1].endpoint.connect(Instant::ZERO, to, options).unwrap();
        (net, connection)
    }

    fn connects_for_good(&self) {
        let (mut net, client) = self.dial();
        net.run_until(SECOND * 45, |net| net.nodes[0].connected().is_some());
        net.run_for(SECOND * 20);
        let server = net.nodes[0].connected().unwrap();
        for round in 0..3 {
            net.send(1, client, 0, vec![round; 100]);
            net.send(0, server, 0, vec![round; 100]);
            net.run_for(SECOND * 60);
        }
        for node in &net.nodes {
            assert_eq!(node.messages().len(), 3, "{self:?}: {:#?}", node.events);
            let connected = |event: &&Event| matches!(event, Event::Connected { .. });
            assert_eq!(node.events.iter().filter(connected).count(), 1, "{self:?}: {:#?}", node.events);
            let lost = |event: &Event| matches!(event, Event::Interrupted { .. } | Event::Closed { .. });
            assert!(!node.has(lost), "{self:?}: {:#?}", node.events);
        }
    }

    fn times_out_honestly(&self) {
        let (mut net, client) = self.dial();
        net.run_for(SECOND * 90);
        let timed_out =
            CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, key_hint: None };
        let ends = [Event::Closed { connection: client, reason: timed_out, unconfirmed: Vec::new() }];
        assert_eq!(net.nodes[1].events, ends, "{self:?}");
        assert_eq!(net.nodes[0].events, [], "{self:?}");
    }

    /// Checks that the client stays connected at both ends, or times out. Returns whether the client connected within `timeout`.
    fn stays_or_times_out(&self, timeout: Duration) -> bool {
        let (mut net, client) = self.dial_within(timeout);
        net.run_for(timeout + SECOND * 90);
        let is_in = matches!(net.nodes[1].events.as_slice(), [Event::Connected { .. }]);
        if is_in {
            let server = net.nodes[0].events.as_slice();
            assert!(matches!(server, [Event::Connected { .. }]), "{self:?}: {server:#?}");
        } else {
            let timed_out =
                CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, key_hint: None };
            let end = Event::Closed { connection: client, reason: timed_out, unconfirmed: Vec::new() };
            assert_eq!(net.nodes[1].events, [end], "{self:?}");
        }
        is_in
    }
}

#[test]
fn clients_connect_exactly_once_and_stay_connected_at_rtts_up_to_eight_seconds() {
    for seconds in [0.1, 1.0, 2.0, 3.0, 4.0, 4.9, 5.0, 5.1, 6.0, 7.0, 7.9, 8.0] {
        for comes in [Comes::Openly, Comes::WithoutAKey, Comes::WithTicket] {
            Path::new(seconds, comes).connects_for_good();
        }
    }
}

#[test]
fn with_a_connect_timeout_of_ten_seconds_a_client_stays_connected_at_both_ends_or_its_attempt_times_out() {
    for tenths in 1..120u32 {
        for comes in [Comes::Openly, Comes::WithTicket] {
            for polls in [0, 5] {
                let path = Path {
                    polls_every: [Duration::ZERO, SECOND * polls],
                    ..Path::new(f64::from(tenths) / 10.0, comes)
                };
                let is_in = path.stays_or_times_out(SECOND * 10);
                assert!(is_in || tenths > 45, "{path:?}");
            }
        }
    }
}

#[test]
fn clients_connect_exactly_once_over_slow_paths_that_lose_datagrams() {
    for (seconds, one_of) in [(1.0, 3), (3.0, 3), (5.0, 3), (6.0, 3), (8.0, 10)] {
        for comes in [Comes::Openly, Comes::WithTicket] {
            for seed in 0..10 {
                let path = Path::new(seconds, comes);
                let (mut net, _) = path.dial();
                let mut rng = Rng::from_seed([seed; 32]);
                net.filter =
                    Box::new(move |_, _, _| if rng.below(one_of) == 0 { Pass::Drop } else { Pass::Deliver });
                net.run_until(SECOND * 60, |net| net.nodes[0].connected().is_some());
                net.run_for(SECOND * 15);
                for node in &net.nodes {
                    let connected = matches!(node.events.as_slice(), [Event::Connected { .. }]);
                    assert!(connected, "{path:?}, seed {seed}: {:#?}", node.events);
                }
            }
        }
    }
}

#[test]
fn the_connect_timeout_of_a_dial_also_applies_to_its_resumptions() {
    let mut net = Net::pair(|config| config.idle_timeout = SECOND * 30);
    net.delay = SECOND * 4;
    let options = ConnectOptions::new(net.nodes[0].endpoint.public_key()).timeout(SECOND * 30);
    let to = net.nodes[0].address;
    net.nodes[1].endpoint.connect(Instant::ZERO, to, options).unwrap();
    net.run_for(SECOND * 60);
    net.filter = Box::new(|_, _, _| Pass::Drop);
    net.run_for(SECOND * 60);
    net.filter = Box::new(|_, _, _| Pass::Deliver);
    net.run_for(SECOND * 60);
    for node in &net.nodes {
        assert!(node.has(|event| matches!(event, Event::Resumed { .. })), "{:#?}", node.events);
    }
}

#[test]
fn connecting_over_an_rtt_of_fourteen_seconds_or_more_ends_with_a_connect_timeout() {
    for seconds in [14.0, 14.5, 15.0, 16.0, 18.0, 20.0, 40.0] {
        for comes in [Comes::Openly, Comes::WithoutAKey, Comes::WithTicket] {
            Path::new(seconds, comes).times_out_honestly();
        }
    }
}

#[test]
fn clients_connect_exactly_once_and_stay_connected_if_drivers_poll_every_one_to_five_seconds() {
    for seconds in [0.1, 1.0, 3.0] {
        for period in [1, 2, 3, 4, 5] {
            for (server, client) in [(0, 1), (1, 0), (1, 1)] {
                let polls_every = [SECOND * period * server, SECOND * period * client];
                Path { polls_every, ..Path::new(seconds, Comes::Openly) }.connects_for_good();
                Path { polls_every, ..Path::new(seconds, Comes::WithTicket) }.connects_for_good();
            }
        }
    }
}

#[test]
fn a_client_whose_driver_polls_every_five_seconds_connects_at_rtts_of_four_to_eight_seconds() {
    for seconds in [4.0, 5.0, 6.0, 7.0, 8.0] {
        for comes in [Comes::Openly, Comes::WithTicket] {
            let polls_every = [Duration::ZERO, SECOND * 5];
            Path { polls_every, ..Path::new(seconds, comes) }.connects_for_good();
        }
    }
}

/// Returns paths with an RTT of `seconds`, from a client that is polled every 5 s or whenever something is due to a server that is
/// polled every 5 s, at each of ten phases.
fn polled_every_five_seconds(seconds: f64, comes: Comes) -> impl Iterator<Item = Path> {
    [0, 5].into_iter().flat_map(move |client| {
        (0..10).map(move |phase| Path {
            polls_every: [SECOND * 5, SECOND * client],
            server_polls_from: Duration::from_millis(500) * phase,
            ..Path::new(seconds, comes)
        })
    })
}

#[test]
fn clients_connect_at_rtts_up_to_eight_seconds_to_a_server_that_is_polled_every_five_seconds() {
    for seconds in [0.1, 1.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] {
        for comes in [Comes::Openly, Comes::WithTicket] {
            polled_every_five_seconds(seconds, comes).for_each(|path| path.connects_for_good());
        }
    }
}

#[test]
fn at_rtts_of_8500_ms_to_20_s_a_client_stays_connected_at_both_ends_or_its_attempt_to_connect_times_out() {
    for seconds in [8.5, 9.0, 10.0, 11.0, 12.0, 13.0, 13.5, 14.0, 15.0, 16.0, 18.0, 20.0] {
        for comes in [Comes::Openly, Comes::WithoutAKey, Comes::WithTicket] {
            let prompt = [0, 5].map(|client| Path {
                polls_every: [Duration::ZERO, SECOND * client],
                ..Path::new(seconds, comes)
            });
            for path in prompt.into_iter().chain(polled_every_five_seconds(seconds, comes)) {
                path.stays_or_times_out(SECOND * 30);
            }
        }
    }
}

#[test]
fn a_client_that_reports_a_resumption_keeps_its_session_when_the_resume_window_ends() {
    let mut outcomes = [0, 0];
    for (window, phase) in (45..75).flat_map(|window| [0, 1, 2, 3].map(|phase| (window, phase))) {
        let mut net = Net::pair(|config| {
            config.resume_window = SECOND * window;
            config.connect_timeout = SECOND * 30;
        });
        net.delay = SECOND * 4;
        net.nodes[0].polls_from = SECOND * phase;
        (net.nodes[0].polls_every, net.nodes[1].polls_every) = (SECOND * 4, SECOND * 5);
        net.connect();
        net.run_for(SECOND * 60);
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_for(SECOND * 60);
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND * 120);
        let mut events = net.nodes[1].events.iter();
        let resumes = events.any(|event| matches!(event, Event::Resumed { .. }));
        outcomes[usize::from(resumes)] += 1;
        assert_eq!(events.as_slice(), [], "window of {window} s, phase {phase} s");
        let kept = net.nodes[0].has(|event| matches!(event, Event::Resumed { .. }));
        assert_eq!(kept, resumes, "window of {window} s, phase {phase} s: {:#?}", net.nodes[0].events);
    }
    assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
}

#[test]
fn the_client_of_a_restarted_server_reconnects_over_an_rtt_of_eight_seconds() {
    let path = Path::new(8.0, Comes::Openly);
    let (mut net, before) = path.dial();
    net.run_for(SECOND * 60);
    let mut config = Config::new(APPLICATION);
    (config.wall_offset, config.access) = (WALL, Access::Open);
    net.nodes[0] = Node::new(config, Secrets::new([1; 32]), 9, "10.0.0.1:7777", net.now);
    net.run_for(SECOND * 120);
    let connected =
        |node: &Node| node.events.iter().filter(|event| matches!(event, Event::Connected { .. })).count();
    assert_eq!((connected(&net.nodes[0]), connected(&net.nodes[1])), (1, 2), "{:#?}", net.nodes[1].events);
    let takes_over =
        |event: &Event| matches!(event, Event::Connected { replaces, .. } if *replaces == Some(before));
    assert!(net.nodes[1].has(takes_over), "{:#?}", net.nodes[1].events);
}

#[test]
fn a_connection_continues_after_its_client_moves_to_a_path_with_an_rtt_of_eight_seconds() {
    let (mut net, client) = Path::new(0.1, Comes::Openly).dial();
    net.run_for(SECOND * 10);
    net.nodes[1].address.set_port(5000);
    net.filter = Box::new(|_, _, _| Pass::Late(Duration::from_millis(3950)));
    for round in 0..60 {
        net.send(1, client, 0, vec![round; 100]);
        net.run_for(SECOND);
    }
    assert!(
        net.nodes[0].has(|event| matches!(event, Event::Moved { .. })),
        "{:#?}",
        net.nodes[0].events.last()
    );
    net.run_for(SECOND * 30);
    let numbers: Vec<u8> = net.nodes[0].messages().iter().map(|(_, message)| message[0]).collect();
    assert_eq!(numbers, (0..60).collect::<Vec<u8>>());
    assert_eq!(net.nodes[0].messages()[0].0, ChannelId(0));
}

#[test]
fn a_client_connects_within_a_second_to_a_server_that_appears_after_nine_seconds() {
    for comes in [Comes::Openly, Comes::WithTicket] {
        let (mut net, _) = Path::new(0.1, comes).dial();
        net.nodes[0].is_up = false;
        net.run_for(SECOND * 9);
        net.nodes[0].is_up = true;
        net.run_until(SECOND, |net| net.nodes[0].connected().is_some());
    }
}

#[test]
fn a_client_whose_first_data_packet_is_lost_connects_if_its_driver_polls_every_2500_to_5200_ms() {
    for seconds in [0.1, 1.0, 3.0, 5.0, 8.0] {
        for comes in [Comes::Openly, Comes::WithTicket] {
            for millis in [2500, 5000, 5200] {
                let polls_every = [Duration::ZERO, Duration::from_millis(millis)];
                let path = Path { polls_every, ..Path::new(seconds, comes) };
                let (mut net, _) = path.dial();
                let mut lost_at = None;
                net.filter = Box::new(move |now, node, bytes| {
                    let is_data = node == 1 && bytes[0] >= 8;
                    // All that leaves in one call is lost together.
                    if is_data && *lost_at.get_or_insert(now) == now { Pass::Drop } else { Pass::Deliver }
                });
                net.run_for(SECOND * 120);
                for node in &net.nodes {
                    let is_in = matches!(node.events.as_slice(), [Event::Connected { .. }]);
                    assert!(is_in, "{path:?}: {:#?}", node.events);
                }
            }
        }
    }
}
