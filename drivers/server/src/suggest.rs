//! Suggestions for misspelt words.

/// The one of `known` that is most like `word`, if it is like it at all.
pub(crate) fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let likeness = |other: &str| strsim::jaro_winkler(word, other);
    let scored = known.map(|other| (likeness(other), other)).filter(|(score, _)| *score > LIKE_ENOUGH);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

/// Below, a suggestion is more confusing than none.
const LIKE_ENOUGH: f64 = 0.75;
/// Bytes. What is longer is like nothing, and comparing it takes its time.
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
