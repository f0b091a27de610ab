//! The built-in world, as its clients see it.

use tickwire_core::message::BoundedString;
use tickwire_server::world::{Heard, Joined, Positions, Say, Steer};

use crate::harness::{Program, next, until};

#[test]
fn a_clients_agent_moves_as_the_client_steers() {
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
fn all_positions_of_a_world_that_fills_several_datagrams_arrive() {
    let server = Program::start(r#""game": { "agents": 300 }"#);
    let client = server.join();
    let mut seen = std::collections::BTreeSet::new();
    until(|| {
        seen.extend(next::<Positions>(&client).agents.iter().map(|agent| agent.id));
        (seen.len() == 301).then_some(())
    });
}

#[test]
fn a_chat_line_reaches_every_client() {
    let server = Program::start(r#""enable_logging": false"#);
    let (a, b) = (server.join(), server.join());
    let _there: Joined = next(&b);
    a.send_to_server(&Say { text: BoundedString::truncated("hello") }).unwrap();
    let heard = (next::<Heard>(&a), next::<Heard>(&b));
    assert_eq!(heard.0, heard.1);
    assert_eq!((heard.0.from, heard.0.text.as_str()), (1, "hello"));
}

#[test]
fn reconnecting_does_not_renew_the_chat_budget_of_a_client() {
    let mut server = Program::start(r#""enable_logging": false"#);
    let listener = server.join();
    let begun = std::time::Instant::now();
    for _ in 0..6 {
        let client = server.join();
        for _ in 0..25 {
            client.send_to_server(&Say { text: BoundedString::truncated("again") }).unwrap();
        }
        let server = client.server().unwrap();
        client.disconnect_after_delivery(server, 0, "", crate::harness::PATIENCE).unwrap();
        crate::harness::ending(&client);
    }
    until(|| (server.ask_json("status --json")["clients"] == 1).then_some(()));
    server.ask("say over");
    let heard = (0..).take_while(|_| next::<Heard>(&listener).text.as_str() != "over").count();
    // Time gives some back.
    let most = 22.0 + 5.0 * begun.elapsed().as_secs_f64();
    assert!(heard >= 20 && heard as f64 <= most, "{heard} lines, {most:.0} are allowed");
}

#[test]
fn clients_that_join_and_leave_within_a_tick_log_no_warnings() {
    // Somebody stays, so that the game is awake and takes once a second what has come.
    let begun = std::time::Instant::now();
    let mut server = Program::start(r#""tick_rate": 1"#);
    let _stays = server.join();
    for _ in 0..60 {
        let client = crate::harness::client();
        let options = tickwire_core::ConnectOptions::new(server.key()).timeout(crate::harness::PATIENCE);
        client.connect(&server.address().into(), options).wait().unwrap();
        client.disconnect_from_server().unwrap();
        crate::harness::ending(&client);
    }
    until(|| (server.ask_json("status --json")["clients"] == 1).then_some(()));
    let (errors, folder) = (server.errors(), std::sync::Arc::clone(&server.folder));
    server.ask("quit");
    assert_eq!(server.end().0, Some(0));
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(!log.contains("cannot send client") && !errors.contains("cannot send client"), "{log}{errors}");
    // Fifty at once and five a second, however long all of it took.
    let lines = log.lines().filter(|line| line.contains(" joined from ") || line.contains(" left: ")).count();
    let most = 52.0 + 5.0 * begun.elapsed().as_secs_f64();
    assert!(lines >= 2 && lines as f64 <= most, "{lines} lines, {most:.0} are allowed");
}

#[test]
fn a_client_that_sends_message_types_of_the_server_is_disconnected() {
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
