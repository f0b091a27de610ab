//! Sends arbitrary frames, after valid frames, to a receiver of a world.

use tickwire_core::fuzzing::{FrameResult, ReceivedWorld, SentWorld, some_connection};

use crate::Script;
use crate::game::{ENTITIES, Game, schema};

/// The largest number of heap bytes that a receiver may take for these frames.
const MEMORY: usize = 16 << 20;
/// The script of the honest game.
const HONEST: [u8; 96] = {
    let mut bytes = [0; 96];
    let mut place = 0;
    while place < bytes.len() {
        bytes[place] = (place * 89 + 7) as u8;
        place += 1;
    }
    bytes
};

/// Returns the valid frames of a small game: first frames that bind a slot to each unit, and then frames that refer to
/// earlier frames.
#[must_use]
pub fn honest_frames() -> Vec<Vec<u8>> {
    let (schema, viewer) = (schema(), some_connection(7));
    let mut game = Game::new(viewer);
    let mut store = schema.store(ENTITIES).unwrap();
    let mut sender = SentWorld::new(&schema, viewer);
    let mut script = Script::new(&HONEST);
    let mut frames = Vec::new();
    for tick in 0..6 {
        for _ in 0..if tick == 0 { 16 } else { 4 } {
            game.act(&mut script);
        }
        let changes = game.finish(1);
        store.commit(&changes).unwrap();
        sender.on_commit(&store, &changes);
        while let Some((number, bytes)) = sender.pack(&store, 300) {
            frames.push(bytes);
            sender.on_acked(number);
        }
    }
    frames
}

/// Sends arbitrary frames, after valid frames, to a receiver. Asserts that the receiver does not panic, stores no part of a
/// frame that it rejects, and holds at most 16 MiB of memory.
pub fn snapshot_frame(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut receiver = ReceivedWorld::new(&schema(), ENTITIES);
    let honest = honest_frames();
    for frame in honest.iter().take(script.below(honest.len() + 1)) {
        assert_eq!(receiver.on_frame(frame), FrameResult::Stored);
    }
    for _ in 0..64 {
        if script.is_over() {
            break;
        }
        match script.byte() {
            0..0xa0 => feed(&mut receiver, script.sized()),
            0xa0..0xe0 => {
                let mut frame = honest[script.below(honest.len())].clone();
                for _ in 0..=script.byte() % 4 {
                    let (place, mask) = (usize::from(script.byte()), script.byte());
                    frame.get_mut(place).into_iter().for_each(|byte| *byte ^= mask);
                }
                frame.truncate(frame.len() - usize::from(script.byte() % 8).min(frame.len()));
                feed(&mut receiver, &frame);
            }
            0xe0..0xf0 => feed(&mut receiver, &honest[script.below(honest.len())]),
            0xf0..0xf8 => drop(receiver.take_changes(some_connection(3))),
            _ => receiver.start_over(),
        }
    }
    drop(receiver.take_changes(some_connection(3)));
}

fn feed(receiver: &mut ReceivedWorld, frame: &[u8]) {
    let before = receiver.stored();
    match receiver.on_frame(frame) {
        FrameResult::Stored => {}
        FrameResult::Stale | FrameResult::Refused(..) => {
            assert_eq!(receiver.stored(), before, "the receiver stored a part of a rejected frame");
        }
    }
    assert!(receiver.memory() <= MEMORY, "{} bytes", receiver.memory());
}
