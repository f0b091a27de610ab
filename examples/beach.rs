//! A beach: each client walks a crab, and sees all crabs move. The server and a client of it, in one program.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use tickwire::message::RegisterError;
use tickwire::prelude::*;
use tickwire::server::{Messages, client_options, world_schema};
use tickwire::snapshot::{
    Audience, EntitySettings, Gone, NetComponent, NetworkId, SnapshotSchema, SnapshotSchemaError, WorldView,
    WorldWriter,
};

/// The position of a crab, in metres.
#[derive(NetComponent, Clone, Copy, PartialEq, Debug)]
#[net(name = "beach/crab", predictor = "linear")]
struct Crab {
    #[net(range = -50.0..=50.0, step = 0.005, position)]
    at: [f32; 2],
}

/// The shells that a crab has found. Only its own client gets to know.
#[derive(NetComponent, Clone, Copy, PartialEq, Debug)]
#[net(name = "beach/purse", group = "secret")]
struct Purse {
    #[net(range = 0..=9999)]
    shells: u16,
}

/// From a client: the way in which its crab walks, in metres per second.
#[derive(NetMessage)]
#[net(name = "beach/walk", delivery = "sequenced")]
struct Walk {
    #[net(range = -2.0..=2.0, step = 0.01)]
    velocity: [f32; 2],
}

/// The server's crab of a client.
struct Walker {
    at: [f32; 2],
    velocity: [f32; 2],
    steps: u32,
    /// The crab's entity in the replicated world, once it has one.
    entity: Option<NetworkId>,
}

#[derive(Default)]
struct Beach {
    walkers: BTreeMap<ClientId, Walker>,
    /// Entities of clients that have left.
    gone: Vec<NetworkId>,
}

impl Beach {
    fn walk(&mut self, _: &mut Context, from: ClientId, walk: &Walk) {
        if let Some(walker) = self.walkers.get_mut(&from) {
            walker.velocity = walk.velocity;
        }
    }

    /// Writes a crab into the world, and creates its entity at the first time.
    fn write(
        server: &Context,
        world: &mut WorldWriter,
        client: ClientId,
        walker: &mut Walker,
    ) -> Result<(), GameError> {
        let entity = match walker.entity {
            Some(entity) => entity,
            None => {
                let entity = world.create(EntitySettings::new())?;
                world.set_owner(entity, server.client(client).map(|client| client.connection))?;
                *walker.entity.insert(entity)
            }
        };
        world.set(entity, &Crab { at: walker.at })?;
        // A shell every sixty steps.
        world.set(entity, &Purse { shells: (walker.steps / 60).min(9999) as u16 })?;
        Ok(())
    }
}

impl Game for Beach {
    const NAME: &'static str = "beach";
    const APPLICATION: u64 = 0x6265_6163_6800;
    type Settings = NoSettings;

    fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
        messages.receives(Self::walk)?;
        Ok(())
    }

    fn schema(schema: &mut SnapshotSchema) -> Result<(), SnapshotSchemaError> {
        schema.component::<Crab>()?.component::<Purse>()?;
        schema.group("secret").to(Audience::Owner);
        Ok(())
    }

    fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
        Ok(())
    }

    fn joined(&mut self, _: &mut Context, client: ClientId) {
        let walker = Walker { at: [0.0; 2], velocity: [0.0; 2], steps: 0, entity: None };
        self.walkers.insert(client, walker);
    }

    fn left(&mut self, _: &mut Context, client: ClientId, _: &CloseReason) {
        self.gone.extend(self.walkers.remove(&client).and_then(|walker| walker.entity));
    }

    fn tick(&mut self, _: &mut Context, step: Duration) {
        for walker in self.walkers.values_mut() {
            for (at, velocity) in walker.at.iter_mut().zip(walker.velocity) {
                *at = (*at + velocity * step.as_secs_f32()).clamp(-50.0, 50.0);
            }
            walker.steps += u32::from(walker.velocity != [0.0; 2]);
        }
    }

    fn replicate(&mut self, server: &mut Context, world: &mut WorldWriter) {
        for entity in self.gone.drain(..) {
            world.destroy(entity, Gone::Destroyed).ok();
        }
        for (client, walker) in &mut self.walkers {
            if let Err(error) = Self::write(server, world, *client, walker) {
                tracing::warn!("clients do not see the crab of client {client}: {error}");
            }
        }
    }
}

/// The world of a client, and the time that it shows.
struct Screen {
    view: WorldView,
    /// In ticks of the server, with a fraction.
    time: f64,
}

impl Screen {
    fn new() -> Result<Self, SnapshotSchemaError> {
        Ok(Self { view: WorldView::new(&*world_schema::<Beach>()?), time: 0.0 })
    }

    /// Goes on by one frame, a little faster or slower where the time that it shows is off.
    fn advance(&mut self, elapsed: Duration) {
        let Some(newest) = self.view.tick() else { return };
        self.time += elapsed.as_secs_f64() * 60.0;
        let error = newest as f64 - BEHIND - self.time;
        self.time += if error.abs() > 30.0 { error } else { error * 0.1 };
    }

    /// The crabs as they are drawn now.
    fn crabs(&self) -> BTreeMap<NetworkId, [f32; 2]> {
        let crab = |id| {
            let sample = self.view.sample::<Crab>(id, self.time);
            let (before, progress) = (sample.before?.value.at, sample.progress(self.time, UPDATE) as f32);
            let after = sample.after.map_or(before, |after| after.value.at);
            Some((id, [0, 1].map(|axis| before[axis] + (after[axis] - before[axis]) * progress)))
        };
        self.view.entities().filter_map(crab).collect()
    }
}

/// The number of ticks between two updates: the server ticks 60 times per second, and updates the world 20 times.
const UPDATE: u64 = 3;
/// The screen is two updates behind, so that it nearly always knows what comes next.
const BEHIND: f64 = 2.0 * UPDATE as f64;

/// Connects, walks for three seconds, and prints the crabs four times a second.
fn walk_at(address: &str, key: &str) -> Result<(Client, Screen), Box<dyn std::error::Error>> {
    let key: PublicKey = key.parse()?;
    let client = Client::start(client_options::<Beach>()?)?;
    let mut screen = Screen::new()?;
    let mut handlers = client.handlers::<Screen>();
    handlers.on_snapshot(|screen: &mut Screen, _, _, changes| screen.view.apply(changes));

    let address: NetworkAddress = address.parse()?;
    client.connect(&address, ConnectOptions::new(key)).wait()?;
    for frame in 0..180 {
        client.send_to_server(&Walk { velocity: [1.0, 0.5] })?;
        client.update(&mut screen, &mut handlers);
        screen.advance(FRAME);
        if frame % 15 == 0 {
            println!("{:?}", screen.crabs());
        }
        std::thread::sleep(FRAME);
    }
    Ok((client, screen))
}

const FRAME: Duration = Duration::from_micros(16_667);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["walk", address, key] => match walk_at(address, key) {
            Ok((_, screen)) => println!("{} crabs are on the beach", screen.view.len()),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => return tickwire::server::main(Beach::default()),
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::server::{Dedicated, ServerConfig};

    #[test]
    fn clients_of_the_beach_see_all_crabs_and_only_their_own_purse() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::default();
        config.bind_address = "127.0.0.1:0".parse().unwrap();
        (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));

        let (started, running) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let server = Dedicated::start(Beach::default(), config).unwrap();
            started.send((server.remote(), server.address(), server.public_key())).unwrap();
            server.run().unwrap()
        });
        let (remote, address, key) = running.recv().unwrap();

        let walk = || walk_at(&address.to_string(), &key.to_string()).unwrap();
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(walk);
            (walk(), other.join().unwrap())
        });
        for (_, screen) in [one, other] {
            let crabs: Vec<[f32; 2]> = screen.crabs().into_values().collect();
            assert_eq!(crabs.len(), 2);
            // About three metres of way, less the delay; the machine may be busy.
            assert!(crabs.iter().all(|at| at[0] > 0.5 && at[0] < 10.0), "{crabs:?}");
            assert!(crabs.iter().all(|at| (at[0] - 2.0 * at[1]).abs() < 0.1), "{crabs:?}");
            let purses: Vec<Purse> = screen.view.all::<Purse>().map(|(_, purse)| purse).collect();
            assert!(matches!(purses[..], [Purse { shells: 1.. }]), "{purses:?}");
        }
        let status = remote.run("status").unwrap().unwrap();
        assert!(status.contains("\nworld: ") && status.contains("less than the full state"), "{status}");
        remote.stop("that is enough");
        assert_eq!(server.join().unwrap().why, "that is enough");
    }
}
