//! The built-in world, as its clients see it.

use tickwire_core::message::BoundedString;
use tickwire_core::snapshot::{Gone, NetworkId, WorldView};
use tickwire_native::{Client, Handlers};
use tickwire_server::world::{AgentAt, Heard, Joined, Say, Steer, SteeredBy, World, hash_of_view};
use tickwire_server::world_schema;

use crate::harness::{Program, next, until};

/// The world of a client, as far as it arrived.
struct Seen {
    view: WorldView,
    joined: Option<Joined>,
}

struct Watcher {
    client: Client,
    seen: Seen,
    handlers: Handlers<Seen>,
}

impl Watcher {
    fn join(server: &Program) -> Self {
        let client = server.join();
        let mut handlers = client.handlers::<Seen>();
        handlers.on_snapshot(|seen: &mut Seen, _, _, changes| seen.view.apply(changes));
        handlers.on(|seen, _, _, joined: &Joined| seen.joined = Some(joined.clone())).unwrap();
        let view = WorldView::new(&world_schema::<World>().unwrap());
        Self { client, seen: Seen { view, joined: None }, handlers }
    }

    /// Takes in what has come.
    fn look(&mut self) -> &WorldView {
        self.client.update(&mut self.seen, &mut self.handlers);
        &self.seen.view
    }

    /// Waits until the client was told its agent, and shows it.
    fn own(&mut self) -> NetworkId {
        until(|| {
            self.look();
            let own = NetworkId(self.seen.joined.as_ref()?.agent);
            self.seen.view.contains(own).then_some(own)
        })
    }
}

#[test]
fn a_clients_agent_moves_as_the_client_steers() {
    let server = Program::start(r#""game": { "agents": 5 }"#);
    let mut watcher = Watcher::join(&server);
    let own = watcher.own();
    until(|| (watcher.look().len() == 6).then_some(()));
    assert_eq!(watcher.seen.joined.as_ref().map(|joined| joined.client), Some(1));
    assert_eq!(watcher.seen.view.get(own), Some(SteeredBy { client: 1 }));
    let first: Vec<(NetworkId, AgentAt)> = watcher.seen.view.all().collect();
    watcher.client.send_to_server(&Steer { x: -1000, y: 1000 }).unwrap();
    let start = watcher.seen.view.get::<AgentAt>(own).unwrap().in_millimetres();
    until(|| {
        let view = watcher.look();
        let at = view.get::<AgentAt>(own).unwrap().in_millimetres();
        let moved = (at[0] < start[0] || at[0] == 0) && (at[1] > start[1] || at[1] == 65_535);
        let others_moved = first.iter().filter(|(id, at)| view.get(*id) != Some(*at)).count();
        (moved && others_moved == 6).then_some(())
    });
    let steered: Vec<NetworkId> = watcher.seen.view.all::<SteeredBy>().map(|(id, _)| id).collect();
    assert_eq!(steered, [own]);
}

#[test]
fn a_world_that_fills_several_datagrams_arrives_whole_and_costs_less_than_its_full_state() {
    let mut server = Program::start(r#""game": { "agents": 300 }"#);
    let mut watcher = Watcher::join(&server);
    until(|| (watcher.look().len() == 301).then_some(()));
    // Two seconds of movement.
    let begun = watcher.look().tick().unwrap();
    until(|| (watcher.look().tick() >= Some(begun + 120)).then_some(()));
    let status = server.ask_json("status --json");
    let world = &status["world"];
    assert_eq!((&world["entities"], &world["viewers"]), (&301.into(), &1.into()), "{status}");
    // 32 bits of position for each agent, and a few bits of them that change.
    assert!(world["saving"].as_f64().unwrap() > 0.4, "{status}");
    assert!(world["bytes_per_entity"].as_f64().unwrap() < 2.4, "{status}");
}

#[test]
fn frozen_agents_have_the_same_hash_at_the_server_and_at_each_client() {
    let mut server = Program::start(r#""game": { "agents": 50 }"#);
    let mut watchers = [Watcher::join(&server), Watcher::join(&server)];
    for watcher in &mut watchers {
        watcher.own();
    }
    let frozen = server.ask_json("freeze --json");
    assert_eq!((&frozen["frozen"], &frozen["agents"]), (&true.into(), &52.into()));
    let hash = u64::from_str_radix(frozen["world"].as_str().unwrap(), 16).unwrap();
    for watcher in &mut watchers {
        until(|| (hash_of_view(watcher.look()) == hash).then_some(()));
    }
    assert_eq!(server.ask_json("freeze --json"), frozen, "nothing moves");
    assert!(server.ask("thaw").ends_with("agents move"));
    until(|| (hash_of_view(watchers[0].look()) != hash).then_some(()));
}

#[test]
fn the_agent_of_a_client_that_leaves_is_destroyed() {
    let server = Program::start(r#""game": { "agents": 0 }"#);
    let (mut stays, mut leaves) = (Watcher::join(&server), Watcher::join(&server));
    let agent = leaves.own();
    until(|| stays.look().contains(agent).then_some(()));
    leaves.client.disconnect_from_server().unwrap();
    until(|| (!stays.look().contains(agent)).then_some(()));
    assert!(matches!(stays.seen.view.gone(agent), None | Some((_, Gone::Destroyed))));
    assert_eq!(stays.look().len(), 1);
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
fn the_server_logs_no_send_errors_for_clients_that_join_and_leave_within_a_tick() {
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
