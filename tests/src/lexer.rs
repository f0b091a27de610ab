//! The part of Rust's syntax that distinguishes code from comments and strings.

/// The parts of the text that [`blank`] does not replace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Keeps only code.
    Code,
    /// Keeps code and comments.
    CodeAndComments,
}

/// Returns `text` with spaces in place of string and character literals. Comments are replaced too, unless `keep` is
/// [`Keep::CodeAndComments`].
///
/// The number of lines, and of characters in each line, does not change.
#[must_use]
pub fn blank(text: &str, keep: Keep) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (len, is_kept) = token(&chars, at, keep);
        let end = (at + len).min(chars.len());
        out.extend(chars[at..end].iter().map(|&c| if is_kept || c == '\n' { c } else { ' ' }));
        at = end;
    }
    out
}

/// Returns the length of the token at `at`, and whether the token is kept.
fn token(chars: &[char], at: usize, keep: Keep) -> (usize, bool) {
    let rest = &chars[at..];
    let comments = keep == Keep::CodeAndComments;
    let follows_word = at > 0 && is_word(chars[at - 1]);
    match rest {
        ['/', '/', ..] => (rest.iter().take_while(|&&c| c != '\n').count(), comments),
        ['/', '*', ..] => (block_comment(rest), comments),
        ['"', ..] => (string(rest), false),
        ['r', '"' | '#', ..] if !follows_word => raw(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !follows_word => raw(rest, 2),
        ['\'', '\\', ..] => (1 + string_until(&rest[1..], '\''), false),
        ['\'', _, '\'', ..] => (3, false),
        _ => (1, true),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => depth += 1,
            ['*', '/', ..] => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    1 + string_until(&rest[1..], '"')
}

/// Returns the length up to and including the next closing quote that is not escaped by a backslash.
fn string_until(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Returns the length of a raw string, or of only the prefix of a raw identifier, and whether it is kept.
fn raw(rest: &[char], prefix: usize) -> (usize, bool) {
    let hashes = rest[prefix..].iter().take_while(|&&c| c == '#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&'"') {
        return (open, true);
    }
    let is_end = |at: usize| {
        rest[at] == '"' && rest[at + 1..].iter().take_while(|&&c| c == '#').take(hashes).count() == hashes
    };
    let end = (open + 1..rest.len()).find(|&at| is_end(at));
    (end.map_or(rest.len(), |at| at + 1 + hashes), false)
}

/// Returns whether `c` can be part of a name in Rust.
#[must_use]
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the byte positions at which `word` occurs in `code` as a whole name or path.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_whole = move |at: &usize| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    code.match_indices(word).map(|(at, _)| at).filter(is_whole)
}

/// Returns the number of the line that contains the byte position `at`, counted from 1.
#[must_use]
pub fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Returns the byte position after the bracket that closes the bracket at `open`, or the length of `code` if no bracket
/// closes this bracket.
#[must_use]
pub fn after_block(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return open + at + c.len_utf8();
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::{Keep, after_block, blank, words};

    #[test]
    fn the_lexer_replaces_comments_and_strings_by_spaces() {
        let text = "let a = \"x // y\"; // note\n/* one /* two */ { */ f('{', '\\'', 'a')";
        let code = blank(text, Keep::Code);
        assert_eq!(code.len(), text.len());
        assert!(
            !code.contains("note") && !code.contains('x') && !code.contains('{') && !code.contains("two")
        );
        assert!(code.contains("let a = ") && code.contains("f("));
        assert!(blank(text, Keep::CodeAndComments).contains("note"));
    }

    #[test]
    fn a_raw_string_ends_at_a_quote_followed_by_its_number_of_hashes() {
        let code = blank("a(r#\"one \" two\"#, br\"\\\", r#type, b'x'); z", Keep::Code);
        assert!(!code.contains("two") && code.contains("r#type") && code.ends_with("); z"), "{code}");
    }

    #[test]
    fn lifetimes_are_not_parsed_as_character_literals() {
        let code = blank("fn f<'a>(x: &'a str, y: &'static str) { g('y') }", Keep::Code);
        assert!(code.contains("&'a str, y: &'static str") && !code.contains("'y'"), "{code}");
    }

    #[test]
    fn escaped_quotes_do_not_end_a_string() {
        let code = blank(r#"f("a\"b\\"); g"#, Keep::Code);
        assert!(!code.contains('b') && code.ends_with("; g"), "{code}");
    }

    #[test]
    fn the_lexer_matches_only_whole_words() {
        assert_eq!(words("Map MyMap Map2 a::Map", "Map").collect::<Vec<_>>(), [0, 18]);
    }

    #[test]
    fn a_block_ends_at_its_matching_bracket() {
        let code = "{ a { b } [c] } d";
        assert_eq!(&code[after_block(code, 0)..], " d");
    }
}
