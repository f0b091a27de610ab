//! Handles a panic of the game or of the server: the log and the console report it, and the program ends with an exit
//! code for panics.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::thread;

use tickwire_core::Escaped;

use crate::error::ServerError;

/// The actions at a panic. They run before any value is dropped, because the system ends the program if a destructor panics
/// too.
pub(crate) struct LastWill {
    /// Called when the thread that created this value panics, which is the game's thread.
    pub(crate) game_panicked: Box<dyn Fn() + Send + Sync>,
    /// Called when any thread's panic ends the program.
    pub(crate) aborting: Box<dyn Fn() + Send + Sync>,
}

/// Makes panics of all threads appear in the log from now on, instead of on the terminal over the edited line.
pub(crate) fn log_all(will: LastWill) {
    let game_thread = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        let place = info.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        let backtrace = Backtrace::capture();
        let text = text_of_hook(info);
        tracing::error!(
            "thread {} panicked at {place}: {}",
            thread.name().unwrap_or("without a name"),
            Escaped(text)
        );
        // The environment asks for it with `RUST_BACKTRACE`.
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!("{backtrace}");
        }
        if thread.id() == game_thread {
            (will.game_panicked)();
        }
        if ABORTING.contains(&text) {
            (will.aborting)();
        }
    }));
}

/// Calls `run`. Returns an error with the text `more` if `run` panics.
pub(crate) fn caught<R>(
    run: impl FnOnce() -> Result<R, ServerError>,
    more: impl FnOnce() -> String,
) -> Result<R, ServerError> {
    // What a panic left half changed is dropped with the server, and nobody looks at it again.
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        Err(ServerError::Panicked { text: Escaped(text_of(&*payload)).to_string(), more: more() })
    })
}

/// The messages of the standard library for panics that end the program. The panic hook receives these messages too.
const ABORTING: [&str; 2] =
    ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

fn text_of_hook<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    text_of(info.payload())
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    literal
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the panic has no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_game_becomes_an_error_with_the_panic_message() {
        let error = caught::<()>(|| panic!("the door\nis {}", "jammed"), || "look".into()).unwrap_err();
        assert_eq!(error.exit_code(), 8);
        assert_eq!(error.to_string(), "the game panicked: the door\\nis jammed; look");
        assert!(caught(|| Ok(()), String::new).is_ok());
    }
}
