//! Compares the costs of the core with their targets, with other libraries, and with the recorded figures.

mod figures;
mod gates;
mod instructions;
mod rows;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use self::figures::Figures;
use self::gates::Gates;

#[global_allocator]
static ALLOCATOR: tickwire_core_bench::allocations::Counting = tickwire_core_bench::allocations::Counting;

/// Cost of the core per message
#[derive(Parser, Debug)]
struct Args {
    /// The folder with the summaries that gungraun wrote for this run
    #[arg(long)]
    summaries: PathBuf,
    /// The file with the recorded figures
    #[arg(long)]
    gates: PathBuf,
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
    /// Only compare with the recorded figures, and fail if a figure is worse
    #[arg(long)]
    check: bool,
    /// Write the figures of this run to the file
    #[arg(long)]
    hold: bool,
}

/// The number of rounds in which times are measured.
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let args = Args::parse();
    // Gates need no times.
    let figures = Figures::take(&args.summaries, if args.check { 1 } else { ROUNDS })?;
    let gates = Gates::read(&args.gates)?;
    if args.hold {
        gates.held(&figures).write(&args.gates)?;
    }
    if args.check {
        return gates.check(&figures);
    }
    let rows = rows::all(&figures, &gates);
    if args.json { rows::print_json(&rows) } else { rows::print_table(&rows, &figures) }
}
