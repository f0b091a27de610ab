//! The charts of a report. Each chart answers one question for every run, on one scale.

use super::chart::{At, Frame, Mark, Shape};
use super::run::RecordedRun;
use super::scale::{Axis, Unit};
use super::series::{self, Strand, strands};

/// A colour of a chart, and its meaning.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) class: String,
    pub(super) label: String,
}

impl Key {
    fn new(class: &str, label: &str) -> Self {
        Self { class: class.into(), label: label.into() }
    }
}

/// A group of charts that answers one question.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) note: &'static str,
    /// `true` if the charts of all runs have the same scale.
    pub(super) one_scale: bool,
    pub(super) unit: Unit,
    pub(super) keys: Vec<Key>,
    /// The charts of the runs, in order.
    pub(super) charts: Vec<String>,
}

/// The width of a chart in units, for a single run and for several runs.
const WIDE: u64 = 1120;
const NARROW: u64 = 560;
/// The number of time intervals in a narrow chart, for lines and for bars.
const STRETCHES: usize = 120;
const BARS: usize = 60;

/// The ratio between the largest values of two runs above which the runs get separate scales.
const SCALES_APART: u64 = 4;

/// The input from which all panels are drawn.
struct Sheet<'a> {
    runs: &'a [RecordedRun],
    strands: Vec<Strand>,
    width: u64,
    /// The factor for the number of time intervals. A single wide chart has twice as many.
    detail: usize,
    time: Axis,
}

/// Returns all panels, in order. `runs` must not be empty.
pub(super) fn panels(runs: &[RecordedRun]) -> Vec<Panel> {
    let Some(first) = runs.first() else { return Vec::new() };
    let end_us = runs.iter().map(|run| run.scenario.duration.as_micros() as u64).max().unwrap_or(0);
    let is_wide = runs.len() == 1;
    let ticks = if is_wide { 12 } else { 6 };
    let sheet = Sheet {
        runs,
        strands: strands(&first.scenario),
        width: if is_wide { WIDE } else { NARROW },
        detail: if is_wide { 2 } else { 1 },
        time: Axis::of_time(end_us, ticks),
    };
    let mut panels = vec![sheet.delivery(), sheet.queue(), sheet.round_trip(), sheet.window()];
    panels.extend([sheet.losses(), sheet.told()].into_iter().flatten());
    panels
}

impl Sheet<'_> {
    fn stretches(&self) -> usize {
        STRETCHES * self.detail
    }

    /// Draws all runs on one scale, unless the curve of a run would be too small to see.
    fn panel(
        &self,
        title: &'static str,
        note: &'static str,
        unit: Unit,
        keys: Vec<Key>,
        marks: Vec<Vec<Mark>>,
    ) -> Panel {
        let highest_of = |marks: &Vec<Mark>| marks.iter().map(highest).max().unwrap_or(0);
        let (most, least) = (marks.iter().map(highest_of).max(), marks.iter().map(highest_of).min());
        let (most, least) = (most.unwrap_or(0), least.unwrap_or(0));
        let one_scale = unit == Unit::Count || most <= least.saturating_mul(SCALES_APART);
        let draw = |(run, marks): (&RecordedRun, &Vec<Mark>)| {
            let value = unit.axis(if one_scale { most } else { highest_of(marks) });
            let frame = Frame { width: self.width, time: self.time, value, unit };
            frame.draw(&format!("{title}: {}", run.label()), marks)
        };
        let charts = self.runs.iter().zip(&marks).map(draw).collect();
        Panel { title, note, one_scale, unit, keys, charts }
    }

    fn keys(&self, which: impl Fn(&Strand) -> bool) -> Vec<Key> {
        let strands = self.strands.iter().filter(|strand| which(strand));
        strands.map(|strand| Key::new(&strand.class, &strand.label)).collect()
    }

    fn delivery(&self) -> Panel {
        let forward: Vec<&Strand> = self.strands.iter().filter(|strand| strand.is_forward).collect();
        let together: Vec<usize> = forward.iter().flat_map(|strand| strand.flows.clone()).collect();
        let mut keys = vec![Key::new("capacity", "what the link carries")];
        keys.extend(self.keys(|_| true));
        if forward.len() > 1 {
            keys.push(Key::new("sum", "all on this link"));
        }
        let line = |run: &RecordedRun, flows: &[usize]| {
            let begins = flows.iter().map(|&flow| run.scenario.flows[flow].from.as_micros() as u64).min();
            let points = series::delivery(&run.recording, flows, self.stretches()).into_iter();
            let begun = points.filter(|(at, _)| *at >= begins.unwrap_or(0));
            Shape::Line(begun.map(|(at, rate)| (at, Some(rate))).collect())
        };
        let marks = |run: &RecordedRun| {
            let capacity = series::capacity(&run.recording, self.stretches());
            let mut marks = vec![Mark::new("capacity", Shape::Filled(capacity))];
            if forward.len() > 1 {
                marks.push(Mark::new("sum", line(run, &together)));
            }
            let strands = self.strands.iter();
            marks.extend(strands.map(|strand| Mark::new(&strand.class, line(run, &strand.flows))));
            marks
        };
        let note = "Bytes of datagrams that reached the receiver, above what could have passed.";
        self.panel("Delivery", note, Unit::Kilobits, keys, self.runs.iter().map(marks).collect())
    }

    fn queue(&self) -> Panel {
        let keys = vec![
            Key::new("f0", "half waited longer"),
            Key::new("longest", "the longest wait"),
            Key::new("p95", "95 of 100 waited less, in the whole run"),
        ];
        let stretches = (self.stretches() * 2) as u64;
        let marks = |run: &RecordedRun| {
            let waits = series::waits(&run.recording.passages, self.time.end, stretches);
            let half = self.time.end / stretches / 2;
            let longest: Vec<At> = waits.iter().map(|waits| (waits.from_us, waits.longest_us)).collect();
            let median = waits.iter().map(|waits| (waits.from_us + half, Some(waits.median_us))).collect();
            let p95 = run.outcome.queue_p95_us;
            let words = format!("p95 {}", Unit::Millis.quantity(p95));
            vec![
                Mark::new("longest", Shape::Filled(longest)),
                Mark::new("f0", Shape::Line(median)),
                Mark::new("p95", Shape::Level(p95, words)),
            ]
        };
        let note = "The queueing delay of datagrams at the link, which adds to the latency of every player.";
        self.panel("Queue at the link", note, Unit::Millis, keys, self.runs.iter().map(marks).collect())
    }

    /// Draws one line per flow whose sender can be sampled.
    fn gauges(&self, run: &RecordedRun, read: impl Fn(&crate::paths::Sample) -> Option<u64>) -> Vec<Mark> {
        let single = self.strands.iter().filter(|strand| strand.is_single);
        let line = |strand: &Strand| {
            let flow = strand.flows.first().copied().unwrap_or(0);
            Mark::new(&strand.class, Shape::Line(series::gauge(&run.recording, flow, &read)))
        };
        single.map(line).collect()
    }

    fn round_trip(&self) -> Panel {
        let note = "As its sender has it, smoothed.";
        let mut keys = self.keys(|strand| strand.is_single);
        let delays = |run: &RecordedRun| {
            let mut delays: Vec<u64> =
                run.scenario.flows.iter().map(|flow| 2 * flow.delay.as_micros() as u64).collect();
            delays.dedup();
            delays
        };
        let is_one = self.runs.iter().all(|run| delays(run).len() == 1);
        if is_one {
            keys.push(Key::new("floor", "without any queue"));
        }
        let marks = |run: &RecordedRun| {
            let mut marks = self.gauges(run, |sample| sample.rtt.map(|rtt| rtt.as_micros() as u64));
            if is_one {
                let floor = delays(run).first().copied().unwrap_or(0);
                marks.insert(0, Mark::new("floor", Shape::Level(floor, String::new())));
            }
            marks
        };
        self.panel("Round trip", note, Unit::Millis, keys, self.runs.iter().map(marks).collect())
    }

    fn window(&self) -> Panel {
        let note = "Bytes that may be on their way unacknowledged.";
        let mut keys = self.keys(|strand| strand.is_single);
        let forward = self.strands.iter().filter(|strand| strand.is_forward).count();
        if forward == 1 {
            keys.push(Key::new("floor", "what the link and the distance hold without a queue"));
        }
        let marks = |run: &RecordedRun| {
            let mut marks = self.gauges(run, |sample| sample.window);
            let flow = run.scenario.flows.iter().find(|flow| flow.way == crate::paths::Way::Forward);
            if let Some(flow) = flow.filter(|_| forward == 1) {
                let rtt_us = 2 * flow.delay.as_micros() as u64;
                let holds = |(from, rate): At| (from, rate.saturating_mul(rtt_us) / 1_000_000);
                let capacity = series::capacity(&run.recording, self.stretches());
                let holds = capacity.into_iter().map(holds).collect();
                marks.insert(0, Mark::new("floor", Shape::Steps(holds)));
            }
            marks
        };
        self.panel("Congestion window", note, Unit::Kilobytes, keys, self.runs.iter().map(marks).collect())
    }

    fn losses(&self) -> Option<Panel> {
        let bars = BARS * self.detail;
        let kinds: [(&str, &str, Bars); 3] = [
            ("lost", "declared lost by senders", series::lost),
            ("dropped", "found the queue full", series::dropped),
            ("marked", "came where the queue marks", series::marked),
        ];
        let is_seen = |kind: &(&str, &str, Bars)| {
            let any = |run: &RecordedRun| kind.2(&run.recording, bars).0.iter().any(|(_, count)| *count > 0);
            self.runs.iter().any(any)
        };
        let seen: Vec<_> = kinds.into_iter().filter(is_seen).collect();
        if seen.is_empty() {
            return None;
        }
        let keys = seen.iter().map(|(class, label, _)| Key::new(class, label)).collect();
        let marks = |run: &RecordedRun| {
            let bar = |(class, _, read): &(&str, &str, Bars)| {
                let (at, width) = read(&run.recording, bars);
                Mark::new(*class, Shape::Bars(at, width))
            };
            seen.iter().map(bar).collect()
        };
        let note = "Datagrams per bar. What chance takes never reaches the queue.";
        let title = "Losses and marks";
        Some(self.panel(title, note, Unit::Count, keys, self.runs.iter().map(marks).collect()))
    }

    /// Draws the path rates and send budgets that senders reported. Returns `None` if no sender reported any.
    fn told(&self) -> Option<Panel> {
        let samples = || self.runs.iter().flat_map(|run| run.recording.flows.iter().flatten());
        if !samples().any(|sample| sample.rate.is_some()) {
            return None;
        }
        let is_told = |strand: &Strand| {
            let flow = strand.flows.first().copied().unwrap_or(0);
            self.runs.iter().any(|run| run.recording.flows[flow].iter().any(|sample| sample.rate.is_some()))
        };
        let mut keys = vec![Key::new("capacity", "what the link carries")];
        keys.extend(self.keys(|strand| strand.is_single && is_told(strand)));
        let has_grant = samples().any(|sample| sample.grant.is_some());
        if has_grant {
            keys.push(Key::new("grant", "the grant for a second"));
        }
        let marks = |run: &RecordedRun| {
            let capacity = series::capacity(&run.recording, self.stretches());
            let mut marks = vec![Mark::new("capacity", Shape::Filled(capacity))];
            marks.extend(self.gauges(run, |sample| sample.rate));
            if has_grant {
                let grants = self.gauges(run, |sample| sample.grant).into_iter();
                marks.extend(grants.map(|mark| Mark { class: "grant".into(), ..mark }));
            }
            marks
        };
        let note = "The rate that the sender reckons with, from which a game's grant is cut.";
        let marks = self.runs.iter().map(marks).collect();
        Some(self.panel("What the game is told", note, Unit::Kilobits, keys, marks))
    }
}

type Bars = fn(&crate::paths::Recording, usize) -> (Vec<At>, u64);

fn highest(mark: &Mark) -> u64 {
    match &mark.shape {
        Shape::Filled(at) | Shape::Steps(at) | Shape::Bars(at, _) => {
            at.iter().map(|(_, value)| *value).max().unwrap_or(0)
        }
        Shape::Line(at) => at.iter().filter_map(|(_, value)| *value).max().unwrap_or(0),
        Shape::Level(value, _) => *value,
    }
}
