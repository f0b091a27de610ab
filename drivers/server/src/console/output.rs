//! Output for a person at the console, printed without breaking the line that is being edited.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

use super::spool::{Queued, Spool};
use crate::logging::target::LOG_ONLY;

/// Standard output or the terminal on which a line is edited, and standard error. A caller that prints waits only for a
/// bounded time, even if no program reads the output.
#[derive(Clone)]
pub(crate) struct Output {
    out: Spool<Item>,
    errors: Spool<String>,
    /// `true` while a line is being edited.
    is_edited: Arc<AtomicBool>,
    /// Locked while the reply to a command is being produced.
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
    /// Makes later lines go through `printer`, which prints them above the edited line. With `None`, later lines go to
    /// standard output.
    pub(crate) fn set_terminal(&self, printer: Option<BoxedPrinter>) {
        self.is_edited.store(printer.is_some(), Ordering::Relaxed);
        self.out.put_always(Item::Terminal(printer));
    }

    /// Prints a line, with control characters replaced. If the reader is slow, the call waits for up to [`PATIENCE`]. If
    /// the reader has stopped reading, lines are dropped until it reads again.
    pub(crate) fn line(&self, text: &str) {
        let text = harmless(text) + "\n";
        let bytes = text.len();
        match self.out.put(Item::Line(text), bytes, PATIENCE) {
            Queued::After(0) | Queued::Dropped(2..) => {}
            Queued::Dropped(_) => {
                tracing::warn!(
                    "no program reads standard output; lines are dropped until a program reads standard output again"
                );
            }
            Queued::After(dropped) => {
                tracing::warn!("a program reads standard output again; number of dropped lines: {dropped}");
            }
        }
    }

    /// Prints a warning above the edited line. If no line is being edited, prints the warning to standard error.
    pub(crate) fn warn(&self, text: &str) {
        let text = harmless(text) + "\n";
        let bytes = text.len();
        let queued = if self.is_edited.load(Ordering::Relaxed) {
            self.out.put(Item::Warning(text), bytes, Duration::ZERO)
        } else {
            self.errors.put(text, bytes, Duration::ZERO)
        };
        if let Queued::After(dropped @ 1..) = queued {
            tracing::warn!(target: LOG_ONLY, "no program read standard error, so {dropped} warnings were dropped");
        }
    }

    /// Makes [`Output::settle`] wait until the returned guard is dropped.
    pub(crate) fn answering(&self) -> MutexGuard<'_, ()> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits up to [`PATIENCE`] until all earlier lines are on the terminal, so that the prompt follows them.
    pub(crate) fn before_prompt(&self) {
        self.out.settle(PATIENCE);
    }

    /// Waits up to [`SETTLED`] until the reply in progress and all queued text are printed.
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

/// The control sequence that ends bracketed paste mode, which line editing enables. The line editor resets the mode
/// itself, unless the program ends during editing.
const NO_BRACKETED_PASTE: &str = "\x1b[?2004l";
/// The longest wait for the last lines when the program ends.
const SETTLED: Duration = Duration::from_millis(500);
/// The longest wait of a reply for a reader. Only replies wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns the text with every unprintable character except line feeds and tabs replaced: control characters, line
/// separators, and marks that change the direction of writing.
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
