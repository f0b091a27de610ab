//! A relay between one client and a server that loses datagrams by a fixed pattern of chance.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct Relay {
    pub address: SocketAddr,
    pub lost: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Loses `percent` of what passes, either way.
    pub fn start(server: SocketAddr, percent: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let (over, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_over, count) = (Arc::clone(&over), Arc::clone(&lost));
        let thread = std::thread::spawn(move || {
            let mut client = None;
            let mut buffer = [0; 65_536];
            let mut state = 0x9e37_79b9_7f4a_7c15_u64;
            while !is_over.load(Ordering::Relaxed) {
                let Ok((size, from)) = socket.recv_from(&mut buffer) else { continue };
                let to = if from == server { client } else { Some(server) };
                if from != server {
                    client = Some(from);
                }
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                if state % 100 < percent {
                    count.fetch_add(1, Ordering::Relaxed);
                } else if let Some(to) = to {
                    socket.send_to(&buffer[..size], to).unwrap();
                }
            }
        });
        Self { address, lost, over, thread: Some(thread) }
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
