//! Sends 20,000 Hellos per second from addresses that never answer.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use tickwire_core::rng::Rng;

use super::damage::Damage;
use super::host::{Host, receive, socket};
use super::server::Target;

pub(super) fn run(target: &Target, until: Instant) -> Result<Damage, String> {
    let mut hello = Host::new(Ipv4Addr::new(127, 66, 9, 9), target, |_| {})?.hello()?;
    let sockets: Vec<UdpSocket> = (0..SOURCES)
        .map(|number| socket(Ipv4Addr::new(127, 80, number, 1)))
        .collect::<Result<_, String>>()?;
    let mut rng = Rng::from_seed([5; 32]);
    let mut damage = Damage::default();
    let (mut heard, mut buffer) = (0u64, [0; 2048]);
    let began = Instant::now();
    while Instant::now() < until {
        let wanted = (began.elapsed().as_secs_f64() * PER_SECOND) as u64;
        while damage.sent < wanted {
            let socket = &sockets[damage.sent as usize % sockets.len()];
            // Another attempt and another Noise message each time.
            let fresh: [u8; 16] = rng.array();
            if let Some(place) = hello.get_mut(14..22) {
                place.copy_from_slice(&fresh[..8]);
            }
            if let Some(place) = hello.get_mut(60..68) {
                place.copy_from_slice(&fresh[8..]);
            }
            let _full = socket.send_to(&hello, target.address);
            damage.sent += 1;
            while let Some((size, _)) = receive(socket, &mut buffer) {
                heard += size as u64;
            }
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    let sent = damage.sent * hello.len() as u64;
    damage.reflected = (heard > sent).then(|| format!("{heard} bytes in answers to {sent} bytes"));
    Ok(damage)
}

const SOURCES: u8 = 200;
const PER_SECOND: f64 = 20_000.0;
