//! `requirements`: counts the rows of docs/REQUIREMENTS.md that tests prove.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// The number of requirements in the table, R001 to R198.
pub const COUNT: usize = 198;

/// The path of the table of requirements, from the root of the workspace.
pub const PATH: &str = "docs/REQUIREMENTS.md";

/// Print how many rows of docs/REQUIREMENTS.md are proven by tests
#[derive(clap::Args, Debug)]
pub struct Args {
    /// List the rows that no test proves yet
    #[arg(long)]
    missing: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let rows = parse(&fs::read_to_string(workspace::root().join(PATH))?)?;
    print!("{}", Counts::of(&rows));
    if args.missing {
        for row in rows.iter().filter(|row| !is_proven(row, &rows)) {
            println!("{} {}", row.id, row.text);
        }
    }
    Ok(())
}

/// A row of the table of requirements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The id of the requirement, `R001` to `R198`.
    pub id: String,
    /// A summary of the requirement.
    pub text: String,
    /// The kinds of the requirement, as letters separated by `/`.
    pub kind: String,
    /// The proof of the requirement.
    pub proof: Proof,
}

/// The proof that a row of the table states for its requirement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// No test proves the requirement yet.
    NotYet,
    /// The proofs of the rows with these ids prove the requirement.
    As(Vec<String>),
    /// The tests with these paths, the `cargo xtask` commands after `cmd:`, and the examples of the files after `doc:`
    /// prove the requirement.
    Tests(Vec<String>),
}

/// Parses the rows of the table, which are the lines that begin with `| R`.
///
/// # Errors
/// If a row does not have four columns, its text or its kind is empty, or its proof has an invalid form. The error
/// contains the first such row.
pub fn parse(text: &str) -> Result<Vec<Row>> {
    let lines = text.lines().filter(|line| line.starts_with("| R"));
    lines.map(|line| row(line).with_context(|| format!("cannot parse the row {line:?}"))).collect()
}

fn row(line: &str) -> Result<Row> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
    let &[id, text, kind, tests] = cells.as_slice() else {
        anyhow::bail!("expected 4 columns in the row, got {}", cells.len());
    };
    ensure!(!text.is_empty() && !kind.is_empty(), "the requirement or its kind is empty");
    Ok(Row { id: id.into(), text: text.into(), kind: kind.into(), proof: proof(tests)? })
}

fn proof(tests: &str) -> Result<Proof> {
    let list = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<_>>();
    if tests == "not yet" {
        return Ok(Proof::NotYet);
    }
    if let Some(others) = tests.strip_prefix("as ") {
        return Ok(Proof::As(list(others)));
    }
    let unquoted = |name: &String| {
        let inner = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        inner.filter(|inner| !inner.is_empty() && !inner.contains('`')).map(str::to_owned)
    };
    let names = list(tests).iter().map(unquoted).collect::<Option<Vec<_>>>();
    let forms = "expected `not yet`, `as R000`, or names in backticks, separated by a comma and a space";
    names.map(Proof::Tests).with_context(|| format!("{forms}; got {tests:?}"))
}

/// Returns whether tests prove `row`: either the row names tests, or it refers to other rows that all name tests.
#[must_use]
pub fn is_proven(row: &Row, rows: &[Row]) -> bool {
    let has_tests =
        |id: &String| rows.iter().any(|other| other.id == *id && matches!(other.proof, Proof::Tests(_)));
    match &row.proof {
        Proof::NotYet => false,
        Proof::Tests(_) => true,
        Proof::As(others) => others.iter().all(has_tests),
    }
}

/// The number of proven rows and the number of all rows, for each kind of requirement and in total.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    by_kind: BTreeMap<String, (usize, usize)>,
    proven: usize,
    all: usize,
}

impl Counts {
    /// Counts the proven rows and all rows. A row of two kinds counts for both kinds, but only once in the total.
    #[must_use]
    pub fn of(rows: &[Row]) -> Self {
        let mut counts = Self::default();
        for row in rows {
            let proven = usize::from(is_proven(row, rows));
            counts.proven += proven;
            counts.all += 1;
            for kind in row.kind.split('/') {
                let entry = counts.by_kind.entry(kind.to_owned()).or_default();
                entry.0 += proven;
                entry.1 += 1;
            }
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "requirements proven: {} of {}", self.proven, self.all)?;
        self.by_kind.iter().try_for_each(|(kind, (proven, all))| {
            writeln!(f, "  {:<26} {proven:>3} of {all:>3}", kind_name(kind))
        })
    }
}

fn kind_name(kind: &str) -> &str {
    match kind {
        "A" => "A  API by name",
        "D" => "D  dependency",
        "F" => "F  feature",
        "G" => "G  tooling, documentation",
        "N" => "N  number",
        "O" => "O  objective",
        "P" => "P  platform",
        "R" => "R  risk and answer",
        "T" => "T  test",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Proof, is_proven, parse};

    const TABLE: &str = "\
| id | requirement | kind | tests |
|---|---|---|---|
| R001 | One | A/N | `core::a::b`, `cmd:swarm` |
| R002 | Two | F | not yet |
| R003 | Three | R | as R001 |
| R004 | Four | R | as R001, R002 |
";

    #[test]
    fn requirement_rows_are_parsed_with_their_proofs() {
        let rows = parse(TABLE).unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[0].proof, Proof::Tests(vec!["core::a::b".into(), "cmd:swarm".into()]));
        assert_eq!(rows[1].proof, Proof::NotYet);
    }

    #[test]
    fn a_requirement_that_refers_to_several_requirements_is_proven_only_when_all_of_them_are_proven() {
        let rows = parse(TABLE).unwrap();
        let proven: Vec<bool> = rows.iter().map(|row| is_proven(row, &rows)).collect();
        assert_eq!(proven, [true, false, true, false]);
    }

    #[test]
    fn a_requirement_of_two_kinds_counts_once_in_the_total() {
        let text = Counts::of(&parse(TABLE).unwrap()).to_string();
        assert!(text.starts_with("requirements proven: 2 of 4\n"), "{text}");
        assert!(text.contains("A  API by name") && text.contains("N  number"), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
    }

    #[test]
    fn an_invalid_form_of_the_proof_column_is_an_error() {
        for bad in ["", "someday", "core::a::b", "``", "`a`,`b`", "`a` `b`"] {
            assert!(parse(&format!("| R001 | One | A | {bad} |")).is_err(), "{bad:?} was accepted");
        }
        assert!(parse("| R001 | One | A |").is_err());
    }
}
