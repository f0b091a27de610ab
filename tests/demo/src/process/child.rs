//! A child process: its output, its latest lines on standard error, and its end.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{self, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The way in which a process is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Sends SIGTERM on systems with signals, and otherwise writes this line to the standard input of the process.
    Stop(&'static str),
    /// Closes the standard input of the process.
    EndOfInput,
    /// Kills the process, which has no state to save.
    Kill,
}

/// A child process. Dropping the value ends the process as its [`Ending`] specifies.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    ending: Ending,
    process: process::Child,
    input: Option<ChildStdin>,
    last_words: Arc<Mutex<VecDeque<String>>>,
    status: Option<ExitStatus>,
    errors: Option<thread::JoinHandle<()>>,
}

impl Child {
    /// Starts a program. `hear` converts each line of its standard output to a message, which the function sends to
    /// `said`.
    pub(crate) fn start<T: Send + 'static>(
        name: &'static str,
        program: &Path,
        ending: Ending,
        prepare: impl FnOnce(&mut Command),
        said: Sender<T>,
        hear: impl Fn(String) -> T + Send + 'static,
    ) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        prepare(&mut command);
        keep_from_signals(&mut command);
        let mut process = command.spawn().map_err(|error| {
            format!(
                "cannot start {name} from {}: {error}; check that the file is a program",
                program.display()
            )
        })?;
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(out) = process.stdout.take() {
            read_lines(out, move |line| said.send(hear(line)).is_ok());
        }
        let errors = process.stderr.take().map(|out| {
            let last_words = Arc::clone(&last_words);
            read_lines(out, move |line| {
                let mut words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
                words.push_back(line);
                let surplus = words.len().saturating_sub(LAST_WORDS);
                words.drain(..surplus);
                true
            })
        });
        let input = process.stdin.take();
        Ok(Self { name, ending, process, input, last_words, status: None, errors })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Writes a line to the standard input of the process. An error is ignored, because the end of the process is
    /// detected elsewhere.
    pub(crate) fn tell(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _gone = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    /// Begins to end the process, without waiting for its end.
    pub(crate) fn end(&mut self) {
        if self.has_ended() {
            return;
        }
        match self.ending {
            Ending::Stop(line) => self.stop(line),
            Ending::EndOfInput => self.input = None,
            Ending::Kill => self.kill(),
        }
    }

    #[cfg(unix)]
    fn stop(&self, _: &str) {
        // Nobody else has this id: whoever has ended keeps it until it is waited for, here.
        let id = rustix::process::Pid::from_child(&self.process);
        let _sent = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }

    #[cfg(not(unix))]
    fn stop(&mut self, line: &str) {
        self.tell(line);
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// Waits up to `most` for the end of the process. Returns whether the process has ended.
    pub(crate) fn wait(&mut self, most: Duration) -> bool {
        let start = Instant::now();
        while !self.has_ended() && start.elapsed() < most {
            thread::sleep(Duration::from_millis(5));
        }
        self.has_ended()
    }

    /// Returns whether the process ended with the exit code for success.
    pub(crate) fn has_succeeded(&mut self) -> bool {
        self.has_ended() && self.status.is_some_and(|status| status.success())
    }

    fn kill(&mut self) {
        if !self.has_ended() {
            let _ended = self.process.kill();
            self.status = self.process.wait().ok();
        }
    }

    /// Returns a text for a person that states how the process ended, with its last lines on standard error.
    pub(crate) fn obituary(&mut self) -> String {
        if self.has_ended() {
            // What it wrote before its end is still on its way.
            self.errors.take().map(thread::JoinHandle::join);
        }
        let how = self.status.map_or_else(|| "does not answer".into(), |status| format!("ended ({status})"));
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let words: String = words.iter().map(|line| format!("\n    {line}")).collect();
        let said = if words.is_empty() {
            "; its standard error is empty"
        } else {
            "; its last lines on standard \
        error:"
        };
        format!("{} {how}{said}{words}", self.name)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
        self.wait(GRACE);
        self.kill();
    }
}

/// Puts the process into its own group. Ctrl-C reaches all processes of the terminal's group, but the processes must
/// end one after another.
#[cfg(unix)]
fn keep_from_signals(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
const fn keep_from_signals(_: &mut Command) {}

fn read_lines(
    from: impl Read + Send + 'static,
    take: impl Fn(String) -> bool + Send + 'static,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        BufReader::new(from)
            .lines()
            .map_while(Result::ok)
            .take_while(|line| take(line.clone()))
            .for_each(drop);
    })
}

/// The time that a process has for an orderly end.
const GRACE: Duration = Duration::from_secs(5);
/// The number of lines of standard error that are kept.
const LAST_WORDS: usize = 12;
