//! Output for a person at the console, printed without breaking the line that is being edited.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

use super::spool::{Queued, Spool};
use crate::logging::target::LOG_ONLY;

/// Standard output, or the terminal that a line is being edited on; and standard error. Nobody who prints waits for long:
/// whoever reads there may have stopped.
#[derive(Clone)]
pub(crate) struct Output {
    out: Spool<Item>,
    errors: Spool<String>,
    /// Whether a line is being edited.
    is_edited: Arc<AtomicBool>,
    /// Held while an answer is on its way.
    answering: Arc<Mutex<()>>,
}

type BoxedPrinter = Box<dyn ExternalPrinter + Send>;

/// An item in the queue of the thread that prints.
enum Item {
    Line(String),
    Warning(String),
    Terminal(Option<BoxedPrinter>),
}

impl Default for Output {
    fn default() -> Self {
        let mut terminal: Option<BoxedPrinter> = None;
        let out = Spool::new("output", move |item| {
            let (text, is_warning) = match item {
                Item::Line(text) => (text, false),
                Item::Warning(text) => (text, true),
                Item::Terminal(printer) => {
                    let was_edited = std::mem::replace(&mut terminal, printer).is_some();
                    if was_edited && terminal.is_none() {
                        let _gone = to_stdout(NO_BRACKETED_PASTE);
                    }
                    return;
                }
            };
            let printed = terminal.as_mut().is_some_and(|printer| printer.print(text.clone()).is_ok());
            // Whoever read there may be gone. The server goes on.
            let _gone = match (printed, is_warning) {
                (true, _) => Ok(()),
                (false, true) => io::stderr().write_all(text.as_bytes()),
                (false, false) => to_stdout(&text),
            };
        });
        let errors = Spool::new("errors", |text: String| {
            let _gone = io::stderr().write_all(text.as_bytes());
        });
        Self { out, errors, is_edited: Arc::default(), answering: Arc::default() }
    }
}

impl Output {
    /// From now on lines go through `printer`, above the line that is being edited; without one, to standard output.
    pub(crate) fn set_terminal(&self, printer: Option<BoxedPrinter>) {
        self.is_edited.store(printer.is_some(), Ordering::Relaxed);
        self.out.put_always(Item::Terminal(printer));
    }

    /// Prints a line. Control characters that came from a peer are shown, not obeyed. A reader who is slow is waited for,
    /// one who has stopped reading gets nothing more until he reads.
    pub(crate) fn line(&self, text: &str) {
        let text = harmless(text) + "\n";
        let bytes = text.len();
        match self.out.put(Item::Line(text), bytes, PATIENCE) {
            Queued::After(0) | Queued::Dropped(2..) => {}
            Queued::Dropped(_) => {
                tracing::warn!(
                    "no program reads standard output; answers are dropped until a program reads standard output again"
                );
            }
            Queued::After(dropped) => {
                tracing::warn!("a program reads standard output again; {dropped} answers were dropped");
            }
        }
    }

    /// Prints a warning: above the line that is being edited, else to standard error.
    pub(crate) fn warn(&self, text: &str) {
        let text = harmless(text) + "\n";
        let bytes = text.len();
        let queued = if self.is_edited.load(Ordering::Relaxed) {
            self.out.put(Item::Warning(text), bytes, Duration::ZERO)
        } else {
            self.errors.put(text, bytes, Duration::ZERO)
        };
        if let Queued::After(dropped @ 1..) = queued {
            tracing::warn!(target: LOG_ONLY, "standard error was not read; {dropped} warnings were dropped");
        }
    }

    /// Keeps [`Output::settle`] waiting until the result is dropped.
    pub(crate) fn answering(&self) -> MutexGuard<'_, ()> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all lines so far are on the terminal, so that a prompt comes after them.
    pub(crate) fn before_prompt(&self) {
        self.out.settle(PATIENCE);
    }

    /// Waits until all is printed, the answer that is on its way included, but not for a reader that has stopped reading.
    pub(crate) fn settle(&self) {
        let start = Instant::now();
        while matches!(self.answering.try_lock(), Err(TryLockError::WouldBlock)) && start.elapsed() < SETTLED
        {
            thread::sleep(Duration::from_millis(1));
        }
        self.out.settle(SETTLED.saturating_sub(start.elapsed()));
        self.errors.settle(SETTLED.saturating_sub(start.elapsed()));
    }
}

fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Editing has the terminal mark what is pasted. Who edits takes that back, unless the program ends meanwhile.
const NO_BRACKETED_PASTE: &str = "\x1b[?2004l";
/// How long the last lines may take when the program ends.
const SETTLED: Duration = Duration::from_millis(500);
/// How long a reader may keep the next answer waiting. Nothing but answers waits for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The text with each character but line feeds and tabs replaced that is not printable: control characters, line separators,
/// marks that turn the direction of writing.
pub(crate) fn harmless(text: &str) -> String {
    let mut pair = String::with_capacity(8);
    let mut is_printable = |c: char| {
        // After a letter, `escape_debug` leaves combining marks as they are.
        pair.clear();
        pair.extend(['a', c]);
        matches!(c, '\n' | '\t' | '\\' | '\'' | '"') || pair.escape_debug().count() == 2
    };
    text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_text_of_a_peer_are_replaced_on_the_console() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\u{9b}c\nd"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\nd");
        assert_eq!(harmless("a\u{2028}b\u{202e}c\u{2066}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        let readable = "C:\\logs\t\"it's\" e\u{301}\u{928}\u{94d}\n";
        assert_eq!(harmless(readable), readable);
    }
}
