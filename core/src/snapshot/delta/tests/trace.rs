//! A recording of bodies that fly, bounce, spin and come to rest, and the size of its frames in bytes.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::receiver::{Receiver, Sender};
use super::{Draw, Plan};
use crate::snapshot::delta::FrameName;
use crate::snapshot::{Layout, Part, Predictor};

const BODIES: usize = 300;
const TICKS: u32 = 400;
/// The delay of an acknowledgement, in ticks.
const DELAY: u32 = 6;
/// The length of the floor's side, and the height of the ceiling, in position steps of 1/512 m.
const SIDE: i64 = 32_767;
/// The number of fractions of a position step, which let bodies slow down smoothly.
const FINE: i64 = 256;

/// A body. Positions are in fractions of steps, velocities in fractions of steps per tick.
#[derive(Clone, Copy, Debug, Default)]
struct Body {
    position: [i64; 3],
    velocity: [i64; 3],
    /// A rotation about the third axis. A full turn is 2^24 steps.
    heading: i64,
    spin: i64,
}

impl Body {
    /// Advances the body by one tick: the body falls, bounces with half of its speed, and slows down on the floor.
    /// Sometimes, a hit accelerates the body.
    fn step(&mut self, draw: &mut Draw) {
        if draw.below(400) == 0 {
            let mut speed = |most: i64| draw.below(2 * most as u64) as i64 - most;
            self.velocity = [speed(60 * FINE), speed(60 * FINE), speed(40 * FINE).abs()];
            self.spin = speed(1 << 19);
        }
        for (position, velocity) in self.position.iter_mut().zip(&mut self.velocity) {
            *position += *velocity;
            let end = (*position).clamp(0, SIDE * FINE);
            if end != *position {
                (*position, *velocity) = (end, -*velocity / 2);
            }
        }
        self.heading += self.spin;
        if self.position[2] > 0 || self.velocity[2].abs() > FINE {
            self.velocity[2] -= FINE;
        } else {
            let slow = |speed: i64| if speed.abs() < FINE / 2 { 0 } else { speed * 15 / 16 };
            self.velocity = [slow(self.velocity[0]), slow(self.velocity[1]), 0];
            self.spin = if self.spin.abs() < 1 << 14 { 0 } else { self.spin * 15 / 16 };
        }
    }

    fn words(&self) -> Vec<u32> {
        let at = self.position.map(|position| (position / FINE) as u32);
        let is_awake = self.velocity != [0; 3] || self.spin != 0;
        // Half of the heading as a quarter circle: sin and cos without floats, by a parabola each.
        let half = (self.heading >> 1).rem_euclid(1 << 24);
        let (quarter, rest) = (half >> 22, (half & ((1 << 22) - 1)) >> 14);
        let side = |turn: i64| (turn * (512 - turn) * 361) >> 16;
        let (sin, cos) = match quarter {
            0 => (side(rest), side(256 - rest)),
            1 => (side(256 - rest), -side(rest)),
            2 => (-side(rest), -side(256 - rest)),
            _ => (-side(256 - rest), side(rest)),
        };
        // Smallest three: the larger of the two components is left out and positive.
        let (largest, other) = match sin.abs() > cos.abs() {
            true => (3, cos * sin.signum()),
            false => (0, sin * cos.signum()),
        };
        let other = (255 + other).clamp(0, 511) as u32;
        let rotation = if largest == 3 { [3, other, 255, 255] } else { [0, 255, 255, other] };
        [&at[..], &rotation, &[u32::from(is_awake)]].concat()
    }
}

/// Returns the number of bytes of all frames, at 60 frames per second. Each frame is acknowledged after [`DELAY`]
/// ticks unless it is lost.
fn bytes(predictor: Predictor, loss_in: u64) -> usize {
    let parts = vec![
        Part::Numbers { words: 3, max: SIDE as u32, threshold: 0 },
        Part::Rotation { bits: 9, threshold: 0 },
        Part::Flag,
    ];
    let plan = Plan::new(&Layout::new(parts, predictor));
    let mut draw = Draw(1);
    let mut bodies = vec![Body::default(); BODIES];
    for body in &mut bodies {
        body.position = [(); 3].map(|()| draw.below((SIDE * FINE) as u64) as i64);
    }
    let (mut sender, mut receiver) = (Sender::default(), Receiver::new(plan.clone(), BODIES));
    let mut acknowledgements = BTreeMap::new();
    let mut bytes = 0;
    for tick in 0..TICKS {
        bodies.iter_mut().for_each(|body| body.step(&mut draw));
        let world: Vec<Vec<u32>> = bodies.iter().map(Body::words).collect();
        acknowledgements.remove(&tick).into_iter().for_each(|name| sender.on_acked(name));
        let name = FrameName { tick, part: 0 };
        let frame = sender.send(name, &plan, &vec![0; plan.words()], &world);
        bytes += frame.len();
        if loss_in > 0 && tick % loss_in as u32 == 0 {
            continue;
        }
        receiver.receive(&frame).unwrap();
        for (slot, words) in world.iter().enumerate() {
            let slot = crate::snapshot::delta::UnitSlot(slot as u16);
            assert_eq!(&receiver.histories[&slot].last_key_value().unwrap().1.0, words);
        }
        acknowledgements.insert(tick + DELAY, name);
    }
    bytes
}

/// The limits are the measured sizes plus 1 %.
#[test]
fn the_frames_of_a_recorded_world_exceed_their_reference_size_by_at_most_1_percent() {
    let cases = [
        ("the last value", Predictor::Last, 0, 548_477),
        ("in a line", Predictor::Linear, 0, 429_888),
        ("in a line, an eighth lost", Predictor::Linear, 8, 433_791),
    ];
    let mut worse = Vec::new();
    for (name, predictor, loss_in, reached) in cases {
        let bytes = bytes(predictor, loss_in);
        if bytes > reached + reached / 100 {
            worse.push(format!("{name}: {bytes} bytes, {reached} were reached"));
        }
    }
    assert!(worse.is_empty(), "{worse:?}");
}
