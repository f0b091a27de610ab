//! The thread that reads commands: with line editing on a terminal, plain lines elsewhere.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::thread;

use rustyline::config::{Builder, Configurer as _};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Editor, ExternalPrinter};

use super::Output;
use crate::error::ServerError;
use crate::remote::Remote;

/// Reads lines from standard input until it ends. The server goes on without it.
pub(crate) fn start(remote: Remote, output: &Output) -> Result<(), ServerError> {
    let name = thread::Builder::new().name("console".into());
    let output = output.clone();
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let run = move || if is_terminal { edit(&remote, &output) } else { read(&remote, &output) };
    name.spawn(run)
        .map(drop)
        .map_err(|error| ServerError::System { what: "thread", reason: error.to_string() })
}

/// Plain lines. What is not UTF-8 is no command, but does not end the reading either.
fn read(remote: &Remote, output: &Output) {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if !answer(remote, output, &String::from_utf8_lossy(&line)) {
            return;
        }
    }
}

/// A prompt, line editing, and a history that is forgotten.
fn edit(remote: &Remote, output: &Output) {
    let Ok(mut editor) = editor() else { return read(remote, output) };
    if let Ok(printer) = editor.create_external_printer() {
        output.set_terminal(Some(Box::new(Printer(printer))));
    }
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                // A history that is full drops its oldest line; there is nothing else to go wrong.
                let _added = editor.add_history_entry(&line);
                if !answer(remote, output, &line) {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {
                remote.stop("interrupted at the console");
                break;
            }
            Err(error) => {
                output.set_terminal(None);
                if matches!(error, ReadlineError::Eof) {
                    output.line("the console is closed; the server goes on until Ctrl-C or SIGTERM");
                }
                break;
            }
        }
    }
    output.set_terminal(None);
}

fn editor() -> rustyline::Result<Editor<(), MemHistory>> {
    let mut config = Builder::new();
    config.set_max_history_size(HISTORY)?;
    let config = config.build();
    Editor::with_history(config.clone(), MemHistory::with_config(&config))
}

/// Carries a line out, and prints what it says. Says whether there will be more.
fn answer(remote: &Remote, output: &Output, line: &str) -> bool {
    let _answering = output.answering();
    let Some(reply) = remote.run(line) else { return false };
    match reply {
        Ok(text) if text.is_empty() => {}
        Ok(text) => output.line(&text),
        Err(error) => output.line(&format!("error: {error}")),
    }
    remote.is_running()
}

/// rustyline's printers differ by platform; this names none.
struct Printer<P>(P);

impl<P: ExternalPrinter> ExternalPrinter for Printer<P> {
    fn print(&mut self, text: String) -> rustyline::Result<()> {
        self.0.print(text)
    }
}

const PROMPT: &str = "> ";
const HISTORY: usize = 200;
