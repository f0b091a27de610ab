//! A child process: its output, its latest lines on standard error, and its end.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{self, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How a process is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// With SIGTERM where there are signals, elsewhere with this line on its standard input.
    Stop(&'static str),
    /// By the end of its standard input.
    EndOfInput,
    /// It has nothing to put in order.
    Kill,
}

/// A process. It is ended when this is dropped, as its [`Ending`] says.
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
    /// Starts a program. `hear` makes something of each line of its standard output, and sends it on.
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

    /// Writes a line to its standard input. If it is gone, its end says so soon.
    pub(crate) fn tell(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _gone = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    /// Ends it in its way, without waiting for it.
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

    /// Waits for its end, for a while; whether it came.
    pub(crate) fn wait(&mut self, most: Duration) -> bool {
        let start = Instant::now();
        while !self.has_ended() && start.elapsed() < most {
            thread::sleep(Duration::from_millis(5));
        }
        self.has_ended()
    }

    /// Whether it ended by itself, and said that all is well.
    pub(crate) fn has_succeeded(&mut self) -> bool {
        self.has_ended() && self.status.is_some_and(|status| status.success())
    }

    fn kill(&mut self) {
        if !self.has_ended() {
            let _ended = self.process.kill();
            self.status = self.process.wait().ok();
        }
    }

    /// How it ended, for a person, with what it last said on standard error.
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

/// Ctrl-C reaches all processes of a terminal's group; but they are ended one after the other.
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

/// How long a process gets for an orderly end.
const GRACE: Duration = Duration::from_secs(5);
/// Lines of standard error that are kept.
const LAST_WORDS: usize = 12;
