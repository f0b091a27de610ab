//! The steps of the verb `test`.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::command::Command;

/// Runs one step under a headline, and prints the time that it took.
///
/// The error of a failed step names the step and the command that repeats it.
pub(crate) fn step(name: &str, repeat: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n=== {name}: {repeat}");
    let start = Instant::now();
    let result = body();
    let seconds = start.elapsed().as_secs_f64();
    let verdict = if result.is_ok() { "passed" } else { "FAILED" };
    println!("=== {name}: {verdict} in {seconds:.1} s");
    result.with_context(|| format!("step `{name}` failed; repeat it with:\n    {repeat}"))
}

/// Runs a step that consists of one command.
pub(crate) fn command_step(name: &str, command: &Command) -> Result<()> {
    step(name, &command.to_string(), || command.run())
}

#[cfg(test)]
mod tests {
    use super::{Command, command_step, step};

    #[test]
    fn the_error_of_a_failed_step_names_the_step_and_the_command_to_repeat_it() {
        let error = step("paint", "cargo paint", || Err(anyhow::anyhow!("no brush"))).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("`paint`") && text.contains("cargo paint") && text.contains("no brush"),
            "{text}"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_step_fails_if_its_command_fails() {
        assert!(command_step("bad", &Command::new("false", [""; 0])).is_err());
    }
}
