//! Text and shapes of a chart, as XML.

use core::fmt::Write as _;

/// A position in tenths of a unit.
pub(super) type Point = (u64, u64);

/// Escapes text for use between tags and inside quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to write these.
            control if control.is_control() && control != '\n' => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// Returns a number of tenths as a decimal number.
pub(super) fn decimal(tenths: u64) -> String {
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

/// Returns the attribute `d` of a path through points. The path is interrupted at missing points.
pub(super) fn line(points: impl IntoIterator<Item = Option<Point>>) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for point in points {
        if let Some((x, y)) = point {
            let pen = if is_down { 'L' } else { 'M' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{pen}{} {}", decimal(x), decimal(y));
        }
        is_down = point.is_some();
    }
    path
}

/// Returns the attribute `d` of the area between points and the height `floor`.
pub(super) fn area(points: &[Point], floor: u64) -> String {
    let (Some(&(first, _)), Some(&(last, _))) = (points.first(), points.last()) else { return String::new() };
    let edge = points.iter().copied().chain([(last, floor), (first, floor)]);
    format!("{}Z", line(edge.map(Some)))
}

/// Returns the points of a line of steps: each value applies from its position to the next, and the last value to
/// `end`.
pub(super) fn steps(points: &[Point], end: u64) -> Vec<Point> {
    let ends = points.iter().skip(1).map(|&(x, _)| x).chain([end]);
    points.iter().zip(ends).flat_map(|(&(x, y), end)| [(x, y), (end, y)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_report_text_is_escaped() {
        assert_eq!(escaped("<a href=\"x\">&'</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
        assert_eq!(escaped("a\u{0}b\u{1b}\n"), "a\u{fffd}b\u{fffd}\n");
    }

    #[test]
    fn a_line_of_a_chart_is_interrupted_at_missing_values() {
        assert_eq!(line([Some((0, 5)), Some((10, 25)), None, Some((30, 0))]), "M0 0.5L1 2.5M3 0");
        assert_eq!(line([None]), "");
    }

    #[test]
    fn an_area_of_a_chart_is_closed_at_the_axis() {
        assert_eq!(area(&[(0, 10), (20, 30)], 90), "M0 1L2 3L2 9L0 9Z");
        assert_eq!(steps(&[(0, 10), (20, 30)], 50), [(0, 10), (20, 10), (20, 30), (50, 30)]);
    }
}
