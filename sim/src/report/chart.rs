//! A chart of quantities over time as SVG. Colours and strokes are classes, so that the page can be light or dark.

use core::fmt::Write as _;

use super::scale::{Axis, Unit};
use super::svg::{Point, area, decimal, escaped, line, steps};

/// A time in microseconds, and the value at this time.
pub(super) type At = (u64, u64);

/// The shape to draw.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// An area between the values and zero. Each value applies from its time to the next time.
    Filled(Vec<At>),
    /// A line through points, interrupted at missing values.
    Line(Vec<(u64, Option<u64>)>),
    /// A line of steps, on which each value applies until the next time.
    Steps(Vec<At>),
    /// One bar for each time, with the given width in microseconds. Bars with the value zero are not drawn.
    Bars(Vec<At>, u64),
    /// A horizontal line across the chart, with a text above it.
    Level(u64, String),
}

/// A shape, and the class that determines its colour and stroke.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) class: String,
    pub(super) shape: Shape,
}

impl Mark {
    pub(super) fn new(class: impl Into<String>, shape: Shape) -> Self {
        Self { class: class.into(), shape }
    }
}

/// The dimensions and the axes of a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The width of the chart in units, which the page scales to pixels.
    pub(super) width: u64,
    /// The time axis, in microseconds.
    pub(super) time: Axis,
    pub(super) value: Axis,
    pub(super) unit: Unit,
}

const HEIGHT: u64 = 176;
const LEFT: u64 = 48;
const RIGHT: u64 = 10;
const TOP: u64 = 12;
const BOTTOM: u64 = 22;
const PLOT: u64 = HEIGHT - TOP - BOTTOM;
const SECOND: u64 = 1_000_000;

impl Frame {
    const fn across(&self) -> u64 {
        self.width - LEFT - RIGHT
    }

    fn x(&self, at_us: u64) -> u64 {
        LEFT * 10 + self.time.place(at_us, self.across() * 10)
    }

    fn y(&self, value: u64) -> u64 {
        (TOP + PLOT) * 10 - self.value.place(value, PLOT * 10)
    }

    fn point(&self, (at_us, value): At) -> Point {
        (self.x(at_us), self.y(value))
    }

    fn points(&self, at: &[At]) -> Vec<Point> {
        at.iter().map(|&at| self.point(at)).collect()
    }

    /// Draws the chart as SVG. `label` describes the chart for readers who cannot see it.
    pub(super) fn draw(&self, label: &str, marks: &[Mark]) -> String {
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.width,
            escaped(label)
        );
        self.draw_grid(&mut svg);
        for mark in marks {
            self.draw_mark(&mut svg, mark);
        }
        svg.push_str("</svg>");
        svg
    }

    fn draw_grid(&self, svg: &mut String) {
        let right = self.width - RIGHT;
        // Writing to a string cannot fail.
        for tick in self.value.ticks() {
            let (y, class) = (decimal(self.y(tick)), if tick == 0 { "axis" } else { "grid" });
            let text = decimal(self.y(tick) + 38);
            let number = self.unit.number(tick);
            let _ = write!(svg, "<path class=\"{class}\" d=\"M{LEFT} {y}H{right}\"/>");
            let _ = write!(svg, "<text class=\"end\" x=\"{}\" y=\"{text}\">{number}</text>", LEFT - 7);
        }
        let ticks: Vec<u64> = self.time.ticks().collect();
        for (index, &tick) in ticks.iter().enumerate() {
            let x = decimal(self.x(tick));
            let is_last = index + 1 == ticks.len();
            let is_at_edge = self.x(tick) + 100 >= right * 10;
            let class = if is_at_edge { "end" } else { "middle" };
            let unit = if is_last { " s" } else { "" };
            let _ = write!(svg, "<path class=\"tick\" d=\"M{x} {}v4\"/>", TOP + PLOT);
            let _ = write!(
                svg,
                "<text class=\"{class}\" x=\"{x}\" y=\"{}\">{}{unit}</text>",
                HEIGHT - 5,
                tick / SECOND
            );
        }
    }

    fn draw_mark(&self, svg: &mut String, mark: &Mark) {
        let class = &mark.class;
        let right = self.x(self.time.end);
        let (kind, path) = match &mark.shape {
            Shape::Filled(at) => ("fill", area(&steps(&self.points(at), right), self.y(0))),
            Shape::Line(at) => ("line", line(at.iter().map(|&(at, value)| Some(self.point((at, value?)))))),
            Shape::Steps(at) => ("line", line(steps(&self.points(at), right).into_iter().map(Some))),
            Shape::Bars(at, width) => ("fill", at.iter().map(|&at| self.bar(at, *width)).collect()),
            Shape::Level(value, words) => {
                let y = self.y(*value);
                // Words that would leave the paper above go below.
                let above = if y < TOP * 10 + 120 { y + 120 } else { y - 45 };
                let words = escaped(words);
                let _ = write!(
                    svg,
                    "<text class=\"end level {class}\" x=\"{}\" y=\"{}\">{words}</text>",
                    self.width - RIGHT,
                    decimal(above)
                );
                ("line", format!("M{LEFT} {}H{}", decimal(y), self.width - RIGHT))
            }
        };
        if !path.is_empty() {
            let _ = write!(svg, "<path class=\"{kind} {class}\" d=\"{path}\"/>");
        }
    }

    fn bar(&self, (from, value): At, width: u64) -> String {
        if value == 0 {
            return String::new();
        }
        let (left, right) = (self.x(from), self.x(from + width));
        let gap = if right > left + 30 { 8 } else { 0 };
        let (left, right, top, floor) =
            (decimal(left), decimal(right - gap), decimal(self.y(value)), decimal(self.y(0)));
        format!("M{left} {floor}V{top}H{right}V{floor}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            width: 1058,
            time: Axis::of_time(10 * SECOND, 5),
            value: Axis::up_to(100, 4),
            unit: Unit::Count,
        }
    }

    #[test]
    fn a_chart_draws_each_point_at_its_coordinates() {
        let shape = Shape::Line(vec![(0, Some(0)), (5 * SECOND, Some(100)), (10 * SECOND, None)]);
        let svg = frame().draw("some \"chart\"", &[Mark::new("f0", shape)]);
        assert!(svg.contains("<path class=\"line f0\" d=\"M48 154L548 12\"/>"), "{svg}");
        assert!(svg.contains("aria-label=\"some &quot;chart&quot;\""), "{svg}");
        assert!(svg.contains(">10 s</text>"), "{svg}");
    }

    #[test]
    fn no_drawn_point_lies_outside_the_chart() {
        let shapes = [
            Shape::Filled(vec![(0, 900), (20 * SECOND, 900)]),
            Shape::Bars(vec![(9 * SECOND, 900), (0, 0)], 5 * SECOND),
            Shape::Level(900, "high".into()),
            Shape::Steps(vec![]),
        ];
        let svg = frame().draw("", &shapes.map(|shape| Mark::new("x", shape)));
        assert!(svg.contains("M948 154V12H1047.2V154Z"), "{svg}");
        assert!(svg.contains("M48 12H1048"), "{svg}");
        assert!(!svg.contains("d=\"\""), "{svg}");
    }
}
