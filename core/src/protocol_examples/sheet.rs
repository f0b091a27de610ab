//! The text of one example of docs/PROTOCOL.md.

use alloc::format;
use alloc::string::{String, ToString};

/// The number of bytes per line.
const WIDTH: usize = 32;
/// The column at which the bytes begin.
const COLUMN: usize = 26;

/// One example of the document, under construction.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) name: &'static str,
    pub(super) text: String,
}

impl Sheet {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, text: String::new() }
    }

    /// Adds a line of text.
    pub(super) fn line(mut self, text: impl AsRef<str>) -> Self {
        self.text += text.as_ref();
        self.text += "\n";
        self
    }

    /// Adds `bytes` to the sheet, under `label`.
    pub(super) fn bytes(mut self, label: impl AsRef<str>, bytes: &[u8]) -> Self {
        let label = label.as_ref();
        for (place, row) in bytes.chunks(WIDTH).enumerate() {
            let label = if place == 0 { label } else { "" };
            let row: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
            self.text += &format!("{label:COLUMN$}{row}\n");
        }
        if bytes.is_empty() {
            self.text += &format!("{label:COLUMN$}(none)\n");
        }
        self
    }

    /// Adds a name and a value as text.
    pub(super) fn value(self, label: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        self.line(format!("{label:COLUMN$}{value}"))
    }
}
