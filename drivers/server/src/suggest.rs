//! Suggestions for misspelt words.

/// Returns the word of `known` that is most similar to `word`, or `None` if no word is similar enough.
pub(crate) fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let likeness = |other: &str| strsim::jaro_winkler(word, other);
    let scored = known.map(|other| (likeness(other), other)).filter(|(score, _)| *score > LIKE_ENOUGH);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

/// The lowest similarity of a suggestion. A less similar suggestion would confuse the reader.
const LIKE_ENOUGH: f64 = 0.75;
/// The longest word that is compared, in bytes. Comparing longer words takes too long.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_similar_to_a_known_word_gets_a_suggestion() {
        let known = ["status", "stats", "kick", "quit"];
        assert_eq!(suggest("kik", known.into_iter()), Some("kick"));
        assert_eq!(suggest("statu", known.into_iter()), Some("status"));
        assert_eq!(suggest("frobnicate", known.into_iter()), None);
    }
}
