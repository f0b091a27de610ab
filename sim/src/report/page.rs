//! The page around the charts. It is valid XML too.

use core::fmt::Write as _;

use super::panels::{Key, Panel, panels};
use super::run::RecordedRun;
use super::scale::{Unit, grouped, tenths};
use super::series::strands;
use super::svg::escaped;
use super::words::{flow, percent, settings, verdict};

const STYLE: &str = include_str!("style.css");

/// Returns an HTML page that shows runs of one scenario side by side. The page states `command`, which creates the
/// page again.
#[must_use]
pub fn page(runs: &[RecordedRun], command: &str) -> String {
    let name = runs.first().map_or("", |run| run.scenario.name.as_str());
    let labels: Vec<String> = runs.iter().map(RecordedRun::label).collect();
    let title = escaped(&format!("{name}: {}", labels.join(" beside ")));
    let mut html = format!(
        "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    html.push_str(&header(runs, name));
    html.push_str(&summary(runs));
    for panel in panels(runs) {
        html.push_str(&section(runs, &panel));
    }
    html.push_str(&flows(runs));
    html.push_str(&footer(runs, command));
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn header(runs: &[RecordedRun], name: &str) -> String {
    let mut html = format!(
        "<header>\n<p class=\"over\">Congestion control on a simulated path</p>\n<h1>Path {}</h1>\n",
        escaped(name)
    );
    for run in runs {
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<p class=\"lead\"><strong>{}</strong> {}</p>",
            escaped(&run.label()),
            escaped(&verdict(run))
        );
    }
    if let Some(run) = runs.first() {
        html.push_str("<dl>\n");
        for (name, value) in settings(&run.scenario, run.seed) {
            let _ = writeln!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
        }
        html.push_str("</dl>\n");
    }
    html.push_str("</header>\n");
    html
}

/// Returns one table row with a header and cells.
fn row(cell: &str, head: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|text| format!("<{cell}>{}</{cell}>", escaped(text))).collect();
    let scope = if cell == "th" { "col" } else { "row" };
    format!("<tr><th scope=\"{scope}\">{}</th>{cells}</tr>\n", escaped(head))
}

fn summary(runs: &[RecordedRun]) -> String {
    let heads =
        ["link used", "wait p50", "wait p95", "longest", "fairness (Jain)", "declared lost", "queue full"];
    let mut html = String::from("<section>\n<h2>In numbers</h2>\n<div class=\"scroll\"><table>\n<thead>");
    html.push_str(&row("th", "", &heads.map(str::to_owned)));
    html.push_str("</thead>\n<tbody>\n");
    for run in runs {
        let outcome = &run.outcome;
        let sent: u64 = outcome.flows.iter().map(|flow| flow.datagrams.0).sum();
        let lost: u64 = outcome.flows.iter().map(|flow| flow.datagrams.1).sum();
        let share = (lost * 1000).checked_div(sent).unwrap_or(0);
        let wait = |us| Unit::Millis.quantity(us);
        let is_alone = strands(&run.scenario).iter().filter(|strand| strand.is_forward).count() == 1;
        let jain = format!("{}.{:03}", outcome.jain_permille / 1000, outcome.jain_permille % 1000);
        let cells = [
            percent(outcome.used_permille),
            wait(outcome.queue_p50_us),
            wait(outcome.queue_p95_us),
            wait(outcome.queue_max_us),
            if is_alone { "one flow".to_owned() } else { jain },
            percent(share),
            grouped(outcome.dropped),
        ];
        html.push_str(&row("td", &run.label(), &cells));
    }
    html.push_str("</tbody></table></div>\n</section>\n");
    html
}

fn legend(keys: &[Key]) -> String {
    let key =
        |key: &Key| format!("<li><i class=\"key {}\"></i>{}</li>", escaped(&key.class), escaped(&key.label));
    format!("<ul class=\"legend\">{}</ul>\n", keys.iter().map(key).collect::<String>())
}

fn section(runs: &[RecordedRun], panel: &Panel) -> String {
    let unit = panel.unit.name();
    let unit = if unit.is_empty() { String::new() } else { format!(" <small>{unit}</small>") };
    let mut html = format!(
        "<section>\n<h2>{}{unit}</h2>\n<p class=\"note\">{}{}</p>\n{}<div class=\"charts\">\n",
        panel.title,
        panel.note,
        if panel.one_scale { "" } else { " <b>Each on a scale of its own.</b>" },
        legend(&panel.keys)
    );
    for (run, chart) in runs.iter().zip(&panel.charts) {
        let caption = if runs.len() > 1 {
            format!("<figcaption>{}</figcaption>", escaped(&run.label()))
        } else {
            String::new()
        };
        let _ = writeln!(html, "<figure>{caption}{chart}</figure>");
    }
    html.push_str("</div>\n</section>\n");
    html
}

/// Returns a table of the bytes delivered and datagrams lost by each flow in each run.
fn flows(runs: &[RecordedRun]) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let heads: Vec<String> = runs
        .iter()
        .flat_map(|run| {
            let label = run.label();
            [format!("{label}: delivered"), format!("{label}: lost")]
        })
        .collect();
    let mut html = String::from("<section>\n<h2>Flows</h2>\n<div class=\"scroll\"><table>\n<thead>");
    html.push_str(&row("th", "", &heads));
    html.push_str("</thead>\n<tbody>\n");
    for strand in strands(&first.scenario) {
        let what =
            strand.flows.first().map(|&index| flow(&first.scenario.flows[index], first.scenario.duration));
        let what = match (strand.is_single, what) {
            (true, Some(what)) => format!("{}: {what}", strand.label),
            _ => format!("{} {}", strand.flows.len(), strand.label),
        };
        let cells: Vec<String> = runs
            .iter()
            .flat_map(|run| {
                let outcomes = || strand.flows.iter().map(|&index| &run.outcome.flows[index]);
                let delivered: u64 = outcomes().map(|flow| flow.delivered).sum();
                let sent: u64 = outcomes().map(|flow| flow.datagrams.0).sum();
                let lost: u64 = outcomes().map(|flow| flow.datagrams.1).sum();
                let share = (lost * 1000)
                    .checked_div(sent)
                    .map_or_else(|| "not reported".to_owned(), |share| format!("{} %", tenths(share)));
                [Unit::Kilobytes.quantity(delivered), share]
            })
            .collect();
        html.push_str(&row("td", &what, &cells));
    }
    html.push_str("</tbody></table></div>\n</section>\n");
    html
}

fn footer(runs: &[RecordedRun], command: &str) -> String {
    let hash =
        |run: &RecordedRun| format!("{} <code>{:016x}</code>", escaped(&run.label()), run.outcome.trace_hash);
    let hashes: Vec<String> = runs.iter().map(hash).collect();
    format!(
        "<footer>\n<p>The following command repeats the run with the same hash on every platform:</p>\n<pre><code>{}</code></pre>\n\
         <p>Times are virtual and measured at the link and at the receivers. Hash of each run: {}.</p>\n</footer>\n",
        escaped(command),
        hashes.join(", ")
    )
}
