//! Source text in a form that does not depend on the compiler's version or on formatting.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, Meta};

/// Returns the tokens as text, with a space only between two words.
pub(crate) fn canonical(tokens: TokenStream) -> String {
    let mut text = String::new();
    append(&mut text, tokens);
    text
}

/// Returns the text of the serde attributes among `attributes`.
pub(crate) fn serde_note(attributes: &[Attribute]) -> String {
    let notes = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("serde") => Some(canonical(list.tokens.clone())),
        _ => None,
    });
    notes.collect::<Vec<_>>().join(",")
}

fn append(text: &mut String, tokens: TokenStream) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                append(text, group.stream());
                text.push_str(close);
            }
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            TokenTree::Ident(word) => append_word(text, &word.to_string()),
            TokenTree::Literal(word) => append_word(text, &word.to_string()),
        }
    }
}

fn append_word(text: &mut String, word: &str) {
    if text.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_') {
        text.push(' ');
    }
    text.push_str(word);
}
