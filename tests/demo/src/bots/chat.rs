//! Chat lines that carry their speaker and a serial number, so that every listener can detect missing lines.

use std::collections::BTreeMap;

use tickwire_core::rng::Rng;

/// Returns a line with the number of the bot that sends it, the number of the line among that bot's lines, and a few
/// words.
pub(super) fn compose(speaker: u16, number: u64, rng: &mut Rng) -> String {
    let count = 2 + rng.below(8);
    let words =
        (0..count).map(|_| WORDS.get(rng.below(WORDS.len() as u64) as usize).copied().unwrap_or("so"));
    format!("{speaker} {number} {}", words.collect::<Vec<_>>().join(" "))
}

/// The chat lines that one bot has heard.
#[derive(Debug, Default)]
pub(super) struct Ears {
    next: BTreeMap<u16, u64>,
    /// The number of lines of bots that arrived in order.
    pub(super) heard: u64,
    /// The number of lines that arrived twice or out of order.
    pub(super) misplaced: u64,
}

impl Ears {
    /// Counts a line. A line that no bot sent does not count.
    pub(super) fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let mut word = || words.next();
        let (Some(Ok(speaker)), Some(Ok(number))) = (word().map(str::parse), word().map(str::parse::<u64>))
        else {
            return;
        };
        let next = self.next.entry(speaker).or_default();
        if number == *next {
            self.heard += 1;
        } else {
            self.misplaced += 1;
        }
        *next = number + 1;
    }
}

const WORDS: [&str; 24] = [
    "north", "over", "there", "wait", "for", "me", "at", "the", "bridge", "nobody", "saw", "it", "coming",
    "again", "left", "right", "behind", "you", "hold", "this", "corner", "who", "has", "rope",
];

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_server::world::CHAT_BYTES;

    #[test]
    fn composed_chat_lines_are_within_the_size_limit_and_are_received_in_order() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut ears = Ears::default();
        for number in 0..1000 {
            for speaker in [0, u16::MAX] {
                let line = compose(speaker, number, &mut rng);
                assert!(line.len() <= CHAT_BYTES, "{line}");
                ears.hear(&line);
            }
        }
        assert_eq!((ears.heard, ears.misplaced), (2000, 0));
    }

    #[test]
    fn missing_repeated_and_reordered_chat_lines_are_detected() {
        let heard = |lines: &[&str]| {
            let mut ears = Ears::default();
            lines.iter().for_each(|line| ears.hear(line));
            (ears.heard, ears.misplaced)
        };
        assert_eq!(heard(&["7 0 a", "7 1 b", "8 0 c"]), (3, 0));
        assert_eq!(heard(&["7 0 a", "7 0 a", "7 1 b"]), (2, 1), "twice");
        assert_eq!(heard(&["7 0 a", "7 2 c", "7 1 b"]), (1, 2), "late");
        assert_eq!(heard(&["7 1 b"]), (0, 1), "the first is missing");
        assert_eq!(heard(&["welcome all", ""]), (0, 0), "people");
    }
}
