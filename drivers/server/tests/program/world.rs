//! The built-in world, as its clients see it.

use tickwire_core::message::BoundedString;
use tickwire_server::world::{Heard, Joined, Positions, Say, Steer};

use crate::harness::{Program, next, until};

#[test]
fn agents_wander_and_a_clients_own_goes_where_it_is_steered() {
    let server = Program::start(r#""game": { "agents": 5 }"#);
    let client = server.join();
    let joined: Joined = next(&client);
    let first: Positions = next(&client);
    assert_eq!((joined.client, first.agents.len()), (1, 6));
    client.send_to_server(&Steer { x: -1000, y: 1000 }).unwrap();
    let own =
        |positions: &Positions| *positions.agents.iter().find(|agent| agent.id == joined.agent).unwrap();
    let start = own(&first);
    until(|| {
        let now: Positions = next(&client);
        assert!(now.tick > first.tick);
        let at = own(&now);
        let moved = (at.x < start.x || at.x == 0) && (at.y > start.y || at.y == 65_535);
        let others_moved = now.agents.iter().zip(&first.agents).filter(|(now, then)| now != then).count();
        (moved && others_moved == 6).then_some(())
    });
}

#[test]
fn a_crowd_that_fills_several_datagrams_arrives_whole() {
    let server = Program::start(r#""game": { "agents": 300 }"#);
    let client = server.join();
    let mut seen = std::collections::BTreeSet::new();
    until(|| {
        seen.extend(next::<Positions>(&client).agents.iter().map(|agent| agent.id));
        (seen.len() == 301).then_some(())
    });
}

#[test]
fn everybody_hears_what_somebody_says() {
    let server = Program::start(r#""enable_logging": false"#);
    let (a, b) = (server.join(), server.join());
    let _there: Joined = next(&b);
    a.send_to_server(&Say { text: BoundedString::truncated("hello") }).unwrap();
    let heard = (next::<Heard>(&a), next::<Heard>(&b));
    assert_eq!(heard.0, heard.1);
    assert_eq!((heard.0.from, heard.0.text.as_str()), (1, "hello"));
}

#[test]
fn who_sends_what_only_a_server_sends_has_to_go() {
    let server = Program::start(r#""enable_logging": false"#);
    let client = server.join();
    for _ in 0..20 {
        let _full =
            client.send_to_server(&Heard { from: 0, text: BoundedString::truncated("I am the server") });
    }
    let reason = crate::harness::ending(&client);
    let tickwire_core::CloseReason::Peer { code, .. } = reason else { panic!("{reason:?}") };
    assert_eq!(code, tickwire_server::codes::INVALID_MESSAGES);
}
