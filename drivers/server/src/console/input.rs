//! The thread that reads commands: with line editing on a terminal, plain lines elsewhere.

use std::io::{self, BufRead, IsTerminal as _, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustyline::config::{Builder, Configurer as _};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, ExternalPrinter, KeyEvent,
    RepeatCount,
};

use super::output::Output;
use super::{foreground, terminal};
use crate::error::ServerError;
use crate::remote::Remote;

/// Starts a thread that reads commands from standard input until standard input ends. The server continues without the
/// thread.
pub(crate) fn start(remote: Remote, output: &Output) -> Result<(), ServerError> {
    let name = thread::Builder::new().name("console".into());
    let output = output.clone();
    let is_edited = io::stdin().is_terminal() && io::stdout().is_terminal();
    let run = move || if is_edited { edit(&remote, &output) } else { read(&remote, &output) };
    name.spawn(run)
        .map(drop)
        .map_err(|error| ServerError::System { what: "thread", reason: error.to_string() })
}

/// Reads commands without line editing. A line that is not UTF-8 is ignored, and does not end the reading.
fn read(remote: &Remote, output: &Output) {
    if io::stdin().is_terminal() {
        return read_lines(remote, output, io::BufReader::new(InForeground(io::stdin())));
    }
    read_lines(remote, output, io::stdin().lock());
}

fn read_lines(remote: &Remote, output: &Output, mut input: impl BufRead) {
    while let Some(line) = next_line(&mut input) {
        if !answer(remote, output, &String::from_utf8_lossy(&line)) {
            return;
        }
    }
}

/// Standard input of a terminal, read only while this program is in the foreground.
struct InForeground(io::Stdin);

impl Read for InForeground {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        foreground::wait_for_input();
        self.0.read(buffer)
    }
}

/// Returns the next line, without its line feed, or `None` at the end of input. A line that is too long is cut just
/// above the limit.
fn next_line(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut is_empty = true;
    loop {
        let bytes = input.fill_buf().ok()?;
        if bytes.is_empty() {
            return (!is_empty).then_some(line);
        }
        is_empty = false;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (part, read) = end.map_or((bytes, bytes.len()), |end| (&bytes[..end], end + 1));
        let room = (LINE_MOST + 1).saturating_sub(line.len());
        line.extend(part.iter().take(room));
        input.consume(read);
        if end.is_some() {
            return Some(line);
        }
    }
}

/// Reads commands with a prompt, line editing, and a history that is not saved.
fn edit(remote: &Remote, output: &Output) {
    let Ok(mut editor) = editor() else { return read(remote, output) };
    let suspended = Suspended::default();
    editor.bind_sequence(KeyEvent::ctrl('Z'), EventHandler::Conditional(Box::new(suspended.clone())));
    foreground::wait();
    if let Ok(printer) = editor.create_external_printer() {
        output.set_terminal(Some(Box::new(Printer(printer))));
    }
    let mut begun = String::new();
    loop {
        output.before_prompt();
        // A program in the background that changed the terminal's modes would be stopped.
        foreground::wait();
        match editor.readline_with_initial(PROMPT, (&std::mem::take(&mut begun), "")) {
            Ok(line) => {
                // A history that is full drops its oldest line; there is nothing else to go wrong.
                let _added = editor.add_history_entry(&line);
                if !answer(remote, output, &line) {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) if let Some(line) = suspended.take() => {
                // The modes are as they were found by now.
                foreground::suspend();
                begun = line;
            }
            Err(ReadlineError::Io(_)) if foreground::is_elsewhere() => {}
            Err(ReadlineError::Interrupted) => {
                remote.stop("interrupted at the console");
                break;
            }
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                // Its rest must not be taken for a command of its own.
                terminal::drop_input();
                output.line("error: the line is not UTF-8 and was ignored; type it again");
            }
            Err(error) => {
                output.set_terminal(None);
                output.line(&closed(&error));
                break;
            }
        }
    }
    output.set_terminal(None);
}

/// Returns the message for the end of input.
fn closed(error: &ReadlineError) -> String {
    let why = if matches!(error, ReadlineError::Eof) { String::new() } else { format!(" ({error})") };
    format!("the console is closed{why}; the server runs until Ctrl-C or SIGTERM")
}

fn editor() -> rustyline::Result<Editor<(), MemHistory>> {
    let mut config = Builder::new();
    config.set_max_history_size(HISTORY)?;
    let config = config.build();
    Editor::with_history(config.clone(), MemHistory::with_config(&config))
}

/// Runs a line as a command and prints the reply. Returns whether the console continues to read lines.
fn answer(remote: &Remote, output: &Output, line: &str) -> bool {
    let _answering = output.answering();
    if line.len() > LINE_MOST {
        output.line(&format!(
            "error: the line has more than {LINE_MOST} bytes and was ignored; type a shorter line"
        ));
        return remote.is_running();
    }
    let Some(reply) = remote.run(line) else { return false };
    match reply {
        Ok(text) if text.is_empty() => {}
        Ok(text) => output.line(&text),
        Err(error) => output.line(&format!("error: {error}")),
    }
    remote.is_running()
}

/// The line that was being edited when the user pressed Ctrl-Z. The console does not use rustyline's own handling, which sets
/// the modes of the terminal even if the program is continued in the background, so that the shell stops the program again.
#[derive(Clone, Default)]
struct Suspended(Arc<Mutex<Option<String>>>);

impl Suspended {
    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ConditionalEventHandler for Suspended {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.line().into());
        Some(Cmd::Interrupt)
    }
}

/// A wrapper around rustyline's printer, whose type differs between platforms.
struct Printer<P>(P);

impl<P: ExternalPrinter> ExternalPrinter for Printer<P> {
    fn print(&mut self, text: String) -> rustyline::Result<()> {
        self.0.print(text)
    }
}

const PROMPT: &str = "> ";
const HISTORY: usize = 200;
/// The largest number of bytes in a line.
const LINE_MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_whose_input_ends_reports_the_reason() {
        let end = "the server runs until Ctrl-C or SIGTERM";
        assert_eq!(closed(&ReadlineError::Eof), format!("the console is closed; {end}"));
        let error = ReadlineError::Io(io::Error::other("gone"));
        assert_eq!(closed(&error), format!("the console is closed (gone); {end}"));
    }

    #[test]
    fn a_console_line_beyond_its_limit_does_not_affect_the_next_line() {
        let text = [&[b'x'; 100_000][..], b"\nhelp\n\n", &[b'y'; LINE_MOST], b"\nend"].concat();
        let mut input = io::BufReader::with_capacity(1000, &text[..]);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input) {
            lines.push(line);
        }
        assert_eq!(lines, [&[b'x'; LINE_MOST + 1][..], b"help", b"", &[b'y'; LINE_MOST], b"end"]);
    }
}
