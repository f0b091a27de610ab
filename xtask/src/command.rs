//! Child processes, whose `Display` is the command that repeats them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A command that runs in the root of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    program: String,
    args: Vec<String>,
    envs: Vec<(String, String)>,
}

impl Command {
    pub(crate) fn new<A: Into<String>>(program: &str, args: impl IntoIterator<Item = A>) -> Self {
        Self { program: program.into(), args: args.into_iter().map(Into::into).collect(), envs: Vec::new() }
    }

    /// Creates a cargo command from one line of arguments, which contain no spaces.
    pub(crate) fn cargo(line: &str) -> Self {
        Self::new("cargo", line.split_whitespace())
    }

    pub(crate) fn arg(mut self, arg: impl fmt::Display) -> Self {
        self.args.push(arg.to_string());
        self
    }

    pub(crate) fn path(self, path: &Path) -> Self {
        self.arg(path.display())
    }

    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.envs.push((key.into(), value.into()));
        self
    }

    /// Runs the command with the input and output of this process.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self.process().status().with_context(|| format!("cannot start `{self}`"))?;
        if !status.success() {
            bail!("`{self}` ended with {status}");
        }
        Ok(())
    }

    /// Replaces this process by the command if the system permits, so that signals and exit codes are those of the
    /// command. On other systems, runs the command as [`Command::run`] does. The command keeps the current folder. The
    /// call returns only after an error.
    pub(crate) fn become_it(&self) -> Result<()> {
        let mut process = self.process();
        if let Ok(folder) = std::env::current_dir() {
            process.current_dir(folder);
        }
        #[cfg(unix)]
        {
            let error = std::os::unix::process::CommandExt::exec(&mut process);
            Err(error).with_context(|| format!("cannot start `{self}`"))
        }
        #[cfg(not(unix))]
        {
            let status = process.status().with_context(|| format!("cannot start `{self}`"))?;
            if status.success() { Ok(()) } else { bail!("`{self}` ended with {status}") }
        }
    }

    /// Runs the command, and returns its standard output. Its standard error is that of this process.
    pub(crate) fn output(&self) -> Result<String> {
        let mut process = self.process();
        process.stderr(Stdio::inherit());
        let output = process.output().with_context(|| format!("cannot start `{self}`"))?;
        if !output.status.success() {
            bail!("`{self}` ended with {}", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` wrote output that is not UTF-8"))
    }

    /// Returns whether the command can be started and succeeds. Its output is discarded.
    pub(crate) fn succeeds(&self) -> bool {
        let mut process = self.process();
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        process.status().is_ok_and(|status| status.success())
    }

    fn process(&self) -> Process {
        let mut process = Process::new(OsStr::new(&self.program));
        process.args(&self.args).current_dir(workspace::root());
        process.envs(self.envs.iter().map(|(key, value)| (key, value)));
        process
    }
}

/// Writes the command as a user types it into a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.envs {
            write!(f, "{key}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// Quotes a word for a shell. A word that no shell can pass (with a NUL) is returned unchanged.
fn quoted(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn a_command_is_displayed_as_it_is_typed_in_a_shell() {
        let command = Command::cargo("doc --no-deps").env("RUSTDOCFLAGS", "-D warnings").arg("it's");
        let words = ["RUSTDOCFLAGS=-D warnings", "cargo", "doc", "--no-deps", "it's"].map(String::from);
        assert_eq!(shlex::split(&command.to_string()).unwrap(), words);
    }

    #[test]
    #[cfg(unix)]
    fn the_error_of_a_failed_child_process_names_the_command() {
        let error = Command::new("false", [""; 0]).run().unwrap_err();
        assert!(error.to_string().contains("`false`"), "{error}");
    }

    #[test]
    fn a_command_whose_program_is_missing_does_not_succeed() {
        assert!(!Command::new("no-such-program-as-this", ["--version"]).succeeds());
    }
}
