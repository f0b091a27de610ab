//! Two peers dial each other, and have one connection: `cargo run --example peers`.
//!
//! Each peer gets the address and the public key of the other peer, and a shared secret, from a service that both trust, for
//! example a lobby. This program runs both peers, so it passes these values itself.

use std::time::{Duration, Instant};

use tickwire::prelude::*;

#[derive(NetMessage)]
struct Move {
    #[net(range = 0..=8)]
    square: u8,
}

type Failure = Box<dyn std::error::Error>;

fn start(registry: &Registry) -> Result<Peer, Failure> {
    let options = Options::new(Config::new(0x6f78_6f78)).registry(registry.clone());
    Ok(Peer::start(options.bind("127.0.0.1:0".parse()?))?)
}

/// One player: its peer, the squares that the other player took, and the handlers of events.
struct Player {
    peer: Peer,
    theirs: Vec<u8>,
    handlers: Handlers<Vec<u8>>,
}

fn player(registry: &Registry, name: &'static str) -> Result<Player, Failure> {
    let peer = start(registry)?;
    let mut handlers = peer.handlers();
    handlers.on(move |theirs: &mut Vec<u8>, _, _, took: &Move| {
        println!("{name}: the other player has taken square {}", took.square);
        theirs.push(took.square);
    })?;
    Ok(Player { peer, theirs: Vec::new(), handlers })
}

/// Waits until the other player has moved.
fn wait_for(player: &mut Player) -> Result<(), Failure> {
    let (begun, before) = (Instant::now(), player.theirs.len());
    while player.theirs.len() == before {
        player.peer.update(&mut player.theirs, &mut player.handlers);
        if begun.elapsed() > Duration::from_secs(10) {
            return Err("the other peer made no move within 10 s".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut registry = Registry::new();
    registry.register::<Move>()?;
    let (mut noughts, mut crosses) = (player(&registry, "noughts")?, player(&registry, "crosses")?);

    // The lobby draws a new secret for each pair.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let one =
        noughts.peer.connect_to_peer(&crosses.peer.local_address().into(), secret, crosses.peer.public_key());
    let other =
        crosses.peer.connect_to_peer(&noughts.peer.local_address().into(), secret, noughts.peer.public_key());
    let (to_crosses, to_noughts) = (one.wait()?, other.wait()?);
    println!("connected; each end has {} connection", noughts.peer.connection_count());

    for (ours, theirs) in [(4, 0), (8, 2)] {
        noughts.peer.send(to_crosses, &Move { square: ours })?;
        wait_for(&mut crosses)?;
        crosses.peer.send(to_noughts, &Move { square: theirs })?;
        wait_for(&mut noughts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_peers_example_plays_its_game_over_one_connection() {
        super::main().unwrap();
    }
}
