//! Plants bugs on purpose. The swarm must find each bug, and must find no violation without a planted bug.

use crate::args::Args;

#[cfg(not(feature = "planted"))]
pub(crate) fn hunt(_: &Args, _: &str) -> Result<bool, String> {
    Err("bugs can be planted only with the feature `planted`; run `cargo xtask swarm --planted all`".into())
}

#[cfg(feature = "planted")]
pub(crate) fn hunt(args: &Args, name: &str) -> Result<bool, String> {
    use tickwire_core::planted::{Bug, plant};

    let findable = Bug::ALL;
    let bugs: Vec<_> =
        findable.iter().copied().filter(|(_, known)| name == "all" || *known == name).collect();
    if bugs.is_empty() {
        let names = findable.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
        return Err(format!("no bug is named {name}; the bugs are {names}"));
    }
    let mut lines = Vec::new();
    let mut passed = true;
    for (bug, name) in bugs {
        plant(Some(bug));
        let found = first_violation(args, args.from..args.from.saturating_add(args.seeds));
        plant(None);
        let Some(found) = found else {
            eprintln!(
                "the swarm did not find the bug {name} in {} seeds; give a larger number of --seeds",
                args.seeds
            );
            lines.push(format!("\"{name}\":null"));
            passed = false;
            continue;
        };
        let seed = found.seed;
        if let Some(violation) = &found.violation {
            eprintln!("{name}: seed {seed}: {violation}");
        }
        if let Some(clean) = first_violation(args, args.from..seed + 1)
            && let Some(violation) = clean.violation
        {
            eprintln!("seed {} also fails without the bug {name}: {violation}", clean.seed);
            passed = false;
        }
        lines.push(format!("\"{name}\":{seed}"));
    }
    println!("{{{}}}", lines.join(","));
    Ok(passed)
}

#[cfg(feature = "planted")]
fn first_violation(args: &Args, seeds: std::ops::Range<u64>) -> Option<tickwire_sim::swarm::SeedReport> {
    use crate::pool::{run_all, run_caught};

    let mut found = None;
    let job = |seed| run_caught(&args.run(seed));
    run_all(seeds, job, |report| {
        let passed = report.violation.is_none();
        if !passed {
            found = Some(report);
        }
        passed
    });
    found
}
