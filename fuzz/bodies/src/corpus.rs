//! The initial corpus of the fuzzers. It consists of traffic between endpoints and of scripts, and is the same in each run.

use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::Duration;
use tickwire_core::fuzzing::rewrite_handshake;
use tickwire_core::snapshot::delta::FrameName;
use tickwire_core::wire::{Frame, FrameReader, SnapshotFrame};
use tickwire_sim::provider::NullProvider;
use tickwire_sim::rng::{Draws, mix};

use crate::hostile::bytes_of;
use crate::{handshake, message, snapshot_frame, traffic};

/// The files of the corpus, indexed by the name of the fuzz target and the name of the file.
pub type Files = BTreeMap<(&'static str, String), Vec<u8>>;

/// The number of datagrams of each kind in the corpus.
const PER_KIND: usize = 3;

/// Generates every file of the corpus in memory.
#[must_use]
pub fn corpus() -> Files {
    let datagrams = traffic::datagrams();
    let mut files = Files::new();
    from_datagrams(&datagrams, &mut files);
    from_payloads(&datagrams, &mut files);
    for (index, sample) in message::samples().into_iter().enumerate() {
        files.insert(("message", format!("sample-{index}")), sample);
    }
    for serial in 1..3 {
        let ticket = handshake::ticket(std::sync::Arc::new(NullProvider), serial, Duration::from_secs(60));
        files.insert(("ticket", format!("bytes-{serial}")), ticket.to_bytes());
        files.insert(("ticket", format!("text-{serial}")), ticket.to_string().into_bytes());
    }
    scripts(&mut files);
    world_scripts(&mut files);
    files
}

fn from_datagrams(datagrams: &[Vec<u8>], files: &mut Files) {
    let mut kinds: BTreeMap<[u8; 2], usize> = BTreeMap::new();
    for datagram in datagrams {
        // The mode tells Hellos apart, the second byte control datagrams; of data packets, the first byte is enough.
        let second = match datagram[0] {
            4 => datagram.get(2).copied().unwrap_or(0),
            7 => datagram[1],
            _ => 0,
        };
        let count = kinds.entry([datagram[0], second]).or_default();
        *count += 1;
        if *count > PER_KIND {
            continue;
        }
        let name = format!("{:02}-{second:02}-{count}", datagram[0]);
        if datagram[0] >= 8 {
            files.insert(("header", name.clone()), datagram[..8.min(datagram.len())].to_vec());
        } else if let Some(written) = rewrite_handshake(datagram) {
            files.insert(("handshake_messages", name.clone()), written);
        }
        let heard = &datagram[..datagram.len().min(255)];
        let script = [&[0, 0, 3, heard.len() as u8], heard, &[0x40, 4]].concat();
        files.insert(("datagram", format!("heard-{name}")), script);
    }
}

fn from_payloads(datagrams: &[Vec<u8>], files: &mut Files) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for payload in traffic::payloads(datagrams) {
        let mut reader = FrameReader::new(payload);
        let (mut kinds, mut at) = (String::new(), 0);
        while let Some(Ok(frame)) = reader.next() {
            let end = payload.len() - reader.remaining();
            let kind = kind_of(&frame);
            if matches!(frame, Frame::Ack(_)) && seen.insert(format!("ack {}", end - at)) {
                // For a sender whose next packet is 2^16.
                let script = [&[0x80 | 16, 0], &payload[at..end]].concat();
                files.insert(("ack_frame", format!("{}-bytes", end - at)), script);
            }
            kinds = if kinds.ends_with(kind) { kinds } else { kinds + "-" + kind };
            at = end;
        }
        let name = kinds.trim_start_matches('-').chars().take(60).collect::<String>();
        if seen.len() > 200 || !seen.insert(name.clone()) {
            continue;
        }
        files.insert(("frame", name.clone()), payload.to_vec());
        if payload.len() < 256 {
            for target in ["hostile_client", "hostile_server"] {
                let script = [&[0, 0xfb, payload.len() as u8], payload, &[0xa0, 0xc8]].concat();
                files.insert((target, format!("sent-{name}")), script);
            }
        }
    }
}

const fn kind_of(frame: &Frame<'_>) -> &'static str {
    match frame {
        Frame::Padding => "padding",
        Frame::Ping => "ping",
        Frame::Close { .. } => "close",
        Frame::Challenge(_) => "challenge",
        Frame::Response(_) => "response",
        Frame::Credit(_) => "credit",
        Frame::Ticket { .. } => "ticket",
        Frame::Resume(_) => "resume",
        Frame::Clock(_) => "clock",
        Frame::Snapshot(_) => "snapshot",
        Frame::SnapshotReset { .. } => "snapshot-reset",
        Frame::ViewComplete { .. } => "view-complete",
        Frame::Ack(_) => "ack",
        Frame::Message(_) => "message",
    }
}

/// The targets that play a script, each with the number of scripts, the number of steps in a script, and the bytes with
/// which a step may begin.
const SCRIPTS: &[(&str, u64, u64, &[u8])] = &[
    ("ack_ranges", 4, 200, &[0, 1, 4, 5, 8, 9, 16, 0xfd, 0xfe, 0xff]),
    ("answer", 8, 60, &[0, 0, 1, 2, 3, 4, 5, 6, 8, 16, 24]),
    ("channel_pair", 8, 120, &[0, 1, 2, 3, 4, 5, 0x60, 0x61, 0x62, 0x91, 0x92, 0x93, 0xd0, 0xf0, 0xf8]),
    ("datagram", 6, 60, &[0, 0, 1, 3, 4, 8, 16, 0x84, 0x90]),
    ("dial", 8, 30, &[0, 0, 1, 2, 3, 4]),
    (
        "endpoint",
        20,
        120,
        &[
            0, 1, 2, 3, 8, 9, 0x40, 0x41, 0x40, 0x41, 0x70, 0x78, 0x7f, 0x80, 0xa8, 0xb4, 0xbc, 0xc8, 0xe0,
            0xe0, 0xea, 0xee, 0xf0, 0xf1, 0xf8,
        ],
    ),
    (
        "hostile_client",
        8,
        80,
        &[
            1, 2, 3, 5, 6, 8, 9, 10, 0x4a, 0x4b, 0x8b, 0x9c, 0xa0, 0xa0, 0xb0, 0xc8, 0xc8, 0xd8, 0xe0, 0xf0,
            0xf9,
        ],
    ),
    (
        "hostile_server",
        8,
        80,
        &[1, 2, 3, 5, 6, 8, 9, 10, 0x4a, 0x4b, 0x8b, 0x9c, 0xa0, 0xa0, 0xb0, 0xc8, 0xc8, 0xd8, 0xe0, 0xf0],
    ),
    ("reassembly", 8, 120, &[8, 9, 16, 17, 16, 17, 18, 19, 24, 25, 26, 27, 0xf0, 0xf2, 0xf3, 0xf3]),
    ("replay", 4, 150, &[0, 1, 2, 3, 0xc1, 0xe1, 0x21, 0xff]),
    ("sent", 4, 150, &[0, 1, 4, 5, 2, 6, 3]),
];

/// Returns a script in which two endpoints without heartbeats connect, and then a message and its first probes are
/// lost.
fn lost_probes() -> Vec<u8> {
    let exchange = [0x41, 0x7f, 5, 0x40, 0x7f, 5];
    let message = [0x01, 0x40, 0, 0];
    let lost = [0x41, 0xa8, 0, 0xe0];
    [&[0x20][..], &exchange.repeat(6), &message, &lost.repeat(4)].concat()
}

/// The targets whose scripts may contain any bytes, each with the number of scripts and the number of bytes.
const WORLD_SCRIPTS: &[(&str, u64, usize)] =
    &[("snapshot_frame", 6, 300), ("world_link", 16, 2500), ("worlds", 16, 2500)];

fn world_scripts(files: &mut Files) {
    for (place, &(target, count, bytes)) in (100..).zip(WORLD_SCRIPTS) {
        for serial in 0..count {
            let mut draws = Draws::new(mix(place, serial));
            // The first byte shapes the scene.
            let rest = (1..bytes).map(|_| draws.next_u64() as u8);
            let script = core::iter::once(serial as u8).chain(rest).collect();
            files.insert((target, format!("script-{serial:02}")), script);
        }
    }
    // Frames 0x09 to 0x0b to a client, which is shown the world, and to a server, which is not.
    let first = snapshot_frame::honest_frames().swap_remove(0);
    let snapshot = bytes_of(&Frame::Snapshot(SnapshotFrame { view: 0, bytes: &first }));
    let reset = bytes_of(&Frame::SnapshotReset { view: 0, name: FrameName { tick: 1, part: 0 } });
    let complete = bytes_of(&Frame::ViewComplete { view: 0 });
    for (name, frame) in [("snapshot", snapshot), ("snapshot-reset", reset), ("view-complete", complete)] {
        for target in ["hostile_client", "hostile_server"] {
            let script = [&[0, 0xfb, frame.len() as u8], &frame[..], &[0xa0, 0xc8]].concat();
            files.insert((target, format!("sent-{name}-alone")), script);
        }
    }
    for (place, frame) in snapshot_frame::honest_frames().into_iter().enumerate() {
        let script = [&[place as u8, 0, frame.len() as u8], &frame[..frame.len().min(255)]].concat();
        files.insert(("snapshot_frame", format!("honest-{place}")), script);
    }
}

fn scripts(files: &mut Files) {
    files.insert(("endpoint", "lost-probes".into()), lost_probes());
    for (place, &(target, count, steps, ops)) in (0..).zip(SCRIPTS) {
        for serial in 0..count {
            let mut draws = Draws::new(mix(place, serial));
            // The first bytes shape the scene.
            let mut script = vec![(serial * 13) as u8];
            for _ in 0..steps {
                script.push(ops[draws.below(ops.len() as u64) as usize]);
                // Arguments: small ones are the interesting ones.
                for _ in 0..draws.below(3) {
                    script.push(draws.magnitude(1, 255) as u8);
                }
            }
            files.insert((target, format!("script-{serial}")), script);
        }
    }
}
