//! Two peers have at most one connection, after restarts of each peer and after lost datagrams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, CloseReason, Config, ConnectOptions, ConnectionId, ConnectionState, Duration, Event, Instant,
    Secrets,
};

const SECOND: Duration = Duration::from_secs(1);
const PAIRWISE: [u8; 32] = [0x5e; 32];

/// Two peers and their secrets, with which a peer can restart. Node 0 has the lower static key.
struct Pair {
    net: Net,
    config: Config,
    secrets: [u8; 2],
    lives: u8,
}

impl Pair {
    fn new(loss: u64, seed: u8) -> Self {
        Self::with(loss, seed, |_| {})
    }

    fn with(loss: u64, seed: u8, change: impl Fn(&mut Config)) -> Self {
        let mut config = Config::new(APPLICATION);
        config.access = Access::Peers;
        change(&mut config);
        let mut rng = Rng::from_seed([seed; 32]);
        let mut secrets = [1u8, 2];
        let node = |secret: u8, seed, address: &str, now| {
            Node::new(config.clone(), Secrets::new([secret; 32]), seed, address, now)
        };
        let mut nodes = secrets
            .map(|secret| node(secret, secret, &format!("10.0.0.{secret}:7777"), Instant::ZERO))
            .into_iter()
            .collect::<Vec<_>>();
        if nodes[0].endpoint.public_key() > nodes[1].endpoint.public_key() {
            nodes.swap(0, 1);
            secrets.swap(0, 1);
        }
        let mut net = Net::new(nodes, Duration::from_millis(50));
        if loss > 0 {
            net.filter =
                Box::new(move |_, _, _| if rng.below(100) < loss { Pass::Drop } else { Pass::Deliver });
        }
        let keys = [0, 1].map(|node: usize| net.nodes[node].endpoint.public_key());
        for node in 0..2 {
            net.nodes[node].endpoint.expect_peer(PAIRWISE, keys[1 - node]).unwrap();
        }
        Self { net, config, secrets, lives: 10 }
    }

    fn dial(&mut self, node: usize) -> ConnectionId {
        let key = self.net.nodes[1 - node].endpoint.public_key();
        let (now, to) = (self.net.now, self.net.nodes[1 - node].address);
        self.net.nodes[node].endpoint.connect(now, to, ConnectOptions::peer(PAIRWISE, key)).unwrap()
    }

    /// Restarts a node with its secrets. The node then expects its peer again.
    fn restart(&mut self, node: usize, moves: bool) {
        self.lives += 1;
        let mut address = self.net.nodes[node].address;
        if moves {
            address.set_port(address.port() + 1);
        }
        let secrets = Secrets::new([self.secrets[node]; 32]);
        let seed = self.lives;
        let mut fresh = Node::new(self.config.clone(), secrets, seed, &address.to_string(), self.net.now);
        let theirs = self.net.nodes[1 - node].endpoint.public_key();
        fresh.endpoint.expect_peer(PAIRWISE, theirs).unwrap();
        self.net.nodes[node] = fresh;
    }

    fn connections(&self, node: usize) -> Vec<ConnectionId> {
        self.net.nodes[node].endpoint.connections().collect()
    }

    /// Checks that both ends have one connection, which carries messages in both directions. The error states the
    /// fault.
    fn check(&mut self) -> Result<(), String> {
        let mut live = [ConnectionId::default(); 2];
        for (node, live) in live.iter_mut().enumerate() {
            let [only] = self.connections(node)[..] else {
                return Err(format!("node {node} holds {:?}", self.connections(node)));
            };
            let state = self.net.nodes[node].endpoint.state(only);
            if state != ConnectionState::Connected {
                return Err(format!("node {node} is {state:?}"));
            }
            *live = only;
        }
        let count = |net: &Net| [0, 1].map(|node: usize| net.nodes[node].messages().len());
        let before = count(&self.net);
        for (node, live) in live.into_iter().enumerate() {
            self.net.send(node, live, 0, b"are you there?".to_vec());
        }
        self.net.run_for(SECOND * 5);
        if count(&self.net) != before.map(|count| count + 1) {
            return Err("the ends have different connections".into());
        }
        let held = [0, 1].map(|node| self.connections(node).len());
        if held == [1, 1] { Ok(()) } else { Err(format!("{held:?} connections after a while")) }
    }
}

/// The ends that restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Restart {
    Nobody,
    One(usize),
    Both,
}

const RESTARTS: [Restart; 4] = [Restart::Nobody, Restart::One(0), Restart::One(1), Restart::Both];
/// The ends that dial the second time, in order.
const DIALS: [&[usize]; 4] = [&[0], &[1], &[0, 1], &[1, 0]];
const GAPS_MS: [u64; 8] = [0, 20, 50, 75, 100, 130, 200, 450];

fn gap(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Establishes a connection that the nodes in `first` dial, restarts nodes, and then dials again from the nodes in
/// `dials`, `ms` milliseconds apart.
fn dial_again(pair: &mut Pair, first: &[usize], restart: Restart, dials: &[usize], ms: u64, moves: bool) {
    for node in first {
        pair.dial(*node);
        pair.net.run_for(gap(ms / 2));
    }
    pair.net.run_for(SECOND * 3);
    match restart {
        Restart::Nobody => {}
        Restart::One(node) => pair.restart(node, moves),
        Restart::Both => {
            pair.restart(0, moves);
            pair.net.run_for(gap(ms / 3));
            pair.restart(1, false);
        }
    }
    for node in dials {
        pair.dial(*node);
        pair.net.run_for(gap(ms));
    }
}

/// Runs every combination, and fails with a list of those that did not end with one connection.
fn matrix(losses: &[u64], moves: bool) {
    let (mut seed, mut cases, mut faults) = (0u8, 0, Vec::new());
    let all = |first: &'static [usize]| {
        RESTARTS.into_iter().flat_map(move |restart| {
            DIALS.into_iter().flat_map(move |dials| GAPS_MS.map(|ms| (first, restart, dials, ms)))
        })
    };
    for &loss in losses {
        for (first, restart, dials, ms) in [&[0][..], &[1], &[0, 1]].into_iter().flat_map(all) {
            seed = seed.wrapping_add(1);
            let mut pair = Pair::new(loss, seed);
            dial_again(&mut pair, first, restart, dials, ms, moves);
            pair.net.run_for(SECOND * 6);
            if loss > 0 {
                pair.net.filter = Box::new(|_, _, _| Pass::Deliver);
                pair.net.run_for(SECOND * 6);
            }
            cases += 1;
            if let Err(fault) = pair.check() {
                faults.push(format!(
                    "loss {loss} %, first {first:?}, {restart:?}, dials {dials:?} {ms} ms apart: {fault}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {cases}: {faults:#?}", faults.len());
}

#[test]
fn peers_that_redial_after_either_peer_restarts_have_one_connection() {
    matrix(&[0], false);
}

#[test]
fn a_peer_that_restarts_at_another_address_and_dials_has_one_connection() {
    matrix(&[0], true);
}

#[test]
fn peers_that_dial_again_through_loss_have_one_connection() {
    matrix(&[10, 30], false);
}

/// Restarts and dials at random times for ten seconds, and then dials once more on a network without loss.
fn at_random(seed: u8) -> Result<(), String> {
    let mut rng = Rng::from_seed([seed; 32]);
    let loss = [0, 5, 20, 40][rng.below(4) as usize];
    let mut pair = Pair::new(0, seed);
    let mut noise = Rng::from_seed([!seed; 32]);
    pair.net.filter = Box::new(move |_, _, _| {
        if noise.below(100) < loss {
            return Pass::Drop;
        }
        match noise.below(10) {
            0 => Pass::Twice,
            1..=3 => Pass::Late(Duration::from_millis(noise.below(300))),
            _ => Pass::Deliver,
        }
    });
    let mut story = String::new();
    for _ in 0..3 + rng.below(10) {
        let node = rng.below(2) as usize;
        if rng.below(3) == 0 {
            let moves = rng.below(3) == 0;
            pair.restart(node, moves);
            story += &format!(" restart {node}");
        } else {
            pair.dial(node);
            story += &format!(" dial {node}");
        }
        if rng.below(3) > 0 {
            let most = [30, 300, 3000][rng.below(3) as usize];
            let wait = Duration::from_millis(rng.below(most));
            pair.net.run_for(wait);
            story += &format!(" wait {wait:?}");
        }
    }
    // The last word of a peer that restarted has arrived: until then it passes for the newest.
    pair.net.run_for(SECOND);
    let last = rng.below(2) as usize;
    pair.dial(last);
    pair.net.run_for(SECOND);
    pair.net.filter = Box::new(|_, _, _| Pass::Deliver);
    pair.net.run_for(SECOND * 14);
    pair.check().map_err(|fault| format!("seed {seed}, loss {loss} %:{story} dial {last}: {fault}"))
}

#[test]
fn peers_that_restart_and_dial_at_random_times_have_one_connection() {
    let faults: Vec<String> = (0..=255).filter_map(|seed| at_random(seed).err()).collect();
    assert!(faults.is_empty(), "{} of 256: {faults:#?}", faults.len());
}

fn endings(pair: &Pair, node: usize) -> Vec<CloseReason> {
    let ending = |event: &Event| match event {
        Event::Closed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    pair.net.nodes[node].events.iter().filter_map(ending).collect()
}

#[test]
fn the_replaced_connection_ends_with_the_reason_replaced_within_one_and_a_half_rtts() {
    for (first, again) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for restarts in [false, true] {
            let mut pair = Pair::new(0, 1);
            pair.dial(first);
            pair.net.run_for(SECOND * 2);
            if restarts {
                pair.restart(again, false);
            }
            pair.dial(again);
            // Hello, Welcome, Data; and what answers the Data.
            pair.net.run_for(Duration::from_millis(150));
            assert_eq!(endings(&pair, 1 - again), [CloseReason::Replaced], "{first} {again} {restarts}");
            pair.net.run_for(Duration::from_millis(100));
            let expected: &[CloseReason] = if restarts { &[] } else { &[CloseReason::Replaced] };
            assert_eq!(endings(&pair, again), expected, "{first} {again} {restarts}");
        }
    }
}

#[test]
fn a_hello_without_a_first_data_packet_does_not_replace_the_connection_of_the_peer() {
    let mut pair = Pair::new(0, 1);
    pair.dial(0);
    pair.net.run_for(SECOND * 2);
    pair.restart(1, false);
    // Handshakes pass, and not the Data that would prove them.
    pair.net.filter =
        Box::new(|_, node, bytes| if node == 1 && bytes[0] >= 8 { Pass::Drop } else { Pass::Deliver });
    pair.dial(1);
    pair.net.run_for(SECOND);
    assert_eq!(endings(&pair, 0), []);
    assert_eq!(pair.connections(0).len(), 1);
}

#[test]
fn a_peer_that_dials_again_needs_no_second_session_slot() {
    for again in 0..2 {
        let mut pair = Pair::with(0, 1, |config| config.max_connections = 1);
        pair.dial(0);
        pair.net.run_for(SECOND * 2);
        pair.restart(again, false);
        pair.dial(again);
        pair.net.run_for(SECOND * 6);
        pair.check().unwrap();
        pair.dial(1 - again);
        pair.net.run_for(SECOND * 6);
        pair.check().unwrap();
    }
}
