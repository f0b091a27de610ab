//! A bell tower: when a client rings, all clients hear the bells. The server and a client run in one program.

use std::process::ExitCode;
use std::time::Duration;

use tickwire::message::RegisterError;
use tickwire::prelude::*;
use tickwire::server::{Messages, client_options};

/// A request of a client to ring the bells `times` times.
#[derive(NetMessage)]
#[net(name = "bells/ring")]
struct Ring {
    #[net(range = 1..=12)]
    times: u8,
}

/// A notice to all clients that a client has rung the bells.
#[derive(NetMessage)]
#[net(name = "bells/rung")]
struct Rung {
    by: u32,
    times: u8,
    total: u64,
}

#[derive(Default)]
struct Bells {
    total: u64,
}

impl Bells {
    fn ring(&mut self, server: &mut Context, from: ClientId, ring: &Ring) {
        self.total += u64::from(ring.times);
        let rung = Rung { by: from.0, times: ring.times, total: self.total };
        if let Err(error) = server.broadcast(&rung) {
            tracing::warn!("the ring was sent to no client: {error}");
        }
    }
}

impl Game for Bells {
    const NAME: &'static str = "bells";
    const APPLICATION: u64 = 0x6265_6c6c_7300;
    type Settings = NoSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.receives(Self::ring)?.sends::<Rung>()?;
        Ok(())
    }

    fn commands(commands: &mut Commands<Self>) {
        commands.add("total", "", "how often the bells have rung", |bells, _, _| {
            Ok(format!("the bells have rung {} times", bells.total))
        });
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        true
    }

    fn joined(&mut self, server: &mut Context, client: ClientId) {
        tracing::info!("{client} has joined; {} clients are connected", server.client_count());
    }
}

/// Connects, sends a ring of three, and waits until the notice of it arrives.
fn ring_at(address: &str, key: &str) -> Result<String, Box<dyn std::error::Error>> {
    let key: PublicKey = key.parse()?;
    let client = Client::start(client_options::<Bells>()?)?;
    // The client's state is what it heard. Handlers get it, the network, the sender and the message.
    let mut heard = None;
    let mut handlers = client.handlers::<Option<String>>();
    handlers.on(|heard, _, _, rung: &Rung| {
        let Rung { by, times, total } = rung;
        *heard = Some(format!("client {by} rang {times} times; that makes {total}"));
    })?;

    let address: NetworkAddress = address.parse()?;
    client.connect(&address, ConnectOptions::new(key)).wait()?;
    client.send_to_server(&Ring { times: 3 })?;
    loop {
        // Once per frame: calls the handlers with the state.
        client.update(&mut heard, &mut handlers);
        if let Some(line) = heard {
            return Ok(line);
        }
        std::thread::sleep(Duration::from_millis(16));
        if client.server().is_none() {
            return Err("the connection to the server has ended; check that the server runs".into());
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ring", address, key] => match ring_at(address, key) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => return tickwire::server::main(Bells::default()),
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::server::{Dedicated, ServerConfig};

    #[test]
    fn the_total_of_the_bells_example_counts_the_rings_of_every_client() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::default();
        config.bind_address = "127.0.0.1:0".parse().unwrap();
        (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));

        let (started, running) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let server = Dedicated::start(Bells::default(), config).unwrap();
            started.send((server.remote(), server.address(), server.public_key())).unwrap();
            server.run().unwrap()
        });
        let (remote, address, key) = running.recv().unwrap();

        let ring = || ring_at(&address.to_string(), &key.to_string()).unwrap();
        assert_eq!(ring(), "client 1 rang 3 times; that makes 3");
        assert_eq!(ring(), "client 2 rang 3 times; that makes 6");
        assert_eq!(remote.run("total"), Some(Ok("the bells have rung 6 times".into())));
        remote.stop("that is enough");
        assert_eq!(server.join().unwrap().why, "that is enough");
    }
}
