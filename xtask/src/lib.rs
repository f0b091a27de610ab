//! The verbs of `cargo xtask`. Each verb has its own module.

use anyhow::Result;
use clap::{Parser, Subcommand};

pub mod requirements;

mod bench;
mod command;
mod conditioner;
mod demo;
mod deny;
mod fuzz;
mod load;
mod metadata;
mod no_std;
mod passed_on;
mod paths;
mod platforms;
mod setup;
mod siege;
mod spdx;
mod step;
mod swarm;
mod targets;
mod test;
mod ticket;
mod windows;
mod workspace;

/// Runs the tests, tools and benchmarks of this workspace.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Test(test::Args),
    Demo(demo::Args),
    Load(load::Args),
    Siege(siege::Args),
    Setup(setup::Args),
    Swarm(swarm::Args),
    Paths(paths::Args),
    Conditioner(conditioner::Args),
    Bench(bench::Args),
    Platforms(platforms::Args),
    Fuzz(fuzz::Args),
    Deny(deny::Args),
    NoStd(no_std::Args),
    Windows(windows::Args),
    Ticket(ticket::Args),
    Requirements(requirements::Args),
}

/// Parses the command line and runs the command that it names.
///
/// # Errors
/// If the command fails. The error is a human-readable chain of causes.
pub fn main() -> Result<()> {
    match Cli::parse().verb {
        Verb::Test(args) => test::run(&args),
        Verb::Demo(args) => demo::run(&args),
        Verb::Load(args) => load::run(&args),
        Verb::Siege(args) => siege::run(&args),
        Verb::Setup(args) => setup::run(&args),
        Verb::Swarm(args) => swarm::run(&args),
        Verb::Paths(args) => paths::run(&args),
        Verb::Conditioner(args) => conditioner::run(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Platforms(args) => platforms::run(&args),
        Verb::Fuzz(args) => fuzz::run(&args),
        Verb::Deny(args) => deny::run(&args),
        Verb::NoStd(args) => no_std::run(&args),
        Verb::Windows(args) => windows::run(&args),
        Verb::Ticket(args) => ticket::run(&args),
        Verb::Requirements(args) => requirements::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_definition_of_the_xtask_command_line_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_xtask_verb_and_argument_has_a_help_text() {
        for verb in Cli::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{} has no help", verb.get_name());
            for argument in verb.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {argument} has no help", verb.get_name());
            }
        }
    }
}
