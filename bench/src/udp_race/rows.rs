//! The rows: the measured figures, and the targets for tickwire.

use crate::stack::Stack;

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// The id of the row. Rows with the same text before the dot are measured together.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// The largest permitted median of tickwire, in thousandths of the unit.
    pub(crate) target: u32,
    /// The largest permitted ratios to the medians of other libraries in the same run, in hundredths.
    pub(crate) ratios: &'static [(Stack, u32)],
}

/// All rows, in the order of the report.
pub(crate) const ROWS: [Row; 12] = [
    Row {
        id: "E1",
        title: "server CPU per million messages: 100 clients, 100 B reliable, 1 per tick and client",
        unit: "s",
        target: 4_000,
        ratios: &[(Stack::Enet, 60), (Stack::Quinn, 20), (Stack::Renet, 20)],
    },
    Row {
        id: "E2",
        title: "the same, 10 per tick and client",
        unit: "s",
        target: 600,
        ratios: &[(Stack::Enet, 48), (Stack::Quinn, 24)],
    },
    Row {
        id: "E3.one",
        title: "ping, median, 1 client",
        unit: "us",
        target: 25_000,
        ratios: &[(Stack::Quinn, 42)],
    },
    Row { id: "E3.one.p99", title: "its 99th percentile, in medians", unit: "x", target: 3_000, ratios: &[] },
    Row {
        id: "E3.hundred",
        title: "ping, median, 100 connected",
        unit: "us",
        target: 40_000,
        ratios: &[(Stack::Quinn, 40)],
    },
    Row {
        id: "E3.hundred.p99",
        title: "its 99th percentile, in medians",
        unit: "x",
        target: 3_000,
        ratios: &[],
    },
    Row {
        id: "E4",
        title: "broadcast to 100 until all have it, median",
        unit: "us",
        target: 600_000,
        ratios: &[],
    },
    Row {
        id: "E5",
        title: "server CPU per accept, 100 at once (renet: no forward secrecy; enet: plaintext)",
        unit: "us",
        target: 250_000,
        ratios: &[(Stack::Quinn, 30)],
    },
    Row { id: "E5.all", title: "until all 100 are connected", unit: "ms", target: 50_000, ratios: &[] },
    Row {
        id: "E6.idle",
        title: "server memory per connection at 1,000, idle",
        unit: "kB",
        target: 4_000,
        ratios: &[(Stack::Renet, 35), (Stack::Quinn, 9)],
    },
    Row {
        id: "E6.used",
        title: "the same after traffic both ways",
        unit: "kB",
        target: 8_000,
        ratios: &[(Stack::Renet, 35), (Stack::Quinn, 9)],
    },
    Row {
        id: "E7",
        title: "server CPU, 1,000 idle connections, ticking at 60 Hz",
        unit: "% of a core",
        target: 300,
        ratios: &[],
    },
];

impl Row {
    /// Returns the part of the id before the first dot, such as `E3` for `E3.one.p99`.
    pub(crate) fn family(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}
