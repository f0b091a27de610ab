//! The demonstration with its server, conditioner and bots as processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire-demo"));
    command.args(["--server-program", env!("CARGO_BIN_EXE_demo-server")]);
    command.args(["--conditioner-program", env!("CARGO_BIN_EXE_demo-conditioner")]);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> (Output, String) {
    let output = demo(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, errors)
}

#[test]
fn bots_lose_no_reliable_message_over_a_network_with_loss_and_jitter() {
    let args = "--clients 8 --seconds 3 --loss 5 --rtt 40 --jitter 5 --json";
    let (output, errors) = run(&args.split(' ').collect::<Vec<_>>());
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{errors}\n{out}", output.status);
    assert_eq!(out.lines().count(), 1, "one object, and nothing else");
    let json: Value = serde_json::from_str(&out).unwrap();
    let number =
        |path: &str| json.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {out}"));
    assert_eq!((number("/clients"), number("/connected")), (8.0, 8.0));
    assert!((2.9..10.0).contains(&number("/seconds")), "{out}");
    for what in ["/connect_ms", "/rtt_ms"] {
        let (p50, p99) = (number(&format!("{what}/p50")), number(&format!("{what}/p99")));
        assert!(40.0 <= p50 && p50 <= p99, "a round trip takes 40 ms at least: {what} in {out}");
    }
    // 20 steering messages a second in encrypted datagrams; and the world of 24 agents 20 times a second.
    assert!((200.0..5_000.0).contains(&number("/bytes_per_second_per_client/up")), "{out}");
    assert!((500.0..20_000.0).contains(&number("/bytes_per_second_per_client/down")), "{out}");
    assert_eq!(number("/worlds_wrong"), 0.0);
    assert!(number("/snapshots_per_second") > 40.0, "{out}");
    let sent = number("/reliable/sent");
    assert!(sent >= 4.0, "each of 8 speaks every other second: {out}");
    assert_eq!(sent, number("/reliable/delivered"));
    assert_eq!((sent * 8.0, sent * 8.0), (number("/reliable/broadcast"), number("/reliable/heard")));
    assert!((0.5..20.0).contains(&number("/loss_percent/down")), "{out}");
    assert_eq!(json["told"]["the server is stopping (SIGTERM)"], 8, "{out}");
    assert!(number("/server/ticks") > 0.0 && json["faults"] == Value::Array(Vec::new()), "{out}");
    if cfg!(target_os = "linux") {
        assert!(number("/server/cpu_percent") > 0.0 && number("/server/rss_bytes") > 1e6, "{out}");
    }
    assert!(
        errors.contains("round trip, ms") && errors.contains("5 % loss each way, 40 ms round trip"),
        "{errors}"
    );
}

/// Starts a long demonstration, and waits until it shows bots. Returns the process, its output so far, and its standard
/// error.
fn start_and_watch(args: &[&str]) -> (Child, String, BufReader<std::process::ChildStderr>) {
    let mut child = demo(args).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.lines().any(|line| line.starts_with("    2  ")) {
        assert!(lines.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    (child, seen, lines)
}

fn server_process(seen: &str) -> i32 {
    let line = seen.lines().find(|line| line.starts_with("  server")).unwrap();
    line.split("(process ").nth(1).unwrap().trim_end_matches(')').parse().unwrap()
}

#[cfg(unix)]
#[test]
fn the_demo_reports_a_server_that_was_killed() {
    let (mut child, seen, mut lines) = start_and_watch(&["--clients", "4", "--seconds", "60", "--json"]);
    let server = rustix::process::Pid::from_raw(server_process(&seen)).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    let (mut errors, mut out) = (String::new(), String::new());
    lines.read_to_string(&mut errors).unwrap();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(errors.contains("error: a program stopped too early: the server ended (signal: 9"), "{errors}");
    assert_eq!(out, "", "what is printed is a summary, or nothing");
    // The pipes that the children held are closed, or this would not have come to its end; and they are no zombies.
    assert!(rustix::process::test_kill_process(server).is_err());
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_every_process_of_the_demo() {
    let (mut child, _, mut lines) = start_and_watch(&["--clients", "4", "--seconds", "60", "--json"]);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let (mut errors, mut out) = (String::new(), String::new());
    lines.read_to_string(&mut errors).unwrap();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{errors}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["interrupted"], &json["connected"]), (&true.into(), &4.into()), "{out}");
    assert_eq!(json["told"]["the server is stopping (SIGTERM)"], 4, "{out}");
}

#[test]
fn the_error_about_a_program_that_cannot_start_names_the_remedy() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let cases: [(i32, &[&str], &[&str]); 5] = [
        (1, &["--port", &port], &["the server ended", &port, "in use", "choose another port"]),
        (1, &["--trace", "/nonexistent/trace"], &["cannot read /nonexistent/trace", "check the path"]),
        (1, &["--loss", "101"], &["give a percentage from 0 to 100"]),
        (2, &["--clients", "0"], &["'--clients <N>'", "1..=4096"]),
        (2, &["--los", "1"], &["'--los'", "'--loss'"]),
    ];
    for (code, args, expected) in cases {
        let (output, errors) = run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
        assert!(expected.iter().all(|text| errors.contains(text)), "{args:?}: {errors}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn bots_without_a_server_report_that_no_server_answers() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_tickwire-bots"))
        .args(["--server", &address, "--key", &"ab".repeat(32), "--clients", "2", "--seconds", "1"])
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let reports: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let connected = reports.iter().find(|report| report["event"] == "connected").unwrap();
    assert_eq!((&connected["clients"], &connected["connected"]), (&2.into(), &0.into()));
    let failures = connected["failures"].as_object().unwrap();
    assert!(failures.keys().all(|why| why.contains(&format!("no answer from {address}"))), "{failures:?}");
    assert_eq!(failures.values().filter_map(Value::as_u64).sum::<u64>(), 2);
    assert_eq!(output.status.code(), Some(1));
}

/// A server in its own folder, with its address and its key.
struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
    key: String,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(prepare: impl FnOnce(&Path), arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let (child, out, said) = Self::spawn(folder.path(), "127.0.0.1:0", arguments);
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        Self { child, out, address: text("address"), key: text("key"), folder }
    }

    fn spawn(folder: &Path, at: &str, arguments: &[&str]) -> (Child, BufReader<ChildStdout>, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo-server"))
            .current_dir(folder)
            .args(["--json", "--bind-address", at])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let said = report(&mut out);
        (child, out, said)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts a new server process in the same folder.
    fn restart(&mut self) {
        let (child, out, said) = Self::spawn(self.folder.path(), &self.address, &[]);
        assert_eq!(said["key"], *self.key);
        (self.child, self.out) = (child, out);
    }

    fn ask(&mut self, question: &str) -> Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{question}").unwrap();
        report(&mut self.out)
    }
}

/// Returns the next line, parsed as JSON.
fn report(out: &mut impl BufRead) -> Value {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
}

/// Returns the next report with the given event.
fn next(out: &mut impl BufRead, event: &str) -> Value {
    std::iter::repeat_with(|| report(out)).find(|report| report["event"] == event).unwrap()
}

fn bots(server: &Server, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire-bots"));
    command.args(["--server", &server.address, "--key", &server.key]).args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn bots_of_a_restarted_server_receive_a_report_of_each_unconfirmed_chat_line() {
    let mut server = Server::start(|_| {}, &[]);
    let mut crowd = bots(&server, &["--clients", "8", "--seconds", "8"]).spawn().unwrap();
    let mut out = BufReader::new(crowd.stdout.take().unwrap());
    while next(&mut out, "second")["totals"]["reliable_delivered"] == 0 {}
    server.kill();
    // Each of them says something once in three seconds at least: to nobody.
    for _ in 0..3 {
        next(&mut out, "second");
    }
    server.restart();
    let settled = next(&mut out, "settled");
    let totals = &settled["state"]["totals"];
    let [sent, delivered, told] =
        ["sent", "delivered", "told"].map(|what| totals[format!("reliable_{what}")].as_u64().unwrap());
    assert!(told > 0 && sent == delivered + told, "{settled}");
    assert_eq!(settled["state"]["connected"], 8, "{settled}");
    // The sessions that were lost are none of those that they are in.
    assert_eq!(next(&mut out, "ended")["told"], serde_json::json!({}));
    assert_eq!(crowd.wait().unwrap().code(), Some(0));
}

#[test]
fn bots_whose_world_differs_from_the_servers_world_are_counted_and_one_is_described() {
    let mut server = Server::start(|_| {}, &[]);
    let mut crowd = bots(&server, &["--clients", "2"]).spawn().unwrap();
    let mut out = BufReader::new(crowd.stdout.take().unwrap());
    assert_eq!(next(&mut out, "connected")["connected"], 2);
    next(&mut out, "second");
    assert_eq!(server.ask("freeze --json")["agents"], 18);
    // The hash of no world: the bots wait in vain for theirs to become it.
    writeln!(crowd.stdin.as_mut().unwrap(), "finish 0").unwrap();
    let settled = next(&mut out, "settled");
    assert_eq!(settled["worlds_wrong"], 2, "{settled}");
    let text = settled["wrong_world"].as_str().unwrap();
    assert!(text.starts_with("bot 0 shows 18 agents as of tick "), "{text}");
    drop(crowd.stdin.take());
    crowd.wait().unwrap();
}

#[test]
fn the_server_frees_the_session_slots_of_killed_bots() {
    let few = [
        ["--max-connections", "2"],
        ["--max-connections-per-address", "2"],
        ["--idle-timeout", "1 s"],
        ["--resume-window", "1 s"],
    ]
    .concat();
    let mut server = Server::start(|_| {}, &few);
    let mut crowd = bots(&server, &["--clients", "2"]).spawn().unwrap();
    let mut out = BufReader::new(crowd.stdout.take().unwrap());
    assert_eq!(next(&mut out, "connected")["connected"], 2);
    // Time for the tickets that keep their places for them.
    next(&mut out, "second");
    // As `kill -9` does: nobody says good-bye.
    crowd.kill().unwrap();
    crowd.wait().unwrap();
    let mut wait_until = |what: &str, count: u64| {
        let began = Instant::now();
        while server.ask("status --json")[what] != count {
            assert!(began.elapsed() < Duration::from_secs(20), "{what} is not {count}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_until("clients_interrupted", 2);
    wait_until("clients", 0);
    let status = bots(&server, &["--clients", "2", "--seconds", "1"]).stdout(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

/// Runs bots of which some or all cannot connect. Returns their standard error.
#[track_caller]
fn refused(server: &str, key: &str, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tickwire-bots"))
        .args(["--server", server, "--key", key, "--seconds", "1"])
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_error_of_bots_names_an_unknown_host() {
    let said = refused("nowhere.invalid:7777", &"ab".repeat(32), &["--clients", "1"]);
    let expected = "tickwire-bots: 1 of 1 bots could not connect: the host `nowhere.invalid` is unknown";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn the_error_of_bots_reports_that_the_server_is_full() {
    let two = ["--max-connections", "2", "--max-connections-per-address", "2"];
    let server = Server::start(|_| {}, &two);
    let said = refused(&server.address, &server.key, &["--clients", "3"]);
    let expected = "tickwire-bots: 1 of 3 bots could not connect: the server is full; try again later, or connect to another \
         server\n";
    assert_eq!(said, expected);
}

#[test]
fn the_error_of_bots_names_a_different_protocol_version() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let answer = server.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut hello = [0; 1500];
        while let Ok((_, from)) = answer.recv_from(&mut hello) {
            // The id of three bytes, another version, the attempt.
            let reply = [&[7, 1][..], &hello[11..14], &[200], &hello[14..22]].concat();
            answer.send_to(&reply, from).unwrap();
        }
    });
    let said = refused(&address, &"ab".repeat(32), &["--clients", "1"]);
    assert!(said.starts_with("tickwire-bots: 1 of 1 bots could not connect: "), "{said}");
    assert!(said.contains("version 200"), "{said}");
}

#[cfg(unix)]
#[test]
fn bots_with_an_expired_ticket_report_that_the_ticket_expired() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{SystemTime, UNIX_EPOCH};
    use tickwire_core::crypto::default_provider;
    use tickwire_core::rng::Rng;
    use tickwire_core::{TicketContents, TicketMint};

    let ticket_key = tickwire_core::Secret::new([6; 32]);
    let write = |folder: &Path| {
        let path = folder.join("ticket.key");
        std::fs::write(&path, ticket_key.reveal_hex()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let server = Server::start(write, &["--ticket-key-file", "ticket.key"]);
    let key: tickwire_core::PublicKey = server.key.parse().unwrap();
    let mint = |expiry: u64| {
        let contents = TicketContents { identity: [7; 16], expiry, user_data: Vec::new() };
        let mint = TicketMint::new(default_provider(), &ticket_key);
        let mut rng = Rng::from_seed([expiry as u8; 32]);
        let ticket = mint.mint(&mut rng, tickwire_server::world::APPLICATION, &key, contents).unwrap();
        ticket.to_string()
    };
    let said = refused(&server.address, &server.key, &["--clients", "1", "--ticket", &mint(1_000_000)]);
    let expected = "tickwire-bots: 1 of 1 bots could not connect: the ticket has expired; get a new ticket from the \
                    backend\n";
    assert_eq!(said, expected);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let status = Command::new(env!("CARGO_BIN_EXE_tickwire-bots"))
        .args(["--server", &server.address, "--key", &server.key, "--seconds", "1", "--clients", "1"])
        .args(["--ticket", &mint(now + 60_000_000)])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}
