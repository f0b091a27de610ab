//! The orderly and the sudden end of servers and clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tickwire_core::message::BoundedString;
use tickwire_core::{CloseReason, ConnectOptions, ConnectionState, Event, Fate};
use tickwire_native::{Client, Handle};
use tickwire_server::ServerConfig;
use tickwire_server::world::{Heard, Say};

use crate::harness::{Program, client, config, next, until};

fn line(number: u64) -> Say {
    Say { text: BoundedString::truncated(&number.to_string()) }
}

/// Sends chat lines as fast as the channel accepts them until the connection ends, and counts the delivered lines.
/// Returns the close reason.
fn chatter(client: &Handle, delivered: &AtomicU64) -> CloseReason {
    let server = client.latest_connection().unwrap();
    let mut number = 0;
    until(|| {
        for _ in 0..16 {
            if client.send(server, &line(number)).is_ok() {
                number += 1;
            }
        }
        while let Some(event) = client.next_event() {
            match event {
                Event::Delivered { .. } => {
                    delivered.fetch_add(1, Ordering::Relaxed);
                }
                Event::Closed { reason, .. } => return Some(reason),
                _ => {}
            }
        }
        None
    })
}

fn chat_on<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    client: Handle,
    delivered: &'scope AtomicU64,
) -> thread::ScopedJoinHandle<'scope, CloseReason> {
    scope.spawn(move || chatter(&client, delivered))
}

#[cfg(unix)]
#[test]
fn sigterm_under_load_sends_every_client_the_reason() {
    let server = Program::start(
        r#""enable_logging": false, "client_message_limit": null, "client_byte_limit": null, "game": {"chat_lines_per_second": null}"#,
    );
    let clients: Vec<Client> = (0..16).map(|_| server.join()).collect();
    let delivered = AtomicU64::new(0);
    let reasons: Vec<CloseReason> = thread::scope(|scope| {
        let chat: Vec<_> = clients.iter().map(|client| chat_on(scope, client.handle(), &delivered)).collect();
        until(|| (delivered.load(Ordering::Relaxed) > 1000).then_some(()));
        server.signal(rustix::process::Signal::TERM);
        chat.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let expected = CloseReason::Peer {
        code: tickwire_server::codes::STOPPED,
        text: "the server is stopping (SIGTERM)".into(),
    };
    assert_eq!(reasons, vec![expected; 16]);
    let (code, last) = server.end();
    assert_eq!((code, &last["why"], &last["clients"]), (Some(0), &"SIGTERM".into(), &16.into()));
    assert_eq!((&last["not_sent"], &last["unconfirmed"]), (&0.into(), &0.into()), "{last}");
    // What they were told arrived is what the game took.
    let (acknowledged, taken) = (delivered.load(Ordering::Relaxed), last["messages_taken"].as_u64().unwrap());
    assert!(taken >= acknowledged, "{acknowledged} messages were acknowledged, the game took {taken}");
}

#[cfg(unix)]
#[test]
fn a_stopping_server_waits_for_its_clients_for_at_most_the_shutdown_timeout() {
    let mut server = Program::start(r#""shutdown_timeout": "2 s", "monitoring_address": "127.0.0.1:0""#);
    let monitoring = server.listening["monitoring"].as_str().unwrap().to_owned();
    let mut client = server.join();
    client.abort();
    assert_eq!(server.ask("say nobody hears this"), "the text was sent to 1 client");
    let start = Instant::now();
    server.signal(rustix::process::Signal::TERM);
    let (head, body) = until(|| {
        Some(crate::monitoring::get_from(&monitoring, "/health"))
            .filter(|(_, body)| body.contains("stopping"))
    });
    assert!(head.starts_with("HTTP/1.1 503"), "{head}{body}");
    let (code, last) = server.end();
    assert!(start.elapsed() >= Duration::from_millis(1900), "{:?}", start.elapsed());
    assert_eq!(code, Some(0));
    let left = |name: &str| last[name].as_u64().unwrap();
    assert!(left("not_sent") + left("unconfirmed") >= 1, "{last}");
}

#[cfg(unix)]
#[test]
fn a_second_sigterm_ends_the_server_immediately() {
    let mut server = Program::start(r#""shutdown_timeout": "600 s""#);
    let mut client = server.join();
    client.abort();
    assert_eq!(server.ask("say nobody hears this"), "the text was sent to 1 client");
    server.signal(rustix::process::Signal::TERM);
    until(|| {
        server
            .errors()
            .contains("stopping (SIGTERM): it sends the reason to 1 client, and delivers queued messages for up to 10 min")
            .then_some(())
    });
    server.signal(rustix::process::Signal::TERM);
    let folder = Arc::clone(&server.folder);
    let (code, last) = server.end();
    assert_eq!((code, &last["event"], &last["why"]), (Some(143), &"killed".into(), &"SIGTERM".into()));
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(log.contains("ended immediately (SIGTERM during the shutdown)"), "{log}");
}

#[test]
fn no_acknowledged_message_is_lost_when_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let taken = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&taken);
    let (started, remote) = std::sync::mpsc::channel();
    let at = folder.path().to_path_buf();
    let server = thread::spawn(move || {
        let mut config = ServerConfig::default();
        config.bind_address = "127.0.0.1:0".parse().unwrap();
        // So slowly that the end finds a backlog: in the driver's queue of 8,192 events, and behind it.
        config.tick_rate = 4;
        config.shutdown_timeout = Duration::from_secs(30);
        (config.client_message_limit, config.client_byte_limit) = (None, None);
        (config.key_file, config.ban_file) = (at.join("key"), at.join("bans"));
        let server = tickwire_server::Dedicated::start(counting::Counting(counter), config).unwrap();
        started.send((server.remote(), server.address(), server.public_key())).unwrap();
        server.run().unwrap()
    });
    let (remote, address, key) = remote.recv().unwrap();
    let clients: Vec<Client> = (0..8).map(|_| client()).collect();
    for client in &clients {
        client.connect(&address.into(), ConnectOptions::new(key)).wait().unwrap();
    }
    let delivered = AtomicU64::new(0);
    thread::scope(|scope| {
        for client in &clients {
            chat_on(scope, client.handle(), &delivered);
        }
        // More than that queue holds.
        until(|| (delivered.load(Ordering::Relaxed) > 12_000).then_some(()));
        remote.stop("test");
    });
    let summary = server.join().unwrap();
    assert_eq!((summary.clients, summary.not_sent, summary.unconfirmed), (8, 0, 0));
    let (taken, delivered) = (taken.load(Ordering::Relaxed), delivered.load(Ordering::Relaxed));
    assert!(taken >= delivered, "{delivered} messages were acknowledged, the game took {taken}");
}

/// A game with the world's messages, which counts the messages that it receives.
mod counting {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tickwire_core::message::RegisterError;
    use tickwire_core::snapshot::{SnapshotSchema, SnapshotSchemaError};
    use tickwire_server::world::{APPLICATION, Heard, Joined, Say, Steer, World};
    use tickwire_server::{Context, Game, GameError, Messages, NoSettings};

    pub(super) struct Counting(pub(super) Arc<AtomicU64>);

    impl Game for Counting {
        const NAME: &'static str = "counting";
        const APPLICATION: u64 = APPLICATION;
        type Settings = NoSettings;

        fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
            messages.sends::<Joined>()?.sends::<Heard>()?.sends::<Steer>()?;
            messages.receives(|game: &mut Self, _, _, _: &Say| {
                std::thread::sleep(std::time::Duration::from_micros(20));
                game.0.fetch_add(1, Ordering::Relaxed);
            })?;
            Ok(())
        }

        fn schema(schema: &mut SnapshotSchema) -> Result<(), SnapshotSchemaError> {
            World::schema(schema)
        }

        fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
            Ok(())
        }
    }
}

#[test]
fn a_full_server_accepts_a_new_client_after_the_resume_window_of_a_vanished_client() {
    let mut server = Program::start(r#""max_connections": 1, "idle_timeout": "1 s", "resume_window": "1 s""#);
    let mut vanishing = server.join();
    // Who is gone before it has a ticket to come back with has no place to keep.
    thread::sleep(Duration::from_millis(300));
    vanishing.abort();
    until(|| (server.ask_json("status --json")["clients_interrupted"] == 1).then_some(()));
    assert_eq!(
        server.try_join(ConnectOptions::new(server.key())).unwrap_err(),
        tickwire_native::ConnectError::ServerFull,
        "its place is kept for it"
    );
    until(|| (server.ask_json("status --json")["clients"] == 0).then_some(()));
    server.join();
    until(|| server.log().contains("client 1 left: the peer stopped answering; ").then_some(()));
}

#[test]
fn clients_of_a_killed_server_reconnect_after_its_restart_and_get_a_list_of_unconfirmed_messages() {
    let mut server = Program::start(r#""resume_window": "60 s""#);
    let (address, folder) = (server.address(), Arc::clone(&server.folder));
    let clients: Vec<Client> = (0..4).map(|_| server.join()).collect();
    for client in &clients {
        client.send_to_server(&line(1)).unwrap();
        until(|| client.next_event().filter(|event| matches!(event, Event::Delivered { .. })));
    }
    server.child.kill().unwrap();
    let (code, _) = server.end();
    assert_ne!(code, Some(0));
    // Nobody hears this; or the new server does, but not as what it was.
    for client in &clients {
        client.send_to_server(&line(2)).unwrap();
    }
    let config = config("\"resume_window\": \"60 s\"").replace("127.0.0.1:0", &address.to_string());
    let mut server = Program::start_in(folder, &config);
    assert_eq!((server.address(), &server.listening["key_is_new"]), (address, &false.into()));
    let start = Instant::now();
    for client in &clients {
        let (mut lost, mut back) = (None, None);
        until(|| {
            match client.wait_event(Duration::from_millis(20))? {
                Event::Closed { reason, unconfirmed, .. } => lost = Some((reason, unconfirmed)),
                Event::Connected { replaces, .. } => back = replaces,
                _ => {}
            }
            (lost.is_some() && back.is_some()).then_some(())
        });
        let (reason, unconfirmed) = lost.unwrap();
        assert_eq!(reason, CloseReason::SessionLost);
        let fates: Vec<Fate> = unconfirmed.iter().map(|message| message.fate).collect();
        assert!(matches!(fates[..], [Fate::Unknown | Fate::NotSent]), "{fates:?}");
        assert_eq!(client.state(client.server().unwrap()), ConnectionState::Connected);
    }
    println!("all clients were back {:?} after the restart", start.elapsed());
    assert_eq!(server.ask("say back"), "the text was sent to 4 clients");
    assert_eq!(next::<Heard>(&clients[0]).text.as_str(), "back");
}
