//! Metrics and health over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{PATIENCE, Program, until};

/// Requests `path`. Returns the status line and the headers, and the body of the answer.
fn get(server: &Program, path: &str) -> (String, String) {
    get_from(server.listening["monitoring"].as_str().unwrap(), path)
}

pub(crate) fn get_from(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn metric(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("{name} is missing in:\n{metrics}"))
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn the_monitoring_page_serves_the_counters_in_the_openmetrics_format() {
    let mut server = Program::start(r#""monitoring_address": "127.0.0.1:0""#);
    let _client = server.join();
    let metrics =
        until(|| Some(get(&server, "/metrics").1).filter(|text| metric(text, "tickwire_clients") == 1.0));
    assert!(metric(&metrics, "tickwire_datagrams_received_total") >= 2.0);
    assert!(metric(&metrics, "tickwire_ticks_total") > 0.0);
    assert!(metric(&metrics, "tickwire_uptime_seconds") > 0.0);
    let stats = server.ask_json("stats --json");
    for name in
        ["messages_given_up", "messages_too_late", "receive_errors", "socket_full", "commands_refused"]
    {
        assert_eq!(metric(&metrics, &format!("tickwire_{name}_total")), 0.0);
        assert_eq!(stats[name], 0, "{name} in {stats}");
    }
    assert!(metrics.contains("# TYPE tickwire_clients gauge\n"), "{metrics}");
    assert!(metrics.contains("# HELP tickwire_ticks_skipped Ticks that were due but skipped"), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let head = get(&server, "/metrics").0;
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{head}");
}

#[test]
fn dropped_datagrams_are_counted_by_their_reason() {
    let server = Program::start(r#""monitoring_address": "127.0.0.1:0""#);
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[99; 50], server.address()).unwrap();
    let name = r#"tickwire_datagrams_dropped_total{reason="unknown-type"}"#;
    until(|| get(&server, "/metrics").1.contains(name).then_some(()));
    assert_eq!(metric(&get(&server, "/metrics").1, name), 1.0);
}

#[test]
fn the_monitoring_port_serves_the_health_of_the_server() {
    let server = Program::start(r#""monitoring_address": "127.0.0.1:0""#);
    let (head, body) = get(&server, "/health");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body["status"], "ok");
    assert!(body["since_last_tick_ms"].as_u64().unwrap() < 2000, "{body}");
    assert!(get(&server, "/").0.starts_with("HTTP/1.1 404"));
}

#[test]
fn eighty_silent_monitoring_connections_block_no_request() {
    let server = Program::start(r#""monitoring_address": "127.0.0.1:0""#);
    let address = server.listening["monitoring"].as_str().unwrap();
    let ask = |text: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        // Who says too much may be cut off.
        let _read = stream.read_to_string(&mut answer);
        answer
    };
    let strangers: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(address).unwrap()).collect();
    let head = ask("HEAD /health?why HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    // Nobody waited for the strangers' end: the latest of them is still there.
    let latest = strangers.last().unwrap();
    latest.set_nonblocking(true).unwrap();
    assert_eq!(latest.peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let posted = ask("POST /health HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    assert!(posted.starts_with("HTTP/1.1 405") && posted.contains("\r\nAllow: GET, HEAD\r\n"), "{posted}");
    assert!(ask("GET http://any.host/health HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200"));
    assert!(ask("good morning\r\n\r\n").starts_with("HTTP/1.1 400"));
    let long = format!("GET /health HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(9000));
    assert!(ask(&long).starts_with("HTTP/1.1 431"), "{}", ask(&long));
}

#[cfg(target_os = "linux")]
#[test]
fn monitoring_continues_after_a_lack_of_file_descriptors() {
    use rustix::process::{Pid, Resource, getrlimit, prlimit};
    let server = Program::start(r#""monitoring_address": "127.0.0.1:0""#);
    let address = server.listening["monitoring"].as_str().unwrap();
    let id = Some(Pid::from_child(&server.child));
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count() as u64;
    let before = getrlimit(Resource::Nofile);
    let few = rustix::process::Rlimit { current: Some(open), ..before };
    prlimit(id, Resource::Nofile, few).unwrap();
    let strangers: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(address).unwrap()).collect();
    until(|| server.errors().contains("the monitoring server cannot accept a connection").then_some(()));
    assert!(server.errors().contains("`ulimit -n`"), "{}", server.errors());
    drop(strangers);
    prlimit(id, Resource::Nofile, before).unwrap();
    assert!(get(&server, "/health").0.starts_with("HTTP/1.1 200"));
}
