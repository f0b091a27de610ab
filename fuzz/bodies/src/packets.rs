//! Compares the tracking of received and sent packet numbers with a plain set and a plain list.

use std::collections::BTreeSet;

use tickwire_core::Instant;
use tickwire_core::fuzzing::{Replay, Sent};
use tickwire_core::limits::REPLAY_WINDOW;

use crate::Script;

/// Compares the replay window with a set of all packet numbers received so far.
pub fn replay(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let (mut window, mut seen) = (Replay::default(), BTreeSet::new());
    let mut around = 0u64;
    while !script.is_over() {
        let step = script.byte();
        let number = match step {
            0xff => {
                around = script.number();
                continue;
            }
            0xe0.. => around.saturating_sub(script.number() % (2 * REPLAY_WINDOW)),
            0xc0.. => around.saturating_add(script.number() % (2 * REPLAY_WINDOW)),
            _ => around.saturating_add(u64::from(step & 31)),
        };
        let highest = seen.last().copied();
        let fresh = !seen.contains(&number)
            && highest.is_none_or(|highest: u64| number > highest || highest - number < REPLAY_WINDOW);
        assert_eq!(window.check(number), fresh, "{number} after {highest:?}");
        if step & 0x20 == 0 && fresh {
            window.insert(number);
            seen.insert(number);
            assert!(!window.check(number), "the replay window accepted packet number {number} twice");
            around = around.max(number);
        }
    }
}

/// Compares the record of sent packets with a list that keeps every packet.
pub fn sent(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut sent = Sent::default();
    // The size of each packet in flight, by number.
    let mut model: Vec<Option<u64>> = Vec::new();
    while !script.is_over() && model.len() < 4096 {
        let step = script.byte();
        match step % 4 {
            0 | 1 => {
                let bytes = usize::from(script.byte()) * 8;
                let eliciting = step.is_multiple_of(4);
                sent.record(Instant::ZERO, bytes, eliciting);
                model.push(eliciting.then_some(bytes as u64));
            }
            2 => {
                let number = match step {
                    0xf0.. => script.number(),
                    _ => (model.len() as u64).saturating_sub(script.number()),
                };
                let expected = usize::try_from(number).ok().and_then(|place| model.get_mut(place)?.take());
                assert_eq!(sent.settle(number), expected, "packet {number}");
            }
            _ => sent.trim(),
        }
        assert_eq!(sent.next(), model.len() as u64);
        let in_flight = model.iter().flatten();
        assert_eq!(sent.in_flight(), (in_flight.clone().count(), in_flight.sum()));
        let oldest = model.iter().position(Option::is_some).map(|place| place as u64);
        assert_eq!(sent.oldest(), oldest);
        let unsettled = sent.unsettled_below(sent.next());
        assert!(
            oldest.is_none_or(|oldest| unsettled.contains(&oldest)),
            "a packet in flight is missing from the record"
        );
    }
}
