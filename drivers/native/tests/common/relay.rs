//! A relay between one client and a server that drops datagrams by a fixed pseudo-random sequence.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct Relay {
    pub address: SocketAddr,
    pub lost: Arc<AtomicU64>,
    /// The number of datagrams of up to 1472 bytes that the relay received, including datagrams that it dropped.
    pub seen: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay that drops `percent` percent of the datagrams in each direction, and all datagrams above 1472
    /// bytes.
    pub fn start(server: SocketAddr, percent: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let [lost, seen] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let (is_over, count, all) = (Arc::clone(&over), Arc::clone(&lost), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            let mut client = None;
            let mut buffer = [0; 65_536];
            let mut chance = Chance(SEED);
            while !is_over.load(Ordering::Relaxed) {
                let Ok((size, from)) = socket.recv_from(&mut buffer) else { continue };
                let to = if from == server { client } else { Some(server) };
                if from != server {
                    client = Some(from);
                }
                if size > ETHERNET {
                    continue;
                }
                all.fetch_add(1, Ordering::Relaxed);
                if chance.takes(percent) {
                    count.fetch_add(1, Ordering::Relaxed);
                } else if let Some(to) = to {
                    socket.send_to(&buffer[..size], to).unwrap();
                }
            }
        });
        Self { address, lost, seen, over, thread: Some(thread) }
    }

    /// Returns whether the loss of `lost` of `seen` datagrams is within four standard deviations of `percent` percent.
    /// The relay drops datagrams by a fixed sequence, for which the result is `true` for 10 percent at every length up
    /// to 20,000.
    pub fn is_near(lost: u64, seen: u64, percent: u64) -> bool {
        let (lost, seen, share) = (lost as f64, seen as f64, percent as f64 / 100.0);
        let deviation = (seen * share * (1.0 - share)).sqrt();
        (lost - seen * share).abs() <= 4.0 * deviation + 1.0
    }
}

/// The xorshift64 pseudo-random number generator.
struct Chance(u64);

impl Chance {
    fn takes(&mut self, percent: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % 100 < percent
    }
}

/// The largest UDP payload that a path over Ethernet carries, in bytes. The relay drops larger probes.
const ETHERNET: usize = 1472;
/// The seed of the generator, the same in every run.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

#[test]
fn the_loss_check_of_the_relay_accepts_random_loss_and_rejects_zero_loss_after_200_datagrams() {
    let (mut chance, mut lost) = (Chance(SEED), 0);
    for seen in 1..=20_000 {
        lost += u64::from(chance.takes(10));
        assert!(Relay::is_near(lost, seen, 10), "{lost} of {seen}");
        assert!(!Relay::is_near(0, seen, 10) || seen < 200, "losing nothing is noticed");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
