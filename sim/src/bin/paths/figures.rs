//! Figures of a scenario over many seeds.

use std::ops::Range;

use tickwire_sim::paths::{FlowOutcome, Outcome, Scenario, Source};

/// The worst value of each figure over all seeds.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) scenario: Scenario,
    pub(crate) seeds: u64,
    pub(crate) used: u64,
    pub(crate) p50: u64,
    pub(crate) p95: u64,
    pub(crate) max: u64,
    pub(crate) jain: u64,
    /// The share of the delivered bytes that flows other than TCP delivered, in thousandths; `None` without a TCP flow.
    pub(crate) share: Option<u64>,
    /// The smallest share of its offered bytes that any game delivered, in thousandths; `None` without a game.
    pub(crate) through: Option<u64>,
    /// The bytes that each flow delivered in the first seed.
    pub(crate) shares: Vec<u64>,
}

pub(crate) fn worst(scenario: &Scenario, seeds: Range<u64>) -> Result<Figures, String> {
    let play = |seed| scenario.play(seed).map_err(|violation| format!("{}: {violation}", scenario.name));
    let outcomes = seeds.map(play).collect::<Result<Vec<Outcome>, String>>()?;
    let most = |figure: fn(&Outcome) -> u64| outcomes.iter().map(figure).max().unwrap_or(0);
    let least = |figure: fn(&Outcome) -> u64| outcomes.iter().map(figure).min().unwrap_or(0);
    let shares = outcomes.first().map(|outcome| outcome.flows.iter().map(|flow| flow.delivered).collect());
    Ok(Figures {
        scenario: scenario.clone(),
        seeds: outcomes.len() as u64,
        used: least(|outcome| outcome.used_permille),
        p50: most(|outcome| outcome.queue_p50_us),
        p95: most(|outcome| outcome.queue_p95_us),
        max: most(|outcome| outcome.queue_max_us),
        jain: least(|outcome| outcome.jain_permille),
        share: outcomes.iter().filter_map(|outcome| outcome.share_permille).min(),
        through: outcomes.iter().filter_map(|outcome| through(scenario, outcome)).min(),
        shares: shares.unwrap_or_default(),
    })
}

/// Returns the smallest share of its offered bytes that any game delivered, in thousandths; `None` without a game.
fn through(scenario: &Scenario, outcome: &Outcome) -> Option<u64> {
    let is_game = |source: Source| matches!(source, Source::Game { .. } | Source::Ticks { .. });
    let flows = scenario.flows.iter().zip(&outcome.flows).filter(|(flow, _)| is_game(flow.source));
    let through = |outcome: &FlowOutcome| (outcome.delivered * 1000).checked_div(outcome.offered);
    flows.filter_map(|(_, outcome)| through(outcome)).min()
}
