//! Real sockets on the loopback interface carry large datagrams and the ECN bits.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use tickwire_core::limits::PATH_DATAGRAM;
use tickwire_core::{ChannelId, Event};
use tickwire_native::SendError;

#[test]
fn bulk_data_over_the_loopback_interface_raises_the_datagram_size_to_8972_bytes_with_ecn() {
    let server = common::server();
    let (client, there) = common::connected(&server);
    let (mut sent, mut received) = (0, 0);
    let begun = Instant::now();
    let mut found = 0;
    while found < usize::from(PATH_DATAGRAM) || received < sent {
        assert!(begun.elapsed() < Duration::from_secs(10), "{found} bytes, {received} of {sent} messages");
        if found < usize::from(PATH_DATAGRAM) {
            match server.send_bytes(there, ChannelId(0), vec![7; 20_000]) {
                Ok(_) => sent += 1,
                Err(SendError::ChannelFull(_) | SendError::QueueFull(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        while let Some(event) = client.next_event() {
            if let Event::Message { data, .. } = event {
                assert_eq!(data.len(), 20_000);
                received += 1;
            }
        }
        while server.next_event().is_some() {}
        std::thread::sleep(Duration::from_millis(1));
        found = server.info(there).unwrap().stats.max_datagram;
    }
    let stats = server.info(there).unwrap().stats;
    assert_eq!(stats.max_datagram, usize::from(PATH_DATAGRAM));
    assert!(stats.ecn, "the loopback interface keeps the bits");
    println!("{found} bytes found after {:?}, {sent} messages", begun.elapsed());
}
