use core::time::Duration;

use tickwire_core::congestion::Algorithm;

use super::*;
use crate::link::PipeConfig;
use crate::mahimahi::LinkTrace;
use crate::paths::{Flow, Scenario, Source, rfc8867};

const COMMAND: &str = "cargo xtask paths --only '5.1' --seed 3 --report a.html";

fn runs(scenario: &Scenario) -> Vec<RecordedRun> {
    [Algorithm::Copa, Algorithm::Cubic]
        .map(|algorithm| RecordedRun::play(scenario.clone().algorithm(algorithm), 3).unwrap())
        .to_vec()
}

fn short(scenario: Scenario) -> Scenario {
    Scenario { duration: Duration::from_secs(6), ..scenario }
}

/// Parses a page as XML, which is stricter than HTML.
fn read(html: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(html, options).unwrap()
}

fn charts<'a>(document: &'a roxmltree::Document<'_>, title: &str) -> Vec<roxmltree::Node<'a, 'a>> {
    let label = |node: &roxmltree::Node<'_, '_>| node.attribute("aria-label").unwrap_or_default().to_owned();
    document.descendants().filter(|node| node.has_tag_name("svg") && label(node).starts_with(title)).collect()
}

fn has_classes(node: &roxmltree::Node<'_, '_>, classes: &str) -> bool {
    node.descendants().any(|node| node.attribute("class") == Some(classes))
}

#[test]
fn every_run_of_a_report_has_every_chart_with_its_series() {
    let html = page(&runs(&short(rfc8867::variable_capacity()).loss(50_000)), COMMAND);
    let document = read(&html);
    let expected = [
        ("Delivery", ["fill capacity", "line f0"].as_slice()),
        ("Queue at the link", &["fill longest", "line f0", "line p95"]),
        ("Round trip", &["line f0", "line floor"]),
        ("Congestion window", &["line f0", "line floor"]),
        ("Losses and marks", &["fill lost"]),
        ("What the game is told", &["fill capacity", "line f0"]),
    ];
    for (title, classes) in expected {
        let charts = charts(&document, title);
        assert_eq!(charts.len(), 2, "{title}");
        for chart in charts {
            for classes in classes {
                assert!(has_classes(&chart, classes), "{title}: {classes}");
            }
        }
    }
}

#[test]
fn a_report_page_loads_no_external_resources() {
    for scenario in [
        rfc8867::short_tcp(),
        rfc8867::congested_feedback(),
        Scenario::new("<odd> & \"name\"", rfc8867::kilobits(&[(0, 800)]), Duration::from_secs(1))
            .flows(vec![Flow::of(Source::Cooperative { bytes: 1000, every: Duration::from_millis(16) })]),
        Scenario::new("nobody", rfc8867::kilobits(&[(0, 800)]), Duration::from_secs(1)).flows(Vec::new()),
    ] {
        let html = page(&runs(&short(scenario)), COMMAND);
        read(&html);
        assert!(!html.contains("NaN") && !html.contains("inf\"") && !html.contains("<odd>"));
        let elsewhere = ["src=", "href=", "url(", "@import", "<script", "<link"];
        assert!(elsewhere.iter().all(|way| !html.contains(way)), "{elsewhere:?}");
    }
    read(&page(&[], ""));
}

#[test]
fn a_report_page_names_the_scenario_and_the_command_that_repeats_the_run() {
    let runs = runs(&short(rfc8867::variable_capacity()).loss(50_000));
    let html = page(&runs, COMMAND);
    assert!(html.contains("--only &#39;5.1&#39; --seed 3"));
    assert!(html.contains("5.0 % in each direction") && html.contains("<dt>Seed</dt><dd>3</dd>"));
    for run in &runs {
        assert!(html.contains(&format!("{:016x}", run.outcome.trace_hash)));
        assert!(html.contains(&words::percent(run.outcome.used_permille)));
    }
}

#[test]
fn the_report_draws_the_capacity_of_a_bandwidth_trace() {
    let trace = LinkTrace::parse("3\n9\n9\n20\n31\n").unwrap();
    let scenario =
        Scenario::new("recorded", PipeConfig::Trace { trace, queue_bytes: 60_000 }, Duration::from_secs(5));
    let html = page(&[RecordedRun::play(scenario, 0).unwrap()], COMMAND);
    let document = read(&html);
    assert!(has_classes(&charts(&document, "Delivery")[0], "fill capacity"));
    assert!(html.contains("recorded, 1\u{202f}935 kbit/s on average"));
}
