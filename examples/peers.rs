//! Two equals dial each other, and have one connection: `cargo run --example peers`.
//!
//! Peers learn each other's address and public key, and a secret that the two share, from a service that both trust: a lobby, for
//! example. Here one program plays both, so it hands them over itself.

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

/// Waits until `peer` received a move.
fn wait_for(peer: &mut Peer) -> Result<(), Failure> {
    let begun = Instant::now();
    while peer.update().messages == 0 {
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
    let (mut noughts, mut crosses) = (start(&registry)?, start(&registry)?);
    noughts.on::<Move, _>(|_, theirs| println!("crosses take square {}", theirs.square))?;
    crosses.on::<Move, _>(|_, theirs| println!("noughts take square {}", theirs.square))?;

    // The lobby draws a new secret for each pair.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let one = noughts.connect_to_peer(&crosses.local_address().into(), secret, crosses.public_key());
    let other = crosses.connect_to_peer(&noughts.local_address().into(), secret, noughts.public_key());
    let (to_crosses, to_noughts) = (one.wait()?, other.wait()?);
    println!("connected; each end has {} connection", noughts.connection_count());

    for (ours, theirs) in [(4, 0), (8, 2)] {
        noughts.send(to_crosses, &Move { square: ours })?;
        wait_for(&mut crosses)?;
        crosses.send(to_noughts, &Move { square: theirs })?;
        wait_for(&mut noughts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_peers_that_dial_each_other_play_over_one_connection() {
        super::main().unwrap();
    }
}
