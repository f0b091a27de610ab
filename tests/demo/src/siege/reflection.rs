//! Sends datagrams of all kinds, and checks that no address receives more bytes than it sent.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use tickwire_core::rng::Rng;

use super::damage::Damage;
use super::host::{Host, receive, socket};
use super::server::Target;

/// An attacker's socket, with the numbers of bytes that it sent and received.
struct Mirror {
    socket: UdpSocket,
    sent: u64,
    heard: u64,
}

pub(super) fn run(target: &Target, until: Instant) -> Result<Damage, String> {
    let hello = Host::new(Ipv4Addr::new(127, 66, 10, 10), target, |_| {})?.hello()?;
    let open =
        |number| socket(Ipv4Addr::new(127, 81, number, 1)).map(|socket| Mirror { socket, sent: 0, heard: 0 });
    let mut mirrors: Vec<Mirror> = (0..SOURCES).map(open).collect::<Result<_, String>>()?;
    let mut rng = Rng::from_seed([6; 32]);
    let mut damage = Damage::default();
    let began = Instant::now();
    while Instant::now() < until {
        let wanted = (began.elapsed().as_secs_f64() * PER_SECOND) as u64;
        while damage.sent < wanted {
            let index = damage.sent as usize % mirrors.len();
            let datagram = bait(&hello, &mut rng);
            let mirror = &mut mirrors[index];
            // What the system does not take was not sent.
            if mirror.socket.send_to(&datagram, target.address).is_ok() {
                mirror.sent += datagram.len() as u64;
            }
            damage.sent += 1;
            mirror.listen();
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    std::thread::sleep(Duration::from_millis(100));
    for mirror in &mut mirrors {
        mirror.listen();
        if mirror.heard > mirror.sent {
            let address = mirror.socket.local_addr().map(|address| address.to_string()).unwrap_or_default();
            damage.reflected =
                Some(format!("{address} received {} bytes, but sent {}", mirror.heard, mirror.sent));
        }
    }
    Ok(damage)
}

impl Mirror {
    fn listen(&mut self) {
        let mut buffer = [0; 2048];
        while let Some((size, _)) = receive(&self.socket, &mut buffer) {
            self.heard += size as u64;
        }
    }
}

/// Returns a datagram that a server might answer: a Hello (complete, truncated, of another version, or with random bytes), a
/// KeyQuery, a Data packet with a random id, or random bytes with a valid or any type.
fn bait(hello: &[u8], rng: &mut Rng) -> Vec<u8> {
    let (kind, word) = (rng.next_u64() % 8, rng.next_u64());
    let length = (word % 1200) as usize + 1;
    let mut datagram = hello.to_vec();
    match kind {
        0 => {}
        1 => datagram.truncate(length),
        2 => datagram[1] = (word >> 16) as u8,
        3 => {
            datagram = vec![0; if word & 1 == 0 { 1200 } else { length }];
            let query = [&[7, 2][..], &hello[11..14], &hello[3..11], &word.to_le_bytes()].concat();
            datagram.iter_mut().zip(query).for_each(|(to, from)| *to = from);
        }
        4 => datagram[14..22].copy_from_slice(&word.to_le_bytes()),
        5 => {
            datagram = rng.array::<64>()[..length.min(64)].to_vec();
            datagram[0] = 8 | datagram[0] & 7;
        }
        6 => {
            datagram = rng.array::<64>()[..length.min(64)].to_vec();
            datagram[0] = 4 | datagram[0] & 3;
        }
        _ => datagram = rng.array::<64>()[..length.min(64)].to_vec(),
    }
    datagram
}

const SOURCES: u8 = 64;
const PER_SECOND: f64 = 10_000.0;
