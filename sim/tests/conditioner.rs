//! The program `conditioner` between real sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn conditioner(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conditioner"));
    command.args(["--listen", "127.0.0.1:0", "--quiet"]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn address_of(child: &mut Child) -> (SocketAddr, BufReader<std::process::ChildStdout>) {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    (line.split(' ').nth(2).unwrap().parse().unwrap(), lines)
}

#[test]
fn the_conditioner_counts_lost_datagrams() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let to = server.local_addr().unwrap().to_string();
    let args = ["--to", &to, "--loss", "50", "--rtt", "20", "--seconds", "2", "--json"];
    let mut child = conditioner(&args).spawn().unwrap();
    let (at, mut lines) = address_of(&mut child);
    let clients: Vec<UdpSocket> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for number in 0..100u8 {
        for client in &clients {
            client.send_to(&[number], at).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut heard = std::collections::BTreeMap::<SocketAddr, usize>::new();
    let mut buffer = [0; 16];
    while let Ok((_, from)) = server.recv_from(&mut buffer) {
        *heard.entry(from).or_default() += 1;
    }
    assert_eq!(heard.len(), 2, "each client comes from a port of its own");
    assert!(heard.values().all(|count| (20..80).contains(count)), "{heard:?}");
    let mut report = String::new();
    lines.read_to_string(&mut report).unwrap();
    assert!(child.wait().unwrap().success());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((report["clients"].as_u64(), report["received"].as_u64()), (Some(2), Some(200)));
    let delivered = heard.values().sum::<usize>() as u64;
    assert_eq!(report["delivered"].as_u64().unwrap(), delivered);
    assert_eq!(report["lost"].as_u64().unwrap(), 200 - delivered);
}

#[test]
fn each_invalid_conditioner_argument_is_refused_with_an_error_that_explains_it() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str, i32); 9] = [
        (&["--loss", "101"], "give a percentage from 0 to 100", 2),
        (&["--rate", "0"], "give at least 1", 2),
        (&["--mtu", "10"], "give at least 68", 2),
        (&["--trace", "/nonexistent/trace"], "cannot read /nonexistent/trace", 2),
        (&["--faults", file!()], "is not a list of faults", 2),
        (&["--to", "nowhere.invalid:7777"], "the host of --to nowhere.invalid:7777 is unknown", 2),
        (&["--to", "localhost"], "names no port", 2),
        (&["--listen", &taken], "another program uses that port", 1),
        (&["--listen", "192.0.2.1:7"], "give an address of this machine", 1),
    ];
    for (args, expected, code) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conditioner"));
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR").to_owned() + "/..").args(args).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn the_conditioner_resolves_the_host_name_of_a_server() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let to = format!("localhost:{}", server.local_addr().unwrap().port());
    let mut child = conditioner(&["--to", &to, "--seconds", "5"]).spawn().unwrap();
    let (at, _lines) = address_of(&mut child);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"ping", at).unwrap();
    let heard = server.recv(&mut [0; 16]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(heard.unwrap(), 4);
}
