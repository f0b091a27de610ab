//! A chat: one program hosts it, and other programs join. Each program shows the lines of all users.
//!
//! ```sh
//! cargo run --example chat -- host                                # prints the command to join with
//! cargo run --example chat -- join 127.0.0.1:7777 KEY --name ann
//! ```

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use tickwire::prelude::*;

/// A chat over UDP: host one, or join one and type lines. The program ends when standard input does.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// End after this many seconds; by default, when standard input ends
    #[arg(long, global = true, value_name = "N")]
    seconds: Option<u64>,
}

#[derive(Subcommand)]
enum Verb {
    Host(Host),
    Join(Join),
}

/// Host a chat
#[derive(Args)]
struct Host {
    /// The UDP port; 0 lets the system choose
    #[arg(long, default_value_t = 7777)]
    port: u16,
    /// The file with the host's key, so that guests can join again after a restart
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

/// Join a chat
#[derive(Args)]
struct Join {
    /// The host's address, as 192.0.2.1:7777 or play.example:7777
    address: NetworkAddress,
    /// The public key that the host printed
    key: PublicKey,
    /// Your name
    #[arg(long, default_value = "somebody")]
    name: String,
}

#[derive(NetMessage)]
struct Line {
    from: BoundedString<32>,
    text: BoundedString<400>,
}

type Failure = Box<dyn std::error::Error>;

/// Returns options with the application number and the message types, which must be the same at both ends.
fn options(access: Access) -> Result<Options, Failure> {
    let mut registry = Registry::new();
    registry.register::<Line>()?;
    let mut config = Config::new(0x6368_6174);
    config.access = access;
    Ok(Options::new(config).registry(registry))
}

/// Starts a host that sends every line to all guests, including the author.
fn host(host: &Host) -> Result<Server, Failure> {
    let mut options = options(Access::Open)?.port(host.port);
    if let Some(path) = &host.key_file {
        options = options.key_file(path);
    }
    Ok(Server::start(options)?)
}

/// Returns the host's handlers. The handlers have no state, so the type of the game is `()`.
fn host_handlers(server: &Server) -> Result<Handlers<()>, Failure> {
    let mut handlers = server.handlers();
    handlers.on(|(), to: &mut Handle, _, line: &Line| {
        println!("{}: {}", line.from, line.text);
        if let Err(error) = to.broadcast(line) {
            eprintln!("the chat line was not sent to the guests: {error}");
        }
    })?;
    handlers.on_connected(|_, _, _, address, _| println!("a guest joined from {address}"));
    Ok(handlers)
}

fn join(join: &Join) -> Result<Client, Failure> {
    let client = Client::start(options(Access::Closed)?)?;
    client.connect(&join.address, ConnectOptions::new(join.key)).wait()?;
    Ok(client)
}

/// Returns the lines of standard input, which a separate thread reads. The channel is closed at the end of the input.
fn typed() -> Receiver<String> {
    let (to, lines) = channel();
    thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
    lines
}

/// Calls `frame` 60 times per second with the typed lines, until standard input or the time ends.
fn run(
    seconds: Option<u64>,
    mut frame: impl FnMut(Option<String>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (lines, end) = (typed(), seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)));
    while end.is_none_or(|end| Instant::now() < end) {
        match lines.try_recv() {
            Ok(line) => frame(Some(line))?,
            Err(TryRecvError::Empty) => frame(None)?,
            Err(TryRecvError::Disconnected) if end.is_some() => frame(None)?,
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
        thread::sleep(Duration::from_millis(16));
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    match &arguments.verb {
        Verb::Host(verb) => {
            let server = host(verb)?;
            let mut handlers = host_handlers(&server)?;
            let (port, key) = (server.local_address().port(), server.public_key());
            println!("join with: cargo run --example chat -- join 127.0.0.1:{port} {key}");
            run(arguments.seconds, |_| {
                server.update(&mut (), &mut handlers);
                Ok(())
            })
        }
        Verb::Join(verb) => {
            let client = join(verb)?;
            let mut handlers = client.handlers();
            handlers.on(|(), _, _, line: &Line| println!("{}: {}", line.from, line.text))?;
            println!("joined; type lines");
            run(arguments.seconds, |line| {
                if let Some(text) = line {
                    client.send_to_server(&said(&verb.name, &text))?;
                }
                client.update(&mut (), &mut handlers);
                if client.server().is_none() {
                    Err("the host has left; join again when it runs".into())
                } else {
                    Ok(())
                }
            })
        }
    }
}

fn said(name: &str, text: &str) -> Line {
    Line { from: BoundedString::truncated(name), text: BoundedString::truncated(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_of_the_chat_example_receives_a_line_that_one_guest_types() {
        let server = host(&Host { port: 0, key_file: None }).unwrap();
        let address: NetworkAddress = format!("127.0.0.1:{}", server.local_address().port()).parse().unwrap();
        let mut host_handlers = host_handlers(&server).unwrap();
        let mut seen = Vec::new();
        let mut clients = ["ann", "ben"].map(|name| {
            let join = Join { address: address.clone(), key: server.public_key(), name: name.to_owned() };
            let client = super::join(&join).unwrap();
            let mut handlers = client.handlers::<Vec<String>>();
            let read = move |seen: &mut Vec<String>, _: &mut Handle, _, line: &Line| {
                seen.push(format!("{name} reads {}: {}", line.from, line.text));
            };
            handlers.on(read).unwrap();
            (client, handlers)
        });
        let begun = Instant::now();
        // Nobody hears what was said before.
        while server.clients().len() < clients.len() {
            server.update(&mut (), &mut host_handlers);
            assert!(begun.elapsed() < Duration::from_secs(20), "{} guests", server.clients().len());
        }
        clients[0].0.send_to_server(&said("ann", "good evening")).unwrap();
        while seen.len() < 2 {
            server.update(&mut (), &mut host_handlers);
            for (client, handlers) in &mut clients {
                client.update(&mut seen, handlers);
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{seen:?}");
        }
        seen.sort();
        assert_eq!(seen, ["ann reads ann: good evening", "ben reads ann: good evening"]);
    }

    #[test]
    fn the_definition_of_the_command_line_of_the_chat_example_is_valid() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
