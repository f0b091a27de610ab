//! Describes a scenario and its results in words.

use core::time::Duration;

use super::run::RecordedRun;
use super::scale::{Unit, grouped, tenths};
use crate::link::PipeConfig;
use crate::paths::{Flow, Scenario, Source};

/// Returns the settings of a run, each with its name.
pub(super) fn settings(scenario: &Scenario, seed: u64) -> Vec<(&'static str, String)> {
    let mut settings =
        vec![("Link", link(&scenario.forward)), ("Queue of the link", queue(&scenario.forward))];
    if let Some(pipe) = &scenario.backward {
        settings.push(("Return path", format!("{}; {}", link(pipe), queue(pipe))));
    }
    settings.push(("Distance", distance(&scenario.flows)));
    if scenario.loss_ppm > 0 {
        settings.push((
            "Random loss",
            format!("{} % in each direction", tenths(u64::from(scenario.loss_ppm) / 1000)),
        ));
    }
    if !scenario.jitter.is_zero() {
        let order = if scenario.in_order { ", in order" } else { "" };
        settings.push(("Jitter", format!("up to {}{order}", millis(scenario.jitter))));
    }
    if !scenario.bunched.is_zero() {
        settings.push(("Delivery in bursts", format!("every {}", millis(scenario.bunched))));
    }
    for (name, limit) in ["Limit of a connection", "Limit of an endpoint"].into_iter().zip(scenario.limits) {
        settings.extend(limit.map(|limit| (name, Unit::Kilobits.quantity(limit))));
    }
    settings.push(("Duration", format!("{} s", scenario.duration.as_secs())));
    settings.push(("Seed", seed.to_string()));
    settings
}

fn millis(duration: Duration) -> String {
    Unit::Millis.quantity(duration.as_micros() as u64)
}

fn link(pipe: &PipeConfig) -> String {
    match pipe {
        PipeConfig::Rate { bytes_per_second, .. } => Unit::Kilobits.quantity(*bytes_per_second),
        PipeConfig::Trace { trace, .. } => {
            format!("recorded, {} on average", Unit::Kilobits.quantity(trace.bytes_per_second()))
        }
        PipeConfig::Shaped { rates, .. } => {
            let step = |(index, &(from, rate)): (usize, &(Duration, u64))| match index {
                0 => Unit::Kilobits.quantity(rate),
                _ => format!("{} from {} s", Unit::Kilobits.number(rate), from.as_secs()),
            };
            rates.iter().enumerate().map(step).collect::<Vec<_>>().join(", ")
        }
    }
}

fn queue(pipe: &PipeConfig) -> String {
    match pipe {
        PipeConfig::Rate { queue_bytes, .. } | PipeConfig::Trace { queue_bytes, .. } => {
            format!("up to {}", Unit::Kilobytes.quantity(*queue_bytes))
        }
        PipeConfig::Shaped { queue, mark_above: None, .. } => format!("up to {}", millis(*queue)),
        PipeConfig::Shaped { queue, mark_above: Some(above), .. } => {
            format!("up to {}, with ECN marks above {}", millis(*queue), millis(*above))
        }
    }
}

fn distance(flows: &[Flow]) -> String {
    let mut delays: Vec<Duration> = flows.iter().map(|flow| flow.delay).collect();
    delays.dedup();
    let delays: Vec<String> = delays.into_iter().map(millis).collect();
    format!("{} in each direction", delays.join(", "))
}

/// Returns a text that describes the data that a flow sends, and the time of sending.
pub(super) fn flow(flow: &Flow, duration: Duration) -> String {
    let what = match flow.source {
        Source::Bulk => "sends as fast as congestion control allows".to_owned(),
        Source::Game { bytes, every } => format!("a game: {bytes} B every {}", millis(every)),
        Source::Ticks { messages, bytes, every } => {
            format!("a game: {messages} messages of {bytes} B every {}", millis(every))
        }
        Source::Cooperative { bytes, every } => {
            format!("a game: up to {bytes} B every {}, as the send budget allows", millis(every))
        }
        Source::Tcp => "TCP (NewReno), without end".to_owned(),
        Source::ShortTcp { bytes, pause } => {
            format!("TCP: repeated transfers of {}, {} apart", Unit::Kilobytes.quantity(bytes), millis(pause))
        }
    };
    let from = flow.from.as_secs();
    let until = flow.until.min(duration).as_secs();
    let pause = |(from, until): (Duration, Duration)| {
        format!(", with a pause from {} s to {} s", from.as_secs(), until.as_secs())
    };
    format!("{what}, {from} s to {until} s{}", flow.pause.map(pause).unwrap_or_default())
}

/// Returns one sentence about the results of a run.
pub(super) fn verdict(run: &RecordedRun) -> String {
    let outcome = &run.outcome;
    let mut text = format!(
        "used {} of the link, and 95 of 100 datagrams waited less than {} in its queue",
        percent(outcome.used_permille),
        Unit::Millis.quantity(outcome.queue_p95_us)
    );
    if let Some(share) = outcome.share_permille {
        text.push_str(&format!("; beside TCP, the flow got {} of the delivered bytes", percent(share)));
    }
    if outcome.dropped > 0 {
        text.push_str(&format!("; the full queue dropped {} datagrams", grouped(outcome.dropped)));
    }
    text.push('.');
    text
}

/// Returns thousandths as a percentage.
pub(super) fn percent(permille: u64) -> String {
    format!("{} %", tenths(permille))
}
