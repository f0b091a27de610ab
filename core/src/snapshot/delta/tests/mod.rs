//! Arbitrary layouts and words for tests.

mod frames;
mod receiver;
mod trace;
mod units;

use alloc::vec;
use alloc::vec::Vec;

use super::Plan;
use crate::snapshot::{Layout, Part, Predictor};

/// A generator of pseudorandom numbers (Steele, Lea, Flood 2014: SplitMix).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Returns a number below `count`, which must be above 0.
    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// Returns a number up to `max`, often 0, `max`, or a number near 0.
    fn upto(&mut self, max: u32) -> u32 {
        match self.below(5) {
            0 => 0,
            1 => max,
            2 => max.min(self.below(20) as u32),
            _ => self.below(u64::from(max) + 1) as u32,
        }
    }

    /// Returns a maximum that takes 1 to 32 bits.
    fn max(&mut self) -> u32 {
        (self.next() as u32) >> self.below(32)
    }
}

fn part(draw: &mut Draw, depth: u32) -> Part {
    match draw.below(if depth < 2 { 9 } else { 8 }) {
        0 => Part::Flag,
        1 => Part::Choice { count: draw.max().max(1) },
        2 => Part::Numbers { words: 1 + draw.below(3) as u8, max: draw.max(), threshold: 0 },
        3 => Part::Angle { bits: 1 + draw.below(32) as u8, threshold: 0 },
        4 => Part::Rotation { bits: 2 + draw.below(14) as u8, threshold: 0 },
        5 => Part::Opaque { bits: 1 + draw.below(64) as u8 },
        6 => Part::Entity,
        7 => Part::Bytes { max: draw.below(20) as u16 },
        _ => {
            let parts = 1 + draw.below(3);
            let length = 1 + draw.below(20) as u16;
            Part::Array { length, element: (0..parts).map(|_| part(draw, depth + 1)).collect() }
        }
    }
}

fn layout(draw: &mut Draw) -> Layout {
    let mut parts: Vec<Part> = (0..1 + draw.below(20)).map(|_| part(draw, 0)).collect();
    let predictor = match draw.below(3) {
        0 => Predictor::Last,
        1 => Predictor::Linear,
        _ => {
            let words = 1 + draw.below(3) as u8;
            for _ in 0..2 {
                let at = draw.below(parts.len() as u64 + 1) as usize;
                parts.insert(at, Part::Numbers { words, max: draw.max(), threshold: 0 });
            }
            // Most of these parts cannot move along each other.
            let mut place = || draw.below(parts.len() as u64 + 1) as u16;
            let [position, velocity] = [place(), place()];
            Predictor::Velocity { position, velocity, scale: draw.next() >> draw.below(64) }
        }
    };
    Layout::new(parts, predictor)
}

/// Returns words for `parts`. Each word is near the same word of `before` with the probability `near` / 4.
fn words(parts: &[Part], before: &[u32], near: u64, draw: &mut Draw) -> Vec<u32> {
    let mut all = Vec::new();
    for part in parts {
        let old = &before[all.len()..all.len() + part.words()];
        let is_near = draw.below(4) < near;
        let own =
            if is_near && draw.below(2) == 0 { old.to_vec() } else { part_words(part, old, is_near, draw) };
        all.extend(own);
    }
    all
}

fn part_words(part: &Part, old: &[u32], is_near: bool, draw: &mut Draw) -> Vec<u32> {
    let number = |old: u32, max: u32, draw: &mut Draw| {
        let step = draw.below(9) as u32;
        if is_near { old.saturating_add(step).saturating_sub(4).min(max) } else { draw.upto(max) }
    };
    let below = |bits: u8| u32::MAX >> (32 - u32::from(bits));
    match part {
        Part::Flag => vec![draw.upto(1)],
        Part::Choice { count } => vec![number(old[0], count - 1, draw)],
        Part::Numbers { max, .. } => old.iter().map(|old| number(*old, *max, draw)).collect(),
        Part::Angle { bits, .. } => vec![number(old[0], below(*bits), draw)],
        Part::Rotation { bits, .. } => {
            let others = old[1..].iter().map(|old| number(*old, below(*bits), draw));
            core::iter::once(if is_near { old[0] } else { 0 }).chain(others.collect::<Vec<_>>()).collect()
        }
        Part::Opaque { bits: bits @ ..=32 } => vec![draw.upto(below(*bits))],
        Part::Opaque { bits } => vec![draw.upto(u32::MAX), draw.upto(below(bits - 32))],
        Part::Entity => vec![draw.upto(u32::MAX)],
        Part::Bytes { max } => {
            let length = draw.upto(u32::from(*max)) as usize;
            let mut bytes = vec![0; usize::from(max.div_ceil(4)) * 4];
            bytes[..length].fill_with(|| draw.next() as u8);
            let words = bytes.as_chunks::<4>().0.iter().map(|four| u32::from_le_bytes(*four));
            core::iter::once(length as u32).chain(words).collect()
        }
        Part::Array { element, .. } => {
            let stride = element.iter().map(Part::words).sum::<usize>();
            let near = if is_near { 4 } else { 2 };
            old.chunks(stride.max(1)).flat_map(|old| words(element, old, near, draw)).collect()
        }
    }
}

/// Returns a plan, and versions of a unit. Each version is near the version before it.
fn versions(seed: u64, count: usize) -> (Plan, Vec<Vec<u32>>) {
    let mut draw = Draw(seed);
    let layout = layout(&mut draw);
    let mut all = vec![vec![0; layout.words()]];
    for _ in 0..count {
        let near = draw.below(5);
        let next = words(layout.parts(), &all[all.len() - 1], near, &mut draw);
        all.push(next);
    }
    (Plan::new(&layout), all)
}
