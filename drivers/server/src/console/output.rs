//! Where lines for a person go, so that they do not tear the line that is being edited.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

/// Standard output, or the terminal that a line is being edited on.
#[derive(Clone, Default)]
pub(crate) struct Output {
    terminal: Arc<Mutex<Option<Box<dyn ExternalPrinter + Send>>>>,
    /// Held while an answer is on its way.
    answering: Arc<Mutex<()>>,
}

impl Output {
    /// From now on lines go through `printer`, above the line that is being edited; without one, to standard output.
    pub(crate) fn set_terminal(&self, printer: Option<Box<dyn ExternalPrinter + Send>>) {
        *self.lock() = printer;
    }

    /// Prints a line. Control characters that came from a peer are shown, not obeyed.
    pub(crate) fn line(&self, text: &str) {
        let text = harmless(text) + "\n";
        let printed = match &mut *self.lock() {
            Some(printer) => printer.print(text.clone()).is_ok(),
            None => false,
        };
        if !printed {
            // Whoever read there may be gone. The server goes on.
            let mut out = io::stdout().lock();
            let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }

    /// Prints a warning: above the line that is being edited, else to standard error.
    pub(crate) fn warn(&self, text: &str) {
        let text = harmless(text) + "\n";
        let printed = match &mut *self.lock() {
            Some(printer) => printer.print(text.clone()).is_ok(),
            None => false,
        };
        if !printed {
            let _gone = io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// Keeps [`Output::settle`] waiting until the result is dropped.
    pub(crate) fn answering(&self) -> MutexGuard<'_, ()> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the answer that is on its way is printed, but not for a reader that has stopped reading.
    pub(crate) fn settle(&self) {
        let start = Instant::now();
        while matches!(self.answering.try_lock(), Err(TryLockError::WouldBlock)) && start.elapsed() < SETTLED
        {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn ExternalPrinter + Send>>> {
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an answer may take to be printed when the program ends.
const SETTLED: Duration = Duration::from_millis(500);

/// The text with control characters but line feeds replaced.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_writes_cannot_drive_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\u{9b}c\nd"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\nd");
    }
}
