//! The two ends of a replicated world, and a link between them that a script controls.

use tickwire_core::fuzzing::{FrameResult, ReceivedWorld, SentWorld, some_connection};
use tickwire_core::snapshot::{Store, WorldId};

use crate::Script;
use crate::game::{Display, ENTITIES, Game, schema};

/// The number of rounds within which the receiver must show the whole world once the link loses no more frames.
const ROUNDS_TO_SETTLE: usize = 200;
/// The number of rounds after which an entity that is too far away has left the view.
const ROUNDS_TO_LEAVE: usize = 60;
/// The number of rounds after which an unacknowledged frame is declared lost.
const LOSS_ROUNDS: u64 = 6;
/// The largest number of heap bytes that either end may take.
const MEMORY: usize = 1 << 20;

/// A frame in transit: the round in which it arrives, its number and its bytes.
type FrameFlight = (u64, u64, Vec<u8>);

/// Both ends of a world, and the link between them.
struct Link {
    game: Game,
    store: Store,
    sender: SentWorld,
    receiver: ReceivedWorld,
    display: Display,
    frames: Vec<FrameFlight>,
    /// The outcomes that the sender will receive: the round, the number of the frame, and whether it was acknowledged.
    fates: Vec<(u64, u64, bool)>,
    round: u64,
    /// The number of lost frames in 256, and of lost acknowledgements in 256.
    loss: u8,
    /// The largest number of ticks between two commits.
    ticks: u64,
    /// The number of consecutive rounds without a commit.
    waited: u64,
}

/// Runs both ends of a world over a link that loses, delays and repeats frames, loses acknowledgements, and breaks.
/// Asserts that the receiver rejects no frame, shows no unit that mixes two commits, and shows the committed world
/// after the link has stopped losing frames.
pub fn world_link(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let shape = script.byte();
    let mut link = Link::new(shape);
    for round in 0..400 {
        if script.is_over() {
            break;
        }
        link.play(&mut script);
        if shape & 0x10 != 0 && round % 64 == 8 {
            link.look(round % 128 == 8);
        }
    }
    link.settle();
}

impl Link {
    fn new(shape: u8) -> Self {
        let (schema, viewer) = (schema(), some_connection(7));
        Self {
            game: Game::new(viewer),
            store: schema.store(2 * ENTITIES).unwrap(),
            sender: SentWorld::new(&schema, viewer),
            receiver: ReceivedWorld::new(&schema, 2 * ENTITIES),
            display: Display::default(),
            frames: Vec::new(),
            fates: Vec::new(),
            round: 0,
            loss: [0, 25, 100, 160][usize::from(shape & 3)],
            ticks: [1, 2, 6, 60][usize::from(shape >> 2 & 3)],
            waited: 0,
        }
    }

    /// Runs one round: the game changes the world, and the link delivers frames and acknowledgements.
    fn play(&mut self, script: &mut Script<'_>) {
        let step = script.byte();
        self.round += 1;
        for _ in 0..step & 7 {
            self.game.act(script);
        }
        match step >> 3 {
            // Nothing is committed in the rounds from one of these to the next other one.
            0..5 => self.wait(),
            _ => self.commit(1 + u64::from(script.byte()) % self.ticks),
        }
        if step >> 3 != 30 {
            let room = [80, 300, 1200][script.below(3)];
            self.send(room, script);
        }
        self.deliver(script);
        if step & 0x18 != 0 {
            self.take();
        }
        if step == 0xff {
            self.resume();
        }
        assert!(self.sender.memory() + self.receiver.memory() < MEMORY);
    }

    fn look(&mut self, is_by_distance: bool) {
        let viewer = self.game.look(WorldId(0), is_by_distance);
        self.sender.set_viewer(&self.store, &viewer);
    }

    fn wait(&mut self) {
        self.waited += 1;
        if self.waited.is_multiple_of(8) {
            self.sender.on_stall();
        }
    }

    fn commit(&mut self, ticks: u64) {
        self.waited = 0;
        let changes = self.game.finish(ticks);
        self.store.commit(&changes).unwrap();
        self.sender.on_commit(&self.store, &changes);
        self.game.writer.reuse(changes);
        self.store.thin(|unit, ranges| self.sender.needed(unit, ranges));
        let first = self.sender.first_leaving().map_or(self.game.tick, u64::from);
        self.store.release_before(first);
        self.display.note_commit(&self.store);
    }

    fn send(&mut self, room: usize, script: &mut Script<'_>) {
        while let Some((number, bytes)) = self.sender.pack(&self.store, room) {
            assert!(bytes.len() <= room);
            let (is_lost, way) = (script.byte() < self.loss, script.byte());
            if is_lost {
                self.fates.push((self.round + LOSS_ROUNDS + u64::from(way % 3), number, false));
                continue;
            }
            let delay = if way < 0xf0 { u64::from(way % 4) } else { u64::from(way % 16) * 4 };
            self.frames.push((self.round + delay, number, bytes));
        }
    }

    fn deliver(&mut self, script: &mut Script<'_>) {
        let round = self.round;
        for (_, number, bytes) in self.frames.extract_if(.., |(at, ..)| *at <= round).collect::<Vec<_>>() {
            let (is_lost, way) = (script.byte() < self.loss, script.byte());
            let fate = match self.receiver.on_frame(&bytes) {
                FrameResult::Stored if is_lost => (round + LOSS_ROUNDS, number, false),
                FrameResult::Stored => (round + u64::from(way % 4), number, true),
                FrameResult::Stale => (round + u64::from(way % 4), number, false),
                refused @ FrameResult::Refused(..) => panic!("round {round}: {refused:?}"),
            };
            self.fates.push(fate);
            if way >= 0xe0 {
                // A repeated call changes nothing.
                let before = self.receiver.stored();
                assert_ne!(self.receiver.on_frame(&bytes), FrameResult::Stored);
                assert_eq!(self.receiver.stored(), before);
            }
        }
        for (_, number, is_acked) in self.fates.extract_if(.., |(at, ..)| *at <= round).collect::<Vec<_>>() {
            if is_acked {
                self.sender.on_acked(number);
            } else {
                self.sender.on_lost(number);
            }
        }
    }

    fn take(&mut self) {
        if let Some(changes) = self.receiver.take_changes(some_connection(3)) {
            self.display.apply(&changes);
        }
    }

    /// Replaces the transport, as after an interruption.
    fn resume(&mut self) {
        self.frames.clear();
        self.fates.clear();
        self.sender.on_resumed();
    }

    /// Runs the link without loss until the receiver shows the committed world.
    fn settle(&mut self) {
        self.loss = 0;
        let mut rest = Script::new(&[]);
        // Earlier losses are known by then.
        for round in 0.. {
            self.round += 1;
            self.commit(1);
            self.send(300, &mut rest);
            self.deliver(&mut rest);
            let is_quiet = self.frames.is_empty() && self.fates.is_empty();
            if round >= ROUNDS_TO_LEAVE && self.sender.is_settled() && is_quiet {
                break;
            }
            assert!(
                round < ROUNDS_TO_SETTLE,
                "the receiver does not show the committed world within {ROUNDS_TO_SETTLE} rounds"
            );
        }
        self.take();
        let shown = &self.display.shown;
        assert!(self.game.is_shown(shown, &self.store, some_connection(3)), "{shown:?}");
    }
}
