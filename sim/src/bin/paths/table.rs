//! Tables of figures for people and for programs.

use tickwire_sim::link::PipeConfig;

use crate::figures::Figures;

pub(crate) fn print_row(row: &Figures, is_first: bool) {
    if is_first {
        println!(
            "{:38} {:6} {:>5} {:>7} {:>5} {:>5} {:>5} {:>6} {:>8} {:>7}  kB per flow",
            "", "", "loss", "used", "p50", "p95", "max", "Jain", "with TCP", "through"
        );
    }
    let percent = |share: Option<u64>| {
        share.map_or_else(String::new, |share| format!("{}.{}%", share / 10, share % 10))
    };
    let shares: Vec<u64> = row.shares.iter().map(|share| share / 1000).collect();
    println!(
        "{:38} {:6} {:>4}% {:>7} {:>5} {:>5} {:>5} {:>2}.{:03} {:>8} {:>7}  {shares:?}",
        row.scenario.name,
        format!("{:?}", row.scenario.algorithm),
        row.scenario.loss_ppm / 10_000,
        percent(Some(row.used)),
        row.p50 / 1000,
        row.p95 / 1000,
        row.max / 1000,
        row.jain / 1000,
        row.jain % 1000,
        percent(row.share),
        percent(row.through),
    );
}

/// Prints one line per path, with the figures of Copa and CUBIC side by side. Rows come in pairs.
pub(crate) fn print_beside(rows: &[Figures]) {
    println!("{:28} {:>7}   {:^21}   {:^21}", "", "", "Copa", "CUBIC");
    println!(
        "{:28} {:>7}   {:>6} {:>6} {:>7}   {:>6} {:>6} {:>7}",
        "", "kbit/s", "used", "p50", "p95", "used", "p50", "p95"
    );
    for pair in rows.chunks_exact(2) {
        let carries = pair.first().map_or(0, carried);
        let name = pair.first().map_or("", |row| row.scenario.name.as_str());
        print!("{name:28} {:>7}", carries / 125);
        for row in pair {
            print!("   {:>3}.{}% {:>6} {:>7}", row.used / 10, row.used % 10, row.p50 / 1000, row.p95 / 1000);
        }
        println!();
    }
    println!(
        "used: share of the link's capacity; p50, p95: queueing delay in ms; each figure is the worst of all seeds"
    );
}

/// Returns the bytes per second that a recorded link delivered.
fn carried(row: &Figures) -> u64 {
    match &row.scenario.forward {
        PipeConfig::Trace { trace, .. } => trace.bytes_per_second(),
        PipeConfig::Rate { bytes_per_second, .. } => *bytes_per_second,
        PipeConfig::Shaped { rates, .. } => rates.first().map_or(0, |(_, rate)| *rate),
    }
}

pub(crate) fn json(rows: &[Figures]) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "null".into(), |number| number.to_string());
    let row = |row: &Figures| {
        format!(
            "{{\"name\":\"{}\",\"algorithm\":\"{:?}\",\"loss_ppm\":{},\"seeds\":{},\"used_permille\":{},\
             \"queue_p50_us\":{},\"queue_p95_us\":{},\"queue_max_us\":{},\"jain_permille\":{},\
             \"share_permille\":{},\"through_permille\":{},\"delivered\":{:?}}}",
            row.scenario.name.replace('\\', "\\\\").replace('"', "\\\""),
            row.scenario.algorithm,
            row.scenario.loss_ppm,
            row.seeds,
            row.used,
            row.p50,
            row.p95,
            row.max,
            row.jain,
            number(row.share),
            number(row.through),
            row.shares
        )
    };
    format!("{{\"rows\":[{}]}}", rows.iter().map(row).collect::<Vec<_>>().join(","))
}
