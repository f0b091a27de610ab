//! Licence expressions (SPDX), in the forms that packages use.

use anyhow::{Result, bail, ensure};

/// Returns whether the licences in `allowed` satisfy a licence expression.
///
/// `OR` (or the old `/`) needs one side, and `AND` needs both. A licence with an exception counts as one name.
///
/// # Errors
/// If the expression does not parse.
pub(crate) fn is_met(expression: &str, allowed: &[String]) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut parser = Parser { words: spaced.split_whitespace().peekable(), allowed };
    let met = parser.any_of()?;
    ensure!(parser.words.next().is_none(), "the licence expression {expression:?} has words after its end");
    Ok(met)
}

struct Parser<'a, I: Iterator<Item = &'a str>> {
    words: std::iter::Peekable<I>,
    allowed: &'a [String],
}

impl<'a, I: Iterator<Item = &'a str>> Parser<'a, I> {
    fn any_of(&mut self) -> Result<bool> {
        let mut met = self.all_of()?;
        while self.words.next_if_eq(&"OR").is_some() {
            met |= self.all_of()?;
        }
        Ok(met)
    }

    fn all_of(&mut self) -> Result<bool> {
        let mut met = self.one()?;
        while self.words.next_if_eq(&"AND").is_some() {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool> {
        match self.words.next() {
            Some("(") => {
                let met = self.any_of()?;
                ensure!(
                    self.words.next() == Some(")"),
                    "a parenthesis in a licence expression is not closed; add `)`"
                );
                Ok(met)
            }
            None | Some(")" | "AND" | "OR" | "WITH") => {
                bail!("a licence expression lacks a licence name; complete the expression")
            }
            Some(name) => Ok(self.is_allowed(name)),
        }
    }

    fn is_allowed(&mut self, name: &str) -> bool {
        let exception = self.words.next_if_eq(&"WITH").and_then(|_| self.words.next());
        let whole = exception.map_or_else(|| name.to_owned(), |exception| format!("{name} WITH {exception}"));
        self.allowed.contains(&whole)
    }
}

#[cfg(test)]
mod tests {
    use super::is_met;

    fn met(expression: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned);
        is_met(expression, &allowed).unwrap()
    }

    #[test]
    fn an_or_expression_needs_one_permitted_licence_and_an_and_expression_needs_both() {
        assert!(met("GPL-3.0 OR MIT") && met("MIT/GPL-3.0") && met("Apache-2.0 AND ISC"));
        assert!(!met("GPL-3.0 OR MPL-2.0") && !met("MIT AND GPL-3.0"));
    }

    #[test]
    fn and_binds_tighter_than_or_in_a_licence_expression() {
        assert!(met("MIT OR GPL-3.0 AND MPL-2.0"));
        assert!(!met("(MIT OR GPL-3.0) AND MPL-2.0"));
    }

    #[test]
    fn a_permitted_licence_with_an_unlisted_exception_is_not_permitted() {
        assert!(met("Apache-2.0 WITH LLVM-exception"));
        assert!(!met("MIT WITH LLVM-exception"));
    }

    #[test]
    fn a_licence_expression_that_does_not_parse_is_an_error() {
        for bad in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND MIT"] {
            assert!(is_met(bad, &["MIT".to_owned()]).is_err(), "{bad:?} was accepted");
        }
    }
}
