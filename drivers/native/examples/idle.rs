//! The cost of a server with idle clients: `cargo run --release -p tickwire-native --example idle [clients] [seconds] [ms]`,
//! where `ms` is `Options::receive_coalescing`. With the further argument `spin` the clients never sleep, so the server's
//! datagrams wake no process, as if the clients were on other machines. For `spin`, run each process on its own processor
//! (`taskset`).
//!
//! The program starts a second process for the clients, waits until they are connected, and then measures the processor time of
//! its own threads. It runs only on Linux, because the figures come from `/proc`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tickwire_core::{Access, Config, ConnectOptions, ConnectionId, Ecn, Endpoint, Event, Secrets};
use tickwire_native::{NetworkStats, Options, Peer, Server};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("clients") => clients(&arguments),
        _ => server(&arguments),
    }
}

fn number(arguments: &[String], place: usize, default: usize) -> usize {
    arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn server(arguments: &[String]) -> Result<(), Failure> {
    let (count, seconds) = (number(arguments, 1, 1000), number(arguments, 2, 30));
    let mut config = Config::new(1);
    config.access = Access::Open;
    config.max_connections = count + 8;
    config.max_connections_per_source = Some(count + 8);
    config.handshake_rate = 100_000;
    config.handshake_burst = 100_000;
    let mut options = Options::new(config).secrets(Secrets::new([7; 32]));
    if arguments.len() > 3 {
        options = options.receive_coalescing(Duration::from_millis(number(arguments, 3, 100) as u64));
    }
    let server = Server::start(options.bind("127.0.0.1:0".parse()?))?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["clients", &count.to_string(), &server.local_address().to_string()])
        .args(arguments.get(4))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut from_clients = BufReader::new(child.stdout.take().ok_or("no output")?);
    from_clients.read_line(&mut String::new())?;
    while server.next_event().is_some() {}
    println!("{} clients", server.connection_count());
    // What connecting leaves behind dies down.
    std::thread::sleep(Duration::from_secs(8));

    let (begun, before, counters) = (Instant::now(), threads()?, server.stats());
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let (after, stats) = (threads()?, server.stats());
    let elapsed = begun.elapsed().as_secs_f64();
    let mut total = 0.0;
    for (name, nanoseconds) in after {
        let share = (nanoseconds - before.get(&name).copied().unwrap_or(0)) as f64 / elapsed / 1e7;
        println!("{name:>16}: {share:.3} % of a core");
        total += share;
    }
    let per_second = |after: u64, before: u64| (after - before) as f64 / elapsed;
    println!("{:>16}: {total:.3} % of a core", "all threads");
    println!("{:>16}: {:.1} per second", "wakeups", per_second(stats.wakeups, counters.wakeups));
    println!("{:>16}: {:.1} per second", "coalesced sleeps", per_second(stats.naps, counters.naps));
    println!(
        "{:>16}: {:.0} per second",
        "datagrams sent",
        per_second(stats.datagrams_sent, counters.datagrams_sent)
    );
    let received = per_second(stats.datagrams_received, counters.datagrams_received);
    println!("{:>16}: {received:.0} per second", "datagrams in");
    println!("{:>16}: {:?} at this end", "mean RTT", NetworkStats::mean_rtt(&server.infos()));
    drop(child.stdin.take());
    let mut line = String::new();
    from_clients.read_line(&mut line)?;
    println!("{:>16}: {} at the clients", "mean RTT", line.trim());
    child.wait()?;
    Ok(())
}

/// Runs all clients in one endpoint, because the benchmark measures only the server.
fn clients(arguments: &[String]) -> Result<(), Failure> {
    let count = number(arguments, 2, 1000);
    let to: SocketAddr = arguments.get(3).ok_or("no address")?.parse()?;
    let mut config = Config::new(1);
    config.max_connections = count.max(1);
    let key = Config::new(1).provider.handshake().public_key(&[7; 32]);
    if arguments.len() > 4 {
        return spin(config, count, to, key);
    }
    let to = to.into();
    let peer = Peer::start(Options::new(config).bind("127.0.0.1:0".parse()?))?;
    for _ in 0..count {
        peer.connect(&to, ConnectOptions::new(key)).wait()?;
        // Heartbeats spread over the interval, as those of players do.
        std::thread::sleep(Duration::from_micros(5_000_000 / count.max(1) as u64));
    }
    println!("connected");
    // Its own look at the round trips, when it is asked for.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    println!("{:?}", NetworkStats::mean_rtt(&peer.infos()));
    Ok(())
}

/// Runs the clients over a socket that the process reads continuously, without sleeping.
fn spin(config: Config, count: usize, to: SocketAddr, key: [u8; 32]) -> Result<(), Failure> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let start = Instant::now();
    let now = || tickwire_core::Instant::saturating_from_micros(start.elapsed().as_micros() as u64);
    let mut endpoint = Endpoint::new(config, Secrets::new([8; 32]), [9; 32], now())?;
    let (mut connections, mut connected) = (Vec::new(), 0);
    let mut buffer = vec![0; 65_535];
    loop {
        if connections.len() < count
            && start.elapsed() > Duration::from_secs(5) * connections.len() as u32 / count as u32
        {
            connections.push(endpoint.connect(now(), to, ConnectOptions::new(key))?);
        }
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            endpoint.handle_datagram(now(), from, Ecn::NotCapable, &mut buffer[..size]);
        }
        endpoint.handle_timeout(now());
        while let Some(transmit) = endpoint.poll_transmit(now(), &mut buffer[..1200]) {
            let _lost = socket.send_to(&buffer[..transmit.size], to);
        }
        while let Some(event) = endpoint.poll_event() {
            if matches!(event, Event::Connected { .. }) {
                connected += 1;
                if connected == count {
                    println!("connected");
                }
            }
        }
        // The server is done measuring, and says how long it takes.
        if start.elapsed() > Duration::from_secs(SPIN) {
            let rtt = |id: &ConnectionId| endpoint.stats(*id).unwrap_or_default().rtt;
            println!("{:?}", connections.iter().map(rtt).sum::<Duration>() / count as u32);
            return Ok(());
        }
    }
}

/// The time for which the clients spin, in seconds.
const SPIN: u64 = 40;

/// Returns the processor time of each thread of this process, in nanoseconds.
fn threads() -> Result<BTreeMap<String, u64>, Failure> {
    let mut threads = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        let path = entry?.path();
        let name = std::fs::read_to_string(path.join("comm"))?.trim().to_owned();
        let times = std::fs::read_to_string(path.join("schedstat"))?;
        let time: u64 = times.split_whitespace().next().unwrap_or("0").parse()?;
        *threads.entry(name).or_default() += time;
    }
    Ok(threads)
}
