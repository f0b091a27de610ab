//! Measures the snapshot codec on a recording of cubes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use serde::Serialize;
use tickwire_core::snapshot::delta::BitUse;
use tickwire_core_bench::snapshot::{Outcome, PARTS, Pair, RECORD_BYTES, Recording};

/// Bits and time of the snapshot codec
#[derive(Parser, Debug)]
struct Args {
    /// The codec
    #[arg(long, value_enum, default_value_t)]
    codec: Codec,
    /// The recording; unpacked if its name ends in .xz
    #[arg(long, env = DATA)]
    data: Option<PathBuf>,
    /// Cubes in the recording
    #[arg(long, default_value_t = 901)]
    cubes: usize,
    /// Print the figures for a program
    #[arg(long)]
    json: bool,
}

/// The environment variable that names the recording.
const DATA: &str = "TICKWIRE_CUBES";

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Codec {
    #[default]
    Fast,
}

impl Codec {
    const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
        }
    }
}

/// The number of frames per second.
const RATE: f64 = 60.0;
/// The number of times that the recording is sent. The time of a frame is the least of all rounds, because other processes can
/// only make a round slower.
const ROUNDS: usize = 5;

/// The figures of a run, for a program.
#[derive(Debug, Serialize)]
struct Figures {
    codec: &'static str,
    kbit_per_second: f64,
    encode_us: f64,
    decode_us: f64,
    lossless: bool,
    frames: usize,
    units_per_frame: f64,
    kbit_per_second_by_use: BTreeMap<String, f64>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let Some(path) = &args.data else {
        bail!(
            "no recording was given; give its path with --data FILE or in the variable {DATA}. A recording is a file of \
             frames, 60 per second. The first frame is the initial state of both ends. A frame consists of {} records \
             of {RECORD_BYTES} bytes, one per cube (--cubes). A record consists of little-endian i32 values: the index \
             of the rotation's largest component (0 to 3), the remaining three components (0 to 511), x and y (-16384 \
             to 16383), z (0 to 32767), and whether the cube interacts (0 or 1). The benchmark unpacks .xz files",
            args.cubes
        );
    };
    let recording = Recording::read(path, args.cubes)?;
    let mut outcome = Pair::new(&recording).send(&recording)?;
    for _ in 1..ROUNDS {
        let Outcome { encode, decode, .. } = Pair::new(&recording).send(&recording)?;
        keep_fastest(&mut outcome.encode, &encode);
        keep_fastest(&mut outcome.decode, &decode);
    }
    let figures = Figures::new(args.codec, outcome);
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        figures.print();
    }
    if !figures.lossless {
        bail!("a decoded unit differs from the recording: the codec has a bug");
    }
    Ok(())
}

impl Figures {
    fn new(codec: Codec, outcome: Outcome) -> Self {
        let rate = |bits: usize| rounded(bits as f64 * RATE / outcome.frames as f64 / 1000.0, 100.0);
        Self {
            codec: codec.name(),
            kbit_per_second: rate(outcome.bytes * 8),
            lossless: outcome.is_lossless,
            frames: outcome.frames,
            units_per_frame: rounded(outcome.units as f64 / outcome.frames as f64, 10.0),
            kbit_per_second_by_use: outcome.bits.iter().map(|(of, bits)| (name(*of), rate(*bits))).collect(),
            encode_us: median_us(outcome.encode),
            decode_us: median_us(outcome.decode),
        }
    }

    fn print(&self) {
        println!("{:<16}{:>10.2} kbit/s", self.codec, self.kbit_per_second);
        for (name, rate) in &self.kbit_per_second_by_use {
            println!("  {name:<14}{rate:>10.2} kbit/s");
        }
        println!("encode          {:>10.2} us per frame", self.encode_us);
        println!("decode          {:>10.2} us per frame", self.decode_us);
        println!("frames          {:>7}    with {} units on average", self.frames, self.units_per_frame);
        println!("lossless        {:>10}", self.lossless);
    }
}

fn name(of: BitUse) -> String {
    match of {
        BitUse::Header => "header".to_owned(),
        BitUse::Names => "names".to_owned(),
        BitUse::Baselines => "baselines".to_owned(),
        BitUse::Masks => "masks".to_owned(),
        BitUse::Audit => "audit".to_owned(),
        BitUse::Part(place) => match PARTS.get(usize::from(place)) {
            Some(part) => (*part).to_owned(),
            None => format!("part {place}"),
        },
        other => format!("{other:?}"),
    }
}

fn keep_fastest(times: &mut [Duration], round: &[Duration]) {
    times.iter_mut().zip(round).for_each(|(fastest, time)| *fastest = (*fastest).min(*time));
}

fn median_us(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(f64::NAN, |time| rounded(time.as_nanos() as f64 / 1000.0, 100.0))
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
